// Every kernel of this directory, as seen by table.cpp.
#pragma once

#include "cpu/kernels.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class T>
void rms_norm_forward(const T*, const T*, T, int64_t, int64_t, T*, T*);
template <class T>
void rms_norm_backward(const T*, const T*, const T*, const T*, int64_t, int64_t, T*, T*);
template <class T>
void swiglu_forward(const T*, const T*, int64_t, T*);
template <class T>
void swiglu_backward(const T*, const T*, const T*, int64_t, T*, T*);
template <class T>
void attention_forward(const AttentionHead<T>&, T*, T*);
template <class T>
void attention_backward(const AttentionHead<T>&, const T*, const T*, T*, T*, T*, T*);
template <class T>
void nll_forward(const T*, const int64_t*, int64_t, int64_t, T*, T*);
template <class T>
void nll_backward(T*, const int64_t*, const T*, const T*, int64_t, int64_t);
template <class T>
double gradient_l1(const T*, const T*, int64_t, int64_t, int64_t, T*);
template <class T>
void lion(T*, const T*, T*, int64_t, T, T, T, T);
template <class T>
void adamw(T*, const T*, T*, T*, int64_t, T, T, T, T, T, T, T);
template <class T>
void sgd(T*, const T*, int64_t, T, T);

}  // namespace hybrid::cpu::HYBRID_ISA
