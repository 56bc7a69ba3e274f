#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/optim_math.h"

namespace hybrid::cpu::HYBRID_ISA {
namespace {

// The weight as it is kept: in the master copy, of which p is the rounding, or in p itself.
template <class T>
inline void put(T* p, Compute<T>* master, int64_t i, Compute<T> value) {
  master[i] = value;
  if constexpr (!std::is_same_v<T, Compute<T>>) p[i] = narrow<T>(value);
}

}  // namespace

template <class T>
void lion(T* p, const T* g, Compute<T>* master, Compute<T>* m, int64_t n, Compute<T> rate, Compute<T> beta1, Compute<T> beta2,
          Compute<T> decay) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    Compute<T> weight = master[i];
    lion_update(wide(g[i]), weight, m[i], rate, beta1, beta2, decay);
    put(p, master, i, weight);
  }
}

template <class T>
void adamw(T* p, const T* g, Compute<T>* master, Compute<T>* m, Compute<T>* v, int64_t n, Compute<T> rate, Compute<T> beta1,
           Compute<T> beta2, Compute<T> epsilon, Compute<T> decay, Compute<T> correction1, Compute<T> correction2) {
  const auto with = adamw_step<Compute<T>>(rate, beta1, beta2, epsilon, decay, correction1, correction2);
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    Compute<T> weight = master[i];
    adamw_update(wide(g[i]), weight, m[i], v[i], with);
    put(p, master, i, weight);
  }
}

template <class T>
void sgd(T* p, const T* g, Compute<T>* master, int64_t n, Compute<T> rate, Compute<T> decay) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    Compute<T> weight = master[i];
    sgd_update(wide(g[i]), weight, rate, decay);
    put(p, master, i, weight);
  }
}

#define HYBRID_INSTANTIATE(T)                                                                                                       \
  template void lion(T*, const T*, Compute<T>*, Compute<T>*, int64_t, Compute<T>, Compute<T>, Compute<T>, Compute<T>);              \
  template void adamw(T*, const T*, Compute<T>*, Compute<T>*, Compute<T>*, int64_t, Compute<T>, Compute<T>, Compute<T>, Compute<T>, \
                      Compute<T>, Compute<T>, Compute<T>);                                                                          \
  template void sgd(T*, const T*, Compute<T>*, int64_t, Compute<T>, Compute<T>);
HYBRID_INSTANTIATE(float)
HYBRID_INSTANTIATE(double)
HYBRID_INSTANTIATE(bf16)
#undef HYBRID_INSTANTIATE

}  // namespace hybrid::cpu::HYBRID_ISA
