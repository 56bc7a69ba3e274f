#include "cuda/stream.h"

#include <c10/cuda/CUDAStream.h>

namespace hybrid::cuda {

void* current_stream(at::Device device) { return c10::cuda::getCurrentCUDAStream(device.index()).stream(); }

}  // namespace hybrid::cuda
