#include "hybrid/optim.h"

#include <cmath>

#include "cpu/dispatch.h"
#include "guard.h"
#include "handles.h"
#include "typed.h"

using namespace hybrid;

namespace {

constexpr int64_t grain = 16384;  // elements worth one task

// Checks that every tensor of the entry has the parameter's shape, type and place, and is contiguous.
void check_entry(const at::Tensor& parameter, std::initializer_list<const at::Tensor*> others, int64_t i) {
  require(parameter.is_contiguous(), HYB_INVALID_ARGUMENT, "parameter ", i, " is not contiguous");
  for (const auto* other : others) {
    require(other->sizes() == parameter.sizes() && other->is_contiguous(), HYB_INVALID_ARGUMENT, "entry ", i, ": ", other->sizes(),
            " beside a parameter of ", parameter.sizes());
    require(other->scalar_type() == parameter.scalar_type() && other->device() == parameter.device(), HYB_TYPE_MISMATCH, "entry ", i, ": ",
            other->scalar_type(), " on ", other->device(), " beside a parameter of ", parameter.scalar_type(), " on ", parameter.device());
  }
}

// Runs a kernel over the elements of one parameter, in parallel, and tells autograd that the parameter changed.
template <class Body>
void over_elements(const at::Tensor& parameter, const Body& body) {
  at::parallel_for(0, parameter.numel(), grain, body);
  parameter.unsafeGetTensorImpl()->bump_version();
}

at::Tensor plain(const at::Tensor& tensor) { return tensor.detach(); }

void check_lists(int64_t n, std::initializer_list<hyb_tensor* const*> lists) {
  require(n >= 0, HYB_INVALID_ARGUMENT, "a negative count");
  for (auto* list : lists)
    if (n > 0) not_null(list, "a list");
}

}  // namespace

hyb_status hyb_optim_lion_step(hyb_tensor* const* parameters, hyb_tensor* const* gradients, hyb_tensor* const* momenta, int64_t n,
                               double learning_rate, double beta1, double beta2, double weight_decay) {
  return guard("optim_lion_step", [&] {
    check_lists(n, {parameters, gradients, momenta});
    for (int64_t i = 0; i < n; ++i)
      if (gradients[i]) check_entry(as_tensor(parameters[i]), {&as_tensor(gradients[i]), &as_tensor(momenta[i])}, i);
    at::NoGradGuard no_grad;
    for (int64_t i = 0; i < n; ++i) {
      if (!gradients[i]) continue;
      auto p = plain(as_tensor(parameters[i])), g = plain(as_tensor(gradients[i])), m = plain(as_tensor(momenta[i]));
      bool ours = with_kernels(p, [&](auto zero) {
        using T = decltype(zero);
        over_elements(as_tensor(parameters[i]), [&](int64_t first, int64_t last) {
          cpu::kernels<T>().lion(p.data_ptr<T>() + first, g.data_ptr<T>() + first, m.data_ptr<T>() + first, last - first,
                                 static_cast<T>(learning_rate), static_cast<T>(beta1), static_cast<T>(beta2), static_cast<T>(weight_decay));
        });
      });
      if (ours) continue;
      auto direction = m.mul(beta1).add_(g, 1 - beta1);
      auto step = direction.sign().add_(direction.mul(0)).add_(p, weight_decay);  // sign hides a NaN, its product with 0 does not
      p.add_(step, -learning_rate);
      m.mul_(beta2).add_(g, 1 - beta2);
    }
  });
}

hyb_status hyb_optim_adamw_step(hyb_tensor* const* parameters, hyb_tensor* const* gradients, hyb_tensor* const* first_moments,
                                hyb_tensor* const* second_moments, int64_t n, int64_t step, double learning_rate, double beta1,
                                double beta2, double epsilon, double weight_decay) {
  return guard("optim_adamw_step", [&] {
    check_lists(n, {parameters, gradients, first_moments, second_moments});
    require(step >= 1, HYB_INVALID_ARGUMENT, "step is ", step, ", it counts from 1");
    for (int64_t i = 0; i < n; ++i)
      if (gradients[i])
        check_entry(as_tensor(parameters[i]), {&as_tensor(gradients[i]), &as_tensor(first_moments[i]), &as_tensor(second_moments[i])}, i);
    at::NoGradGuard no_grad;
    const double correction1 = 1 - std::pow(beta1, static_cast<double>(step)), correction2 = 1 - std::pow(beta2, static_cast<double>(step));
    for (int64_t i = 0; i < n; ++i) {
      if (!gradients[i]) continue;
      auto p = plain(as_tensor(parameters[i])), g = plain(as_tensor(gradients[i]));
      auto m = plain(as_tensor(first_moments[i])), v = plain(as_tensor(second_moments[i]));
      bool ours = with_kernels(p, [&](auto zero) {
        using T = decltype(zero);
        over_elements(as_tensor(parameters[i]), [&](int64_t first, int64_t last) {
          cpu::kernels<T>().adamw(p.data_ptr<T>() + first, g.data_ptr<T>() + first, m.data_ptr<T>() + first, v.data_ptr<T>() + first,
                                  last - first, static_cast<T>(learning_rate), static_cast<T>(beta1), static_cast<T>(beta2),
                                  static_cast<T>(epsilon), static_cast<T>(weight_decay), static_cast<T>(correction1),
                                  static_cast<T>(correction2));
        });
      });
      if (ours) continue;
      m.mul_(beta1).add_(g, 1 - beta1);
      v.mul_(beta2).addcmul_(g, g, 1 - beta2);
      p.mul_(1 - learning_rate * weight_decay)
          .addcdiv_(m, v.sqrt().div_(std::sqrt(correction2)).add_(epsilon), -learning_rate / correction1);
    }
  });
}

hyb_status hyb_optim_sgd_step(hyb_tensor* const* parameters, hyb_tensor* const* gradients, int64_t n, double learning_rate,
                              double weight_decay) {
  return guard("optim_sgd_step", [&] {
    check_lists(n, {parameters, gradients});
    for (int64_t i = 0; i < n; ++i)
      if (gradients[i]) check_entry(as_tensor(parameters[i]), {&as_tensor(gradients[i])}, i);
    at::NoGradGuard no_grad;
    for (int64_t i = 0; i < n; ++i) {
      if (!gradients[i]) continue;
      auto p = plain(as_tensor(parameters[i])), g = plain(as_tensor(gradients[i]));
      bool ours = with_kernels(p, [&](auto zero) {
        using T = decltype(zero);
        over_elements(as_tensor(parameters[i]), [&](int64_t first, int64_t last) {
          cpu::kernels<T>().sgd(p.data_ptr<T>() + first, g.data_ptr<T>() + first, last - first, static_cast<T>(learning_rate),
                                static_cast<T>(weight_decay));
        });
      });
      if (!ours) p.mul_(1 - learning_rate * weight_decay).add_(g, -learning_rate);
    }
  });
}
