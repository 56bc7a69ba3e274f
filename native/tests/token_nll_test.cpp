#include "reference.h"

using namespace hybrid::tests;

namespace {

std::vector<int64_t> targets_of(int64_t n, int64_t V) {
  std::vector<int64_t> targets;
  for (int64_t i = 0; i < n; ++i) targets.push_back((i * 7 + 3) % V);
  return targets;
}

Operation fused(std::vector<int64_t> targets, int64_t chunk_rows) {
  return [=](const Tensors& x) { return ours::token_nll(x[0], x[1], targets, chunk_rows); };
}

Operation composed(std::vector<int64_t> targets) {
  return [=](const Tensors& x) { return reference::token_nll(x[0], x[1], targets); };
}

}  // namespace

class TokenNll : public EachVariant {};
INSTANTIATE_TEST_SUITE_P(, TokenNll, variants(), name_of);

TEST_P(TokenNll, MatchesComposedForEveryChunkSize) {
  for (auto [N, D, V] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{{1, 1, 2}, {5, 3, 7}, {13, 17, 33}, {40, 16, 517}})
    for (int64_t chunk : {int64_t{1}, int64_t{3}, N, N + 10}) {
      auto targets = targets_of(N, V);
      expect_same_function(fused(targets, chunk), composed(targets), {randn({N, D}), randn({V, D})}, type(), tolerance());
    }
}

TEST_P(TokenNll, MatchesComposedOnOtherStrides) {
  auto targets = targets_of(9, 11);
  expect_same_function(fused(targets, 4), composed(targets), {transposed_storage(randn({9, 13})), transposed_storage(randn({11, 13}))},
                       type(), tolerance());
}

TEST_P(TokenNll, LargeLogitsAreStable) {
  auto hidden = at::eye(3, at::kDouble) * 64, weight = at::eye(3, at::kDouble) * 64;  // a logit of 4096 beside zeros
  auto nll = ours::token_nll(hidden.to(type()), weight.to(type()), {0, 1, 0}, 2);
  EXPECT_NEAR(nll[0].item<double>(), 0, 1e-30);
  EXPECT_NEAR(nll[1].item<double>(), 0, 1e-30);
  EXPECT_NEAR(nll[2].item<double>(), 4096, 1e-2);
}

TEST_P(TokenNll, OneClassCostsNothing) {
  EXPECT_EQ(ours::token_nll(randn({3, 4}, type()), randn({1, 4}, type()), {0, 0, 0}, 2).abs().max().item<double>(), 0);
}

TEST_P(TokenNll, NoRows) {
  auto nll = ours::token_nll(randn({0, 5}, type()), randn({7, 5}, type()), {}, 3);
  EXPECT_EQ(nll.sizes(), at::IntArrayRef({0}));
  expect_same_function(fused({}, 3), composed({}), {randn({0, 5}), randn({7, 5})}, type(), tolerance());
}

TEST(TokenNllOperation, SixteenBitInputsGiveFloat32Losses) {
  EXPECT_EQ(ours::token_nll(randn({2, 3}, at::kBFloat16), randn({4, 3}, at::kBFloat16), {1, 2}, 1).scalar_type(), at::kFloat);
}

TEST(TokenNllOperation, DifferencesAgree) {
  auto targets = targets_of(5, 6);
  for (int64_t chunk : {1, 2, 5}) expect_differences_agree(fused(targets, chunk), {randn({5, 4}), randn({6, 4})});
}

TEST(TokenNllOperation, ChunksDoNotChangeALoss) {
  auto targets = targets_of(23, 50);
  auto hidden = randn({23, 8}), weight = randn({50, 8});
  auto whole = ours::token_nll(hidden, weight, targets, 23);
  for (int64_t chunk : {1, 2, 7, 22}) expect_close(ours::token_nll(hidden, weight, targets, chunk), whole, 1e-14);
}

TEST(TokenNllOperation, OnlyWhatIsAskedForIsDifferentiated) {
  auto hidden = randn({5, 4}).set_requires_grad(true), weight = randn({6, 4}).set_requires_grad(true);
  auto nll = fused(targets_of(5, 6), 2);
  auto both = gradients(weigh(nll({hidden, weight})), {hidden, weight});
  expect_same_bits(gradients(weigh(nll({hidden, weight})), {hidden})[0], both[0]);
  expect_same_bits(gradients(weigh(nll({hidden, weight})), {weight})[0], both[1]);
  expect_same_bits(gradients(weigh(nll({hidden, weight.detach()})), {hidden})[0], both[0]);
}

TEST(TokenNllOperation, Refusals) {
  auto hidden = randn({2, 4}), weight = randn({6, 4}), wrong = randn({6, 5}), row = randn({4}), narrow = randn({6, 4}, at::kFloat);
  auto call = [](const at::Tensor& h, const at::Tensor& w, std::vector<int64_t> targets, int64_t chunk) {
    return [&h, &w, targets, chunk](hyb_tensor** out) {
      return hyb_transformer_token_nll(in(h), in(w), targets.data(), static_cast<int64_t>(targets.size()), chunk, out);
    };
  };
  const std::string name = "transformer_token_nll";
  refuses(HYB_OUT_OF_RANGE, name, call(hidden, weight, {0, 6}, 1), "target 6 at position 1");
  refuses(HYB_OUT_OF_RANGE, name, call(hidden, weight, {-1, 0}, 1), "-1");
  refuses(HYB_INVALID_ARGUMENT, name, call(hidden, weight, {0}, 1), "1 targets");
  refuses(HYB_INVALID_ARGUMENT, name, call(hidden, weight, {0, 1}, 0), "chunk_rows");
  refuses(HYB_INVALID_ARGUMENT, name, call(hidden, wrong, {0, 1}, 1), "[6, 5]");
  refuses(HYB_INVALID_ARGUMENT, name, call(hidden, row, {0, 1}, 1), "[4]");
  refuses(HYB_INVALID_ARGUMENT, name, call(row, weight, {0, 1}, 1), "[4]");
  refuses(HYB_TYPE_MISMATCH, name, call(hidden, narrow, {0, 1}, 1), "Float");
}
