// Σ |Gᵀ A| without the product ever existing: each tile of it lives in registers while its rows are summed, and is
// then reduced to one vector.
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/tile.h"

namespace hybrid::cpu::HYBRID_ISA {
namespace {

// Columns [start, start + width) of matrix [S, stride] as panel [S, width], zeros from column `end` on.
template <int64_t width, class T>
inline void pack(const T* matrix, int64_t S, int64_t stride, int64_t start, int64_t end, Compute<T>* panel) {
  const T* from = matrix + start;
  if (end - start >= width) {
    for (int64_t s = 0; s < S; ++s, from += stride, panel += width)
      for (int64_t c = 0; c < width; ++c) panel[c] = wide(from[c]);
    return;
  }
  for (int64_t s = 0; s < S; ++s, from += stride, panel += width) {
    for (int64_t c = 0; c < end - start; ++c) panel[c] = wide(from[c]);
    for (int64_t c = end - start; c < width; ++c) panel[c] = 0;
  }
}

template <class C>
inline Vector<C> absolute(Vector<C> v) {
  return v < 0 ? -v : v;
}

template <class C>
inline double sum_lanes(Vector<C> v) {
  double sum = 0;
  for (int64_t lane = 0; lane < lanes<C>; ++lane) sum += static_cast<double>(v[lane]);
  return sum;
}

template <class T>
double by_panels(const T* grad, int64_t grad_columns, const T* input, int64_t S, int64_t O, int64_t I, Compute<T>* scratch) {
  using C = Compute<T>;
  constexpr int64_t tile_columns = 2 * lanes<C>;
  const int64_t tiles = (O + tile_rows - 1) / tile_rows;
  C* grads = scratch;                        // [tiles, S, tile_rows]
  C* inputs = grads + tiles * S * tile_rows;  // [S, tile_columns]
  for (int64_t tile = 0; tile < tiles; ++tile)
    pack<tile_rows>(grad, S, grad_columns, tile * tile_rows, O, grads + tile * S * tile_rows);
  double sum = 0;
  for (int64_t column = 0; column < I; column += tile_columns) {
    pack<tile_columns>(input, S, I, column, I, inputs);
    Vector<C> total = {};
    for (int64_t tile = 0; tile < tiles; ++tile) {
      Vector<C> sums[tile_rows][2] = {};
      multiply_tile<2>(grads + tile * S * tile_rows, 1, tile_rows, inputs, tile_columns, S, sums);
#pragma GCC unroll 8
      for (int64_t r = 0; r < tile_rows; ++r) total += absolute<C>(sums[r][0]) + absolute<C>(sums[r][1]);
    }
    sum += sum_lanes<C>(total);
  }
  return sum;
}

#if defined(__AVX512BF16__)
// Two rows of a matrix side by side, as vdpbf16ps takes them: panel[c] = rows 2p and 2p + 1 of column c.
template <int64_t width>
inline void pack_pairs(const bf16* matrix, int64_t S, int64_t stride, int64_t start, int64_t end, uint32_t* panel) {
  const bf16* from = matrix + start;
  const int64_t real = end - start < width ? end - start : width;
  for (int64_t s = 0; s < S; s += 2, from += 2 * stride, panel += width) {
    const bf16* next = from + stride;
    const bool both = s + 1 < S;
    if (both && real == width) {
      for (int64_t c = 0; c < width; ++c) panel[c] = from[c].bits | static_cast<uint32_t>(next[c].bits) << 16;
      continue;
    }
    for (int64_t c = 0; c < real; ++c) panel[c] = from[c].bits | static_cast<uint32_t>(both ? next[c].bits : 0) << 16;
    for (int64_t c = real; c < width; ++c) panel[c] = 0;
  }
}

inline __m512bh as_pairs(__m512i bits) { return __builtin_bit_cast(__m512bh, bits); }

// Products of bfloat16 pairs, summed in float.
double by_pairs(const bf16* grad, int64_t grad_columns, const bf16* input, int64_t S, int64_t O, int64_t I, float* scratch) {
  constexpr int64_t tile_columns = 32;
  const int64_t tiles = (O + tile_rows - 1) / tile_rows, pairs = (S + 1) / 2;
  auto* grads = reinterpret_cast<uint32_t*>(scratch);  // [tiles, pairs, tile_rows]
  uint32_t* inputs = grads + tiles * pairs * tile_rows;  // [pairs, tile_columns]
  for (int64_t tile = 0; tile < tiles; ++tile)
    pack_pairs<tile_rows>(grad, S, grad_columns, tile * tile_rows, O, grads + tile * pairs * tile_rows);
  double sum = 0;
  for (int64_t column = 0; column < I; column += tile_columns) {
    pack_pairs<tile_columns>(input, S, I, column, I, inputs);
    __m512 total = _mm512_setzero_ps();
    for (int64_t tile = 0; tile < tiles; ++tile) {
      __m512 sums[tile_rows][2];
#pragma GCC unroll 8
      for (int64_t r = 0; r < tile_rows; ++r) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
      const uint32_t *g = grads + tile * pairs * tile_rows, *a = inputs;
      for (int64_t p = 0; p < pairs; ++p, g += tile_rows, a += tile_columns) {
        const __m512bh left = as_pairs(_mm512_loadu_si512(a)), right = as_pairs(_mm512_loadu_si512(a + 16));
#pragma GCC unroll 8
        for (int64_t r = 0; r < tile_rows; ++r) {
          const __m512bh both = as_pairs(_mm512_set1_epi32(static_cast<int>(g[r])));
          sums[r][0] = _mm512_dpbf16_ps(sums[r][0], both, left);
          sums[r][1] = _mm512_dpbf16_ps(sums[r][1], both, right);
        }
      }
#pragma GCC unroll 8
      for (int64_t r = 0; r < tile_rows; ++r) total += _mm512_abs_ps(sums[r][0]) + _mm512_abs_ps(sums[r][1]);
    }
    sum += sum_lanes<float>(__builtin_bit_cast(Vector<float>, total));
  }
  return sum;
}
#endif

}  // namespace

template <class T>
double gradient_l1(const T* grad, int64_t grad_columns, const T* input, int64_t S, int64_t O, int64_t I, Compute<T>* scratch) {
#if defined(__AVX512BF16__)
  if constexpr (std::is_same_v<T, bf16>) return by_pairs(grad, grad_columns, input, S, O, I, scratch);
#endif
  return by_panels(grad, grad_columns, input, S, O, I, scratch);
}

template double gradient_l1(const float*, int64_t, const float*, int64_t, int64_t, int64_t, float*);
template double gradient_l1(const double*, int64_t, const double*, int64_t, int64_t, int64_t, double*);
template double gradient_l1(const bf16*, int64_t, const bf16*, int64_t, int64_t, int64_t, float*);

}  // namespace hybrid::cpu::HYBRID_ISA
