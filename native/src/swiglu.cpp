#include "cpu/dispatch.h"
#include "transformer.h"
#include "typed.h"

namespace hybrid {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t grain = 16384;  // elements worth one task

class SwiGlu : public torch::autograd::Function<SwiGlu> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_in, const at::Tensor& up_in) {
    auto gate = gate_in.contiguous(), up = up_in.contiguous();
    context->save_for_backward({gate, up});
    at::Tensor out;
    bool ours = with_kernels(gate, [&](auto zero) {
      using T = decltype(zero);
      out = at::empty_like(gate);
      at::parallel_for(0, gate.numel(), grain, [&](int64_t first, int64_t last) {
        cpu::kernels<T>().swiglu_forward(elements<T>(gate) + first, elements<T>(up) + first, last - first, elements<T>(out) + first);
      });
    });
    ours |= with_cuda_kernels(gate, [&](auto zero, void* stream) {
      using T = decltype(zero);
      out = at::empty_like(gate);
      cuda::swiglu_forward(elements<T>(gate), elements<T>(up), gate.numel(), elements<T>(out), stream);
    });
    return ours ? out : at::silu(gate) * up;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    const auto &gate = saved[0], &up = saved[1];
    auto grad = grads[0].contiguous();
    at::Tensor grad_gate, grad_up;
    bool ours = with_kernels(gate, [&](auto zero) {
      using T = decltype(zero);
      grad_gate = at::empty_like(gate), grad_up = at::empty_like(up);
      at::parallel_for(0, gate.numel(), grain, [&](int64_t first, int64_t last) {
        cpu::kernels<T>().swiglu_backward(elements<T>(gate) + first, elements<T>(up) + first, elements<T>(grad) + first, last - first,
                                          elements<T>(grad_gate) + first, elements<T>(grad_up) + first);
      });
    });
    ours |= with_cuda_kernels(gate, [&](auto zero, void* stream) {
      using T = decltype(zero);
      grad_gate = at::empty_like(gate), grad_up = at::empty_like(up);
      cuda::swiglu_backward(elements<T>(gate), elements<T>(up), elements<T>(grad), gate.numel(), elements<T>(grad_gate),
                            elements<T>(grad_up), stream);
    });
    if (!ours) {
      grad_gate = at::silu_backward(grad * up, gate);
      grad_up = grad * at::silu(gate);
    }
    return {grad_gate, grad_up};
  }
};

}  // namespace

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  require(gate.dim() == 2 && gate.sizes() == up.sizes(), HYB_INVALID_ARGUMENT, "gate ", gate.sizes(), " and up ", up.sizes(),
          " do not fit, both must be [T,F]");
  require(gate.scalar_type() == up.scalar_type() && gate.device() == up.device(), HYB_TYPE_MISMATCH, "gate is ", gate.scalar_type(), " on ",
          gate.device(), ", up ", up.scalar_type(), " on ", up.device());
  return SwiGlu::apply(gate, up);
}

}  // namespace hybrid
