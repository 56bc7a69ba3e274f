#include "support.h"

namespace hybrid::tests {

void expect_same_function(const Operation& fused, const Operation& composed, const Tensors& inputs, at::ScalarType type, double tolerance) {
  Tensors ours, theirs;
  for (const auto& input : inputs) {
    ours.push_back(leaf(input, type));
    theirs.push_back(leaf(ours.back(), at::kDouble));
  }
  // With so few bits, terms of about one that nearly cancel leave nothing to compare.
  const double least_scale = type == at::kBFloat16 ? 0.1 : 1e-6;
  auto actual = fused(ours), expected = composed(theirs);
  expect_close(actual, expected, tolerance, "value", least_scale);
  auto actual_grads = gradients(weigh(actual), ours), expected_grads = reference_gradients(weigh(expected), theirs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    auto what = "gradient of input " + std::to_string(i);
    expect_close(actual_grads[i], expected_grads[i], 2 * tolerance, what, least_scale);
    EXPECT_EQ(actual_grads[i].scalar_type(), type) << what;
    EXPECT_FALSE(actual_grads[i].requires_grad()) << what;
    EXPECT_FALSE(ours[i].grad().defined()) << what << " was also left in .grad";
  }
}

void expect_differences_agree(const Operation& fused, const Tensors& inputs, double tolerance) {
  Tensors leaves;
  for (const auto& input : inputs) leaves.push_back(leaf(input.contiguous(), at::kDouble));
  auto analytic = gradients(weigh(fused(leaves)), leaves);
  at::NoGradGuard no_grad;
  const double step = 1e-5;
  for (size_t i = 0; i < leaves.size(); ++i) {
    ASSERT_TRUE(analytic[i].defined()) << "input " << i;
    auto flat = leaves[i].detach().view({-1});
    auto chosen = at::randperm(flat.numel(), at::kLong);
    for (int64_t n = 0; n < std::min<int64_t>(24, flat.numel()); ++n) {
      const int64_t at = chosen[n].item<int64_t>();
      const double kept = flat[at].item<double>();
      flat[at] = kept + step;
      double above = weigh(fused(leaves)).item<double>();
      flat[at] = kept - step;
      double below = weigh(fused(leaves)).item<double>();
      flat[at] = kept;
      double difference = (above - below) / (2 * step), gradient = analytic[i].reshape({-1})[at].item<double>();
      EXPECT_NEAR(gradient, difference, tolerance * std::max(1.0, std::abs(difference))) << "input " << i << ", element " << at;
    }
  }
}

}  // namespace hybrid::tests
