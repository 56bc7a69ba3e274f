// Calls a generic body for the element types that the hand-written CPU kernels cover.
#pragma once

#include "cpu/kernels.h"
#include "torch_headers.h"

namespace hybrid {

// body(T{}) for a float32, float64 or bfloat16 tensor on the CPU; false, and no call, for everything else.
template <class Body>
bool with_kernels(const at::Tensor& tensor, Body&& body) {
  if (!tensor.is_cpu()) return false;
  switch (tensor.scalar_type()) {
    case at::kFloat:
      body(float{});
      return true;
    case at::kDouble:
      body(double{});
      return true;
    case at::kBFloat16:
      body(cpu::bf16{});
      return true;
    default:
      return false;
  }
}

// The elements, for a kernel: T is the tensor's type as with_kernels named it.
template <class T>
T* elements(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

// The type that sums, statistics and exponentials are computed in: that of cpu::Compute.
inline at::ScalarType accumulation_type(const at::Tensor& tensor) { return tensor.scalar_type() == at::kDouble ? at::kDouble : at::kFloat; }

inline at::TensorOptions accumulation_options(const at::Tensor& tensor) { return tensor.options().dtype(accumulation_type(tensor)); }

// How many rows of this width are worth one task.
inline int64_t row_grain(int64_t width) { return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, width)); }

}  // namespace hybrid
