#include "hybrid/graft.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "guard.h"
#include "handles.h"

using namespace hybrid;

namespace {

struct Pair {
  at::Tensor a, b;

  bool between_devices() const { return a.device() != b.device(); }
  const at::Tensor& host() const { return a.is_cpu() ? a : b; }
  const at::Tensor& device() const { return a.is_cpu() ? b : a; }
};

void check(const Pair& pair, int64_t i) {
  const auto &a = pair.a, &b = pair.b;
  require(a.unsafeGetTensorImpl() != b.unsafeGetTensorImpl(), HYB_INVALID_ARGUMENT, "pair ", i, " is one tensor twice");
  require(a.is_leaf() && b.is_leaf(), HYB_INVALID_ARGUMENT, "pair ", i, " holds the result of an operation, only leaves can be grafted");
  require(a.sizes() == b.sizes() && a.strides() == b.strides(), HYB_INVALID_ARGUMENT, "pair ", i, ": ", a.sizes(), " with strides ",
          a.strides(), " against ", b.sizes(), " with ", b.strides());
  const bool devices_fit = a.device() == b.device() || (a.is_cpu() && b.is_cuda()) || (a.is_cuda() && b.is_cpu());
  require(a.scalar_type() == b.scalar_type() && devices_fit, HYB_TYPE_MISMATCH, "pair ", i, ": ", a.scalar_type(), " on ", a.device(),
          " against ", b.scalar_type(), " on ", b.device());
}

void exchange_storage(const at::Tensor& a, const at::Tensor& b) {
  auto *x = a.unsafeGetTensorImpl(), *y = b.unsafeGetTensorImpl();
  at::Storage kept = x->storage();
  const int64_t kept_offset = x->storage_offset();
  x->set_storage_keep_dtype(y->storage());
  x->set_storage_offset(y->storage_offset());
  y->set_storage_keep_dtype(std::move(kept));
  y->set_storage_offset(kept_offset);
}

// Pairs between the host and a device exchange what they hold: the device tensor gets new storage with the host's values, the
// host tensor keeps its storage, pinned or not, and gets the device's.
void exchange_contents(const std::vector<Pair>& pairs) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> arrived;  // allocated and filled before the first host tensor changes
  for (const auto& pair : pairs) {
    arrived.push_back(at::empty_strided(pair.device().sizes(), pair.device().strides(), pair.device().options()));
    arrived.back().copy_(pair.host(), /*non_blocking=*/pair.host().is_pinned());
  }
  for (const auto& pair : pairs) pair.host().copy_(pair.device(), /*non_blocking=*/pair.host().is_pinned());
  std::vector<at::Device> waited_for;
  for (const auto& pair : pairs) {
    const auto device = pair.device().device();
    if (std::find(waited_for.begin(), waited_for.end(), device) != waited_for.end()) continue;
    c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
    waited_for.push_back(device);
  }
  for (size_t i = 0; i < pairs.size(); ++i) exchange_storage(pairs[i].device(), arrived[i]);
}

}  // namespace

hyb_status hyb_graft_exchange(hyb_tensor* const* a, hyb_tensor* const* b, int64_t n) {
  return guard("graft_exchange", [&] {
    // Everything that can fail comes before the first change, but for a device that fails while it copies.
    require(n >= 0, HYB_INVALID_ARGUMENT, "a negative count");
    std::unordered_set<const void*> seen;
    std::vector<Pair> pairs, between_devices;
    for (int64_t i = 0; i < n; ++i) {
      const auto& pair = pairs.emplace_back(Pair{as_tensor(not_null(a, "a")[i], "a"), as_tensor(not_null(b, "b")[i], "b")});
      check(pair, i);
      for (const auto& tensor : {pair.a, pair.b})
        require(seen.insert(tensor.unsafeGetTensorImpl()).second, HYB_INVALID_ARGUMENT, "a tensor of pair ", i,
                " stands in an earlier pair too");
      if (pair.between_devices()) between_devices.push_back(pair);
    }
    exchange_contents(between_devices);
    for (const auto& pair : pairs) {
      if (!pair.between_devices()) exchange_storage(pair.a, pair.b);
      pair.a.unsafeGetTensorImpl()->bump_version();
      pair.b.unsafeGetTensorImpl()->bump_version();
    }
  });
}
