#include "reference.h"

using namespace hybrid::tests;

namespace {
const Operation fused = [](const Tensors& x) { return ours::linear(x[0], x[1]); };
const Operation composed = [](const Tensors& x) { return reference::linear(x[0], x[1]); };
}  // namespace

class Linear : public EachVariant {};
INSTANTIATE_TEST_SUITE_P(, Linear, variants(), name_of);

TEST_P(Linear, MatchesComposed) {
  for (auto [T, I, O] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{{1, 1, 1}, {3, 5, 7}, {17, 33, 65}, {64, 128, 96}, {129, 31, 2}})
    expect_same_function(fused, composed, {randn({T, I}), randn({O, I})}, type(), tolerance());
}

// Few rows have a kernel of their own: every remainder of rows, of outputs and of a row's vectors.
TEST_P(Linear, MatchesComposedOnFewRows) {
  for (int64_t T : {1, 2, 3, 4, 7, 32, 33})
    for (auto [I, O] : std::vector<std::pair<int64_t, int64_t>>{{16, 16}, {17, 31}, {300, 16}, {256, 37}, {271, 50}, {15, 40}, {300, 15}})
      expect_same_function(fused, composed, {randn({T, I}), randn({O, I})}, type(), 2 * tolerance());
}

TEST_P(Linear, ThreadsHaveNoSayInAFewRows) {
  auto x = randn({3, 1000}, type()), weight = randn({1003, 1000}, type());
  const int32_t threads = hyb_runtime_threads();
  Tensors products;
  for (int32_t count : {1, 2, 5}) {
    ok(hyb_runtime_set_threads(count));
    products.push_back(ours::linear(x, weight));
  }
  ok(hyb_runtime_set_threads(threads));
  expect_same_bits(products[1], products[0]);
  expect_same_bits(products[2], products[0]);
}

TEST_P(Linear, MatchesComposedOnOtherStrides) {
  expect_same_function(fused, composed, {transposed_storage(randn({9, 13})), transposed_storage(randn({11, 13}))}, type(), tolerance());
  expect_same_function(fused, composed, {randn({9, 26}).slice(1, 0, 26, 2), randn({11, 13})}, type(), tolerance());
}

TEST_P(Linear, EmptyInputsGiveZeros) {
  expect_same_function(fused, composed, {randn({0, 5}), randn({3, 5})}, type(), tolerance());
  expect_same_function(fused, composed, {randn({4, 0}), randn({3, 0})}, type(), tolerance());
  expect_same_function(fused, composed, {randn({4, 5}), randn({0, 5})}, type(), tolerance());
}

TEST(LinearOperation, DifferencesAgree) { expect_differences_agree(fused, {randn({5, 7}), randn({3, 7})}); }

TEST(LinearOperation, OnlyWhatIsAskedForIsDifferentiated) {
  auto x = randn({5, 7}).set_requires_grad(true), weight = randn({3, 7}).set_requires_grad(true), frozen = randn({3, 7});
  auto both = gradients(weigh(ours::linear(x, weight)), {x, weight});
  expect_same_bits(gradients(weigh(ours::linear(x, weight)), {x})[0], both[0]);
  expect_same_bits(gradients(weigh(ours::linear(x, weight)), {weight})[0], both[1]);
  expect_same_bits(gradients(weigh(ours::linear(x.detach(), weight)), {weight})[0], both[1]);
  expect_close(gradients(weigh(ours::linear(x, frozen)), {x})[0], reference_gradients(weigh(composed({x, frozen})), {x})[0], 1e-13);
  EXPECT_FALSE(ours::linear(x.detach(), frozen).requires_grad());
}

TEST(LinearOperation, AWeightUsedTwiceCollectsBothGradients) {
  expect_same_function([](const Tensors& x) { return ours::linear(ours::linear(x[0], x[1]), x[1]); },
                       [](const Tensors& x) { return reference::linear(reference::linear(x[0], x[1]), x[1]); },
                       {randn({4, 6}), randn({6, 6})}, at::kDouble, 1e-13);
}

TEST(LinearOperation, Refusals) {
  auto x = randn({5, 7}), weight = randn({3, 7}), wrong = randn({3, 6}), cube = randn({2, 3, 7}), narrow = randn({3, 7}, at::kFloat);
  auto call = [&](const at::Tensor& a, const at::Tensor& b) {
    return [&](hyb_tensor** out) { return hyb_transformer_linear(in(a), in(b), nullptr, 0, out); };
  };
  refuses(HYB_INVALID_ARGUMENT, "transformer_linear", call(x, wrong), "[3, 6]");
  refuses(HYB_INVALID_ARGUMENT, "transformer_linear", call(cube, weight), "[2, 3, 7]");
  refuses(HYB_INVALID_ARGUMENT, "transformer_linear", call(x, cube));
  refuses(HYB_TYPE_MISMATCH, "transformer_linear", call(x, narrow), "Float");
  refuses(
      HYB_INVALID_ARGUMENT, "transformer_linear", [&](auto out) { return hyb_transformer_linear(nullptr, in(weight), nullptr, 0, out); },
      "x is null");
  refuses(
      HYB_INVALID_ARGUMENT, "transformer_linear", [&](auto out) { return hyb_transformer_linear(in(x), nullptr, nullptr, 0, out); },
      "weight is null");
}
