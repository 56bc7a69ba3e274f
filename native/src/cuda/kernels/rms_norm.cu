#include "cuda/kernels.h"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/launch.cuh"
#include "cuda/kernels/reduce.cuh"

namespace hybrid::cuda {
namespace {

constexpr int row_threads = 256, column_threads = 128;

// A block a row; D is a multiple of width.
template <class T, int width>
__global__ void forward_kernel(const T* x, const T* weight, float epsilon, int64_t D, T* out, float* inverse_rms) {
  const int64_t row = blockIdx.x;
  x += row * D, out += row * D;
  float squares = 0;
  for (int64_t d = threadIdx.x * width; d < D; d += row_threads * width) {
    const auto values = load<width>(x + d);
#pragma unroll
    for (int k = 0; k < width; ++k) squares += wide(values.at[k]) * wide(values.at[k]);
  }
  const float inverse = 1 / sqrtf(block_sum(squares) / static_cast<float>(D) + epsilon);
  if (threadIdx.x == 0) inverse_rms[row] = inverse;
  for (int64_t d = threadIdx.x * width; d < D; d += row_threads * width) {
    const auto values = load<width>(x + d), weights = load<width>(weight + d);
    Pack<T, width> normed;
#pragma unroll
    for (int k = 0; k < width; ++k) normed.at[k] = narrow<T>(wide(values.at[k]) * inverse * wide(weights.at[k]));
    store(out + d, normed);
  }
}

// dx = r (w dy − x r² mean(w dy x)), r the inverse RMS. A block a row; D is a multiple of width.
template <class T, int width>
__global__ void grad_x_kernel(const T* x, const T* weight, const float* inverse_rms, const T* grad, int64_t D, T* grad_x) {
  const int64_t row = blockIdx.x;
  x += row * D, grad += row * D, grad_x += row * D;
  float dot = 0;
  for (int64_t d = threadIdx.x * width; d < D; d += row_threads * width) {
    const auto values = load<width>(x + d), weights = load<width>(weight + d), slopes = load<width>(grad + d);
#pragma unroll
    for (int k = 0; k < width; ++k) dot += wide(slopes.at[k]) * wide(weights.at[k]) * wide(values.at[k]);
  }
  const float inverse = inverse_rms[row], shared = block_sum(dot) * inverse * inverse / static_cast<float>(D);
  for (int64_t d = threadIdx.x * width; d < D; d += row_threads * width) {
    const auto values = load<width>(x + d), weights = load<width>(weight + d), slopes = load<width>(grad + d);
    Pack<T, width> result;
#pragma unroll
    for (int k = 0; k < width; ++k)
      result.at[k] = narrow<T>(inverse * (wide(slopes.at[k]) * wide(weights.at[k]) - wide(values.at[k]) * shared));
    store(grad_x + d, result);
  }
}

// dw = Σ dy x r. A thread a column of one range of rows.
template <class T>
__global__ void grad_weight_kernel(const T* x, const float* inverse_rms, const T* grad, int64_t rows, int64_t D, float* partial) {
  const int64_t part = blockIdx.y, parts = gridDim.y, d = static_cast<int64_t>(blockIdx.x) * column_threads + threadIdx.x;
  if (d >= D) return;
  float sum = 0;
  for (int64_t row = rows * part / parts; row < rows * (part + 1) / parts; ++row)
    sum += wide(grad[row * D + d]) * wide(x[row * D + d]) * inverse_rms[row];
  partial[part * D + d] = sum;
}

}  // namespace

template <class T>
void rms_norm_forward(const T* x, const T* weight, float epsilon, int64_t rows, int64_t D, T* out, float* inverse_rms, void* stream) {
  constexpr int width = full_width<T>;
  auto kernel = forward_kernel<T, 1>;
  if (D % width == 0 && aligned(x, weight, out)) kernel = forward_kernel<T, width>;
  launch(kernel, grid(rows), row_threads, stream, x, weight, epsilon, D, out, inverse_rms);
}

template <class T>
void rms_norm_grad_x(const T* x, const T* weight, const float* inverse_rms, const T* grad, int64_t rows, int64_t D, T* grad_x,
                     void* stream) {
  constexpr int width = full_width<T>;
  auto kernel = grad_x_kernel<T, 1>;
  if (D % width == 0 && aligned(x, weight, grad, grad_x)) kernel = grad_x_kernel<T, width>;
  launch(kernel, grid(rows), row_threads, stream, x, weight, inverse_rms, grad, D, grad_x);
}

template <class T>
void rms_norm_grad_weight(const T* x, const float* inverse_rms, const T* grad, int64_t rows, int64_t D, int64_t parts, float* partial,
                          void* stream) {
  launch(grad_weight_kernel<T>, grid(divided_up(D, column_threads), parts), column_threads, stream, x, inverse_rms, grad, rows, D, partial);
}

#define HYBRID_INSTANTIATE(T)                                                                             \
  template void rms_norm_forward(const T*, const T*, float, int64_t, int64_t, T*, float*, void*);         \
  template void rms_norm_grad_x(const T*, const T*, const float*, const T*, int64_t, int64_t, T*, void*); \
  template void rms_norm_grad_weight(const T*, const float*, const T*, int64_t, int64_t, int64_t, float*, void*);
HYBRID_INSTANTIATE(float)
HYBRID_INSTANTIATE(bf16)
#undef HYBRID_INSTANTIATE

}  // namespace hybrid::cuda
