#include "reference.h"

using namespace hybrid::tests;

namespace {
constexpr double epsilon = 1e-5;
const Operation fused = [](const Tensors& x) { return ours::rms_norm(x[0], x[1], epsilon); };
const Operation composed = [](const Tensors& x) { return reference::rms_norm(x[0], x[1], epsilon); };
}  // namespace

class RmsNorm : public EachVariant {};
INSTANTIATE_TEST_SUITE_P(, RmsNorm, variants(), name_of);

TEST_P(RmsNorm, MatchesComposed) {
  for (auto [T, D] : std::vector<std::pair<int64_t, int64_t>>{{1, 2}, {2, 3}, {5, 15}, {7, 16}, {3, 33}, {300, 250}})
    expect_same_function(fused, composed, {randn({T, D}), randn({D})}, type(), tolerance());
}

TEST_P(RmsNorm, MatchesComposedOnOtherStridesAndScales) {
  expect_same_function(fused, composed, {transposed_storage(randn({9, 13})), randn({26}).slice(0, 0, 26, 2)}, type(), tolerance());
  expect_same_function(fused, composed, {randn({4, 19}) * 1e3, randn({19})}, type(), tolerance());
}

TEST_P(RmsNorm, EpsilonMattersWhereRowsAreSmall) {
  auto x = at::cat({at::zeros({1, 5}, at::kDouble), randn({2, 5}) * 1e-3});
  expect_same_function(fused, composed, {x, randn({5})}, type(), tolerance());
}

TEST_P(RmsNorm, NoRows) { expect_same_function(fused, composed, {randn({0, 5}), randn({5})}, type(), tolerance()); }

TEST_P(RmsNorm, TwoThreadsAgreeToRounding) {
  ok(hyb_runtime_set_threads(2));
  expect_same_function(fused, composed, {randn({700, 130}), randn({130})}, type(), tolerance());
  ok(hyb_runtime_set_threads(1));
}

TEST(RmsNormOperation, DifferencesAgree) { expect_differences_agree(fused, {randn({4, 9}), randn({9})}); }

TEST(RmsNormOperation, ByHand) {
  auto x = at::tensor({3.0, 4.0}, at::kDouble).reshape({1, 2}), weight = at::tensor({1.0, 10.0}, at::kDouble);
  auto out = ours::rms_norm(x, weight, 0);
  EXPECT_NEAR(out[0][0].item<double>(), 3 / std::sqrt(12.5), 1e-15);
  EXPECT_NEAR(out[0][1].item<double>(), 40 / std::sqrt(12.5), 1e-14);
}

TEST(RmsNormOperation, OnlyWhatIsAskedForIsDifferentiated) {
  auto x = randn({5, 7}).set_requires_grad(true), weight = randn({7}).set_requires_grad(true);
  auto both = gradients(weigh(fused({x, weight})), {x, weight});
  expect_same_bits(gradients(weigh(fused({x, weight})), {x})[0], both[0]);
  expect_same_bits(gradients(weigh(fused({x, weight})), {weight})[0], both[1]);
  expect_same_bits(gradients(weigh(fused({x, weight.detach()})), {x})[0], both[0]);
}

TEST(RmsNormOperation, Refusals) {
  auto x = randn({5, 7}), weight = randn({7}), wrong = randn({6}), row = randn({1, 7}), narrow = randn({7}, at::kFloat);
  auto call = [&](const at::Tensor& a, const at::Tensor& b, double e) {
    return [&, e](hyb_tensor** out) { return hyb_transformer_rms_norm(in(a), in(b), e, nullptr, 0, out); };
  };
  refuses(HYB_INVALID_ARGUMENT, "transformer_rms_norm", call(x, wrong, epsilon), "[6]");
  refuses(HYB_INVALID_ARGUMENT, "transformer_rms_norm", call(x, row, epsilon), "[1, 7]");
  refuses(HYB_INVALID_ARGUMENT, "transformer_rms_norm", call(weight, weight, epsilon));
  refuses(HYB_INVALID_ARGUMENT, "transformer_rms_norm", call(x, weight, -1e-5), "epsilon");
  refuses(HYB_INVALID_ARGUMENT, "transformer_rms_norm", call(x, weight, std::nan("")), "epsilon");
  refuses(HYB_TYPE_MISMATCH, "transformer_rms_norm", call(x, narrow, epsilon), "Float");
}
