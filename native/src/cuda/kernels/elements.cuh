// The way between elements in memory and floats in registers, one or several neighbours at a time.
#pragma once

#include "cuda/kernels.h"

namespace hybrid::cuda {

__device__ inline float wide(float x) { return x; }
__device__ inline float wide(bf16 x) { return __uint_as_float(static_cast<uint32_t>(x.bits) << 16); }

template <class T>
__device__ T narrow(float x);

template <>
__device__ inline float narrow<float>(float x) {
  return x;
}

// To the nearest, ties to even; a NaN stays one.
template <>
__device__ inline bf16 narrow<bf16>(float x) {
  const uint32_t bits = __float_as_uint(x), rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return {static_cast<uint16_t>(x != x ? 0x7fc0u : rounded)};
}

// Neighbours that are read and written in one access.
template <class T, int width>
struct alignas(width * sizeof(T)) Pack {
  T at[width];
};

// Elements in an access of 16 bytes.
template <class T>
constexpr int full_width = 16 / sizeof(T);

template <int width, class T>
__device__ Pack<T, width> load(const T* from) {
  return *reinterpret_cast<const Pack<T, width>*>(from);
}

template <int width, class T>
__device__ void store(T* to, const Pack<T, width>& pack) {
  *reinterpret_cast<Pack<T, width>*>(to) = pack;
}

// Whether every address is one of 16 bytes.
template <class... Pointers>
bool aligned(const Pointers*... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % 16 == 0) && ...);
}

}  // namespace hybrid::cuda
