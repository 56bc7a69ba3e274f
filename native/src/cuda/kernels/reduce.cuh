// Sums over the threads of a block.
#pragma once

namespace hybrid::cuda {

constexpr unsigned lanes = 32, every_lane = 0xffffffffu;

template <class V>
__device__ V warp_sum(V value) {
#pragma unroll
  for (int distance = lanes / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(every_lane, value, distance);
  return value;
}

// For every thread of a block of whole warps, all of which must call it.
template <class V>
__device__ V block_sum(V value) {
  __shared__ V parts[lanes];
  const unsigned lane = threadIdx.x % lanes;
  value = warp_sum(value);
  __syncthreads();  // the parts of an earlier sum have been read
  if (lane == 0) parts[threadIdx.x / lanes] = value;
  __syncthreads();
  return warp_sum(lane < blockDim.x / lanes ? parts[lane] : V(0));
}

}  // namespace hybrid::cuda
