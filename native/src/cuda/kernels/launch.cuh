// Starting a kernel.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace hybrid::cuda {

// The most that a grid may have in its second dimension.
constexpr int64_t most_blocks_y = 65535;

inline int64_t divided_up(int64_t n, int64_t by) { return (n + by - 1) / by; }

inline dim3 grid(int64_t x, int64_t y = 1) { return dim3(static_cast<unsigned>(x), static_cast<unsigned>(y)); }

// No blocks, no launch.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 blocks, unsigned threads, void* stream, const Arguments&... arguments) {
  if (blocks.x == 0 || blocks.y == 0) return;
  kernel<<<blocks, threads, 0, static_cast<cudaStream_t>(stream)>>>(arguments...);
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) throw std::runtime_error(std::string("CUDA error: ") + cudaGetErrorString(error));
}

}  // namespace hybrid::cuda
