// The hand-written CPU kernels as a table of functions over raw row-major memory. Each source in kernels/ is
// compiled once per instruction set; dispatch.cpp picks a table. No kernel allocates, throws or makes threads:
// callers split the work and own the scratch memory.
// Letters: D hidden, E head dimension, F feed-forward, V vocabulary, S sequence, I and O a linear layer's in and out.
#pragma once

#include <cstdint>

namespace hybrid::cpu {

// One sequence and one key-value head of attention. Rows of q and out are q_stride apart, of k and v kv_stride;
// the pointers stand at the head's first column. group query heads share the key-value head.
template <class T>
struct AttentionHead {
  int64_t length, head_dim, group, q_stride, kv_stride;
  const T *q, *k, *v;
  const T *cos, *sin;  // [S, E/2]
  T* lse;              // log of each row's softmax denominator: lse[row * lse_stride + head]
  int64_t lse_stride;
};

template <class T>
struct Kernels {
  void (*rms_norm_forward)(const T* x, const T* weight, T epsilon, int64_t rows, int64_t D, T* out, T* inverse_rms);
  // grad_x may be null; grad_weight [D] is added to, and may be null.
  void (*rms_norm_backward)(const T* x, const T* weight, const T* inverse_rms, const T* grad, int64_t rows, int64_t D, T* grad_x,
                            T* grad_weight);

  void (*swiglu_forward)(const T* gate, const T* up, int64_t n, T* out);
  void (*swiglu_backward)(const T* gate, const T* up, const T* grad, int64_t n, T* grad_gate, T* grad_up);

  // scratch: attention_forward_scratch(S, E) elements.
  void (*attention_forward)(const AttentionHead<T>& head, T* out, T* scratch);
  // scratch: attention_backward_scratch(S, E) elements. Gradients are written, not added.
  void (*attention_backward)(const AttentionHead<T>& head, const T* out, const T* grad, T* grad_q, T* grad_k, T* grad_v, T* scratch);

  // logits [rows,V] → nll and log-denominators.
  void (*nll_forward)(const T* logits, const int64_t* targets, int64_t rows, int64_t V, T* nll, T* lse);
  // In place: logits become d loss / d logits.
  void (*nll_backward)(T* logits, const int64_t* targets, const T* lse, const T* grad, int64_t rows, int64_t V);

  // Σ |Gᵀ A| for G [S,O] and A [S,I]. scratch: density_scratch(S, O, I) elements.
  double (*gradient_l1)(const T* grad, const T* input, int64_t S, int64_t O, int64_t I, T* scratch);

  void (*lion)(T* p, const T* g, T* m, int64_t n, T rate, T beta1, T beta2, T decay);
  // rate and the two corrections as the caller derived them from the step count.
  void (*adamw)(T* p, const T* g, T* m, T* v, int64_t n, T rate, T beta1, T beta2, T epsilon, T decay, T correction1, T correction2);
  void (*sgd)(T* p, const T* g, int64_t n, T rate, T decay);
};

inline int64_t attention_forward_scratch(int64_t S, int64_t E) { return (E + 1) * S + 2 * E; }
inline int64_t attention_backward_scratch(int64_t S, int64_t E) { return 5 * S * E + 2 * S + 2 * E; }
inline int64_t density_scratch(int64_t S, int64_t O, int64_t) { return S * (O + 16) + S * 64; }

}  // namespace hybrid::cpu
