#include "cuda/memory.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <cuda_runtime_api.h>

namespace hybrid::cuda {

Memory device_memory(at::Device device) {
  at::empty({0}, at::TensorOptions(device));  // sets the allocator up where nothing has yet; takes no memory
  const c10::DeviceGuard guard(device);
  size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
  const int64_t kept = stats.reserved_bytes[0].current - stats.allocated_bytes[0].current;  // 0: of pools of all sizes
  return {static_cast<int64_t>(free) + kept, static_cast<int64_t>(total)};
}

}  // namespace hybrid::cuda
