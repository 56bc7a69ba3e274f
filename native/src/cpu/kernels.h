// The hand-written CPU kernels as a table of functions over raw row-major memory. Each source in kernels/ is
// compiled once per instruction set; dispatch.cpp picks a table. No kernel allocates, throws or makes threads:
// callers split the work and own the scratch memory.
// Letters: D hidden, E head dimension, F feed-forward, V vocabulary, S sequence, I and O a linear layer's in and out.
#pragma once

#include <cstdint>

namespace hybrid::cpu {

// A bfloat16 as it lies in memory: the upper half of a float.
struct bf16 {
  uint16_t bits;
};

// The type that a kernel over elements of T computes, sums and keeps its statistics in.
template <class T>
struct ComputeType {
  using type = T;
};
template <>
struct ComputeType<bf16> {
  using type = float;
};
template <class T>
using Compute = typename ComputeType<T>::type;

// Rows of the score matrix that backward holds at a time.
constexpr int64_t attention_block = 64;
// Rows of the cache whose scores exist at a time.
constexpr int64_t cached_block = 64;

// One sequence and one key-value head of attention. Rows of q and out are q_stride apart, of k and v kv_stride;
// the pointers stand at the head's first column. group query heads share the key-value head.
template <class T>
struct AttentionHead {
  int64_t length, head_dim, group, q_stride, kv_stride;
  const T *q, *k, *v;
  const Compute<T>*cos, *sin;  // [S, E/2]
  Compute<T>* lse;             // log of each row's softmax denominator: lse[row * lse_stride + head]
  int64_t lse_stride;
};

// New rows of one sequence and one key-value head over the rows that the cache has, the new ones included. Rows of q are q_stride
// apart, of the cache cache_stride; the pointers stand at the head's first column, cos and sin [rows, E/2] at the first new row.
template <class T>
struct CachedHead {
  int64_t past, rows, head_dim, group, q_stride, cache_stride;
  const T *q, *keys, *values;
  const Compute<T>*cos, *sin;
};

// T is the element type of activations, weights and their gradients; C what is computed in.
template <class T, class C = Compute<T>>
struct Kernels {
  void (*rms_norm_forward)(const T* x, const T* weight, C epsilon, int64_t rows, int64_t D, T* out, C* inverse_rms);
  // grad_x may be null; grad_weight [D] is added to, and may be null.
  void (*rms_norm_backward)(const T* x, const T* weight, const C* inverse_rms, const T* grad, int64_t rows, int64_t D, T* grad_x,
                            C* grad_weight);

  void (*swiglu_forward)(const T* gate, const T* up, int64_t n, T* out);
  void (*swiglu_backward)(const T* gate, const T* up, const T* grad, int64_t n, T* grad_gate, T* grad_up);

  // scratch: attention_forward_scratch(S, E) elements.
  void (*attention_forward)(const AttentionHead<T>& head, T* out, C* scratch);
  // scratch: attention_backward_scratch(S, E) elements. Gradients are written, not added.
  void (*attention_backward)(const AttentionHead<T>& head, const T* out, const T* grad, T* grad_q, T* grad_k, T* grad_v, C* scratch);

  // One row of k and v, both [K*E], into the cache: k turned by cos and sin [E/2].
  void (*cache_row)(const T* k, const T* v, const C* cos, const C* sin, int64_t kv_heads, int64_t E, T* keys, T* values);
  // Attention to rows begin .. end-1 of the cache alone, not yet divided: partial has cached_attention_partial elements for this
  // head, scratch cached_attention_scratch.
  void (*cached_attention_piece)(const CachedHead<T>& head, int64_t begin, int64_t end, C* partial, C* scratch);
  // The pieces' partials, one behind the other and spent by this, as rows of out, which lie as q's do.
  void (*cached_attention_join)(const CachedHead<T>& head, C* partials, int64_t pieces, T* out);

  // x [rows,I] in C, for few_rows_product: few_rows_width(rows, I) elements. I and O must be at least few_rows_least.
  void (*few_rows_widen)(const T* x, int64_t rows, int64_t I, C* to);
  // Columns first .. last-1 of x weightᵀ [rows,O], weight [O,I]; into wide_out where it is not null, else into out.
  void (*few_rows_product)(const C* x, int64_t rows, const T* weight, int64_t I, int64_t first, int64_t last, int64_t O, T* out,
                           C* wide_out);

  // logits [rows,V] → nll and log-denominators.
  void (*nll_forward)(const C* logits, const int64_t* targets, int64_t rows, int64_t V, C* nll, C* lse);
  // d loss / d logits; grad_logits may be logits.
  void (*nll_backward)(const C* logits, const int64_t* targets, const C* lse, const C* grad, int64_t rows, int64_t V, T* grad_logits);

  // Σ |Gᵀ A| for the first O columns of G [S, grad_columns] and A [S,I]. scratch: gradient_l1_scratch(S, O) elements.
  double (*gradient_l1)(const T* grad, int64_t grad_columns, const T* input, int64_t S, int64_t O, int64_t I, C* scratch);
  // Σ |Σ_s grad ∘ x · inverse_rms| for grad and x [S,D]: the same for an RMSNorm weight. scratch: D elements.
  double (*norm_gradient_l1)(const T* grad, const T* x, const C* inverse_rms, int64_t S, int64_t D, C* scratch);

  // out [D] = Σ of the n rows of [.., D] at positions. scratch: D elements.
  void (*sum_rows)(const T* rows, const int64_t* positions, int64_t n, int64_t D, T* out, C* scratch);

  // master is the weight in C, of which p is a rounding; where T is C, it is p.
  void (*lion)(T* p, const T* g, C* master, C* m, int64_t n, C rate, C beta1, C beta2, C decay);
  // rate and the two corrections as the caller derived them from the step count.
  void (*adamw)(T* p, const T* g, C* master, C* m, C* v, int64_t n, C rate, C beta1, C beta2, C epsilon, C decay, C correction1,
                C correction2);
  void (*sgd)(T* p, const T* g, C* master, int64_t n, C rate, C decay);
};

// Optimizer steps on elements begin .. end-1 of tensors that are bfloat16 throughout: computed in float, and weights and states
// rounded stochastically by the noise of this tensor in this step (stochastic_rounding.h).
struct RoundedKernels {
  void (*lion)(bf16* p, const bf16* g, bf16* m, uint64_t noise, int64_t begin, int64_t end, float rate, float beta1, float beta2,
               float decay);
  void (*adamw)(bf16* p, const bf16* g, bf16* m, bf16* v, uint64_t noise, int64_t begin, int64_t end, float rate, float beta1, float beta2,
                float epsilon, float decay, float correction1, float correction2);
  void (*sgd)(bf16* p, const bf16* g, uint64_t noise, int64_t begin, int64_t end, float rate, float decay);
};

// Matrices in scratch are padded to whole tiles of any instruction set.
inline int64_t padded(int64_t n) { return (n + 15) / 16 * 16; }
inline int64_t attention_forward_scratch(int64_t S, int64_t E) {
  int64_t rows = padded(S), width = padded(E);
  return 3 * rows * width + 16 * (rows + width);
}
inline int64_t attention_backward_scratch(int64_t S, int64_t E) {
  int64_t rows = padded(S), width = padded(E), block = rows < attention_block ? rows : attention_block;
  return 7 * rows * width + 2 * block * rows + 16 * width + rows;
}
// rows: new ones, times the query heads that share the key-value head. A partial is a maximum, a denominator and sums for each.
inline int64_t cached_attention_partial(int64_t rows, int64_t E) { return rows * (padded(E) + 2); }
inline int64_t cached_attention_scratch(int64_t rows, int64_t E) { return rows * (padded(E) + cached_block) + cached_block * padded(E); }
constexpr int64_t few_rows_least = 16;
inline int64_t few_rows_width(int64_t rows, int64_t I) { return rows * padded(I); }
inline int64_t gradient_l1_scratch(int64_t S, int64_t O) { return (S + 1) * (padded(O) + 64); }

}  // namespace hybrid::cpu
