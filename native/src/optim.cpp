#include "hybrid/optim.h"

#include <cmath>
#include <optional>

#include "cpu/dispatch.h"
#include "guard.h"
#include "handles.h"
#include "rounded_optim.h"
#include "typed.h"

using namespace hybrid;

namespace {

constexpr int64_t grain = 16384;  // elements worth one task

// One parameter and what its update reads and writes, cut off from autograd. weight is where the update is made: the
// master copy, of which parameter is a rounding, or the parameter itself.
struct Entry {
  at::Tensor parameter, gradient, weight, first, second;
  bool has_master;
  std::optional<uint64_t> noise;  // of what is rounded stochastically: bfloat16 without a master copy

  rounded::Operands operands() const { return {parameter, gradient, first, second, *noise}; }

  template <class Body>
  bool with_kernels(const Body& body) const {
    return hybrid::with_kernels(parameter, [&](auto zero) {
      at::parallel_for(0, parameter.numel(), grain, [&](int64_t begin, int64_t end) { body(zero, begin, end - begin); });
    });
  }

  at::Tensor wide_gradient() const { return gradient.to(weight.scalar_type()); }
  void finish() const {
    if (has_master) parameter.copy_(weight);
  }
};

// Gathers the entries that the CUDA kernels cover, so that one launch updates many.
class CudaLion {
 public:
  explicit CudaLion(const hybrid::cuda::LionRates& rates) : rates_(rates) {}

  // False for an entry of another kind.
  bool take(const Entry& e) {
    if (!with_cuda_kernels(e.parameter, [](auto, void*) {})) return false;
    if (like_.defined() && (like_.device() != e.parameter.device() || like_.scalar_type() != e.parameter.scalar_type())) run();
    like_ = e.parameter;
    using hybrid::cuda::bf16;
    if (e.noise)
      rounded_.push_back({elements<bf16>(e.parameter), elements<bf16>(e.gradient), elements<bf16>(e.first), e.parameter.numel(), *e.noise});
    else
      gathered_.push_back(
          {e.parameter.data_ptr(), e.gradient.data_ptr(), elements<float>(e.weight), elements<float>(e.first), e.parameter.numel()});
    return true;
  }

  void run() {
    if (!like_.defined()) return;
    with_cuda_kernels(like_, [&](auto zero, void* stream) {
      hybrid::cuda::lion<decltype(zero)>(gathered_.data(), static_cast<int64_t>(gathered_.size()), rates_, stream);
      hybrid::cuda::rounded_lion(rounded_.data(), static_cast<int64_t>(rounded_.size()), rates_, stream);
    });
    gathered_.clear();
    rounded_.clear();
  }

 private:
  hybrid::cuda::LionRates rates_;
  at::Tensor like_;  // of the device and the element type of those gathered
  std::vector<hybrid::cuda::LionTensor> gathered_;
  std::vector<hybrid::cuda::RoundedLionTensor> rounded_;
};

void check(const at::Tensor& tensor, const char* what, const at::Tensor& parameter, at::ScalarType type, int64_t i) {
  require(tensor.sizes() == parameter.sizes() && tensor.is_contiguous(), HYB_INVALID_ARGUMENT, "entry ", i, ": ", what, " ", tensor.sizes(),
          " beside a parameter of ", parameter.sizes(), ", both contiguous");
  require(tensor.scalar_type() == type && tensor.device() == parameter.device(), HYB_TYPE_MISMATCH, "entry ", i, ": ", what, " of ",
          tensor.scalar_type(), " on ", tensor.device(), ", ", type, " on ", parameter.device(), " is needed");
}

using List = hyb_tensor* const*;

// Checks every entry that has a gradient, then updates them: all or none. An absent state list is null.
template <class Update>
void update_all(List parameters, List masters, List gradients, List first, List second, const uint64_t* noise, int64_t n,
                const Update& update) {
  require(n >= 0, HYB_INVALID_ARGUMENT, "a negative count");
  std::vector<Entry> entries;
  std::vector<at::Tensor> changed;
  for (int64_t i = 0; i < n; ++i) {
    if (not_null(gradients, "gradients")[i] == nullptr) continue;
    auto parameter = as_tensor(not_null(parameters, "parameters")[i], "parameter");
    Entry entry{parameter.detach(), as_tensor(gradients[i], "gradient").detach(), {}, {}, {}, masters != nullptr, {}};
    entry.weight = entry.has_master ? as_tensor(masters[i], "master").detach() : entry.parameter;
    require(parameter.is_contiguous(), HYB_INVALID_ARGUMENT, "parameter ", i, " is not contiguous");
    check(entry.gradient, "gradient", parameter, parameter.scalar_type(), i);
    if (entry.has_master) {
      require(parameter.element_size() == 2, HYB_TYPE_MISMATCH, "entry ", i, ": a master copy of a parameter of ", parameter.scalar_type(),
              ", only 16-bit ones have any");
      check(entry.weight, "master", parameter, at::kFloat, i);
    } else if (parameter.element_size() == 2) {
      require(parameter.scalar_type() == at::kBFloat16, HYB_NOT_IMPLEMENTED, "entry ", i, ": a parameter of ", parameter.scalar_type(),
              " without a master copy, only bfloat16 ones are rounded stochastically");
      require(noise != nullptr, HYB_INVALID_ARGUMENT, "entry ", i,
              ": noise is null, a bfloat16 parameter without a master copy is rounded by it");
      entry.noise = noise[i];
    }
    if (first) {
      entry.first = as_tensor(first[i], "state").detach();
      check(entry.first, "state", parameter, entry.weight.scalar_type(), i);
    }
    if (second) {
      entry.second = as_tensor(second[i], "state").detach();
      check(entry.second, "state", parameter, entry.weight.scalar_type(), i);
    }
    entries.push_back(std::move(entry));
    changed.push_back(std::move(parameter));
  }
  at::NoGradGuard no_grad;
  for (const auto& entry : entries) update(entry);
  for (const auto& parameter : changed) parameter.unsafeGetTensorImpl()->bump_version();  // a stale graph must refuse to run
}

}  // namespace

hyb_status hyb_optim_lion_step(List parameters, List masters, List gradients, List momenta, const uint64_t* noise, int64_t n,
                               double learning_rate, double beta1, double beta2, double weight_decay) {
  return guard("optim_lion_step", [&] {
    if (n > 0) not_null(momenta, "momenta");
    const auto rate = static_cast<float>(learning_rate), b1 = static_cast<float>(beta1), b2 = static_cast<float>(beta2),
               decay = static_cast<float>(weight_decay);
    CudaLion together({rate, b1, b2, decay});
    update_all(parameters, masters, gradients, momenta, nullptr, noise, n, [&](const Entry& e) {
      if (together.take(e)) return;
      if (e.noise) return rounded::lion(e.operands(), {rate, b1, b2, decay});
      bool ours = e.with_kernels([&](auto zero, int64_t at, int64_t count) {
        using T = decltype(zero);
        using C = cpu::Compute<T>;
        cpu::kernels<T>().lion(elements<T>(e.parameter) + at, elements<T>(e.gradient) + at, elements<C>(e.weight) + at,
                               elements<C>(e.first) + at, count, static_cast<C>(learning_rate), static_cast<C>(beta1),
                               static_cast<C>(beta2), static_cast<C>(weight_decay));
      });
      if (ours) return;
      auto gradient = e.wide_gradient(), direction = e.first.mul(beta1).add_(gradient, 1 - beta1);
      auto step = direction.sign().add_(direction.mul(0)).add_(e.weight, weight_decay);  // sign hides a NaN, its product with 0 does not
      e.weight.add_(step, -learning_rate);
      e.first.mul_(beta2).add_(gradient, 1 - beta2);
      e.finish();
    });
    together.run();
  });
}

hyb_status hyb_optim_adamw_step(List parameters, List masters, List gradients, List first_moments, List second_moments,
                                const uint64_t* noise, int64_t n, int64_t step, double learning_rate, double beta1, double beta2,
                                double epsilon, double weight_decay) {
  return guard("optim_adamw_step", [&] {
    require(step >= 1, HYB_INVALID_ARGUMENT, "step is ", step, ", it counts from 1");
    if (n > 0) not_null(first_moments, "first_moments"), not_null(second_moments, "second_moments");
    const double correction1 = 1 - std::pow(beta1, static_cast<double>(step)), correction2 = 1 - std::pow(beta2, static_cast<double>(step));
    update_all(parameters, masters, gradients, first_moments, second_moments, noise, n, [&](const Entry& e) {
      if (e.noise)
        return rounded::adamw(e.operands(), {static_cast<float>(learning_rate), static_cast<float>(beta1), static_cast<float>(beta2),
                                             static_cast<float>(epsilon), static_cast<float>(weight_decay), static_cast<float>(correction1),
                                             static_cast<float>(correction2)});
      bool ours = e.with_kernels([&](auto zero, int64_t at, int64_t count) {
        using T = decltype(zero);
        using C = cpu::Compute<T>;
        cpu::kernels<T>().adamw(elements<T>(e.parameter) + at, elements<T>(e.gradient) + at, elements<C>(e.weight) + at,
                                elements<C>(e.first) + at, elements<C>(e.second) + at, count, static_cast<C>(learning_rate),
                                static_cast<C>(beta1), static_cast<C>(beta2), static_cast<C>(epsilon), static_cast<C>(weight_decay),
                                static_cast<C>(correction1), static_cast<C>(correction2));
      });
      if (ours) return;
      auto gradient = e.wide_gradient();
      e.first.mul_(beta1).add_(gradient, 1 - beta1);
      e.second.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
      e.weight.mul_(1 - learning_rate * weight_decay)
          .addcdiv_(e.first, e.second.sqrt().div_(std::sqrt(correction2)).add_(epsilon), -learning_rate / correction1);
      e.finish();
    });
  });
}

hyb_status hyb_optim_sgd_step(List parameters, List masters, List gradients, const uint64_t* noise, int64_t n, double learning_rate,
                              double weight_decay) {
  return guard("optim_sgd_step", [&] {
    update_all(parameters, masters, gradients, nullptr, nullptr, noise, n, [&](const Entry& e) {
      if (e.noise) return rounded::sgd(e.operands(), static_cast<float>(learning_rate), static_cast<float>(weight_decay));
      bool ours = e.with_kernels([&](auto zero, int64_t at, int64_t count) {
        using T = decltype(zero);
        using C = cpu::Compute<T>;
        cpu::kernels<T>().sgd(elements<T>(e.parameter) + at, elements<T>(e.gradient) + at, elements<C>(e.weight) + at, count,
                              static_cast<C>(learning_rate), static_cast<C>(weight_decay));
      });
      if (ours) return;
      e.weight.mul_(1 - learning_rate * weight_decay).add_(e.wide_gradient(), -learning_rate);
      e.finish();
    });
  });
}
