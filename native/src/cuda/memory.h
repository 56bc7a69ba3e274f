// A CUDA device's memory, as the driver and LibTorch's caching allocator tell it.
#pragma once

#include "host_memory.h"
#include "torch_headers.h"

namespace hybrid::cuda {

// What LibTorch has reserved and does not use counts as free.
Memory device_memory(at::Device device);

}  // namespace hybrid::cuda
