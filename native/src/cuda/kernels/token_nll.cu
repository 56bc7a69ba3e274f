#include <cfloat>

#include "cuda/kernels.h"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/launch.cuh"
#include "cuda/kernels/reduce.cuh"

namespace hybrid::cuda {
namespace {

constexpr int threads = 512;
constexpr int64_t columns_a_block = 8 * threads;  // in backward

// Σ exp(x) as sum · e^most, so that it neither overflows nor needs a second pass over the row.
struct ExpSum {
  float most = -FLT_MAX, sum = 0;

  __device__ void add(const ExpSum& other) {
    const float larger = fmaxf(most, other.most);
    sum = sum * expf(most - larger) + other.sum * expf(other.most - larger);
    most = larger;
  }
};

__device__ ExpSum warp_sum(ExpSum own) {
#pragma unroll
  for (int distance = lanes / 2; distance > 0; distance /= 2) {
    ExpSum other;
    other.most = __shfl_xor_sync(every_lane, own.most, distance);
    other.sum = __shfl_xor_sync(every_lane, own.sum, distance);
    own.add(other);
  }
  return own;
}

// A block a row.
__global__ void forward_kernel(const float* logits, const int64_t* targets, int64_t V, float* nll, float* lse) {
  __shared__ float mosts[lanes], sums[lanes];
  const int64_t row = blockIdx.x;
  const unsigned lane = threadIdx.x % lanes;
  logits += row * V;
  ExpSum own;
  for (int64_t v = threadIdx.x; v < V; v += threads) {
    const float x = logits[v];
    if (x > own.most) {
      own.sum *= expf(own.most - x);
      own.most = x;
    }
    own.sum += expf(x - own.most);
  }
  own = warp_sum(own);
  if (lane == 0) mosts[threadIdx.x / lanes] = own.most, sums[threadIdx.x / lanes] = own.sum;
  __syncthreads();
  if (threadIdx.x >= lanes) return;
  ExpSum all;
  if (lane < threads / lanes) all.most = mosts[lane], all.sum = sums[lane];
  all = warp_sum(all);
  if (lane != 0) return;
  lse[row] = all.most + logf(all.sum);
  nll[row] = lse[row] - logits[targets[row]];
}

// A block some columns of a row. logits and grad_logits may be one: an element is read and written by one thread.
template <class T>
__global__ void backward_kernel(const float* logits, const int64_t* targets, const float* lse, const float* grad, int64_t V,
                                T* grad_logits) {
  const int64_t row = blockIdx.x, first = blockIdx.y * columns_a_block, last = first + columns_a_block < V ? first + columns_a_block : V;
  const int64_t target = targets[row];
  const float denominator = lse[row], scale = grad[row];
  for (int64_t v = first + threadIdx.x; v < last; v += threads) {
    const float probability = expf(logits[row * V + v] - denominator);
    grad_logits[row * V + v] = narrow<T>(scale * (v == target ? probability - 1 : probability));
  }
}

}  // namespace

void nll_forward(const float* logits, const int64_t* targets, int64_t rows, int64_t V, float* nll, float* lse, void* stream) {
  launch(forward_kernel, grid(rows), threads, stream, logits, targets, V, nll, lse);
}

template <class T>
void nll_backward(const float* logits, const int64_t* targets, const float* lse, const float* grad, int64_t rows, int64_t V, T* grad_logits,
                  void* stream) {
  launch(backward_kernel<T>, grid(rows, divided_up(V, columns_a_block)), threads, stream, logits, targets, lse, grad, V, grad_logits);
}

template void nll_backward(const float*, const int64_t*, const float*, const float*, int64_t, int64_t, float*, void*);
template void nll_backward(const float*, const int64_t*, const float*, const float*, int64_t, int64_t, bf16*, void*);

}  // namespace hybrid::cuda
