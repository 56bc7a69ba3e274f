// Σ |Gᵀ A| without the product ever existing: each tile of it lives in registers while its rows are summed, and is
// then reduced to one number.
#include "cpu/kernels/kernel_list.h"

namespace hybrid::cpu::HYBRID_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int64_t vector_bytes = 64, tile_rows = 8;
#elif defined(__AVX2__)
constexpr int64_t vector_bytes = 32, tile_rows = 4;
#else
constexpr int64_t vector_bytes = 16, tile_rows = 4;
#endif

template <class T>
struct Vector {
  typedef T type __attribute__((vector_size(vector_bytes), aligned(sizeof(T)), may_alias));
  static constexpr int64_t lanes = vector_bytes / static_cast<int64_t>(sizeof(T));
};

// Copies columns [start, start + width) of matrix [S, columns] into panel [S, width], zeros beyond the last column.
template <class T>
inline void pack(const T* matrix, int64_t S, int64_t columns, int64_t start, int64_t width, T* panel) {
  int64_t real = columns - start < width ? columns - start : width;
  for (int64_t s = 0; s < S; ++s) {
    const T* from = matrix + s * columns + start;
    for (int64_t c = 0; c < real; ++c) panel[s * width + c] = from[c];
    for (int64_t c = real; c < width; ++c) panel[s * width + c] = 0;
  }
}

// One tile: grads [S, tile_rows] and inputs [S, 2 vectors]. Σ |gradsᵀ inputs|.
template <class T>
inline double tile_l1(const T* grads, const T* inputs, int64_t S) {
  using V = typename Vector<T>::type;
  constexpr int64_t lanes = Vector<T>::lanes;
  V left[tile_rows] = {}, right[tile_rows] = {};
  for (int64_t s = 0; s < S; ++s) {
    const V a = *reinterpret_cast<const V*>(inputs + s * 2 * lanes);
    const V b = *reinterpret_cast<const V*>(inputs + s * 2 * lanes + lanes);
    const T* g = grads + s * tile_rows;
#pragma GCC unroll 8
    for (int64_t r = 0; r < tile_rows; ++r) {
      left[r] += a * g[r];
      right[r] += b * g[r];
    }
  }
  V total = {};
#pragma GCC unroll 8
  for (int64_t r = 0; r < tile_rows; ++r) {
    total += left[r] < 0 ? -left[r] : left[r];
    total += right[r] < 0 ? -right[r] : right[r];
  }
  double sum = 0;
  for (int64_t lane = 0; lane < lanes; ++lane) sum += static_cast<double>(total[lane]);
  return sum;
}

}  // namespace

template <class T>
double gradient_l1(const T* grad, const T* input, int64_t S, int64_t O, int64_t I, T* scratch) {
  constexpr int64_t tile_columns = 2 * Vector<T>::lanes;
  const int64_t row_tiles = (O + tile_rows - 1) / tile_rows;
  T* grads = scratch;                             // [row_tiles, S, tile_rows]
  T* inputs = grads + row_tiles * S * tile_rows;  // [S, tile_columns]
  for (int64_t tile = 0; tile < row_tiles; ++tile) pack(grad, S, O, tile * tile_rows, tile_rows, grads + tile * S * tile_rows);
  double sum = 0;
  for (int64_t column = 0; column < I; column += tile_columns) {
    pack(input, S, I, column, tile_columns, inputs);
    for (int64_t tile = 0; tile < row_tiles; ++tile) sum += tile_l1(grads + tile * S * tile_rows, inputs, S);
  }
  return sum;
}

template double gradient_l1(const float*, const float*, int64_t, int64_t, int64_t, float*);
template double gradient_l1(const double*, const double*, int64_t, int64_t, int64_t, double*);

}  // namespace hybrid::cpu::HYBRID_ISA
