// Optimizer steps on weights and states that are bfloat16 without a wider copy. Compiled without contraction to fused
// multiply-adds, so that every instruction set computes the same float32 values and rounds them to the same bits.
#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/optim_math.h"
#include "stochastic_rounding.h"

namespace hybrid::cpu::HYBRID_ISA {
namespace {

using rounding::Kept;

inline bf16 rounded(float value, rounding::Sequence sequence, int64_t element) {
  return {rounding::rounded(__builtin_bit_cast(uint32_t, value), rounding::random16(sequence, static_cast<uint64_t>(element)))};
}

}  // namespace

void rounded_lion(bf16* p, const bf16* g, bf16* m, uint64_t noise, int64_t begin, int64_t end, float rate, float beta1, float beta2,
                  float decay) {
  const auto weights = rounding::sequence(noise, Kept::weight), momenta = rounding::sequence(noise, Kept::first_state);
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    float weight = wide(p[i]), momentum = wide(m[i]);
    lion_update(wide(g[i]), weight, momentum, rate, beta1, beta2, decay);
    p[i] = rounded(weight, weights, i);
    m[i] = rounded(momentum, momenta, i);
  }
}

// The weight moves by the moments as they are before their rounding.
void rounded_adamw(bf16* p, const bf16* g, bf16* m, bf16* v, uint64_t noise, int64_t begin, int64_t end, float rate, float beta1,
                   float beta2, float epsilon, float decay, float correction1, float correction2) {
  const auto with = adamw_step<float>(rate, beta1, beta2, epsilon, decay, correction1, correction2);
  const auto weights = rounding::sequence(noise, Kept::weight), firsts = rounding::sequence(noise, Kept::first_state),
             seconds = rounding::sequence(noise, Kept::second_state);
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    float weight = wide(p[i]), first = wide(m[i]), second = wide(v[i]);
    adamw_update(wide(g[i]), weight, first, second, with);
    p[i] = rounded(weight, weights, i);
    m[i] = rounded(first, firsts, i);
    v[i] = rounded(second, seconds, i);
  }
}

void rounded_sgd(bf16* p, const bf16* g, uint64_t noise, int64_t begin, int64_t end, float rate, float decay) {
  const auto weights = rounding::sequence(noise, Kept::weight);
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    float weight = wide(p[i]);
    sgd_update(wide(g[i]), weight, rate, decay);
    p[i] = rounded(weight, weights, i);
  }
}

}  // namespace hybrid::cpu::HYBRID_ISA
