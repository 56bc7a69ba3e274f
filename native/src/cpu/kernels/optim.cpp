#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/simd_math.h"

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
  using C = Compute<T>;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    C slope = wide(g[i]), direction = beta1 * m[i] + (C(1) - beta1) * slope;
    C sign = direction > C(0) ? C(1) : direction < C(0) ? C(-1) : direction;  // 0 stays 0, and a NaN breaks the weight where it can be seen
    put(p, master, i, master[i] - rate * (sign + decay * master[i]));
    m[i] = beta2 * m[i] + (C(1) - beta2) * slope;
  }
}

template <class T>
void adamw(T* p, const T* g, Compute<T>* master, Compute<T>* m, Compute<T>* v, int64_t n, Compute<T> rate, Compute<T> beta1,
           Compute<T> beta2, Compute<T> epsilon, Compute<T> decay, Compute<T> correction1, Compute<T> correction2) {
  using C = Compute<T>;
  const C step = rate / correction1, root = C(1) / sqrt_of(correction2), shrink = C(1) - rate * decay;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    C slope = wide(g[i]);
    m[i] = beta1 * m[i] + (C(1) - beta1) * slope;
    v[i] = beta2 * v[i] + (C(1) - beta2) * slope * slope;
    put(p, master, i, master[i] * shrink - step * m[i] / (sqrt_of(v[i]) * root + epsilon));
  }
}

template <class T>
void sgd(T* p, const T* g, Compute<T>* master, int64_t n, Compute<T> rate, Compute<T> decay) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) put(p, master, i, master[i] - rate * (wide(g[i]) + decay * master[i]));
}

#define HYBRID_INSTANTIATE(T)                                                                                                        \
  template void lion(T*, const T*, Compute<T>*, Compute<T>*, int64_t, Compute<T>, Compute<T>, Compute<T>, Compute<T>);              \
  template void adamw(T*, const T*, Compute<T>*, Compute<T>*, Compute<T>*, int64_t, Compute<T>, Compute<T>, Compute<T>, Compute<T>, \
                      Compute<T>, Compute<T>, Compute<T>);                                                                          \
  template void sgd(T*, const T*, Compute<T>*, int64_t, Compute<T>, Compute<T>);
HYBRID_INSTANTIATE(float)
HYBRID_INSTANTIATE(double)
HYBRID_INSTANTIATE(bf16)
#undef HYBRID_INSTANTIATE

}  // namespace hybrid::cpu::HYBRID_ISA
