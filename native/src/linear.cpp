#include "matmul.h"
#include "transformer.h"

namespace hybrid {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class Linear : public torch::autograd::Function<Linear> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const c10::intrusive_ptr<DensityState>& density, int64_t layer) {
    bool weight_is_trained = weight.requires_grad() || density;
    context->save_for_backward({weight_is_trained ? x : at::Tensor(), weight});
    context->saved_data["layer"] = layer;
    if (density) context->saved_data["density"] = c10::IValue::make_capsule(density);
    return matmul_nt(x, weight);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1], &grad = grads[0];
    at::Tensor grad_x, grad_weight;
    auto density = context->saved_data.find("density");
    if (density != context->saved_data.end())
      c10::static_intrusive_pointer_cast<DensityState>(density->second.toCapsule())
          ->add_linear(grad, x, static_cast<int32_t>(context->saved_data["layer"].toInt()));
    else if (context->needs_input_grad(1))
      grad_weight = matmul_tn(grad, x);
    if (context->needs_input_grad(0)) grad_x = matmul_nn(grad, weight);
    return {grad_x, grad_weight, {}, {}};
  }
};

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const DensityTarget& density) {
  require(x.dim() == 2 && weight.dim() == 2 && x.size(1) == weight.size(1), HYB_INVALID_ARGUMENT, "x ", x.sizes(), " and weight ",
          weight.sizes(), " do not fit, x [T,I] and weight [O,I] are needed");
  require(x.scalar_type() == weight.scalar_type() && x.device() == weight.device(), HYB_TYPE_MISMATCH, "x is ", x.scalar_type(), " on ",
          x.device(), ", weight ", weight.scalar_type(), " on ", weight.device());
  if (density.state) density.state->check(x.size(0), density.layer);
  return Linear::apply(x, weight, density.state, int64_t{density.layer});
}

}  // namespace hybrid
