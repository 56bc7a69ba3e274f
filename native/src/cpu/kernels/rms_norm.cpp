#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class T>
void rms_norm_forward(const T* x, const T* weight, T epsilon, int64_t rows, int64_t D, T* out, T* inverse_rms) {
  for (int64_t row = 0; row < rows; ++row, x += D, out += D) {
    T squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t d = 0; d < D; ++d) squares += x[d] * x[d];
    T inverse = T(1) / sqrt_of(squares / T(D) + epsilon);
    inverse_rms[row] = inverse;
#pragma omp simd
    for (int64_t d = 0; d < D; ++d) out[d] = x[d] * inverse * weight[d];
  }
}

// y = w x̂, x̂ = x r, r = (mean x² + ε)^-½:  dx = r (w dy − x̂ mean(w dy x̂)),  dw = Σ dy x̂.
template <class T>
void rms_norm_backward(const T* x, const T* weight, const T* inverse_rms, const T* grad, int64_t rows, int64_t D, T* grad_x,
                       T* grad_weight) {
  for (int64_t row = 0; row < rows; ++row, x += D, grad += D) {
    T inverse = inverse_rms[row];
    if (grad_weight != nullptr) {
#pragma omp simd
      for (int64_t d = 0; d < D; ++d) grad_weight[d] += grad[d] * x[d] * inverse;
    }
    if (grad_x == nullptr) continue;
    T dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t d = 0; d < D; ++d) dot += grad[d] * weight[d] * x[d];
    T shared = dot * inverse * inverse / T(D);
    T* to = grad_x + row * D;
#pragma omp simd
    for (int64_t d = 0; d < D; ++d) to[d] = inverse * (grad[d] * weight[d] - x[d] * shared);
  }
}

template void rms_norm_forward(const float*, const float*, float, int64_t, int64_t, float*, float*);
template void rms_norm_forward(const double*, const double*, double, int64_t, int64_t, double*, double*);
template void rms_norm_backward(const float*, const float*, const float*, const float*, int64_t, int64_t, float*, float*);
template void rms_norm_backward(const double*, const double*, const double*, const double*, int64_t, int64_t, double*, double*);

}  // namespace hybrid::cpu::HYBRID_ISA
