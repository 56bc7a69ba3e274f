// LibTorch's streams for the kernels, which know nothing of LibTorch.
#pragma once

#include "torch_headers.h"

namespace hybrid::cuda {

// LibTorch's current stream on a CUDA device, a cudaStream_t.
void* current_stream(at::Device device);

}  // namespace hybrid::cuda
