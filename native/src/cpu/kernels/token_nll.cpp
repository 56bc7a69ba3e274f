#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class T>
void nll_forward(const T* logits, const int64_t* targets, int64_t rows, int64_t V, T* nll, T* lse) {
  for (int64_t row = 0; row < rows; ++row, logits += V) {
    T most = logits[0];
#pragma omp simd reduction(max : most)
    for (int64_t v = 0; v < V; ++v) most = logits[v] > most ? logits[v] : most;
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t v = 0; v < V; ++v) sum += exp_of(logits[v] - most);
    lse[row] = most + log_of(sum);
    nll[row] = lse[row] - logits[targets[row]];
  }
}

template <class T>
void nll_backward(T* logits, const int64_t* targets, const T* lse, const T* grad, int64_t rows, int64_t V) {
  for (int64_t row = 0; row < rows; ++row, logits += V) {
    const T scale = grad[row], denominator = lse[row];
#pragma omp simd
    for (int64_t v = 0; v < V; ++v) logits[v] = scale * exp_of(logits[v] - denominator);
    logits[targets[row]] -= scale;
  }
}

template void nll_forward(const float*, const int64_t*, int64_t, int64_t, float*, float*);
template void nll_forward(const double*, const int64_t*, int64_t, int64_t, double*, double*);
template void nll_backward(float*, const int64_t*, const float*, const float*, int64_t, int64_t);
template void nll_backward(double*, const int64_t*, const double*, const double*, int64_t, int64_t);

}  // namespace hybrid::cpu::HYBRID_ISA
