// Rotary embedding of one row of one head.
#pragma once

#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

// In Hugging Face's halves layout: (j, j + E/2) turns by the row's angle j. direction −1 turns back.
template <class From, class To, class C>
static inline void rotate(const From* from, const C* cos, const C* sin, int64_t E, C direction, C scale, To* to) {
  const int64_t half = E / 2;
#pragma omp simd
  for (int64_t j = 0; j < half; ++j) {
    C a = wide(from[j]), b = wide(from[j + half]), s = direction * sin[j];
    to[j] = narrow<To>(scale * (a * cos[j] - b * s));
    to[j + half] = narrow<To>(scale * (b * cos[j] + a * s));
  }
}

}  // namespace hybrid::cpu::HYBRID_ISA
