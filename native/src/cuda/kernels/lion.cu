#include <type_traits>

#include "cuda/kernels.h"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/launch.cuh"
#include "stochastic_rounding.h"

namespace hybrid::cuda {
namespace {

constexpr int threads = 256;
constexpr int64_t most_blocks_a_tensor = 1024;

// The tensors of one launch; a kernel's arguments may take 4 KB.
template <class Tensor>
struct Batch {
  static constexpr int64_t capacity = 64;
  Tensor tensors[capacity];
};
static_assert(sizeof(Batch<LionTensor>) + sizeof(LionRates) <= 4096 && sizeof(Batch<RoundedLionTensor>) + sizeof(LionRates) <= 4096);

// Blocks: parts of a tensor by tensors.
template <class T>
__global__ void lion_kernel(const __grid_constant__ Batch<LionTensor> batch, LionRates rates) {
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

__device__ inline bf16 rounded(float value, rounding::Sequence sequence, int64_t element) {
  return {rounding::rounded(__float_as_uint(value), rounding::random16(sequence, static_cast<uint64_t>(element)))};
}

// Intrinsics, which nvcc contracts to no fused multiply-adds: the CPU kernels round every product, too.
__global__ void rounded_lion_kernel(const __grid_constant__ Batch<RoundedLionTensor> batch, LionRates rates) {
  const RoundedLionTensor& tensor = batch.tensors[blockIdx.y];
  const auto weights = rounding::sequence(tensor.noise, rounding::Kept::weight),
             momenta = rounding::sequence(tensor.noise, rounding::Kept::first_state);
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * threads + threadIdx.x; i < tensor.size;
       i += static_cast<int64_t>(gridDim.x) * threads) {
    const float slope = wide(tensor.gradient[i]), momentum = wide(tensor.momentum[i]), weight = wide(tensor.parameter[i]);
    const float direction = __fadd_rn(__fmul_rn(rates.beta1, momentum), __fmul_rn(1 - rates.beta1, slope));
    const float sign = direction > 0 ? 1.0f : direction < 0 ? -1.0f : direction;
    const float updated = __fsub_rn(weight, __fmul_rn(rates.rate, __fadd_rn(sign, __fmul_rn(rates.decay, weight))));
    tensor.parameter[i] = rounded(updated, weights, i);
    tensor.momentum[i] = rounded(__fadd_rn(__fmul_rn(rates.beta2, momentum), __fmul_rn(1 - rates.beta2, slope)), momenta, i);
  }
}

template <class Tensor>
void launch_batches(void (*kernel)(Batch<Tensor>, LionRates), const Tensor* tensors, int64_t count, const LionRates& rates, void* stream) {
  constexpr int64_t capacity = Batch<Tensor>::capacity;
  for (int64_t first = 0; first < count; first += capacity) {
    const int64_t here = count - first < capacity ? count - first : capacity;
    Batch<Tensor> batch{};
    int64_t largest = 0;
    for (int64_t i = 0; i < here; ++i) {
      batch.tensors[i] = tensors[first + i];
      if (batch.tensors[i].size > largest) largest = batch.tensors[i].size;
    }
    const int64_t blocks = divided_up(largest, threads);
    launch(kernel, grid(blocks < most_blocks_a_tensor ? blocks : most_blocks_a_tensor, here), threads, stream, batch, rates);
  }
}

}  // namespace

template <class T>
void lion(const LionTensor* tensors, int64_t count, const LionRates& rates, void* stream) {
  launch_batches(lion_kernel<T>, tensors, count, rates, stream);
}

void rounded_lion(const RoundedLionTensor* tensors, int64_t count, const LionRates& rates, void* stream) {
  launch_batches(rounded_lion_kernel, tensors, count, rates, stream);
}

template void lion<float>(const LionTensor*, int64_t, const LionRates&, void*);
template void lion<bf16>(const LionTensor*, int64_t, const LionRates&, void*);

}  // namespace hybrid::cuda
