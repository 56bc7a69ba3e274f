// Calls a generic body for the element types that the hand-written kernels cover, on the CPU and on CUDA devices.
#pragma once

#include "cpu/kernels.h"
#include "cuda/kernels.h"
#include "torch_headers.h"

#ifdef HYBRID_WITH_CUDA
#include "cuda/stream.h"
#endif

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

// body(T{}, stream) for a float32 or bfloat16 tensor on a CUDA device, which is the current device meanwhile; false, and no
// call, for everything else and where the CUDA kernels were not built.
template <class Body>
bool with_cuda_kernels([[maybe_unused]] const at::Tensor& tensor, [[maybe_unused]] Body&& body) {
#ifdef HYBRID_WITH_CUDA
  const auto type = tensor.scalar_type();
  if (!tensor.is_cuda() || (type != at::kFloat && type != at::kBFloat16)) return false;
  const c10::DeviceGuard guard(tensor.device());
  void* stream = cuda::current_stream(tensor.device());
  if (type == at::kFloat)
    body(float{}, stream);
  else
    body(cuda::bf16{}, stream);
  return true;
#else
  return false;
#endif
}

// The elements, for a kernel: T is the tensor's type as the body was told.
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
