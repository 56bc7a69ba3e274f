// Small matrix products in registers: what attention and density are made of.
#pragma once

#include <utility>

#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

#if defined(__AVX512F__)
constexpr int64_t vector_bytes = 64, tile_rows = 8;
#elif defined(__AVX2__)
constexpr int64_t vector_bytes = 32, tile_rows = 4;
#else
constexpr int64_t vector_bytes = 16, tile_rows = 4;
#endif

template <class C>
struct VectorOf {
  typedef C type __attribute__((vector_size(vector_bytes), aligned(sizeof(C)), may_alias));
};
template <class C>
using Vector = typename VectorOf<C>::type;
template <class C>
constexpr int64_t lanes = vector_bytes / static_cast<int64_t>(sizeof(C));

template <class C>
static inline Vector<C> load(const C* from) {
  return *reinterpret_cast<const Vector<C>*>(from);
}

template <class C>
static inline void store(C* to, Vector<C> values) {
  *reinterpret_cast<Vector<C>*>(to) = values;
}

// Lane l is lanes l and l ^ d of a, added, where l has not the bit d, and of b where it has.
template <int64_t d, class C, int64_t... l>
static inline Vector<C> folded(const Vector<C>& a, const Vector<C>& b, std::integer_sequence<int64_t, l...>) {
  return __builtin_shufflevector(a, b, (l & d ? lanes<C> + l : l)...) +
         __builtin_shufflevector(a, b, (l & d ? lanes<C> + (l ^ d) : l ^ d)...);
}

// Leaves in sums[0] the total of each vector of lanes<C>, the i-th one's in lane i.
template <class C, int64_t d = 1>
static inline void total_lanes(Vector<C>* sums) {
#pragma GCC unroll 8
  for (int64_t i = 0; i < lanes<C> / (2 * d); ++i)
    sums[i] = folded<d, C>(sums[2 * i], sums[2 * i + 1], std::make_integer_sequence<int64_t, lanes<C>>());
  if constexpr (2 * d < lanes<C>) total_lanes<C, 2 * d>(sums);
}

// sums[r][n] += Σ_k a[r a_row + k a_step] · b[k b_stride + n-th vector], for tile_rows rows and N vectors.
template <int N, class C>
static inline void multiply_tile(const C* a, int64_t a_row, int64_t a_step, const C* b, int64_t b_stride, int64_t K,
                                 Vector<C> (&sums)[tile_rows][N]) {
  for (int64_t k = 0; k < K; ++k, a += a_step, b += b_stride) {
    Vector<C> right[N];
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) right[n] = load(b + n * lanes<C>);
#pragma GCC unroll 8
    for (int64_t r = 0; r < tile_rows; ++r)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) sums[r][n] += right[n] * a[r * a_row];
  }
}

template <bool add, int N, class C>
static inline void multiply_columns(const C* a, int64_t a_row, int64_t a_step, const C* b, int64_t b_stride, int64_t K, C* c,
                                    int64_t c_stride) {
  Vector<C> sums[tile_rows][N];
#pragma GCC unroll 8
  for (int64_t r = 0; r < tile_rows; ++r)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) sums[r][n] = add ? load(c + r * c_stride + n * lanes<C>) : Vector<C>{};
  multiply_tile<N>(a, a_row, a_step, b, b_stride, K, sums);
#pragma GCC unroll 8
  for (int64_t r = 0; r < tile_rows; ++r)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) *reinterpret_cast<Vector<C>*>(c + r * c_stride + n * lanes<C>) = sums[r][n];
}

// c [tile_rows, columns] = a b, or += : a's element (r, k) at a[r a_row + k a_step], b [K, columns], columns whole vectors.
template <bool add, class C>
static inline void multiply_rows(const C* a, int64_t a_row, int64_t a_step, const C* b, int64_t b_stride, int64_t K, C* c, int64_t c_stride,
                                 int64_t columns) {
  int64_t j = 0;
  for (; j + 2 * lanes<C> <= columns; j += 2 * lanes<C>) multiply_columns<add, 2>(a, a_row, a_step, b + j, b_stride, K, c + j, c_stride);
  if (j < columns) multiply_columns<add, 1>(a, a_row, a_step, b + j, b_stride, K, c + j, c_stride);
}

}  // namespace hybrid::cpu::HYBRID_ISA
