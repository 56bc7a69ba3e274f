// Causal attention of one sequence and one key-value head. Queries, keys and values are turned and laid out for
// register tiles once; the scores exist for a few rows at a time, and backward recomputes them from the kept
// log-denominators. Tiles above the diagonal are not computed.
#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/rotary_math.h"
#include "cpu/kernels/tile.h"

namespace hybrid::cpu::HYBRID_ISA {
namespace {

// What the two directions share: sizes, and how a head's rows become panels. Rows from S to P and columns from E to
// W of a panel are zero, so that whole tiles can be computed.
template <class T>
struct Panels {
  using C = Compute<T>;
  const AttentionHead<T>& head;
  int64_t S, E, P, W;
  C scale;

  explicit Panels(const AttentionHead<T>& of)
      : head(of), S(of.length), E(of.head_dim), P(padded(S)), W(padded(E)), scale(C(1) / sqrt_of(C(E))) {}

  // Columns of scores that rows below `rows` see, in whole vectors.
  int64_t seen(int64_t rows) const {
    int64_t whole = (rows + lanes<C> - 1) / lanes<C> * lanes<C>;
    return whole < P ? whole : P;
  }

  void clear_padding(C* panel) const {
    for (int64_t i = 0; i < S; ++i)
      for (int64_t e = E; e < W; ++e) panel[i * W + e] = 0;
    for (int64_t at = S * W; at < P * W; ++at) panel[at] = 0;
  }

  // rows [S, stride] → panel [P, W], turned, times factor.
  void turned(const T* rows, int64_t stride, C factor, C* panel) const {
    for (int64_t i = 0; i < S; ++i) rotate(rows + i * stride, head.cos + i * (E / 2), head.sin + i * (E / 2), E, C(1), factor, panel + i * W);
    clear_padding(panel);
  }

  void copied(const T* rows, int64_t stride, C* panel) const {
    for (int64_t i = 0; i < S; ++i)
      for (int64_t e = 0; e < E; ++e) panel[i * W + e] = wide(rows[i * stride + e]);
    clear_padding(panel);
  }

  // panel [P, W] → [E, P].
  void transposed(const C* panel, C* to) const {
    for (int64_t i = 0; i < P; i += 16)
      for (int64_t e = 0; e < E; ++e)
        for (int64_t k = 0; k < 16; ++k) to[e * P + i + k] = panel[(i + k) * W + e];
  }

  // panel row i turned back → rows [S, stride].
  void turned_back(const C* row, int64_t i, C factor, T* to) const {
    rotate(row, head.cos + i * (E / 2), head.sin + i * (E / 2), E, C(-1), factor, to);
  }
};

}  // namespace

template <class T>
void attention_forward(const AttentionHead<T>& head, T* out, Compute<T>* scratch) {
  using C = Compute<T>;
  const Panels<T> panels(head);
  const int64_t S = panels.S, E = panels.E, P = panels.P, W = panels.W;
  C *queries = scratch, *keys = queries + P * W, *values = keys + E * P;  // [P,W], transposed [E,P], [P,W]
  C *scores = values + P * W, *sums = scores + tile_rows * P;             // [tile_rows,P], [tile_rows,W]
  panels.turned(head.k, head.kv_stride, C(1), queries);
  panels.transposed(queries, keys);
  panels.copied(head.v, head.kv_stride, values);
  for (int64_t g = 0; g < head.group; ++g) {
    panels.turned(head.q + g * E, head.q_stride, panels.scale, queries);
    for (int64_t first = 0; first < S; first += tile_rows) {
      const int64_t columns = panels.seen(first + tile_rows);
      const int64_t rows = S - first < tile_rows ? S - first : tile_rows;
      multiply_rows<false>(queries + first * W, W, 1, keys, P, E, scores, P, columns);
      for (int64_t r = 0; r < rows; ++r) {
        C* row = scores + r * P;
        const auto last = static_cast<int32_t>(first + r), width = static_cast<int32_t>(columns);
        C most = row[0], denominator = 0;
#pragma omp simd reduction(max : most)
        for (int32_t j = 0; j < width; ++j) most = j <= last && row[j] > most ? row[j] : most;
#pragma omp simd reduction(+ : denominator)
        for (int32_t j = 0; j < width; ++j) {
          row[j] = j <= last ? exp_of(row[j] - most) : C(0);
          denominator += row[j];
        }
        head.lse[(first + r) * head.lse_stride + g] = most + log_of(denominator);
        const C inverse = C(1) / denominator;
#pragma omp simd
        for (int32_t j = 0; j < width; ++j) row[j] *= inverse;
      }
      multiply_rows<false>(scores, P, 1, values, W, columns, sums, W, W);
      for (int64_t r = 0; r < rows; ++r) {
        T* to = out + (first + r) * head.q_stride + g * E;
#pragma omp simd
        for (int64_t e = 0; e < E; ++e) to[e] = narrow<T>(sums[r * W + e]);
      }
    }
  }
}

// With P the weights, s the scale and Δ_i = dO_i · O_i:  dS = P ∘ (dO Vᵀ − Δ),  dQ = s dS K,  dK = s dSᵀ Q,  dV = Pᵀ dO.
template <class T>
void attention_backward(const AttentionHead<T>& head, const T* out, const T* grad, T* grad_q, T* grad_k, T* grad_v, Compute<T>* scratch) {
  using C = Compute<T>;
  const Panels<T> panels(head);
  const int64_t S = panels.S, E = panels.E, P = panels.P, W = panels.W;
  C *keys = scratch, *keys_across = keys + P * W, *values_across = keys_across + P * W;  // [P,W], [E,P], [E,P]
  C *queries = values_across + P * W, *grads = queries + P * W;                          // [P,W]
  C *sum_k = grads + P * W, *sum_v = sum_k + P * W, *delta = sum_v + P * W;              // [P,W], [P,W], [P]
  C *weights = delta + P, *slopes = weights + (P < attention_block ? P : attention_block) * P;  // [block,P]
  C* sum_q = slopes + (P < attention_block ? P : attention_block) * P;                          // [tile_rows,W]

  panels.copied(head.v, head.kv_stride, queries);
  panels.transposed(queries, values_across);
  panels.turned(head.k, head.kv_stride, C(1), keys);
  panels.transposed(keys, keys_across);
  for (int64_t at = 0; at < P * W; ++at) sum_k[at] = sum_v[at] = 0;
  for (int64_t g = 0; g < head.group; ++g) {
    panels.turned(head.q + g * E, head.q_stride, panels.scale, queries);
    panels.copied(grad + g * E, head.q_stride, grads);
    for (int64_t i = 0; i < S; ++i) {
      const T* made = out + i * head.q_stride + g * E;
      C dot = 0;
#pragma omp simd reduction(+ : dot)
      for (int64_t e = 0; e < E; ++e) dot += grads[i * W + e] * wide(made[e]);
      delta[i] = dot;
    }
    for (int64_t begin = 0; begin < P; begin += attention_block) {
      const int64_t end = begin + attention_block < P ? begin + attention_block : P;
      for (int64_t first = begin; first < end; first += tile_rows) {
        const int64_t columns = panels.seen(first + tile_rows);
        C *p = weights + (first - begin) * P, *ds = slopes + (first - begin) * P;
        multiply_rows<false>(queries + first * W, W, 1, keys_across, P, E, p, P, columns);
        multiply_rows<false>(grads + first * W, W, 1, values_across, P, E, ds, P, columns);
        for (int64_t r = 0; r < tile_rows; ++r) {
          const int64_t i = first + r;
          // A row of padding sees nothing.
          const auto last = static_cast<int32_t>(i < S ? i : -1), width = static_cast<int32_t>(columns);
          const C lse = i < S ? head.lse[i * head.lse_stride + g] : C(0), shift = i < S ? delta[i] : C(0);
          C *row = p + r * P, *slope = ds + r * P;
#pragma omp simd
          for (int32_t j = 0; j < width; ++j) {
            row[j] = j <= last ? exp_of(row[j] - lse) : C(0);
            slope[j] = j <= last ? row[j] * (slope[j] - shift) : C(0);
          }
        }
        multiply_rows<false>(ds, P, 1, keys, W, columns, sum_q, W, W);
        for (int64_t r = 0; r < tile_rows && first + r < S; ++r)
          panels.turned_back(sum_q + r * W, first + r, panels.scale, grad_q + (first + r) * head.q_stride + g * E);
      }
      for (int64_t j = 0; j < end; j += tile_rows) {
        const int64_t skipped = j > begin ? j - begin : 0;  // rows above j do not see it
        const int64_t at = skipped * P + j, from = (begin + skipped) * W, rows = end - begin - skipped;
        multiply_rows<true>(weights + at, 1, P, grads + from, W, rows, sum_v + j * W, W, W);
        multiply_rows<true>(slopes + at, 1, P, queries + from, W, rows, sum_k + j * W, W, W);  // queries already hold s q
      }
    }
  }
  for (int64_t j = 0; j < S; ++j) {
    panels.turned_back(sum_k + j * W, j, C(1), grad_k + j * head.kv_stride);
    for (int64_t e = 0; e < E; ++e) grad_v[j * head.kv_stride + e] = narrow<T>(sum_v[j * W + e]);
  }
}

#define HYBRID_INSTANTIATE(T)                                                     \
  template void attention_forward(const AttentionHead<T>&, T*, Compute<T>*); \
  template void attention_backward(const AttentionHead<T>&, const T*, const T*, T*, T*, T*, Compute<T>*);
HYBRID_INSTANTIATE(float)
HYBRID_INSTANTIATE(double)
HYBRID_INSTANTIATE(bf16)
#undef HYBRID_INSTANTIATE

}  // namespace hybrid::cpu::HYBRID_ISA
