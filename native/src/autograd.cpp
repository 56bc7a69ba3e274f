#include "hybrid/autograd.h"

#include "guard.h"
#include "handles.h"

using namespace hybrid;

hyb_status hyb_autograd_set_enabled(int32_t enabled, int32_t* previous) {
  return guard("autograd_set_enabled", [&] {
    not_null(previous, "previous");
    *previous = at::GradMode::is_enabled() ? 1 : 0;
    at::GradMode::set_enabled(enabled != 0);
  });
}

int32_t hyb_autograd_enabled(void) { return at::GradMode::is_enabled() ? 1 : 0; }

hyb_status hyb_autograd_grad(const hyb_tensor* result, const hyb_tensor* gradient, hyb_tensor* const* inputs, int64_t n,
                             hyb_tensor** grads) {
  return guard("autograd_grad", [&] {
    const auto& root = as_tensor(result, "result");
    require(n >= 1, HYB_INVALID_ARGUMENT, "no inputs");
    not_null(grads, "grads");
    require(root.requires_grad(), HYB_INVALID_ARGUMENT, "the result depends on no tensor that requires gradients");
    torch::autograd::variable_list weights;
    if (gradient != nullptr) {
      const auto& weight = as_tensor(gradient, "gradient");
      require(weight.sizes() == root.sizes(), HYB_INVALID_ARGUMENT, "the gradient has shape ", weight.sizes(), ", the result ",
              root.sizes());
      require(weight.scalar_type() == root.scalar_type() && weight.device() == root.device(), HYB_TYPE_MISMATCH, "the gradient is ",
              weight.scalar_type(), " on ", weight.device(), ", the result ", root.scalar_type(), " on ", root.device());
      weights.push_back(weight);
    } else {
      require(root.numel() == 1, HYB_INVALID_ARGUMENT, "the result has shape ", root.sizes(), ", one element or a gradient is needed");
    }
    auto leaves = as_tensors(inputs, n, "inputs");
    for (size_t i = 0; i < leaves.size(); ++i)
      require(leaves[i].requires_grad(), HYB_INVALID_ARGUMENT, "input ", i, " does not require gradients");
    auto found = torch::autograd::grad({root}, leaves, weights, /*retain_graph=*/false, /*create_graph=*/false, /*allow_unused=*/true);
    for (int64_t i = 0; i < n; ++i) {
      auto& gradient = found[static_cast<size_t>(i)];
      grads[i] = gradient.defined() ? give(gradient.contiguous()) : nullptr;
    }
  });
}
