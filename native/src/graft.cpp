#include "hybrid/graft.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/SmallVector.h>

#include <algorithm>
#include <vector>

#include "guard.h"
#include "handles.h"

using namespace hybrid;

namespace {
void check_pair(const at::Tensor& a, const at::Tensor& b, size_t i) {
  require(a.unsafeGetTensorImpl() != b.unsafeGetTensorImpl(), HYB_INVALID_ARGUMENT, "pair ", i, " is one tensor twice");
  require(a.is_leaf() && b.is_leaf(), HYB_INVALID_ARGUMENT, "pair ", i, " holds the result of an operation, only leaves can be grafted");
  require(a.sizes() == b.sizes() && a.strides() == b.strides(), HYB_INVALID_ARGUMENT, "pair ", i, ": ", a.sizes(), " with strides ",
          a.strides(), " against ", b.sizes(), " with ", b.strides());
  const bool devices_fit = a.device() == b.device() || (a.is_cpu() && b.is_cuda()) || (a.is_cuda() && b.is_cpu());
  require(a.scalar_type() == b.scalar_type() && devices_fit, HYB_TYPE_MISMATCH, "pair ", i, ": ", a.scalar_type(), " on ", a.device(),
          " against ", b.scalar_type(), " on ", b.device());
}

// No tensor may stand in two pairs. On the stack for blocks of up to seven layers: a graft on one device allocates nothing.
void require_distinct(hyb_tensor* const* a, hyb_tensor* const* b, int64_t n) {
  c10::SmallVector<const void*, 128> sorted;
  for (int64_t i = 0; i < n; ++i)
    for (auto* list : {a, b}) sorted.push_back(as_tensor(list[i]).unsafeGetTensorImpl());
  std::sort(sorted.begin(), sorted.end());
  auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice == sorted.end()) return;
  int64_t last = n - 1;
  while (as_tensor(a[last]).unsafeGetTensorImpl() != *twice && as_tensor(b[last]).unsafeGetTensorImpl() != *twice) --last;
  fail(HYB_INVALID_ARGUMENT, "a tensor of pair ", last, " stands in an earlier pair too");
}

void exchange_storage(const at::Tensor& a, const at::Tensor& b) {
  auto *x = a.unsafeGetTensorImpl(), *y = b.unsafeGetTensorImpl();
  at::Storage kept = x->storage();
  int64_t kept_offset = x->storage_offset();
  x->set_storage_keep_dtype(y->storage());
  x->set_storage_offset(y->storage_offset());
  y->set_storage_keep_dtype(std::move(kept));
  y->set_storage_offset(kept_offset);
}

// Whether a copy from or to a host tensor can be left to the device: pinned, and one run of memory.
bool copies_by_itself(const at::Tensor& host) { return host.is_pinned() && host.is_non_overlapping_and_dense(); }

// Pairs between the host and a device exchange what they hold: the device tensor gets new storage with the host's values, the
// host tensor keeps its storage, which may be pinned, and gets the device's. All is allocated and read before the first change.
void exchange_contents(hyb_tensor* const* a, hyb_tensor* const* b, int64_t n) {
  struct Pair {
    at::Tensor host, device, arrived;
  };
  std::vector<Pair> pairs;
  for (int64_t i = 0; i < n; ++i) {
    const auto &x = as_tensor(a[i]), &y = as_tensor(b[i]);
    if (x.device() != y.device()) pairs.push_back(x.is_cpu() ? Pair{x, y, {}} : Pair{y, x, {}});
  }
  if (pairs.empty()) return;
  at::NoGradGuard no_grad;
  for (auto& pair : pairs) {
    pair.arrived = at::empty_strided(pair.device.sizes(), pair.device.strides(), pair.device.options());
    pair.arrived.copy_(pair.host, /*non_blocking=*/copies_by_itself(pair.host));
  }
  for (const auto& pair : pairs) pair.host.copy_(pair.device, /*non_blocking=*/copies_by_itself(pair.host));
  const c10::impl::VirtualGuardImpl devices(pairs[0].device.device().type());
  for (const auto& pair : pairs) devices.getStream(pair.device.device()).synchronize();  // all but a device's first find it idle
  for (const auto& pair : pairs) exchange_storage(pair.device, pair.arrived);
}
}  // namespace

hyb_status hyb_graft_exchange(hyb_tensor* const* a, hyb_tensor* const* b, int64_t n) {
  return guard("graft_exchange", [&] {
    // Everything that can fail comes before the first change, but for a device that breaks down while it copies.
    require(n >= 0, HYB_INVALID_ARGUMENT, "a negative count");
    for (int64_t i = 0; i < n; ++i)
      check_pair(as_tensor(not_null(a, "a")[i], "a"), as_tensor(not_null(b, "b")[i], "b"), static_cast<size_t>(i));
    require_distinct(a, b, n);
    exchange_contents(a, b, n);
    for (int64_t i = 0; i < n; ++i) {
      const auto &x = as_tensor(a[i]), &y = as_tensor(b[i]);
      if (x.device() == y.device()) exchange_storage(x, y);
      x.unsafeGetTensorImpl()->bump_version();
      y.unsafeGetTensorImpl()->bump_version();
    }
  });
}
