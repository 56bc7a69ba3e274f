// Recording and gradients.
#include <thread>

#include "support.h"

using namespace hybrid::tests;

namespace {
bool set_enabled(bool enabled) {
  int32_t previous = -1;
  ok(hyb_autograd_set_enabled(enabled ? 1 : 0, &previous));
  return previous == 1;
}
}  // namespace

TEST(Autograd, RecordingIsSwitchedForThisThreadOnly) {
  EXPECT_EQ(hyb_autograd_enabled(), 1);
  EXPECT_TRUE(set_enabled(false));
  EXPECT_EQ(hyb_autograd_enabled(), 0);
  auto x = randn({2, 2}).set_requires_grad(true);
  EXPECT_FALSE(ours::linear(x, x).requires_grad());
  bool other = false;
  std::thread([&] { other = set_enabled(true); }).join();
  EXPECT_TRUE(other);
  EXPECT_FALSE(set_enabled(true));
  EXPECT_TRUE(ours::linear(x, x).requires_grad());
}

TEST(Autograd, GradientsComeBackInOrderAndNullWhereUnused) {
  auto a = randn({3}).set_requires_grad(true), b = randn({3}).set_requires_grad(true), unused = randn({2}).set_requires_grad(true);
  auto grads = gradients((a * a * b).sum(), {b, unused, a});
  expect_close(grads[0], a * a, 1e-15);
  EXPECT_FALSE(grads[1].defined());
  expect_close(grads[2], 2 * a * b, 1e-15);
  EXPECT_FALSE(a.grad().defined());
}

TEST(Autograd, GradientsAreContiguous) {
  auto x = randn({2, 3}).set_requires_grad(true);
  auto weights = randn({3, 2});
  auto grad = gradients((x.t() * weights).sum(), {x})[0];
  EXPECT_TRUE(grad.is_contiguous());
  expect_close(grad, weights.t(), 1e-15);
}

TEST(Autograd, LossMayHaveAnyShapeOfOneElement) {
  auto x = randn({1, 1}).set_requires_grad(true);
  EXPECT_EQ(gradients(x * 3, {x})[0].item<double>(), 3);
}

TEST(Autograd, GradientOfAnInnerTensor) {
  auto x = randn({3}).set_requires_grad(true);
  auto inner = x * 2;
  EXPECT_TRUE(at::equal(gradients((inner * 5).sum(), {inner})[0], at::full({3}, 5, at::kDouble)));
}

TEST(Autograd, AGraphCutInTwoGivesTheSameGradients) {
  auto x = randn({3, 2}).set_requires_grad(true), below = randn({4, 2}).set_requires_grad(true), above = randn({5, 4}).set_requires_grad(true);
  auto whole = gradients(weigh(ours::linear(ours::linear(x, below), above)), {x, below, above});
  auto inner = ours::linear(x, below), cut = inner.detach().set_requires_grad(true);
  auto upper = gradients(weigh(ours::linear(cut, above)), {cut, above});
  std::vector<hyb_tensor*> leaves{lend(x), lend(below)}, lower(2);
  ok(hyb_autograd_grad(in(inner), in(upper[0]), leaves.data(), 2, lower.data()));
  EXPECT_TRUE(at::equal(take(lower[0]), whole[0]));
  EXPECT_TRUE(at::equal(take(lower[1]), whole[1]));
  EXPECT_TRUE(at::equal(upper[1], whole[2]));
}

TEST(Autograd, TheGraphIsFreed) {
  auto x = randn({3, 2}).set_requires_grad(true), weight = randn({4, 2}).set_requires_grad(true);
  auto loss = weigh(ours::linear(x, weight));
  gradients(loss, {weight});
  auto* input = lend(weight);
  refuses(
      HYB_INVALID_ARGUMENT, "autograd_grad", [&](auto out) { return hyb_autograd_grad(in(loss), nullptr, &input, 1, out); }, "second time");
}

TEST(Autograd, Refusals) {
  auto x = randn({3}).set_requires_grad(true), constant = randn({3});
  auto loss = x.sum(), vector = x * 2, plain = constant.sum();
  auto call = [](const at::Tensor& root, std::vector<hyb_tensor*> inputs) {
    return [&root, inputs](hyb_tensor** out) {
      return hyb_autograd_grad(in(root), nullptr, inputs.data(), static_cast<int64_t>(inputs.size()), out);
    };
  };
  refuses(HYB_INVALID_ARGUMENT, "autograd_grad", call(vector, {lend(x)}), "[3]");
  refuses(HYB_INVALID_ARGUMENT, "autograd_grad", call(plain, {lend(x)}), "requires gradients");
  refuses(HYB_INVALID_ARGUMENT, "autograd_grad", call(loss, {lend(x), lend(constant)}), "input 1");
  refuses(HYB_INVALID_ARGUMENT, "autograd_grad", call(loss, {}), "no inputs");
  refuses(HYB_INVALID_ARGUMENT, "autograd_grad", call(loss, {nullptr}), "null");
  refuses(
      HYB_INVALID_ARGUMENT, "autograd_grad", [&](auto out) { return hyb_autograd_grad(nullptr, nullptr, nullptr, 0, out); }, "result");
  auto* input = lend(x);
  auto shorter = randn({2}), narrower = randn({3}).to(at::kFloat);
  expect_refused(HYB_INVALID_ARGUMENT, "autograd_grad", hyb_autograd_grad(in(vector), in(shorter), &input, 1, &input), "[2]");
  expect_refused(HYB_TYPE_MISMATCH, "autograd_grad", hyb_autograd_grad(in(vector), in(narrower), &input, 1, &input), "Float");
  expect_refused(HYB_INVALID_ARGUMENT, "autograd_grad", hyb_autograd_grad(in(loss), nullptr, &input, 1, nullptr), "grads");
  EXPECT_TRUE(gradients(loss, {x})[0].defined()) << "a refusal must leave the graph usable";
}
