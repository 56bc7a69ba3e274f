#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class C>
void nll_forward(const C* logits, const int64_t* targets, int64_t rows, int64_t V, C* nll, C* lse) {
  for (int64_t row = 0; row < rows; ++row, logits += V) {
    C most = logits[0];
#pragma omp simd reduction(max : most)
    for (int64_t v = 0; v < V; ++v) most = logits[v] > most ? logits[v] : most;
    C sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t v = 0; v < V; ++v) sum += exp_of(logits[v] - most);
    lse[row] = most + log_of(sum);
    nll[row] = lse[row] - logits[targets[row]];
  }
}

template <class T>
void nll_backward(const Compute<T>* logits, const int64_t* targets, const Compute<T>* lse, const Compute<T>* grad, int64_t rows, int64_t V,
                  T* grad_logits) {
  using C = Compute<T>;
  for (int64_t row = 0; row < rows; ++row, logits += V, grad_logits += V) {
    const C scale = grad[row], denominator = lse[row], target = scale * (exp_of(logits[targets[row]] - denominator) - C(1));
#pragma omp simd
    for (int64_t v = 0; v < V; ++v) grad_logits[v] = narrow<T>(scale * exp_of(logits[v] - denominator));
    grad_logits[targets[row]] = narrow<T>(target);
  }
}

template void nll_forward(const float*, const int64_t*, int64_t, int64_t, float*, float*);
template void nll_forward(const double*, const int64_t*, int64_t, int64_t, double*, double*);
template void nll_backward(const float*, const int64_t*, const float*, const float*, int64_t, int64_t, float*);
template void nll_backward(const double*, const int64_t*, const double*, const double*, int64_t, int64_t, double*);
template void nll_backward(const float*, const int64_t*, const float*, const float*, int64_t, int64_t, bf16*);

}  // namespace hybrid::cpu::HYBRID_ISA
