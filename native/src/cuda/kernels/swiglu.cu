#include "cuda/kernels.h"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/launch.cuh"

namespace hybrid::cuda {
namespace {

constexpr int threads = 256;

template <class T, int width>
__device__ void forward_at(const T* gate, const T* up, T* out, int64_t i) {
  const auto gates = load<width>(gate + i), ups = load<width>(up + i);
  Pack<T, width> result;
#pragma unroll
  for (int k = 0; k < width; ++k) {
    const float g = wide(gates.at[k]);
    result.at[k] = narrow<T>(g / (1 + expf(-g)) * wide(ups.at[k]));
  }
  store(out + i, result);
}

// silu(x) = x σ(x), its derivative σ(x) (1 + x (1 − σ(x))).
template <class T, int width>
__device__ void backward_at(const T* gate, const T* up, const T* grad, T* grad_gate, T* grad_up, int64_t i) {
  const auto gates = load<width>(gate + i), ups = load<width>(up + i), slopes = load<width>(grad + i);
  Pack<T, width> to_gate, to_up;
#pragma unroll
  for (int k = 0; k < width; ++k) {
    const float g = wide(gates.at[k]), dy = wide(slopes.at[k]), sigmoid = 1 / (1 + expf(-g));
    to_up.at[k] = narrow<T>(dy * g * sigmoid);
    to_gate.at[k] = narrow<T>(dy * wide(ups.at[k]) * sigmoid * (1 + g * (1 - sigmoid)));
  }
  store(grad_gate + i, to_gate);
  store(grad_up + i, to_up);
}

__device__ int64_t thread_index() { return static_cast<int64_t>(blockIdx.x) * threads + threadIdx.x; }
__device__ int64_t thread_count() { return static_cast<int64_t>(gridDim.x) * threads; }

// Whole packs first, then what is left behind them, one by one.
template <class T, int width>
__global__ void forward_kernel(const T* gate, const T* up, int64_t n, T* out) {
  const int64_t packs = n / width;
  for (int64_t i = thread_index(); i < packs; i += thread_count()) forward_at<T, width>(gate, up, out, i * width);
  for (int64_t i = packs * width + thread_index(); i < n; i += thread_count()) forward_at<T, 1>(gate, up, out, i);
}

template <class T, int width>
__global__ void backward_kernel(const T* gate, const T* up, const T* grad, int64_t n, T* grad_gate, T* grad_up) {
  const int64_t packs = n / width;
  for (int64_t i = thread_index(); i < packs; i += thread_count()) backward_at<T, width>(gate, up, grad, grad_gate, grad_up, i * width);
  for (int64_t i = packs * width + thread_index(); i < n; i += thread_count()) backward_at<T, 1>(gate, up, grad, grad_gate, grad_up, i);
}

}  // namespace

template <class T>
void swiglu_forward(const T* gate, const T* up, int64_t n, T* out, void* stream) {
  auto kernel = forward_kernel<T, 1>;
  if (aligned(gate, up, out)) kernel = forward_kernel<T, full_width<T>>;
  launch(kernel, grid(divided_up(n, threads * full_width<T>)), threads, stream, gate, up, n, out);
}

template <class T>
void swiglu_backward(const T* gate, const T* up, const T* grad, int64_t n, T* grad_gate, T* grad_up, void* stream) {
  auto kernel = backward_kernel<T, 1>;
  if (aligned(gate, up, grad, grad_gate, grad_up)) kernel = backward_kernel<T, full_width<T>>;
  launch(kernel, grid(divided_up(n, threads * full_width<T>)), threads, stream, gate, up, grad, n, grad_gate, grad_up);
}

#define HYBRID_INSTANTIATE(T)                                           \
  template void swiglu_forward(const T*, const T*, int64_t, T*, void*); \
  template void swiglu_backward(const T*, const T*, const T*, int64_t, T*, T*, void*);
HYBRID_INSTANTIATE(float)
HYBRID_INSTANTIATE(bf16)
#undef HYBRID_INSTANTIATE

}  // namespace hybrid::cuda
