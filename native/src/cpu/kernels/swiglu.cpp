#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class T>
void swiglu_forward(const T* gate, const T* up, int64_t n, T* out) {
  using C = Compute<T>;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    C g = wide(gate[i]);
    out[i] = narrow<T>(g / (C(1) + exp_of(-g)) * wide(up[i]));
  }
}

// silu(x) = x σ(x), its derivative σ(x) (1 + x (1 − σ(x))).
template <class T>
void swiglu_backward(const T* gate, const T* up, const T* grad, int64_t n, T* grad_gate, T* grad_up) {
  using C = Compute<T>;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    C g = wide(gate[i]), dy = wide(grad[i]), sigmoid = C(1) / (C(1) + exp_of(-g));
    grad_up[i] = narrow<T>(dy * g * sigmoid);
    grad_gate[i] = narrow<T>(dy * wide(up[i]) * sigmoid * (C(1) + g * (C(1) - sigmoid)));
  }
}

#define HYBRID_INSTANTIATE(T)                                     \
  template void swiglu_forward(const T*, const T*, int64_t, T*); \
  template void swiglu_backward(const T*, const T*, const T*, int64_t, T*, T*);
HYBRID_INSTANTIATE(float)
HYBRID_INSTANTIATE(double)
HYBRID_INSTANTIATE(bf16)
#undef HYBRID_INSTANTIATE

}  // namespace hybrid::cpu::HYBRID_ISA
