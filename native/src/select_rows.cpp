#include "select_rows.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "cpu/dispatch.h"
#include "typed.h"

namespace hybrid {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Positions of indices in order of their value, and where each value's run begins: runs() + 1 bounds.
struct Groups {
  std::vector<int64_t> positions, bounds;
  int64_t runs() const { return static_cast<int64_t>(bounds.size()) - 1; }

  Groups(const int64_t* indices, int64_t n) : positions(static_cast<size_t>(n)) {
    std::iota(positions.begin(), positions.end(), int64_t{0});
    // Stable, so that a row's gradients are always added in the same order.
    std::stable_sort(positions.begin(), positions.end(), [&](int64_t a, int64_t b) { return indices[a] < indices[b]; });
    for (int64_t i = 0; i < n; ++i)
      if (i == 0 || indices[positions[static_cast<size_t>(i)]] != indices[positions[static_cast<size_t>(i - 1)]]) bounds.push_back(i);
    bounds.push_back(n);
  }
};

// LibTorch 1.13 walks rows one iterator each, forward and backward: microseconds a row, on one thread.
class SelectRows : public torch::autograd::Function<SelectRows> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& table, const at::Tensor& indices) {
    context->saved_data["indices"] = indices;
    context->saved_data["rows"] = table.size(0);
    if (!table.is_cpu() || !table.is_contiguous()) return at::index_select(table, 0, indices);
    const int64_t N = indices.size(0), bytes = table.size(1) * static_cast<int64_t>(table.element_size());
    auto out = at::empty({N, table.size(1)}, table.options());
    const auto* index = indices.data_ptr<int64_t>();
    const auto* from = static_cast<const char*>(table.data_ptr());
    auto* to = static_cast<char*>(out.data_ptr());
    at::parallel_for(0, bytes > 0 ? N : 0, row_grain(table.size(1)), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) std::memcpy(to + i * bytes, from + index[i] * bytes, static_cast<size_t>(bytes));
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto indices = context->saved_data["indices"].toTensor(), grad = grads[0].contiguous();
    const int64_t R = context->saved_data["rows"].toInt(), D = grad.size(1);
    auto out = at::zeros({R, D}, grad.options());
    bool ours = with_kernels(grad, [&](auto zero) {
      using T = decltype(zero);
      const auto* index = indices.data_ptr<int64_t>();
      const Groups groups(index, indices.size(0));
      at::parallel_for(0, groups.runs(), row_grain(D), [&](int64_t first, int64_t last) {
        auto scratch = at::empty({D}, accumulation_options(grad));
        for (int64_t run = first; run < last; ++run) {
          const int64_t begin = groups.bounds[static_cast<size_t>(run)], end = groups.bounds[static_cast<size_t>(run + 1)];
          const int64_t* positions = groups.positions.data() + begin;
          cpu::kernels<T>().sum_rows(elements<T>(grad), positions, end - begin, D, elements<T>(out) + index[*positions] * D,
                                     elements<cpu::Compute<T>>(scratch));
        }
      });
    });
    if (!ours) out.index_add_(0, indices, grad);
    return {out, {}};
  }
};

}  // namespace

at::Tensor select_rows(const at::Tensor& table, const at::Tensor& indices) { return SelectRows::apply(table, indices); }

}  // namespace hybrid
