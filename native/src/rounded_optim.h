// Optimizer steps on weights and states that are bfloat16 without a wider copy: computed in float32 and rounded stochastically.
#pragma once

#include "torch_headers.h"

namespace hybrid::rounded {

// Contiguous bfloat16 tensors of one shape on one device; first and second are what the optimizer has of states. noise names the
// random numbers of this tensor in this step.
struct Operands {
  at::Tensor parameter, gradient, first, second;
  uint64_t noise;
};

struct LionRates {
  float rate, beta1, beta2, decay;
};
void lion(const Operands& on, const LionRates& with);

struct AdamWRates {
  float rate, beta1, beta2, epsilon, decay, correction1, correction2;
};
void adamw(const Operands& on, const AdamWRates& with);

void sgd(const Operands& on, float rate, float decay);

}  // namespace hybrid::rounded
