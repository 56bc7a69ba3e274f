#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/simd_math.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class T>
void lion(T* p, const T* g, T* m, int64_t n, T rate, T beta1, T beta2, T decay) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    T direction = beta1 * m[i] + (T(1) - beta1) * g[i];
    T sign = direction > T(0) ? T(1) : direction < T(0) ? T(-1) : direction;  // 0 stays 0, and a NaN breaks the weight where it can be seen
    p[i] -= rate * (sign + decay * p[i]);
    m[i] = beta2 * m[i] + (T(1) - beta2) * g[i];
  }
}

template <class T>
void adamw(T* p, const T* g, T* m, T* v, int64_t n, T rate, T beta1, T beta2, T epsilon, T decay, T correction1, T correction2) {
  const T step = rate / correction1, root = T(1) / sqrt_of(correction2), shrink = T(1) - rate * decay;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    m[i] = beta1 * m[i] + (T(1) - beta1) * g[i];
    v[i] = beta2 * v[i] + (T(1) - beta2) * g[i] * g[i];
    p[i] = p[i] * shrink - step * m[i] / (sqrt_of(v[i]) * root + epsilon);
  }
}

template <class T>
void sgd(T* p, const T* g, int64_t n, T rate, T decay) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) p[i] -= rate * (g[i] + decay * p[i]);
}

template void lion(float*, const float*, float*, int64_t, float, float, float, float);
template void lion(double*, const double*, double*, int64_t, double, double, double, double);
template void adamw(float*, const float*, float*, float*, int64_t, float, float, float, float, float, float, float);
template void adamw(double*, const double*, double*, double*, int64_t, double, double, double, double, double, double, double);
template void sgd(float*, const float*, int64_t, float, float);
template void sgd(double*, const double*, int64_t, double, double);

}  // namespace hybrid::cpu::HYBRID_ISA
