// Σ |Gᵀ A| of each example's rows. A block makes one tile of the product in registers and keeps the sum of its absolute
// values only. Rows and columns beyond the ends are zeros in shared memory: they add nothing.
#include "cuda/kernels.h"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/launch.cuh"
#include "cuda/kernels/reduce.cuh"
#include "cuda/kernels/tensor_core.cuh"

namespace hybrid::cuda {
namespace {

constexpr int threads = 256;
constexpr int tile = 128;  // rows and columns of the product

// Some rows of G or A, tile columns wide, as a block holds them at a time.
template <class T>
struct Slab {
  static constexpr int width = full_width<T>, depth = 64 / sizeof(T);
  static constexpr int packs = depth * tile / width / threads;  // that one thread carries
  // The padding puts the eight rows that a tensor core's load touches into different banks.
  alignas(16) T at[depth][tile + width];
};

// A thread's part of a slab on its way to shared memory.
template <class T>
struct Carried {
  using S = Slab<T>;
  Pack<T, S::width> pack[S::packs];

  // The slab that begins at row and column of matrix [..,columns], of which rows before end count.
  template <bool whole_packs>
  __device__ void fetch(const T* matrix, int64_t columns, int64_t row, int64_t end, int64_t column) {
#pragma unroll
    for (int n = 0; n < S::packs; ++n) {
      const int64_t s = row + place(n) / tile, c = column + place(n) % tile;
      pack[n] = {};
      if (s >= end) continue;
      if (whole_packs) {
        if (c < columns) pack[n] = load<S::width>(matrix + s * columns + c);
      } else {
#pragma unroll
        for (int k = 0; k < S::width; ++k)
          if (c + k < columns) pack[n].at[k] = matrix[s * columns + c + k];
      }
    }
  }

  __device__ void put(S& slab) const {
#pragma unroll
    for (int n = 0; n < S::packs; ++n) store(&slab.at[place(n) / tile][place(n) % tile], pack[n]);
  }

  // Of the first element of pack n in a slab without padding.
  __device__ static int place(int n) { return static_cast<int>(n * threads + threadIdx.x) * S::width; }
};

// A thread's elements of the tile of GᵀA.
template <class T>
struct Products;

// By tensor cores: two by four warps, each with 64 rows and 32 columns in fragments of 16 by 8. Both operands lie in shared
// memory with S downwards, and both fragments want neighbours along S, hence the transposing loads.
template <>
struct Products<bf16> {
  float sums[4][4][4] = {};

  __device__ void add(const Slab<bf16>& grads, const Slab<bf16>& inputs) {
    const int lane = threadIdx.x % lanes, warp = threadIdx.x / lanes;
    const int o = warp / 4 * 64, i = warp % 4 * 32;
    const int row = lane % 8, second = lane / 8 % 2 * 8, third = lane / 16 * 8;  // 8 in the odd, in the upper two of the four matrices
#pragma unroll
    for (int s = 0; s < Slab<bf16>::depth; s += 16) {
      uint32_t left[4][4], right[2][4];
#pragma unroll
      for (int m = 0; m < 4; ++m) load_transposed(left[m], &grads.at[s + third + row][o + m * 16 + second]);
#pragma unroll
      for (int n = 0; n < 2; ++n) load_transposed(right[n], &inputs.at[s + second + row][i + n * 16 + third]);
#pragma unroll
      for (int m = 0; m < 4; ++m)
#pragma unroll
        for (int n = 0; n < 4; ++n) multiply_add(sums[m][n], left[m], right[n / 2] + n % 2 * 2);
    }
  }

  __device__ float l1() const {
    float sum = 0;
#pragma unroll
    for (int n = 0; n < 64; ++n) sum += fabsf(sums[n / 16][n / 4 % 4][n % 4]);
    return sum;
  }
};

// By ordinary multiplications: 16 by 16 threads, each with 8 rows and 8 columns in two groups of four half a tile apart.
template <>
struct Products<float> {
  float sums[8][8] = {};

  __device__ void add(const Slab<float>& grads, const Slab<float>& inputs) {
    const int o = threadIdx.x / 16 * 4, i = threadIdx.x % 16 * 4;
#pragma unroll 4
    for (int s = 0; s < Slab<float>::depth; ++s) {
      const Pack<float, 4> left[2] = {load<4>(&grads.at[s][o]), load<4>(&grads.at[s][o + tile / 2])};
      const Pack<float, 4> right[2] = {load<4>(&inputs.at[s][i]), load<4>(&inputs.at[s][i + tile / 2])};
#pragma unroll
      for (int m = 0; m < 8; ++m)
#pragma unroll
        for (int n = 0; n < 8; ++n) sums[m][n] += left[m / 4].at[m % 4] * right[n / 4].at[n % 4];
    }
  }

  __device__ float l1() const {
    float sum = 0;
#pragma unroll
    for (int n = 0; n < 64; ++n) sum += fabsf(sums[n / 8][n % 8]);
    return sum;
  }
};

// Blocks: tiles of the product by examples.
template <class T, bool whole_packs>
__global__ void __launch_bounds__(threads, 2) gradient_l1_kernel(const T* grad, int64_t O, const T* input, int64_t I, ExampleSums to) {
  __shared__ Slab<T> grads, inputs;
  const unsigned across = static_cast<unsigned>((I + tile - 1) / tile);
  const int64_t o = static_cast<int64_t>(blockIdx.x / across) * tile, i = static_cast<int64_t>(blockIdx.x % across) * tile;
  for (int64_t b = blockIdx.y; b < to.examples; b += gridDim.y) {
    const int64_t begin = to.offsets[b], end = to.offsets[b + 1];
    Products<T> products;
    Carried<T> next_grads, next_inputs;
    next_grads.template fetch<whole_packs>(grad, O, begin, end, o);
    next_inputs.template fetch<whole_packs>(input, I, begin, end, i);
    for (int64_t s = begin; s < end; s += Slab<T>::depth) {
      __syncthreads();  // the slabs before have been read
      next_grads.put(grads);
      next_inputs.put(inputs);
      __syncthreads();
      // What comes next is under way while this is multiplied; beyond the end it is zeros that nobody puts.
      next_grads.template fetch<whole_packs>(grad, O, s + Slab<T>::depth, end, o);
      next_inputs.template fetch<whole_packs>(input, I, s + Slab<T>::depth, end, i);
      products.add(grads, inputs);
    }
    const double sum = block_sum(static_cast<double>(products.l1()));
    if (threadIdx.x == 0 && end > begin) atomicAdd(to.sums + b * to.stride, sum);
  }
}

}  // namespace

template <class T>
void gradient_l1(const T* grad, int64_t O, const T* input, int64_t I, const ExampleSums& to, void* stream) {
  constexpr int width = full_width<T>;
  auto kernel = gradient_l1_kernel<T, false>;
  if (O % width == 0 && I % width == 0 && aligned(grad, input)) kernel = gradient_l1_kernel<T, true>;
  const auto blocks = grid(divided_up(O, tile) * divided_up(I, tile), to.examples < most_blocks_y ? to.examples : most_blocks_y);
  launch(kernel, blocks, threads, stream, grad, O, input, I, to);
}

template void gradient_l1(const float*, int64_t, const float*, int64_t, const ExampleSums&, void*);
template void gradient_l1(const bf16*, int64_t, const bf16*, int64_t, const ExampleSums&, void*);

}  // namespace hybrid::cuda
