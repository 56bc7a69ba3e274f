#include "hybrid/graft.h"

#include <c10/util/SmallVector.h>

#include <algorithm>

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

// No tensor may stand in two pairs. On the stack for blocks of up to seven layers: a graft allocates nothing.
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
}  // namespace

hyb_status hyb_graft_exchange(hyb_tensor* const* a, hyb_tensor* const* b, int64_t n) {
  return guard("graft_exchange", [&] {
    // Everything that can fail comes before the first exchange.
    require(n >= 0, HYB_INVALID_ARGUMENT, "a negative count");
    for (int64_t i = 0; i < n; ++i)
      check_pair(as_tensor(not_null(a, "a")[i], "a"), as_tensor(not_null(b, "b")[i], "b"), static_cast<size_t>(i));
    require_distinct(a, b, n);
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
