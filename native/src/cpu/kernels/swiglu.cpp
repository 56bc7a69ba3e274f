#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class T>
void swiglu_forward(const T* gate, const T* up, int64_t n, T* out) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] = gate[i] / (T(1) + exp_of(-gate[i])) * up[i];
}

// silu(x) = x σ(x), its derivative σ(x) (1 + x (1 − σ(x))).
template <class T>
void swiglu_backward(const T* gate, const T* up, const T* grad, int64_t n, T* grad_gate, T* grad_up) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    T sigmoid = T(1) / (T(1) + exp_of(-gate[i]));
    grad_up[i] = grad[i] * gate[i] * sigmoid;
    grad_gate[i] = grad[i] * up[i] * sigmoid * (T(1) + gate[i] * (T(1) - sigmoid));
  }
}

template void swiglu_forward(const float*, const float*, int64_t, float*);
template void swiglu_forward(const double*, const double*, int64_t, double*);
template void swiglu_backward(const float*, const float*, const float*, int64_t, float*, float*);
template void swiglu_backward(const double*, const double*, const double*, int64_t, double*, double*);

}  // namespace hybrid::cpu::HYBRID_ISA
