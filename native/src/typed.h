// Calls a generic body for the element types that the hand-written CPU kernels cover.
#pragma once

#include "torch_headers.h"

namespace hybrid {

// body(T{}) for a float32 or float64 tensor on the CPU; false, and no call, for everything else.
template <class Body>
bool with_kernels(const at::Tensor& tensor, Body&& body) {
  if (!tensor.is_cpu()) return false;
  if (tensor.scalar_type() == at::kFloat) {
    body(float{});
    return true;
  }
  if (tensor.scalar_type() == at::kDouble) {
    body(double{});
    return true;
  }
  return false;
}

// The type that sums and exponentials are computed in where LibTorch's own operations do the work.
inline at::ScalarType accumulation_type(const at::Tensor& tensor) { return tensor.scalar_type() == at::kDouble ? at::kDouble : at::kFloat; }

// How many rows of this width are worth one task.
inline int64_t row_grain(int64_t width) { return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, width)); }

}  // namespace hybrid
