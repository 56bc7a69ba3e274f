// Plain operations: values and gradients against LibTorch's own or by hand, and refusals.
#include <limits>

#include "support.h"

using namespace hybrid::tests;

namespace {

// A call with its output left open, from an operation of one tensor.
auto unary(hyb_status (*operation)(const hyb_tensor*, hyb_tensor**)) {
  return [operation](const Tensors& x) { return result([&](auto out) { return operation(in(x[0]), out); }); };
}

auto binary(hyb_status (*operation)(const hyb_tensor*, const hyb_tensor*, hyb_tensor**)) {
  return [operation](const Tensors& x) { return result([&](auto out) { return operation(in(x[0]), in(x[1]), out); }); };
}

auto along(hyb_status (*operation)(const hyb_tensor*, int32_t, hyb_tensor**), int32_t dim) {
  return [operation, dim](const Tensors& x) { return result([&](auto out) { return operation(in(x[0]), dim, out); }); };
}

void expect_function(const Operation& ours, const Operation& theirs, const Tensors& inputs) {
  expect_same_function(ours, theirs, inputs, at::kDouble, 1e-13);
  expect_same_function(ours, theirs, inputs, at::kFloat, 4e-6);
}

}  // namespace

TEST(Ops, BinaryOperationsBroadcast) {
  Tensors inputs{randn({4, 3}), randn({3}).abs() + 0.5};
  expect_function(
      binary(hyb_ops_add), [](const Tensors& x) { return x[0] + x[1]; }, inputs);
  expect_function(
      binary(hyb_ops_sub), [](const Tensors& x) { return x[0] - x[1]; }, inputs);
  expect_function(
      binary(hyb_ops_mul), [](const Tensors& x) { return x[0] * x[1]; }, inputs);
  expect_function(
      binary(hyb_ops_div), [](const Tensors& x) { return x[0] / x[1]; }, inputs);
}

TEST(Ops, ShapesThatCannotBroadcastAreRefused) {
  auto a = randn({4, 3}), b = randn({2});
  refuses(
      HYB_INVALID_ARGUMENT, "ops_add", [&](auto out) { return hyb_ops_add(in(a), in(b), out); }, "3");
  refuses(
      HYB_INVALID_ARGUMENT, "ops_sub", [&](auto out) { return hyb_ops_sub(in(a), nullptr, out); }, "b is null");
  refuses(
      HYB_INVALID_ARGUMENT, "ops_mul", [&](auto out) { return hyb_ops_mul(nullptr, in(a), out); }, "a is null");
  refuses(HYB_INVALID_ARGUMENT, "ops_div", [&](auto out) { return hyb_ops_div(in(a), in(b), out); });
}

TEST(Ops, Affine) {
  for (auto [scale, shift] : std::vector<std::pair<double, double>>{{2.5, -1}, {-1, 0}, {0, 3}})
    expect_function(
        [=, s = scale, t = shift](const Tensors& x) { return result([&](auto out) { return hyb_ops_affine(in(x[0]), s, t, out); }); },
        [s = scale, t = shift](const Tensors& x) { return x[0] * s + t; }, {randn({3, 5})});
}

TEST(Ops, Elementwise) {
  Tensors inputs{randn({3, 7})};
  expect_function(
      unary(hyb_ops_square), [](const Tensors& x) { return x[0].pow(2); }, inputs);
  expect_function(
      unary(hyb_ops_abs), [](const Tensors& x) { return x[0].abs(); }, inputs);
  expect_function(
      unary(hyb_ops_exp), [](const Tensors& x) { return x[0].exp(); }, inputs);
  expect_function(
      unary(hyb_ops_log_sigmoid), [](const Tensors& x) { return -at::log1p(at::exp(-x[0])); }, inputs);
}

TEST(Ops, LogSigmoidIsStable) {
  auto x = at::tensor({-1000.0, 1000.0, 0.0}, at::kDouble).set_requires_grad(true);
  auto y = unary(hyb_ops_log_sigmoid)({x});
  EXPECT_EQ(y[0].item<double>(), -1000);
  EXPECT_EQ(y[1].item<double>(), 0);
  EXPECT_NEAR(y[2].item<double>(), -std::log(2.0), 1e-15);
  auto grad = gradients(y.sum(), {x})[0];
  EXPECT_TRUE(at::equal(grad, at::tensor({1.0, 0.0, 0.5}, at::kDouble))) << grad;
}

TEST(Ops, SoftmaxAndLogSoftmaxOverEachDimension) {
  for (int32_t dim : {0, 1, 2, -1, -3}) {
    Tensors inputs{randn({3, 4, 5}) * 3};
    expect_function(
        along(hyb_ops_softmax, dim), [=](const Tensors& x) { return at::softmax(x[0], dim); }, inputs);
    expect_function(
        along(hyb_ops_log_softmax, dim), [=](const Tensors& x) { return at::log_softmax(x[0], dim); }, inputs);
  }
}

TEST(Ops, MatmulWithAndWithoutTranspose) {
  auto a = randn({3, 4}), b = randn({4, 5});
  auto ours = [](int32_t transpose) {
    return [=](const Tensors& x) { return result([&](auto out) { return hyb_ops_matmul(in(x[0]), in(x[1]), transpose, out); }); };
  };
  expect_function(ours(0), [](const Tensors& x) { return at::matmul(x[0], x[1]); }, {a, b});
  expect_function(ours(1), [](const Tensors& x) { return at::matmul(x[0], x[1].t()); }, {a, b.t().contiguous()});
  refuses(
      HYB_INVALID_ARGUMENT, "ops_matmul", [&](auto out) { return hyb_ops_matmul(in(a), in(b), 1, out); }, "[4, 5] transposed");
  refuses(
      HYB_INVALID_ARGUMENT, "ops_matmul", [&](auto out) { return hyb_ops_matmul(in(a), in(a), 0, out); }, "[3, 4]");
  auto vector = randn({4}), narrow = b.to(at::kFloat);
  refuses(HYB_INVALID_ARGUMENT, "ops_matmul", [&](auto out) { return hyb_ops_matmul(in(a), in(vector), 0, out); });
  refuses(
      HYB_TYPE_MISMATCH, "ops_matmul", [&](auto out) { return hyb_ops_matmul(in(a), in(narrow), 0, out); }, "Float");
}

TEST(Ops, SumsAndMeans) {
  Tensors inputs{randn({3, 4, 2})};
  expect_function(
      unary(hyb_ops_sum), [](const Tensors& x) { return x[0].sum(); }, inputs);
  expect_function(
      unary(hyb_ops_mean), [](const Tensors& x) { return x[0].sum() / 24; }, inputs);
  for (int32_t dim : {0, 1, 2, -1}) {
    expect_function(
        along(hyb_ops_sum_dim, dim), [=](const Tensors& x) { return x[0].sum(dim); }, inputs);
    expect_function(
        along(hyb_ops_mean_dim, dim), [=](const Tensors& x) { return x[0].mean(dim); }, inputs);
  }
}

TEST(Ops, SumOfNothingIsZeroAndMeanOfNothingIsRefused) {
  auto empty = randn({0, 3});
  EXPECT_EQ(unary(hyb_ops_sum)({empty}).item<double>(), 0);
  EXPECT_TRUE(at::equal(along(hyb_ops_sum_dim, 0)({empty}), at::zeros({3}, at::kDouble)));
  refuses(HYB_INVALID_ARGUMENT, "ops_mean", [&](auto out) { return hyb_ops_mean(in(empty), out); });
  refuses(HYB_INVALID_ARGUMENT, "ops_mean_dim", [&](auto out) { return hyb_ops_mean_dim(in(empty), 0, out); });
}

TEST(Ops, DimensionsOutsideTheTensorAreRefused) {
  auto x = randn({2, 3}), scalar = randn({});
  using Reduction = hyb_status (*)(const hyb_tensor*, int32_t, hyb_tensor**);
  for (auto [name, operation] : std::vector<std::pair<const char*, Reduction>>{{"ops_softmax", hyb_ops_softmax},
                                                                               {"ops_log_softmax", hyb_ops_log_softmax},
                                                                               {"ops_sum_dim", hyb_ops_sum_dim},
                                                                               {"ops_mean_dim", hyb_ops_mean_dim},
                                                                               {"ops_argmax", hyb_ops_argmax}}) {
    for (int32_t dim : {2, -3, std::numeric_limits<int32_t>::max()})
      refuses(
          HYB_OUT_OF_RANGE, name, [&, op = operation](auto out) { return op(in(x), dim, out); }, "[2, 3]");
    refuses(HYB_OUT_OF_RANGE, name, [&, op = operation](auto out) { return op(in(scalar), 0, out); });
    refuses(
        HYB_INVALID_ARGUMENT, name, [&, op = operation](auto out) { return op(nullptr, 0, out); }, "null");
  }
}

TEST(Ops, AbsMax) {
  auto x = at::tensor({1.0, -7.5, 3.0}, at::kDouble).set_requires_grad(true);
  auto most = unary(hyb_ops_abs_max)({x});
  EXPECT_EQ(most.dim(), 0);
  EXPECT_EQ(most.item<double>(), 7.5);
  EXPECT_FALSE(most.requires_grad());
  EXPECT_EQ(unary(hyb_ops_abs_max)({randn({0, 2})}).item<double>(), 0);
}

TEST(Ops, ArgmaxTakesTheFirstOfEquals) {
  auto x = at::tensor({1.0, 5.0, 5.0, 5.0, 2.0, 2.0}, at::kDouble).reshape({2, 3}).set_requires_grad(true);
  auto best = along(hyb_ops_argmax, 1)({x});
  EXPECT_EQ(best.scalar_type(), at::kLong);
  EXPECT_TRUE(at::equal(best, at::tensor({1, 0}, at::kLong)));
  EXPECT_TRUE(at::equal(along(hyb_ops_argmax, -2)({x}), at::tensor({1, 0, 0}, at::kLong)));
  auto flat = at::zeros({1, 1000});  // long enough for a vectorised or split search
  EXPECT_EQ(along(hyb_ops_argmax, 1)({flat}).item<int64_t>(), 0);
  auto empty = randn({2, 0});
  refuses(HYB_INVALID_ARGUMENT, "ops_argmax", [&](auto out) { return hyb_ops_argmax(in(empty), 1, out); });
}

TEST(Ops, IndexSelectRepeatsAndChecks) {
  std::vector<int64_t> indices{2, 0, 2};
  auto ours = [&](int32_t dim) {
    return [&indices, dim](const Tensors& x) {
      return result([&](auto out) { return hyb_ops_index_select(in(x[0]), dim, indices.data(), 3, out); });
    };
  };
  auto theirs = [](int64_t dim) {
    return [dim](const Tensors& x) { return at::stack({x[0].select(dim, 2), x[0].select(dim, 0), x[0].select(dim, 2)}, dim); };
  };
  expect_function(ours(0), theirs(0), {randn({3, 4})});
  expect_function(ours(1), theirs(1), {randn({4, 3})});
  expect_function(ours(-1), theirs(1), {randn({4, 3})});
  auto x = randn({2, 3});
  refuses(
      HYB_OUT_OF_RANGE, "ops_index_select", [&](auto out) { return hyb_ops_index_select(in(x), 0, indices.data(), 3, out); },
      "index 2 at position 0");
  int64_t negative = -1;
  refuses(
      HYB_OUT_OF_RANGE, "ops_index_select", [&](auto out) { return hyb_ops_index_select(in(x), 0, &negative, 1, out); }, "-1");
  refuses(HYB_INVALID_ARGUMENT, "ops_index_select", [&](auto out) { return hyb_ops_index_select(in(x), 0, nullptr, 1, out); });
  refuses(HYB_INVALID_ARGUMENT, "ops_index_select", [&](auto out) { return hyb_ops_index_select(in(x), 0, indices.data(), -1, out); });
  EXPECT_EQ(result([&](auto out) { return hyb_ops_index_select(in(x), 0, nullptr, 0, out); }).size(0), 0);
}

TEST(Ops, SegmentSum) {
  Offsets offsets{0, 2, 2, 5};
  auto ours = [&](const Tensors& x) { return result([&](auto out) { return hyb_ops_segment_sum(in(x[0]), offsets.data(), 3, out); }); };
  auto theirs = [](const Tensors& x) {
    return at::stack({x[0].narrow(0, 0, 2).sum(), x[0].narrow(0, 2, 0).sum(), x[0].narrow(0, 2, 3).sum()});
  };
  expect_function(ours, theirs, {randn({5})});
  Offsets none{0};
  auto empty = randn({0});
  EXPECT_EQ(result([&](auto out) { return hyb_ops_segment_sum(in(empty), none.data(), 0, out); }).numel(), 0);
}

TEST(Ops, SegmentBoundsAreChecked) {
  auto values = randn({5}), matrix = randn({5, 1});
  auto refused = [&](Offsets offsets, const char* mentions) {
    refuses(
        HYB_INVALID_ARGUMENT, "ops_segment_sum",
        [&](auto out) { return hyb_ops_segment_sum(in(values), offsets.data(), static_cast<int64_t>(offsets.size()) - 1, out); }, mentions);
  };
  refused({1, 5}, "begin at 1");
  refused({0, 4}, "end at 4");
  refused({0, 6}, "end at 6");
  refused({0, 3, 2, 5}, "fall");
  Offsets whole{0, 5};
  refuses(
      HYB_INVALID_ARGUMENT, "ops_segment_sum", [&](auto out) { return hyb_ops_segment_sum(in(values), nullptr, 1, out); }, "offsets");
  refuses(HYB_INVALID_ARGUMENT, "ops_segment_sum", [&](auto out) { return hyb_ops_segment_sum(in(values), whole.data(), -1, out); });
  refuses(
      HYB_INVALID_ARGUMENT, "ops_segment_sum", [&](auto out) { return hyb_ops_segment_sum(in(matrix), whole.data(), 1, out); }, "[5, 1]");
}
