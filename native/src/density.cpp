#include "hybrid/density.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/dispatch.h"
#include "density_state.h"
#include "guard.h"
#include "handles.h"
#include "typed.h"

namespace hybrid {
namespace {
// Rows of a weight whose gradient exists at a time where no kernel of our own applies.
constexpr int64_t composed_tile = 256;
// Rows of a weight that are one task for the kernels.
constexpr int64_t task_columns = 512;
}  // namespace

DensityState::DensityState(c10::intrusive_ptr<Segments> segments, int32_t layers)
    : segments_(std::move(segments)),
      offsets_(at::tensor(segments_->offsets(), at::kLong)),
      sums_(at::zeros({segments_->count(), layers}, at::kDouble)) {}

void DensityState::check(int64_t rows, int32_t layer) const {
  require(rows == segments_->rows(), HYB_INVALID_ARGUMENT, "an activation of ", rows, " rows under a density accumulator for ",
          segments_->rows());
  require(layer >= 0 && layer < sums_.size(1), HYB_OUT_OF_RANGE, "layer ", layer, " under a density accumulator for ", sums_.size(1));
}

void DensityState::add(int64_t example, int32_t layer, double l1) {
  move_to(at::kCPU);
  sums_.data_ptr<double>()[example * sums_.size(1) + layer] += l1;
}

void DensityState::add(int64_t example, int32_t layer, const at::Tensor& l1) {
  move_to(l1.device());
  sums_.select(0, example).select(0, layer).add_(l1.to(at::kDouble));
}

void DensityState::move_to(at::Device device) {
  if (sums_.device() == device) return;
  offsets_ = offsets_.to(device);
  sums_ = sums_.to(device);
}

cuda::ExampleSums DensityState::on_cuda(at::Device device, int32_t layer) {
  move_to(device);
  return {offsets_.data_ptr<int64_t>(), segments_->count(), sums_.data_ptr<double>() + layer, sums_.size(1)};
}

void DensityState::add_linear(const at::Tensor& grad, const at::Tensor& input, int32_t layer) {
  at::NoGradGuard no_grad;
  auto g = grad.contiguous(), a = input.contiguous();
  const int64_t O = g.size(1), I = a.size(1), count = segments_->count();
  bool ours = with_kernels(g, [&](auto zero) {
    using T = decltype(zero);
    using C = cpu::Compute<T>;
    // A task is some columns of one example's gradient, so that one example keeps many threads busy, too. The parts are
    // added in order: the sum does not depend on the number of threads.
    const int64_t parts = (O + task_columns - 1) / task_columns;
    std::vector<double> sums(static_cast<size_t>(count * parts));
    at::parallel_for(0, count * parts, 1, [&](int64_t first, int64_t last) {
      auto scratch = at::empty({cpu::gradient_l1_scratch(segments_->longest(), std::min(task_columns, O))}, accumulation_options(g));
      for (int64_t task = first; task < last; ++task) {
        const int64_t b = task / parts, column = task % parts * task_columns;
        sums[static_cast<size_t>(task)] = cpu::kernels<T>().gradient_l1(
            elements<T>(g) + segments_->begin(b) * O + column, O, elements<T>(a) + segments_->begin(b) * I, segments_->length(b),
            std::min(task_columns, O - column), I, elements<C>(scratch));
      }
    });
    for (int64_t task = 0; task < count * parts; ++task) add(task / parts, layer, sums[static_cast<size_t>(task)]);
  });
  ours |= with_cuda_kernels(g, [&](auto zero, void* stream) {
    using T = decltype(zero);
    cuda::gradient_l1(elements<T>(g), O, elements<T>(a), I, on_cuda(g.device(), layer), stream);
  });
  if (ours) return;
  for (int64_t b = 0; b < count; ++b) {
    auto gb = g.narrow(0, segments_->begin(b), segments_->length(b)), ab = a.narrow(0, segments_->begin(b), segments_->length(b));
    for (int64_t row = 0; row < O; row += composed_tile) {
      auto tile = gb.narrow(1, row, std::min(composed_tile, O - row));
      add(b, layer, at::mm(tile.t(), ab).to(accumulation_type(g)).abs().sum());
    }
  }
}

void DensityState::add_norm(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& inverse_rms, int32_t layer) {
  at::NoGradGuard no_grad;
  const int64_t D = x.size(1), count = segments_->count();
  bool ours = with_kernels(x, [&](auto zero) {
    using T = decltype(zero);
    using C = cpu::Compute<T>;
    std::vector<double> sums(static_cast<size_t>(count));
    at::parallel_for(0, count, 1, [&](int64_t first, int64_t last) {
      auto scratch = at::empty({D}, accumulation_options(x));
      for (int64_t b = first; b < last; ++b)
        sums[static_cast<size_t>(b)] = cpu::kernels<T>().norm_gradient_l1(
            elements<T>(grad) + segments_->begin(b) * D, elements<T>(x) + segments_->begin(b) * D,
            elements<C>(inverse_rms) + segments_->begin(b), segments_->length(b), D, elements<C>(scratch));
    });
    for (int64_t b = 0; b < count; ++b) add(b, layer, sums[static_cast<size_t>(b)]);
  });
  ours |= with_cuda_kernels(x, [&](auto zero, void* stream) {
    using T = decltype(zero);
    cuda::norm_gradient_l1(elements<T>(grad), elements<T>(x), elements<float>(inverse_rms), D, on_cuda(x.device(), layer), stream);
  });
  if (ours) return;
  const auto type = accumulation_type(x);
  for (int64_t b = 0; b < count; ++b) {
    auto rows = [&](const at::Tensor& t) { return t.narrow(0, segments_->begin(b), segments_->length(b)).to(type); };
    add(b, layer, (rows(grad) * rows(x) * rows(inverse_rms).unsqueeze(1)).sum(0).abs().sum());
  }
}

}  // namespace hybrid

using namespace hybrid;

namespace {
// The handle is one more owner of the state.
DensityState& state_of(const hyb_density* density) {
  return *reinterpret_cast<DensityState*>(const_cast<hyb_density*>(not_null(density, "density")));
}
}  // namespace

hyb_status hyb_density_new(const int64_t* offsets, int64_t examples, int32_t layers, hyb_density** out) {
  return guard("density_new", [&] {
    not_null(out, "out");
    require(examples >= 1 && layers >= 1, HYB_INVALID_ARGUMENT, examples, " examples and ", layers, " layers, at least one of each");
    auto state = c10::make_intrusive<DensityState>(Segments::make(offsets, examples, not_null(offsets, "offsets")[examples]), layers);
    *out = reinterpret_cast<hyb_density*>(state.release());
    ledger_add(1);
  });
}

void hyb_density_free(hyb_density* density) {
  if (density == nullptr) return;
  auto owned = c10::intrusive_ptr<DensityState>::reclaim(reinterpret_cast<DensityState*>(density));
  ledger_add(-1);
}

hyb_status hyb_density_values(const hyb_density* density, double* values, int64_t count) {
  return guard("density_values", [&] {
    auto sums = state_of(density).sums().to(at::kCPU).contiguous();
    require(count == sums.numel(), HYB_BUFFER_TOO_SMALL, "room for ", count, " values, the accumulator has ", sums.numel());
    std::memcpy(const_cast<void*>(static_cast<const void*>(not_null(values, "values"))), sums.data_ptr(), sums.nbytes());
  });
}
