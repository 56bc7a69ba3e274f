// The table of one instruction set.
#include "cpu/kernels/kernel_list.h"

namespace hybrid::cpu::HYBRID_ISA {

template <class T>
constexpr Kernels<T> table() {
  return {rms_norm_forward<T>,
          rms_norm_backward<T>,
          swiglu_forward<T>,
          swiglu_backward<T>,
          attention_forward<T>,
          attention_backward<T>,
          cache_row<T>,
          cached_attention_piece<T>,
          cached_attention_join<T>,
          few_rows_widen<T>,
          few_rows_product<T>,
          nll_forward<Compute<T>>,
          nll_backward<T>,
          gradient_l1<T>,
          norm_gradient_l1<T>,
          sum_rows<T>,
          lion<T>,
          adamw<T>,
          sgd<T>};
}

extern const Kernels<float> floats;
extern const Kernels<double> doubles;
extern const Kernels<bf16> halves;
extern const RoundedKernels rounded;
const Kernels<float> floats = table<float>();
const Kernels<double> doubles = table<double>();
const Kernels<bf16> halves = table<bf16>();
const RoundedKernels rounded = {rounded_lion, rounded_adamw, rounded_sgd};

}  // namespace hybrid::cpu::HYBRID_ISA
