// The steps of rounded_optim.h by LibTorch's operations, for devices without kernels of ours: the same bits as the CPU kernels'.
#pragma once

#include <cmath>

#include "rounded_optim.h"
#include "stochastic_rounding.h"

namespace hybrid::rounded::composed {

constexpr int64_t slice_size = int64_t{1} << 22;  // elements whose random numbers exist at a time

constexpr int64_t low_half = 0xffffffff;

// mix32 of integers below 2^32, which int64 tensors hold: a product's lower half is right though its upper half overflows.
inline at::Tensor mix32(at::Tensor x) {
  x = x.bitwise_xor(x.bitwise_right_shift(16)).mul_(int64_t{rounding::first_factor}).bitwise_and_(low_half);
  x = x.bitwise_xor(x.bitwise_right_shift(15)).mul_(int64_t{rounding::second_factor}).bitwise_and_(low_half);
  return x.bitwise_xor(x.bitwise_right_shift(15));
}

inline at::Tensor random16(rounding::Sequence from, int64_t begin, const at::Tensor& like) {
  auto elements = at::arange(begin, begin + like.numel(), like.options().dtype(at::kLong));
  auto high = elements.bitwise_right_shift(32).add_(int64_t{from.outer}).bitwise_and_(low_half);
  auto inner = mix32(elements.add_(int64_t{from.inner}).bitwise_and_(low_half));
  return mix32(inner.bitwise_xor_(high)).bitwise_right_shift_(16).to(at::kInt);
}

// stochastic_rounding.h's rounded, of elements begin, begin + 1, ... of a tensor.
inline void round_into(const at::Tensor& kept, const at::Tensor& value, rounding::Sequence from, int64_t begin) {
  auto bits = value.view(at::kInt);
  auto added = random16(from, begin, value).masked_fill_(bits.bitwise_and(0x7fffffff).ge(0x7f7f0000), 0x8000);
  auto rounded = bits.add(added).bitwise_and_(-0x10000).view(at::kFloat);
  kept.copy_(at::where(value.isnan(), value, rounded));
}

// update(slope, weight, first, second) on float32 copies of slices, in place; an absent state stays undefined. Every operation of
// LibTorch's rounds its result once, as the kernels do, so the bits are theirs where none of them both multiplies and adds.
template <class Update>
void by_slices(const Operands& on, const Update& update) {
  for (int64_t begin = 0; begin < on.parameter.numel(); begin += slice_size) {
    auto slice = [&](const at::Tensor& tensor) {
      return tensor.defined() ? tensor.view({-1}).slice(0, begin, std::min(begin + slice_size, tensor.numel())) : tensor;
    };
    auto wide = [&](const at::Tensor& tensor) { return tensor.defined() ? slice(tensor).to(at::kFloat) : tensor; };
    auto weight = wide(on.parameter), first = wide(on.first), second = wide(on.second);
    update(wide(on.gradient), weight, first, second);
    round_into(slice(on.parameter), weight, rounding::sequence(on.noise, rounding::Kept::weight), begin);
    if (first.defined()) round_into(slice(on.first), first, rounding::sequence(on.noise, rounding::Kept::first_state), begin);
    if (second.defined()) round_into(slice(on.second), second, rounding::sequence(on.noise, rounding::Kept::second_state), begin);
  }
}

inline void lion(const Operands& on, const LionRates& with) {
  by_slices(on, [&](const at::Tensor& slope, at::Tensor& weight, at::Tensor& momentum, at::Tensor&) {
    auto direction = momentum.mul(with.beta1).add_(slope.mul(1 - with.beta1));
    auto sign = at::where(direction.abs().gt(0), direction.sign(), direction);  // a NaN stays one
    weight.sub_(sign.add_(weight.mul(with.decay)).mul_(with.rate));
    momentum.mul_(with.beta2).add_(slope.mul(1 - with.beta2));
  });
}

inline void adamw(const Operands& on, const AdamWRates& with) {
  const float step = with.rate / with.correction1, root = 1 / std::sqrt(with.correction2), shrink = 1 - with.rate * with.decay;
  by_slices(on, [&](const at::Tensor& slope, at::Tensor& weight, at::Tensor& first, at::Tensor& second) {
    first.mul_(with.beta1).add_(slope.mul(1 - with.beta1));
    second.mul_(with.beta2).add_(slope.mul(1 - with.beta2).mul_(slope));
    weight.mul_(shrink).sub_(first.mul(step).div_(second.sqrt().mul_(root).add_(with.epsilon)));
  });
}

inline void sgd(const Operands& on, float rate, float decay) {
  by_slices(on, [&](const at::Tensor& slope, at::Tensor& weight, at::Tensor&, at::Tensor&) {
    weight.sub_(slope.add(weight.mul(decay)).mul_(rate));
  });
}

}  // namespace hybrid::rounded::composed
