#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class T>
void rms_norm_forward(const T* x, const T* weight, Compute<T> epsilon, int64_t rows, int64_t D, T* out, Compute<T>* inverse_rms) {
  using C = Compute<T>;
  for (int64_t row = 0; row < rows; ++row, x += D, out += D) {
    C squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t d = 0; d < D; ++d) squares += wide(x[d]) * wide(x[d]);
    C inverse = C(1) / sqrt_of(squares / C(D) + epsilon);
    inverse_rms[row] = inverse;
#pragma omp simd
    for (int64_t d = 0; d < D; ++d) out[d] = narrow<T>(wide(x[d]) * inverse * wide(weight[d]));
  }
}

// y = w x̂, x̂ = x r, r = (mean x² + ε)^-½:  dx = r (w dy − x̂ mean(w dy x̂)),  dw = Σ dy x̂.
template <class T>
void rms_norm_backward(const T* x, const T* weight, const Compute<T>* inverse_rms, const T* grad, int64_t rows, int64_t D, T* grad_x,
                       Compute<T>* grad_weight) {
  using C = Compute<T>;
  for (int64_t row = 0; row < rows; ++row, x += D, grad += D) {
    C inverse = inverse_rms[row];
    if (grad_weight != nullptr) {
#pragma omp simd
      for (int64_t d = 0; d < D; ++d) grad_weight[d] += wide(grad[d]) * wide(x[d]) * inverse;
    }
    if (grad_x == nullptr) continue;
    C dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t d = 0; d < D; ++d) dot += wide(grad[d]) * wide(weight[d]) * wide(x[d]);
    C shared = dot * inverse * inverse / C(D);
    T* to = grad_x + row * D;
#pragma omp simd
    for (int64_t d = 0; d < D; ++d) to[d] = narrow<T>(inverse * (wide(grad[d]) * wide(weight[d]) - wide(x[d]) * shared));
  }
}

template <class T>
double norm_gradient_l1(const T* grad, const T* x, const Compute<T>* inverse_rms, int64_t S, int64_t D, Compute<T>* sums) {
  for (int64_t d = 0; d < D; ++d) sums[d] = 0;
  for (int64_t s = 0; s < S; ++s, grad += D, x += D) {
    const Compute<T> inverse = inverse_rms[s];
#pragma omp simd
    for (int64_t d = 0; d < D; ++d) sums[d] += wide(grad[d]) * wide(x[d]) * inverse;
  }
  double total = 0;
  for (int64_t d = 0; d < D; ++d) total += static_cast<double>(sums[d] < 0 ? -sums[d] : sums[d]);
  return total;
}

#define HYBRID_INSTANTIATE(T)                                                                                                           \
  template void rms_norm_forward(const T*, const T*, Compute<T>, int64_t, int64_t, T*, Compute<T>*);                                   \
  template void rms_norm_backward(const T*, const T*, const Compute<T>*, const T*, int64_t, int64_t, T*, Compute<T>*);                 \
  template double norm_gradient_l1(const T*, const T*, const Compute<T>*, int64_t, int64_t, Compute<T>*);
HYBRID_INSTANTIATE(float)
HYBRID_INSTANTIATE(double)
HYBRID_INSTANTIATE(bf16)
#undef HYBRID_INSTANTIATE

}  // namespace hybrid::cpu::HYBRID_ISA
