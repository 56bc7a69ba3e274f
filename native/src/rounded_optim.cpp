#include "rounded_optim.h"

#include "cpu/dispatch.h"
#include "rounded_composed.h"
#include "typed.h"

namespace hybrid::rounded {
namespace {

using cpu::bf16;

constexpr int64_t grain = 16384;  // elements worth one task

template <class Body>
void by_kernels(const Operands& on, const Body& body) {
  at::parallel_for(0, on.parameter.numel(), grain, body);
}

}  // namespace

void lion(const Operands& on, const LionRates& with) {
  if (!on.parameter.is_cpu()) return composed::lion(on, with);
  by_kernels(on, [&](int64_t begin, int64_t end) {
    cpu::rounded_kernels().lion(elements<bf16>(on.parameter), elements<bf16>(on.gradient), elements<bf16>(on.first), on.noise, begin, end,
                                with.rate, with.beta1, with.beta2, with.decay);
  });
}

void adamw(const Operands& on, const AdamWRates& with) {
  if (!on.parameter.is_cpu()) return composed::adamw(on, with);
  by_kernels(on, [&](int64_t begin, int64_t end) {
    cpu::rounded_kernels().adamw(elements<bf16>(on.parameter), elements<bf16>(on.gradient), elements<bf16>(on.first),
                                 elements<bf16>(on.second), on.noise, begin, end, with.rate, with.beta1, with.beta2, with.epsilon,
                                 with.decay, with.correction1, with.correction2);
  });
}

void sgd(const Operands& on, float rate, float decay) {
  if (!on.parameter.is_cpu()) return composed::sgd(on, rate, decay);
  by_kernels(on, [&](int64_t begin, int64_t end) {
    cpu::rounded_kernels().sgd(elements<bf16>(on.parameter), elements<bf16>(on.gradient), on.noise, begin, end, rate, decay);
  });
}

}  // namespace hybrid::rounded
