#include "cuda/kernels.h"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/launch.cuh"
#include "cuda/kernels/reduce.cuh"

namespace hybrid::cuda {
namespace {

constexpr int threads = 128;

// Blocks: groups of columns by examples. A thread sums one column.
template <class T>
__global__ void norm_gradient_l1_kernel(const T* grad, const T* x, const float* inverse_rms, int64_t D, ExampleSums to) {
  const int64_t d = static_cast<int64_t>(blockIdx.x) * threads + threadIdx.x;
  for (int64_t b = blockIdx.y; b < to.examples; b += gridDim.y) {
    float sum = 0;
    if (d < D)
      for (int64_t s = to.offsets[b]; s < to.offsets[b + 1]; ++s) sum += wide(grad[s * D + d]) * wide(x[s * D + d]) * inverse_rms[s];
    const double total = block_sum(static_cast<double>(fabsf(sum)));
    if (threadIdx.x == 0) atomicAdd(to.sums + b * to.stride, total);
  }
}

}  // namespace

template <class T>
void norm_gradient_l1(const T* grad, const T* x, const float* inverse_rms, int64_t D, const ExampleSums& to, void* stream) {
  const auto blocks = grid(divided_up(D, threads), to.examples < most_blocks_y ? to.examples : most_blocks_y);
  launch(norm_gradient_l1_kernel<T>, blocks, threads, stream, grad, x, inverse_rms, D, to);
}

template void norm_gradient_l1(const float*, const float*, const float*, int64_t, const ExampleSums&, void*);
template void norm_gradient_l1(const bf16*, const bf16*, const float*, int64_t, const ExampleSums&, void*);

}  // namespace hybrid::cuda
