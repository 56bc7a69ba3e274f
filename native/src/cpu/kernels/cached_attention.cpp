// Attention of a few new rows of one sequence and one key-value head to cached keys and values, in one pass over them: block by
// block, with a softmax whose maximum and denominator follow. A block is read where it lies if it holds what is computed in and
// whole vectors, and else widened into scratch.
#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/rotary_math.h"
#include "cpu/kernels/tile.h"

namespace hybrid::cpu::HYBRID_ISA {
namespace {

template <class C>
inline int64_t whole_vectors(int64_t n) {
  return (n + lanes<C> - 1) / lanes<C> * lanes<C>;
}

template <class C>
struct Block {
  const C* rows;
  int64_t stride;
};

// Rows [count, E] of the cache as whole vectors of columns and of rows; what is added is zero.
template <class T>
inline Block<Compute<T>> widened(const T* rows, int64_t stride, int64_t count, int64_t E, Compute<T>* copy) {
  using C = Compute<T>;
  if constexpr (std::is_same_v<T, C>)
    if (E % lanes<C> == 0 && count % lanes<C> == 0) return {rows, stride};
  const int64_t W = padded(E);
  for (int64_t j = 0; j < count; ++j) {
    const T* from = rows + j * stride;
    C* to = copy + j * W;
#pragma omp simd
    for (int64_t e = 0; e < E; ++e) to[e] = wide(from[e]);
    for (int64_t e = E; e < W; ++e) to[e] = 0;
  }
  for (int64_t at = count * W; at < whole_vectors<C>(count) * W; ++at) copy[at] = 0;
  return {copy, W};
}

// Asks for rows first .. last-1 in time. A head's rows lie far apart, which the CPU does not foresee.
template <class T>
inline void fetch(const T* rows, int64_t stride, int64_t first, int64_t last, int64_t E) {
  constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(T));
  for (int64_t j = first; j < last; ++j)
    for (int64_t e = 0; e < E; e += line) __builtin_prefetch(rows + j * stride + e, 0, 2);
}

// One query times as many keys as a vector has lanes.
template <class C>
inline Vector<C> scores_of(const C* query, const C* keys, int64_t stride, int64_t columns) {
  Vector<C> sums[lanes<C>] = {};
  for (int64_t e = 0; e < columns; e += lanes<C>) {
    const Vector<C> left = load(query + e);
#pragma GCC unroll 16
    for (int64_t k = 0; k < lanes<C>; ++k) sums[k] += left * load(keys + k * stride + e);
  }
  total_lanes<C>(sums);
  return sums[0];
}

// sums [rows, N vectors] += weights [rows, count] values [count, ..].
template <int rows, int N, class C>
inline void add_tile(const C* weights, const C* values, int64_t stride, int64_t count, C* sums, int64_t W) {
  Vector<C> tile[rows][N];
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) tile[r][n] = load(sums + r * W + n * lanes<C>);
  for (int64_t j = 0; j < count; ++j, values += stride) {
    Vector<C> right[N];
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) right[n] = load(values + n * lanes<C>);
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) tile[r][n] += right[n] * weights[r * cached_block + j];
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) store(sums + r * W + n * lanes<C>, tile[r][n]);
}

template <int rows, class C>
inline void add_rows(const C* weights, Block<C> values, int64_t count, int64_t columns, C* sums, int64_t W) {
  constexpr int wide_tile = tile_rows == 8 ? 4 : 2;  // so many vectors, times four rows, as there are registers for
  int64_t e = 0;
  for (; e + wide_tile * lanes<C> <= columns; e += wide_tile * lanes<C>)
    add_tile<rows, wide_tile>(weights, values.rows + e, values.stride, count, sums + e, W);
  for (; e < columns; e += lanes<C>) add_tile<rows, 1>(weights, values.rows + e, values.stride, count, sums + e, W);
}

// Scores of `count` keys, of which the row sees the first `visible`, become weights under the maximum so far; what was summed
// under a smaller one shrinks.
template <class C>
inline void weigh(C* row, int64_t visible, int64_t count, int64_t W, C& most, C& denominator, C* sums) {
  const auto seen = static_cast<int32_t>(visible < 0 ? 0 : visible < count ? visible : count);
  C largest = most, total = 0;
#pragma omp simd reduction(max : largest)
  for (int32_t j = 0; j < seen; ++j) largest = row[j] > largest ? row[j] : largest;
#pragma omp simd reduction(+ : total)
  for (int32_t j = 0; j < seen; ++j) {
    row[j] = exp_of(row[j] - largest);
    total += row[j];
  }
  for (int64_t j = seen; j < count; ++j) row[j] = 0;
  if (largest > most) {
    const C factor = exp_of(most - largest);
    denominator *= factor;
#pragma omp simd
    for (int64_t e = 0; e < W; ++e) sums[e] *= factor;
    most = largest;
  }
  denominator += total;
}

}  // namespace

template <class T>
void cache_row(const T* k, const T* v, const Compute<T>* cos, const Compute<T>* sin, int64_t kv_heads, int64_t E, T* keys, T* values) {
  for (int64_t at = 0; at < kv_heads * E; at += E) rotate(k + at, cos, sin, E, Compute<T>(1), Compute<T>(1), keys + at);
  for (int64_t at = 0; at < kv_heads * E; ++at) values[at] = v[at];
}

template <class T>
void cached_attention_piece(const CachedHead<T>& head, int64_t begin, int64_t end, Compute<T>* partial, Compute<T>* scratch) {
  using C = Compute<T>;
  const int64_t E = head.head_dim, W = padded(E), columns = whole_vectors<C>(E), rows = head.rows * head.group;
  C *queries = scratch, *scores = queries + rows * W, *copy = scores + rows * cached_block;  // [rows,W], [rows,block], [block,W]
  C *most = partial, *denominators = most + rows, *sums = denominators + rows;               // [rows], [rows], [rows,W]
  const C scale = C(1) / sqrt_of(C(E));
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t i = r / head.group, g = r % head.group;
    C* query = queries + r * W;
    rotate(head.q + i * head.q_stride + g * E, head.cos + i * (E / 2), head.sin + i * (E / 2), E, C(1), scale, query);
    for (int64_t e = E; e < W; ++e) query[e] = 0;
    most[r] = -C(__builtin_inf());
    denominators[r] = 0;
  }
  for (int64_t at = 0; at < rows * W; ++at) sums[at] = 0;

  for (int64_t first = begin; first < end; first += cached_block) {
    const int64_t count = end - first < cached_block ? end - first : cached_block, at = first * head.cache_stride;
    const int64_t ahead = end - first - count < cached_block ? end - first - count : cached_block, next = at + count * head.cache_stride;
    const Block<C> keys = widened(head.keys + at, head.cache_stride, count, E, copy);
    for (int64_t r = 0; r < rows; ++r) {
      C* row = scores + r * cached_block;
      const int64_t part = ahead * r / rows, rest = ahead * (r + 1) / rows;
      fetch(head.keys + next, head.cache_stride, part, rest, E);
      fetch(head.values + next, head.cache_stride, part, rest, E);
      for (int64_t j = 0; j < count; j += lanes<C>)
        store(row + j, scores_of(queries + r * W, keys.rows + j * keys.stride, keys.stride, columns));
      weigh(row, head.past + r / head.group + 1 - first, count, W, most[r], denominators[r], sums + r * W);
    }
    const Block<C> values = widened(head.values + at, head.cache_stride, count, E, copy);
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) add_rows<4>(scores + r * cached_block, values, count, columns, sums + r * W, W);
    if (r + 2 <= rows) {
      add_rows<2>(scores + r * cached_block, values, count, columns, sums + r * W, W);
      r += 2;
    }
    if (r < rows) add_rows<1>(scores + r * cached_block, values, count, columns, sums + r * W, W);
  }
}

template <class T>
void cached_attention_join(const CachedHead<T>& head, Compute<T>* partials, int64_t pieces, T* out) {
  using C = Compute<T>;
  const int64_t E = head.head_dim, W = padded(E), rows = head.rows * head.group, size = cached_attention_partial(rows, E);
  for (int64_t r = 0; r < rows; ++r) {
    C most = partials[r], denominator = 0;
    for (int64_t p = 1; p < pieces; ++p) most = partials[p * size + r] > most ? partials[p * size + r] : most;
    C* sums = partials + 2 * rows + r * W;  // the first piece's, which the others' are added to
    for (int64_t p = 0; p < pieces; ++p) {
      const C factor = exp_of(partials[p * size + r] - most), *others = sums + p * size;
      denominator += factor * partials[p * size + rows + r];
#pragma omp simd
      for (int64_t e = 0; e < E; ++e) sums[e] = p == 0 ? factor * sums[e] : sums[e] + factor * others[e];
    }
    const C inverse = C(1) / denominator;
    T* to = out + r / head.group * head.q_stride + r % head.group * E;
#pragma omp simd
    for (int64_t e = 0; e < E; ++e) to[e] = narrow<T>(sums[e] * inverse);
  }
}

#define HYBRID_INSTANTIATE(T)                                                                                  \
  template void cache_row(const T*, const T*, const Compute<T>*, const Compute<T>*, int64_t, int64_t, T*, T*); \
  template void cached_attention_piece(const CachedHead<T>&, int64_t, int64_t, Compute<T>*, Compute<T>*);      \
  template void cached_attention_join(const CachedHead<T>&, Compute<T>*, int64_t, T*);
HYBRID_INSTANTIATE(float)
HYBRID_INSTANTIATE(double)
HYBRID_INSTANTIATE(bf16)
#undef HYBRID_INSTANTIATE

}  // namespace hybrid::cpu::HYBRID_ISA
