// Causal attention of one sequence and one key-value head, rows of the score matrix one at a time: the scores never
// exist as a matrix, and backward recomputes them from the kept log-denominators.
#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {
namespace {

// Rotary embedding in Hugging Face's halves layout: (j, j + E/2) turns by the row's angle j. direction −1 turns back.
template <class T>
inline void rotate(const T* from, const T* cos, const T* sin, int64_t E, T direction, T scale, T* to) {
  int64_t half = E / 2;
#pragma omp simd
  for (int64_t j = 0; j < half; ++j) {
    T a = from[j], b = from[j + half], s = direction * sin[j];
    to[j] = scale * (a * cos[j] - b * s);
    to[j + half] = scale * (b * cos[j] + a * s);
  }
}

// scores[0..n) = row · columns, where columns is [E, S] transposed keys or values.
template <class T>
inline void dot_columns(const T* row, const T* columns, int64_t E, int64_t S, int64_t n, T* scores) {
#pragma omp simd
  for (int64_t j = 0; j < n; ++j) scores[j] = row[0] * columns[j];
  for (int64_t e = 1; e < E; ++e) {
    const T value = row[e];
    const T* column = columns + e * S;
#pragma omp simd
    for (int64_t j = 0; j < n; ++j) scores[j] += value * column[j];
  }
}

// out[0..E) = Σ_j weights[j] rows[j].
template <class T>
inline void combine_rows(const T* weights, const T* rows, int64_t stride, int64_t n, int64_t E, T* out) {
#pragma omp simd
  for (int64_t e = 0; e < E; ++e) out[e] = weights[0] * rows[e];
  for (int64_t j = 1; j < n; ++j) {
    const T weight = weights[j];
    const T* row = rows + j * stride;
#pragma omp simd
    for (int64_t e = 0; e < E; ++e) out[e] += weight * row[e];
  }
}

template <class T>
inline void add_scaled(T scale, const T* row, int64_t E, T* out) {
#pragma omp simd
  for (int64_t e = 0; e < E; ++e) out[e] += scale * row[e];
}

template <class T>
inline T inverse_sqrt(int64_t E) {
  return T(1) / sqrt_of(T(E));
}

}  // namespace

template <class T>
void attention_forward(const AttentionHead<T>& head, T* out, T* scratch) {
  const int64_t S = head.length, E = head.head_dim, half = E / 2;
  T *keys = scratch, *scores = keys + E * S, *row = scores + S;  // keys [E,S], scores [S], row [E]
  for (int64_t j = 0; j < S; ++j) {
    rotate(head.k + j * head.kv_stride, head.cos + j * half, head.sin + j * half, E, T(1), T(1), row);
    for (int64_t e = 0; e < E; ++e) keys[e * S + j] = row[e];
  }
  const T scale = inverse_sqrt<T>(E);
  for (int64_t g = 0; g < head.group; ++g) {
    for (int64_t i = 0; i < S; ++i) {
      const int64_t n = i + 1;
      rotate(head.q + i * head.q_stride + g * E, head.cos + i * half, head.sin + i * half, E, T(1), scale, row);
      dot_columns(row, keys, E, S, n, scores);
      T most = scores[0];
#pragma omp simd reduction(max : most)
      for (int64_t j = 0; j < n; ++j) most = scores[j] > most ? scores[j] : most;
      T sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t j = 0; j < n; ++j) {
        scores[j] = exp_of(scores[j] - most);
        sum += scores[j];
      }
      T* to = out + i * head.q_stride + g * E;
      combine_rows(scores, head.v, head.kv_stride, n, E, to);
      const T inverse = T(1) / sum;
#pragma omp simd
      for (int64_t e = 0; e < E; ++e) to[e] *= inverse;
      head.lse[i * head.lse_stride + g] = most + log_of(sum);
    }
  }
}

// P = softmax(Q Kᵀ s): dV = Pᵀ dO, dP = dO Vᵀ, dS = P ∘ (dP − rowsum(dO ∘ O)), dQ = s dS K, dK = s dSᵀ Q.
template <class T>
void attention_backward(const AttentionHead<T>& head, const T* out, const T* grad, T* grad_q, T* grad_k, T* grad_v, T* scratch) {
  const int64_t S = head.length, E = head.head_dim, half = E / 2;
  T *keys = scratch, *key_rows = keys + E * S, *values = key_rows + E * S;  // [E,S], [S,E], [E,S]
  T *sum_k = values + E * S, *sum_v = sum_k + E * S;                        // [S,E] each
  T *p = sum_v + E * S, *dp = p + S, *row = dp + S, *turned = row + E;      // [S], [S], [E], [E]
  for (int64_t j = 0; j < S; ++j) {
    T* key = key_rows + j * E;
    rotate(head.k + j * head.kv_stride, head.cos + j * half, head.sin + j * half, E, T(1), T(1), key);
    for (int64_t e = 0; e < E; ++e) {
      keys[e * S + j] = key[e];
      values[e * S + j] = head.v[j * head.kv_stride + e];
      sum_k[j * E + e] = 0;
      sum_v[j * E + e] = 0;
    }
  }
  const T scale = inverse_sqrt<T>(E);
  for (int64_t g = 0; g < head.group; ++g) {
    for (int64_t i = 0; i < S; ++i) {
      const int64_t n = i + 1, at = i * head.q_stride + g * E;
      rotate(head.q + at, head.cos + i * half, head.sin + i * half, E, T(1), scale, row);
      dot_columns(row, keys, E, S, n, p);
      dot_columns(grad + at, values, E, S, n, dp);
      T delta = 0;
#pragma omp simd reduction(+ : delta)
      for (int64_t e = 0; e < E; ++e) delta += grad[at + e] * out[at + e];
      const T lse = head.lse[i * head.lse_stride + g];
#pragma omp simd
      for (int64_t j = 0; j < n; ++j) {
        p[j] = exp_of(p[j] - lse);
        dp[j] = p[j] * (dp[j] - delta);
      }
      for (int64_t j = 0; j < n; ++j) {
        add_scaled(p[j], grad + at, E, sum_v + j * E);
        add_scaled(dp[j], row, E, sum_k + j * E);  // row already holds s q
      }
      combine_rows(dp, key_rows, E, n, E, turned);
      rotate(turned, head.cos + i * half, head.sin + i * half, E, T(-1), scale, grad_q + at);
    }
  }
  for (int64_t j = 0; j < S; ++j) {
    rotate(sum_k + j * E, head.cos + j * half, head.sin + j * half, E, T(-1), T(1), grad_k + j * head.kv_stride);
    for (int64_t e = 0; e < E; ++e) grad_v[j * head.kv_stride + e] = sum_v[j * E + e];
  }
}

template void attention_forward(const AttentionHead<float>&, float*, float*);
template void attention_forward(const AttentionHead<double>&, double*, double*);
template void attention_backward(const AttentionHead<float>&, const float*, const float*, float*, float*, float*, float*);
template void attention_backward(const AttentionHead<double>&, const double*, const double*, double*, double*, double*, double*);

}  // namespace hybrid::cpu::HYBRID_ISA
