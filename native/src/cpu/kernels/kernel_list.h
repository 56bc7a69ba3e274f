// Every kernel of this directory, as seen by table.cpp.
#pragma once

#include "cpu/kernels.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class T>
void rms_norm_forward(const T*, const T*, Compute<T>, int64_t, int64_t, T*, Compute<T>*);
template <class T>
void rms_norm_backward(const T*, const T*, const Compute<T>*, const T*, int64_t, int64_t, T*, Compute<T>*);
template <class T>
void swiglu_forward(const T*, const T*, int64_t, T*);
template <class T>
void swiglu_backward(const T*, const T*, const T*, int64_t, T*, T*);
template <class T>
void attention_forward(const AttentionHead<T>&, T*, Compute<T>*);
template <class T>
void attention_backward(const AttentionHead<T>&, const T*, const T*, T*, T*, T*, Compute<T>*);
template <class T>
void cache_row(const T*, const T*, const Compute<T>*, const Compute<T>*, int64_t, int64_t, T*, T*);
template <class T>
void cached_attention_piece(const CachedHead<T>&, int64_t, int64_t, Compute<T>*, Compute<T>*);
template <class T>
void cached_attention_join(const CachedHead<T>&, Compute<T>*, int64_t, T*);
template <class T>
void few_rows_widen(const T*, int64_t, int64_t, Compute<T>*);
template <class T>
void few_rows_product(const Compute<T>*, int64_t, const T*, int64_t, int64_t, int64_t, int64_t, T*, Compute<T>*);
template <class C>
void nll_forward(const C*, const int64_t*, int64_t, int64_t, C*, C*);
template <class T>
void nll_backward(const Compute<T>*, const int64_t*, const Compute<T>*, const Compute<T>*, int64_t, int64_t, T*);
template <class T>
double gradient_l1(const T*, int64_t, const T*, int64_t, int64_t, int64_t, Compute<T>*);
template <class T>
double norm_gradient_l1(const T*, const T*, const Compute<T>*, int64_t, int64_t, Compute<T>*);
template <class T>
void sum_rows(const T*, const int64_t*, int64_t, int64_t, T*, Compute<T>*);
template <class T>
void lion(T*, const T*, Compute<T>*, Compute<T>*, int64_t, Compute<T>, Compute<T>, Compute<T>, Compute<T>);
template <class T>
void adamw(T*, const T*, Compute<T>*, Compute<T>*, Compute<T>*, int64_t, Compute<T>, Compute<T>, Compute<T>, Compute<T>, Compute<T>,
           Compute<T>, Compute<T>);
template <class T>
void sgd(T*, const T*, Compute<T>*, int64_t, Compute<T>, Compute<T>);
void rounded_lion(bf16*, const bf16*, bf16*, uint64_t, int64_t, int64_t, float, float, float, float);
void rounded_adamw(bf16*, const bf16*, bf16*, bf16*, uint64_t, int64_t, int64_t, float, float, float, float, float, float, float);
void rounded_sgd(bf16*, const bf16*, uint64_t, int64_t, int64_t, float, float);

}  // namespace hybrid::cpu::HYBRID_ISA
