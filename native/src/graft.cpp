#include "hybrid/graft.h"

#include <unordered_set>

#include "guard.h"
#include "handles.h"

using namespace hybrid;

namespace {
void check_pair(const at::Tensor& a, const at::Tensor& b, size_t i) {
  require(a.unsafeGetTensorImpl() != b.unsafeGetTensorImpl(), HYB_INVALID_ARGUMENT, "pair ", i, " is one tensor twice");
  require(a.is_leaf() && b.is_leaf(), HYB_INVALID_ARGUMENT, "pair ", i, " holds the result of an operation, only leaves can be grafted");
  require(a.sizes() == b.sizes() && a.strides() == b.strides(), HYB_INVALID_ARGUMENT, "pair ", i, ": ", a.sizes(), " with strides ",
          a.strides(), " against ", b.sizes(), " with ", b.strides());
  require(a.scalar_type() == b.scalar_type() && a.device() == b.device(), HYB_TYPE_MISMATCH, "pair ", i, ": ", a.scalar_type(), " on ",
          a.device(), " against ", b.scalar_type(), " on ", b.device());
}
}  // namespace

hyb_status hyb_graft_exchange(hyb_tensor* const* a, hyb_tensor* const* b, int64_t n) {
  return guard("graft_exchange", [&] {
    // Everything that can fail comes before the first exchange.
    require(n >= 0, HYB_INVALID_ARGUMENT, "a negative count");
    std::unordered_set<const void*> seen;
    for (int64_t i = 0; i < n; ++i) {
      const auto &x = as_tensor(not_null(a, "a")[i], "a"), &y = as_tensor(not_null(b, "b")[i], "b");
      check_pair(x, y, static_cast<size_t>(i));
      require(seen.insert(x.unsafeGetTensorImpl()).second && seen.insert(y.unsafeGetTensorImpl()).second, HYB_INVALID_ARGUMENT,
              "a tensor of pair ", i, " stands in an earlier pair too");
    }
    for (int64_t i = 0; i < n; ++i) {
      auto *x = as_tensor(a[i]).unsafeGetTensorImpl(), *y = as_tensor(b[i]).unsafeGetTensorImpl();
      at::Storage kept = x->storage();
      int64_t kept_offset = x->storage_offset();
      x->set_storage_keep_dtype(y->storage());
      x->set_storage_offset(y->storage_offset());
      y->set_storage_keep_dtype(std::move(kept));
      y->set_storage_offset(kept_offset);
      x->bump_version();
      y->bump_version();
    }
  });
}
