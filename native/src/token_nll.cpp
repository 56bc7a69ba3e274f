#include "cpu/dispatch.h"
#include "matmul.h"
#include "transformer.h"
#include "typed.h"

namespace hybrid {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Logits of one chunk of rows exist at a time, in forward and again in backward, which computes them anew: with a large
// vocabulary [N,V] would outweigh everything else. Where one chunk is all, it is kept instead.
class TokenNll : public torch::autograd::Function<TokenNll> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden_in, const at::Tensor& weight, const at::Tensor& targets,
                            int64_t chunk_rows, bool keep) {
    auto hidden = hidden_in.contiguous();
    const int64_t N = hidden.size(0), V = weight.size(0);
    const auto wide = accumulation_type(hidden);
    auto nll = at::empty({N}, hidden.options().dtype(wide)), lse = at::empty_like(nll);
    at::Tensor logits;
    for (int64_t row = 0; row < N; row += chunk_rows) {
      const int64_t rows = std::min(chunk_rows, N - row);
      logits = matmul_nt_wide(hidden.narrow(0, row, rows), weight);  // [rows,V]
      bool ours = with_kernels(hidden, [&](auto zero) {
        using T = decltype(zero);
        using C = cpu::Compute<T>;
        at::parallel_for(0, rows, row_grain(V), [&](int64_t first, int64_t last) {
          cpu::kernels<T>().nll_forward(elements<C>(logits) + first * V, elements<int64_t>(targets) + row + first, last - first, V,
                                        elements<C>(nll) + row + first, elements<C>(lse) + row + first);
        });
      });
      ours |= with_cuda_kernels(hidden, [&](auto, void* stream) {
        cuda::nll_forward(elements<float>(logits), elements<int64_t>(targets) + row, rows, V, elements<float>(nll) + row,
                          elements<float>(lse) + row, stream);
      });
      if (ours) continue;
      auto denominators = at::logsumexp(logits, {1});
      lse.narrow(0, row, rows).copy_(denominators);
      nll.narrow(0, row, rows).copy_(denominators - logits.gather(1, targets.narrow(0, row, rows).unsqueeze(1)).squeeze(1));
    }
    context->save_for_backward({hidden, weight});
    context->saved_data["targets"] = targets;
    context->saved_data["lse"] = lse;
    context->saved_data["chunk_rows"] = chunk_rows;
    if (keep && logits.defined()) context->saved_data["logits"] = logits;
    return nll;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    const auto &hidden = saved[0], &weight = saved[1];
    auto targets = context->saved_data["targets"].toTensor(), lse = context->saved_data["lse"].toTensor(), grad = grads[0].contiguous();
    const int64_t chunk_rows = context->saved_data["chunk_rows"].toInt(), N = hidden.size(0), V = weight.size(0);
    at::Tensor grad_hidden, grad_weight;
    if (context->needs_input_grad(0)) grad_hidden = at::empty_like(hidden);
    if (context->needs_input_grad(1)) grad_weight = at::zeros(weight.sizes(), accumulation_options(weight));  // summed over chunks
    for (int64_t row = 0; row < N; row += chunk_rows) {
      const int64_t rows = std::min(chunk_rows, N - row);
      auto part = hidden.narrow(0, row, rows);
      // Kept logits serve once: their gradient takes their place.
      auto kept = context->saved_data.find("logits");
      const bool have = kept != context->saved_data.end();
      auto logits = have ? kept->second.toTensor() : matmul_nt_wide(part, weight);  // [rows,V]
      if (have) context->saved_data.erase(kept);
      auto grad_logits = logits.scalar_type() == hidden.scalar_type() ? logits : at::empty({rows, V}, hidden.options());
      bool ours = with_kernels(hidden, [&](auto zero) {
        using T = decltype(zero);
        using C = cpu::Compute<T>;
        at::parallel_for(0, rows, row_grain(V), [&](int64_t first, int64_t last) {
          cpu::kernels<T>().nll_backward(elements<C>(logits) + first * V, elements<int64_t>(targets) + row + first,
                                         elements<C>(lse) + row + first, elements<C>(grad) + row + first, last - first, V,
                                         elements<T>(grad_logits) + first * V);
        });
      });
      ours |= with_cuda_kernels(hidden, [&](auto zero, void* stream) {
        using T = decltype(zero);
        cuda::nll_backward(elements<float>(logits), elements<int64_t>(targets) + row, elements<float>(lse) + row,
                           elements<float>(grad) + row, rows, V, elements<T>(grad_logits), stream);
      });
      if (!ours) {
        auto scale = grad.narrow(0, row, rows).unsqueeze(1);
        auto full = at::exp(logits - lse.narrow(0, row, rows).unsqueeze(1)) * scale;
        full.scatter_add_(1, targets.narrow(0, row, rows).unsqueeze(1), -scale);
        grad_logits = full.to(hidden.scalar_type());
      }
      if (grad_hidden.defined()) grad_hidden.narrow(0, row, rows).copy_(matmul_nn(grad_logits, weight));
      if (grad_weight.defined()) add_matmul_tn(grad_weight, grad_logits, part);
    }
    return {grad_hidden, grad_weight.defined() ? grad_weight.to(weight.scalar_type()) : grad_weight, {}, {}, {}};
  }
};

}  // namespace

at::Tensor token_nll(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& targets, int64_t chunk_rows) {
  require(hidden.dim() == 2 && weight.dim() == 2 && hidden.size(1) == weight.size(1), HYB_INVALID_ARGUMENT, "hidden ", hidden.sizes(),
          " and weight ", weight.sizes(), " do not fit, hidden [N,D] and weight [V,D] are needed");
  require(hidden.scalar_type() == weight.scalar_type() && hidden.device() == weight.device(), HYB_TYPE_MISMATCH, "hidden is ",
          hidden.scalar_type(), " on ", hidden.device(), ", weight ", weight.scalar_type(), " on ", weight.device());
  require(targets.size(0) == hidden.size(0), HYB_INVALID_ARGUMENT, targets.size(0), " targets for ", hidden.size(0), " rows");
  require(chunk_rows >= 1, HYB_INVALID_ARGUMENT, "chunk_rows is ", chunk_rows);
  const bool keep = chunk_rows >= hidden.size(0) && at::GradMode::is_enabled() && (hidden.requires_grad() || weight.requires_grad());
  return TokenNll::apply(hidden, weight, targets, chunk_rows, keep);
}

}  // namespace hybrid
