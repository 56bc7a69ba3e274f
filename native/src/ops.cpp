#include "hybrid/ops.h"

#include "guard.h"
#include "handles.h"
#include "segments.h"
#include "select_rows.h"

namespace hybrid {
namespace {
// Every plain operation has the same form: check, compute, give.
template <class Compute>
hyb_status produce(const char* operation, hyb_tensor** out, Compute&& compute) {
  return guard(operation, [&] {
    not_null(out, "out");
    *out = give(compute());
  });
}

int64_t dimension(const at::Tensor& tensor, int32_t dim) {
  require(dim >= -tensor.dim() && dim < tensor.dim(), HYB_OUT_OF_RANGE, "dimension ", dim, " of a tensor of shape ", tensor.sizes());
  return dim;
}
}  // namespace
}  // namespace hybrid

using namespace hybrid;

hyb_status hyb_ops_add(const hyb_tensor* a, const hyb_tensor* b, hyb_tensor** out) {
  return produce("ops_add", out, [&] { return at::add(as_tensor(a, "a"), as_tensor(b, "b")); });
}

hyb_status hyb_ops_sub(const hyb_tensor* a, const hyb_tensor* b, hyb_tensor** out) {
  return produce("ops_sub", out, [&] { return at::sub(as_tensor(a, "a"), as_tensor(b, "b")); });
}

hyb_status hyb_ops_mul(const hyb_tensor* a, const hyb_tensor* b, hyb_tensor** out) {
  return produce("ops_mul", out, [&] { return at::mul(as_tensor(a, "a"), as_tensor(b, "b")); });
}

hyb_status hyb_ops_div(const hyb_tensor* a, const hyb_tensor* b, hyb_tensor** out) {
  return produce("ops_div", out, [&] { return at::div(as_tensor(a, "a"), as_tensor(b, "b")); });
}

hyb_status hyb_ops_affine(const hyb_tensor* a, double scale, double shift, hyb_tensor** out) {
  return produce("ops_affine", out, [&] {
    auto scaled = at::mul(as_tensor(a, "a"), scale);
    return shift == 0 ? scaled : at::add(scaled, shift);
  });
}

hyb_status hyb_ops_square(const hyb_tensor* a, hyb_tensor** out) {
  return produce("ops_square", out, [&] { return at::mul(as_tensor(a, "a"), as_tensor(a, "a")); });
}

hyb_status hyb_ops_abs(const hyb_tensor* a, hyb_tensor** out) {
  return produce("ops_abs", out, [&] { return at::abs(as_tensor(a, "a")); });
}

hyb_status hyb_ops_exp(const hyb_tensor* a, hyb_tensor** out) {
  return produce("ops_exp", out, [&] { return at::exp(as_tensor(a, "a")); });
}

hyb_status hyb_ops_log_sigmoid(const hyb_tensor* a, hyb_tensor** out) {
  return produce("ops_log_sigmoid", out, [&] { return at::log_sigmoid(as_tensor(a, "a")); });
}

hyb_status hyb_ops_softmax(const hyb_tensor* a, int32_t dim, hyb_tensor** out) {
  return produce("ops_softmax", out, [&] { return at::softmax(as_tensor(a, "a"), dimension(as_tensor(a), dim)); });
}

hyb_status hyb_ops_log_softmax(const hyb_tensor* a, int32_t dim, hyb_tensor** out) {
  return produce("ops_log_softmax", out, [&] { return at::log_softmax(as_tensor(a, "a"), dimension(as_tensor(a), dim)); });
}

hyb_status hyb_ops_matmul(const hyb_tensor* a, const hyb_tensor* b, int32_t transpose_b, hyb_tensor** out) {
  return produce("ops_matmul", out, [&] {
    const auto &x = as_tensor(a, "a"), &y = as_tensor(b, "b");
    require(x.dim() == 2 && y.dim() == 2 && x.size(1) == y.size(transpose_b ? 1 : 0), HYB_INVALID_ARGUMENT, "a ", x.sizes(), " and b ",
            y.sizes(), transpose_b ? " transposed" : "", " cannot be multiplied");
    require(x.scalar_type() == y.scalar_type() && x.device() == y.device(), HYB_TYPE_MISMATCH, "a is ", x.scalar_type(), " on ", x.device(),
            ", b ", y.scalar_type(), " on ", y.device());
    return at::mm(x, transpose_b ? y.t() : y);
  });
}

hyb_status hyb_ops_sum(const hyb_tensor* a, hyb_tensor** out) {
  return produce("ops_sum", out, [&] { return at::sum(as_tensor(a, "a")); });
}

hyb_status hyb_ops_mean(const hyb_tensor* a, hyb_tensor** out) {
  return produce("ops_mean", out, [&] {
    require(as_tensor(a, "a").numel() > 0, HYB_INVALID_ARGUMENT, "the mean of no elements");
    return at::mean(as_tensor(a));
  });
}

hyb_status hyb_ops_sum_dim(const hyb_tensor* a, int32_t dim, hyb_tensor** out) {
  return produce("ops_sum_dim", out, [&] { return at::sum(as_tensor(a, "a"), {dimension(as_tensor(a), dim)}); });
}

hyb_status hyb_ops_mean_dim(const hyb_tensor* a, int32_t dim, hyb_tensor** out) {
  return produce("ops_mean_dim", out, [&] {
    const auto& x = as_tensor(a, "a");
    require(x.size(dimension(x, dim)) > 0, HYB_INVALID_ARGUMENT, "the mean of no elements");
    return at::mean(x, {int64_t{dim}});
  });
}

hyb_status hyb_ops_abs_max(const hyb_tensor* a, hyb_tensor** out) {
  return produce("ops_abs_max", out, [&] {
    auto x = as_tensor(a, "a").detach();
    return x.numel() == 0 ? at::zeros({}, x.options()) : x.abs().max();
  });
}

hyb_status hyb_ops_argmax(const hyb_tensor* a, int32_t dim, hyb_tensor** out) {
  return produce("ops_argmax", out, [&] {
    auto x = as_tensor(a, "a").detach();
    require(x.size(dimension(x, dim)) > 0, HYB_INVALID_ARGUMENT, "the argmax of no elements");
    return at::argmax(x, int64_t{dim});
  });
}

hyb_status hyb_ops_index_select(const hyb_tensor* a, int32_t dim, const int64_t* indices, int64_t n, hyb_tensor** out) {
  return produce("ops_index_select", out, [&] {
    const auto& x = as_tensor(a, "a");
    auto index = index_tensor(indices, n, x.size(dimension(x, dim)), "index", x.device());
    const bool rows = x.dim() == 2 && dimension(x, dim) == 0;
    return rows ? select_rows(x, index) : at::index_select(x, dim, index);
  });
}

hyb_status hyb_ops_segment_sum(const hyb_tensor* values, const int64_t* offsets, int64_t segments, hyb_tensor** out) {
  return produce("ops_segment_sum", out, [&] {
    const auto& x = as_tensor(values, "values");
    require(x.dim() == 1, HYB_INVALID_ARGUMENT, "values has shape ", x.sizes(), ", one dimension is needed");
    auto bounds = Segments::make(offsets, segments, x.size(0));
    std::vector<int64_t> owner(static_cast<size_t>(x.size(0)));
    for (int64_t s = 0; s < segments; ++s)
      for (int64_t row = bounds->begin(s); row < bounds->end(s); ++row) owner[static_cast<size_t>(row)] = s;
    auto index = index_tensor(owner.data(), x.size(0), segments, "segment", x.device());
    return at::zeros({segments}, x.options().requires_grad(false)).index_add(0, index, x);
  });
}
