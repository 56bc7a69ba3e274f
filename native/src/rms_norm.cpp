#include "cpu/dispatch.h"
#include "transformer.h"
#include "typed.h"

namespace hybrid {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Ranges of rows that a CUDA device sums side by side for the weight's gradient.
constexpr int64_t cuda_row_parts = 64;

// out [T,D], and inverse_rms [T] of accumulation_type.
std::pair<at::Tensor, at::Tensor> forward_of(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const int64_t rows = x.size(0), D = x.size(1);
  at::Tensor out, inverse;
  bool ours = with_kernels(x, [&](auto zero) {
    using T = decltype(zero);
    using C = cpu::Compute<T>;
    out = at::empty_like(x), inverse = at::empty({rows}, accumulation_options(x));
    at::parallel_for(0, rows, row_grain(D), [&](int64_t first, int64_t last) {
      cpu::kernels<T>().rms_norm_forward(elements<T>(x) + first * D, elements<T>(weight), static_cast<C>(epsilon), last - first, D,
                                         elements<T>(out) + first * D, elements<C>(inverse) + first);
    });
  });
  ours |= with_cuda_kernels(x, [&](auto zero, void* stream) {
    using T = decltype(zero);
    out = at::empty_like(x), inverse = at::empty({rows}, accumulation_options(x));
    cuda::rms_norm_forward(elements<T>(x), elements<T>(weight), static_cast<float>(epsilon), rows, D, elements<T>(out),
                           elements<float>(inverse), stream);
  });
  if (!ours) {
    const auto wide_type = accumulation_type(x);
    auto wide = x.to(wide_type);
    inverse = at::rsqrt(wide.square().mean(1) + epsilon);
    out = (wide * inverse.unsqueeze(1)).to(x.scalar_type()) * weight;
  }
  return {out, inverse};
}

// Gradients of x and weight; either pointer may be null.
void backward_of(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse, const at::Tensor& grad, at::Tensor* grad_x,
                 at::Tensor* grad_weight) {
  const int64_t rows = x.size(0), D = x.size(1);
  bool ours = with_kernels(x, [&](auto zero) {
    using T = decltype(zero);
    using C = cpu::Compute<T>;
    // A fixed split, so that the sum over rows is the same whichever thread takes which part.
    const int64_t parts = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), rows / row_grain(D)));
    if (grad_x) *grad_x = at::empty_like(x);
    auto partial = grad_weight ? at::zeros({parts, D}, accumulation_options(x)) : at::Tensor();
    at::parallel_for(0, parts, 1, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part) {
        int64_t begin = rows * part / parts, end = rows * (part + 1) / parts;
        cpu::kernels<T>().rms_norm_backward(
            elements<T>(x) + begin * D, elements<T>(weight), elements<C>(inverse) + begin, elements<T>(grad) + begin * D, end - begin, D,
            grad_x ? elements<T>(*grad_x) + begin * D : nullptr, grad_weight ? elements<C>(partial) + part * D : nullptr);
      }
    });
    if (grad_weight) *grad_weight = partial.sum(0).to(weight.scalar_type());
  });
  ours |= with_cuda_kernels(x, [&](auto zero, void* stream) {
    using T = decltype(zero);
    if (grad_x) {
      *grad_x = at::empty_like(x);
      cuda::rms_norm_grad_x(elements<T>(x), elements<T>(weight), elements<float>(inverse), elements<T>(grad), rows, D, elements<T>(*grad_x),
                            stream);
    }
    if (grad_weight) {
      const int64_t parts = std::max<int64_t>(1, std::min(cuda_row_parts, rows));
      auto partial = at::empty({parts, D}, accumulation_options(x));
      cuda::rms_norm_grad_weight(elements<T>(x), elements<float>(inverse), elements<T>(grad), rows, D, parts, elements<float>(partial),
                                 stream);
      *grad_weight = partial.sum(0).to(weight.scalar_type());
    }
  });
  if (ours) return;
  const auto wide_type = accumulation_type(x);
  auto wide = grad.to(wide_type), normed = x.to(wide_type) * inverse.unsqueeze(1), weighted = wide * weight.to(wide_type);
  if (grad_weight) *grad_weight = (wide * normed).sum(0).to(weight.scalar_type());
  if (grad_x) *grad_x = (inverse.unsqueeze(1) * (weighted - normed * (weighted * normed).mean(1, true))).to(x.scalar_type());
}

class RmsNorm : public torch::autograd::Function<RmsNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, double epsilon,
                            const c10::intrusive_ptr<DensityState>& density, int64_t layer) {
    auto input = x.contiguous();
    auto [out, inverse] = forward_of(input, weight.contiguous(), epsilon);
    context->save_for_backward({input, weight});
    context->saved_data["inverse"] = inverse;
    context->saved_data["layer"] = layer;
    if (density) context->saved_data["density"] = c10::IValue::make_capsule(density);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    auto grad = grads[0].contiguous(), inverse = context->saved_data["inverse"].toTensor();
    auto density = context->saved_data.find("density");
    bool accumulates = density != context->saved_data.end();
    if (accumulates)
      c10::static_intrusive_pointer_cast<DensityState>(density->second.toCapsule())
          ->add_norm(grad, x, inverse, static_cast<int32_t>(context->saved_data["layer"].toInt()));
    at::Tensor grad_x, grad_weight;
    backward_of(x, weight.contiguous(), inverse, grad, context->needs_input_grad(0) ? &grad_x : nullptr,
                context->needs_input_grad(1) && !accumulates ? &grad_weight : nullptr);
    return {grad_x, grad_weight, {}, {}, {}};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon, const DensityTarget& density) {
  require(x.dim() == 2 && weight.dim() == 1 && x.size(1) == weight.size(0), HYB_INVALID_ARGUMENT, "x ", x.sizes(), " and weight ",
          weight.sizes(), " do not fit, x [T,D] and weight [D] are needed");
  require(x.scalar_type() == weight.scalar_type() && x.device() == weight.device(), HYB_TYPE_MISMATCH, "x is ", x.scalar_type(), " on ",
          x.device(), ", weight ", weight.scalar_type(), " on ", weight.device());
  require(epsilon >= 0, HYB_INVALID_ARGUMENT, "epsilon is ", epsilon);
  if (density.state) density.state->check(x.size(0), density.layer);
  return RmsNorm::apply(x, weight, epsilon, density.state, int64_t{density.layer});
}

}  // namespace hybrid
