#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class T>
void sum_rows(const T* rows, const int64_t* positions, int64_t n, int64_t D, T* out, Compute<T>* sums) {
  for (int64_t d = 0; d < D; ++d) sums[d] = 0;
  for (int64_t i = 0; i < n; ++i) {
    const T* row = rows + positions[i] * D;
#pragma omp simd
    for (int64_t d = 0; d < D; ++d) sums[d] += wide(row[d]);
  }
#pragma omp simd
  for (int64_t d = 0; d < D; ++d) out[d] = narrow<T>(sums[d]);
}

template void sum_rows(const float*, const int64_t*, int64_t, int64_t, float*, float*);
template void sum_rows(const double*, const int64_t*, int64_t, int64_t, double*, double*);
template void sum_rows(const bf16*, const int64_t*, int64_t, int64_t, bf16*, float*);

}  // namespace hybrid::cpu::HYBRID_ISA
