// Stochastic rounding of float32 to bfloat16 by counted random numbers: each number is a hash of the caller's noise, of what is
// rounded and of the element's index, so it is the same whichever thread, instruction set or device asks. Plain C++ for the
// CPU and the CUDA compiler; static, so that each instruction set has its own copy.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define HYBRID_ON_BOTH __host__ __device__
#else
#define HYBRID_ON_BOTH
#endif

namespace hybrid::rounding {

// What is rounded; each has a sequence of its own.
enum class Kept : uint32_t { weight, first_state, second_state };

// Where the random numbers of one tensor in one step start.
struct Sequence {
  uint32_t inner, outer;
};

// The finalizer of SplitMix64 (Steele, Lea & Flood 2014), with the constants of Stafford's variant 13.
HYBRID_ON_BOTH static inline uint64_t mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Two rounds of multiply and xorshift; factors and shifts of low bias, found by the hash-prospector project (Wellons 2018).
constexpr uint32_t first_factor = 0x21f0aaadu, second_factor = 0xd35a2d97u;
HYBRID_ON_BOTH static inline uint32_t mix32(uint32_t x) {
  x = (x ^ (x >> 16)) * first_factor;
  x = (x ^ (x >> 15)) * second_factor;
  return x ^ (x >> 15);
}

// Mixed twice, so that noises that are near each other, or apart by a constant, share nothing.
HYBRID_ON_BOTH static inline Sequence sequence(uint64_t noise, Kept kept) {
  const uint64_t mixed = mix64(mix64(noise + 0x9e3779b97f4a7c15u) + static_cast<uint32_t>(kept));
  return {static_cast<uint32_t>(mixed), static_cast<uint32_t>(mixed >> 32)};
}

// 16 random bits for an element.
HYBRID_ON_BOTH static inline uint32_t random16(Sequence from, uint64_t element) {
  const uint32_t low = static_cast<uint32_t>(element), high = static_cast<uint32_t>(element >> 32);
  return mix32(mix32(low + from.inner) ^ (high + from.outer)) >> 16;
}

// The bits of the bfloat16 that the bits of a float32 become. The 16 bits that are cut off are the distance to the neighbour
// nearer zero in 65536ths of the spacing: adding a random number carries into the kept half with just that probability. Past
// the largest finite bfloat16 the other neighbour is infinity, which no expectation survives: there it is rounded to the nearest.
HYBRID_ON_BOTH static inline uint16_t rounded(uint32_t bits, uint32_t random) {
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t added = magnitude >= 0x7f7f0000u ? 0x8000u : random;
  return static_cast<uint16_t>(magnitude > 0x7f800000u ? 0x7fc0u : (bits + added) >> 16);
}

}  // namespace hybrid::rounding
