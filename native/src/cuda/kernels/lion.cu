#include <type_traits>

#include "cuda/kernels.h"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/launch.cuh"

namespace hybrid::cuda {
namespace {

constexpr int threads = 256;
constexpr int64_t most_blocks_a_tensor = 1024;

// The tensors of one launch; a kernel's arguments may take 4 KB.
struct Batch {
  static constexpr int64_t capacity = 64;
  LionTensor tensors[capacity];
};
static_assert(sizeof(Batch) + sizeof(LionRates) <= 4096);

// Blocks: parts of a tensor by tensors.
template <class T>
__global__ void lion_kernel(const __grid_constant__ Batch batch, LionRates rates) {
  const LionTensor& tensor = batch.tensors[blockIdx.y];
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * threads + threadIdx.x; i < tensor.size;
       i += static_cast<int64_t>(gridDim.x) * threads) {
    const float slope = wide(static_cast<const T*>(tensor.gradient)[i]), momentum = tensor.momentum[i], weight = tensor.weight[i];
    const float direction = rates.beta1 * momentum + (1 - rates.beta1) * slope;
    const float sign = direction > 0   ? 1.0f
                       : direction < 0 ? -1.0f
                                       : direction;  // 0 stays 0, and a NaN breaks the weight where it can be seen
    const float updated = weight - rates.rate * (sign + rates.decay * weight);
    tensor.weight[i] = updated;
    if constexpr (!std::is_same_v<T, float>) static_cast<T*>(tensor.parameter)[i] = narrow<T>(updated);
    tensor.momentum[i] = rates.beta2 * momentum + (1 - rates.beta2) * slope;
  }
}

}  // namespace

template <class T>
void lion(const LionTensor* tensors, int64_t count, const LionRates& rates, void* stream) {
  for (int64_t first = 0; first < count; first += Batch::capacity) {
    const int64_t here = count - first < Batch::capacity ? count - first : Batch::capacity;
    Batch batch{};
    int64_t largest = 0;
    for (int64_t i = 0; i < here; ++i) {
      batch.tensors[i] = tensors[first + i];
      if (batch.tensors[i].size > largest) largest = batch.tensors[i].size;
    }
    const int64_t blocks = divided_up(largest, threads);
    launch(lion_kernel<T>, grid(blocks < most_blocks_a_tensor ? blocks : most_blocks_a_tensor, here), threads, stream, batch, rates);
  }
}

template void lion<float>(const LionTensor*, int64_t, const LionRates&, void*);
template void lion<bf16>(const LionTensor*, int64_t, const LionRates&, void*);

}  // namespace hybrid::cuda
