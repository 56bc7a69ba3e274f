#include "reference.h"

using namespace hybrid::tests;

namespace {
const Operation fused = [](const Tensors& x) { return ours::swiglu(x[0], x[1]); };
const Operation composed = [](const Tensors& x) { return reference::swiglu(x[0], x[1]); };
}  // namespace

class SwiGlu : public EachVariant {};
INSTANTIATE_TEST_SUITE_P(, SwiGlu, variants(), name_of);

TEST_P(SwiGlu, MatchesComposed) {
  for (auto [T, F] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {3, 5}, {7, 16}, {3, 33}, {150, 120}})
    expect_same_function(fused, composed, {randn({T, F}) * 3, randn({T, F})}, type(), tolerance());
}

TEST_P(SwiGlu, MatchesComposedOnOtherStrides) {
  expect_same_function(fused, composed, {transposed_storage(randn({9, 13})), randn({9, 26}).slice(1, 0, 26, 2)}, type(), tolerance());
}

TEST_P(SwiGlu, NoRows) { expect_same_function(fused, composed, {randn({0, 5}), randn({0, 5})}, type(), tolerance()); }

TEST_P(SwiGlu, LargeGatesSaturate) {
  auto gate = at::tensor({-1e4, -200.0, -90.0, 90.0, 200.0, 1e4}, at::kDouble).reshape({1, 6}), up = at::ones({1, 6}, at::kDouble);
  expect_same_function(fused, composed, {gate, up}, type(), tolerance());
  auto out = ours::swiglu(gate.to(type()), up.to(type())).to(at::kDouble);
  EXPECT_TRUE(at::isfinite(out).all().item<bool>()) << out;
  EXPECT_LT(std::abs(out[0][0].item<double>()), 1e-30);
}

TEST(SwiGluOperation, DifferencesAgree) { expect_differences_agree(fused, {randn({4, 6}), randn({4, 6})}); }

TEST(SwiGluOperation, NotANumberStaysOne) {
  auto gate = at::full({1, 20}, std::nan(""), at::kFloat), up = at::ones({1, 20}, at::kFloat);
  EXPECT_TRUE(at::isnan(ours::swiglu(gate, up)).all().item<bool>());
  EXPECT_TRUE(at::isnan(ours::swiglu(up, gate)).all().item<bool>());
}

TEST(SwiGluOperation, Refusals) {
  auto x = randn({5, 7}), wrong = randn({5, 6}), row = randn({7}), narrow = randn({5, 7}, at::kFloat);
  auto call = [&](const at::Tensor& a, const at::Tensor& b) {
    return [&](hyb_tensor** out) { return hyb_transformer_swiglu(in(a), in(b), out); };
  };
  refuses(HYB_INVALID_ARGUMENT, "transformer_swiglu", call(x, wrong), "[5, 6]");
  refuses(HYB_INVALID_ARGUMENT, "transformer_swiglu", call(row, row), "[7]");
  refuses(HYB_TYPE_MISMATCH, "transformer_swiglu", call(x, narrow), "Float");
}
