// exp that vectorises, and the way between bfloat16 in memory and float in registers. Inside the kernels' namespace so
// that each instruction set has its own copy.
#pragma once

#include <cstdint>
#include <type_traits>

#include "cpu/kernels.h"

#ifndef HYBRID_ISA
#error "HYBRID_ISA names the instruction set this file is compiled for"
#endif

namespace hybrid::cpu::HYBRID_ISA {

// Cephes' expf: x = n ln 2 + r, a polynomial in r, 2^n through the exponent bits. Within 2 ulp for results that are
// normal numbers; clamped outside; a NaN stays one.
static inline float exp_of(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.0f ? 88.0f : x;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, which then stands in the lowest bits
  float shifted = x * 1.44269504088896341f + magic;
  float n = shifted - magic;
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  uint32_t bits = (__builtin_bit_cast(uint32_t, shifted) + 127u) << 23;  // not by conversion: a NaN has no integer
  return p * __builtin_bit_cast(float, bits);
}

static inline double exp_of(double x) { return __builtin_exp(x); }

static inline float log_of(float x) { return __builtin_logf(x); }
static inline double log_of(double x) { return __builtin_log(x); }
static inline float sqrt_of(float x) { return __builtin_sqrtf(x); }
static inline double sqrt_of(double x) { return __builtin_sqrt(x); }

static inline float wide(float x) { return x; }
static inline double wide(double x) { return x; }
static inline float wide(bf16 x) { return __builtin_bit_cast(float, static_cast<uint32_t>(x.bits) << 16); }

// To the nearest, ties to even; a NaN stays one.
template <class T, class C>
static inline T narrow(C x) {
  if constexpr (std::is_same_v<T, C>) {
    return x;
  } else {
    uint32_t bits = __builtin_bit_cast(uint32_t, x);
    uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    return {static_cast<uint16_t>(x != x ? 0x7fc0u : rounded)};
  }
}

}  // namespace hybrid::cpu::HYBRID_ISA
