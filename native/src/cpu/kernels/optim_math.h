// What an optimizer step does to one element, in the type that it is computed in. Inside the kernels' namespace so that each
// instruction set has its own copy.
#pragma once

#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class C>
static inline void lion_update(C slope, C& weight, C& momentum, C rate, C beta1, C beta2, C decay) {
  C direction = beta1 * momentum + (C(1) - beta1) * slope;
  C sign = direction > C(0) ? C(1) : direction < C(0) ? C(-1) : direction;  // 0 stays 0, and a NaN breaks the weight where it can be seen
  weight = weight - rate * (sign + decay * weight);
  momentum = beta2 * momentum + (C(1) - beta2) * slope;
}

// AdamW's numbers of one step, from which what is the same for every element follows.
template <class C>
struct AdamWStep {
  C beta1, beta2, epsilon, step, root, shrink;
};

// Static, as all here: files that include this are compiled with different rules for contraction, and none may get another's code.
template <class C>
static inline AdamWStep<C> adamw_step(C rate, C beta1, C beta2, C epsilon, C decay, C correction1, C correction2) {
  return {beta1, beta2, epsilon, rate / correction1, C(1) / sqrt_of(correction2), C(1) - rate * decay};
}

template <class C>
static inline void adamw_update(C slope, C& weight, C& first, C& second, const AdamWStep<C>& with) {
  first = with.beta1 * first + (C(1) - with.beta1) * slope;
  second = with.beta2 * second + (C(1) - with.beta2) * slope * slope;
  weight = weight * with.shrink - with.step * first / (sqrt_of(second) * with.root + with.epsilon);
}

template <class C>
static inline void sgd_update(C slope, C& weight, C rate, C decay) {
  weight = weight - rate * (slope + decay * weight);
}

}  // namespace hybrid::cpu::HYBRID_ISA
