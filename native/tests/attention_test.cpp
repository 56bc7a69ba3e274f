#include "reference.h"

using namespace hybrid::tests;

namespace {

struct Case {
  std::vector<int64_t> lengths;
  int32_t query, key_value;
  int64_t E;

  Heads heads() const { return heads_of(query, key_value, E); }
  Offsets offsets() const { return offsets_of(lengths); }
  Tensors inputs() const {
    const int64_t T = offsets().back();
    return {randn({T, query * E}), randn({T, key_value * E}), randn({T, key_value * E})};
  }
  Operation fused() const {
    return [*this](const Tensors& x) { return ours::attention(x[0], x[1], x[2], offsets(), heads()); };
  }
  Operation composed() const {
    return [*this](const Tensors& x) { return reference::attention(x[0], x[1], x[2], offsets(), heads()); };
  }
};

const Case packed{{5, 0, 1, 19, 0, 3}, 6, 2, 10};

at::Tensor rows(const at::Tensor& tensor, int64_t begin, int64_t end) { return tensor.slice(0, begin, end); }

}  // namespace

class Attention : public EachVariant {};
INSTANTIATE_TEST_SUITE_P(, Attention, variants(), name_of);

TEST_P(Attention, MatchesComposed) {
  for (const Case& c : std::vector<Case>{{{1}, 1, 1, 2}, {{7}, 2, 2, 4}, {{17}, 4, 1, 6}, {{33, 40}, 4, 2, 16}, packed, {{70}, 3, 3, 34}})
    expect_same_function(c.fused(), c.composed(), c.inputs(), type(), 2 * tolerance());
}

TEST_P(Attention, MatchesComposedOnOtherStrides) {
  auto x = packed.inputs();
  for (auto& tensor : x) tensor = transposed_storage(tensor);
  expect_same_function(packed.fused(), packed.composed(), x, type(), 2 * tolerance());
}

TEST_P(Attention, NoRows) {
  Case none{{0, 0}, 2, 1, 4};
  auto x = none.inputs();
  EXPECT_EQ(ours::attention(x[0].to(type()), x[1].to(type()), x[2].to(type()), none.offsets(), none.heads()).sizes(),
            at::IntArrayRef({0, 8}));
  expect_same_function(
      none.fused(), [](const Tensors& x) { return x[0] + 0 * x[1].sum() + 0 * x[2].sum(); }, x, type(), tolerance());
  EXPECT_EQ(ours::attention(x[0].to(type()), x[1].to(type()), x[2].to(type()), {0}, none.heads()).size(0), 0);  // no sequence at all
}

TEST_P(Attention, LargeScoresAreStable) {
  Case c{{9}, 2, 1, 4};
  auto x = c.inputs();
  x[0] = x[0] * 100;
  x[1] = x[1] * 100;
  auto out = c.fused()({x[0].to(type()), x[1].to(type()), x[2].to(type())}).to(at::kDouble);
  EXPECT_TRUE(at::isfinite(out).all().item<bool>());
  EXPECT_LE(out.abs().max().item<double>(), x[2].abs().max().item<double>() * 1.01) << "a mean of values left their range";
}

TEST_P(Attention, ALaterTokenNeverChangesAnEarlierRow) {
  Case c{{23}, 4, 2, 8};
  auto x = c.inputs();
  for (auto& tensor : x) tensor = tensor.to(type());
  auto before = c.fused()(x);
  for (int64_t changed : {1, 8, 22}) {
    Tensors y;
    for (const auto& tensor : x) {
      y.push_back(tensor.clone());
      y.back()[changed] += 5;
    }
    auto after = c.fused()(y);
    expect_same_bits(rows(after, 0, changed), rows(before, 0, changed));
    EXPECT_GT(count_different(rows(after, changed, 23), rows(before, changed, 23)), 0);
  }
}

TEST_P(Attention, GradientsDoNotReachLaterTokens) {
  Case c{{12}, 2, 1, 4};
  Tensors x;
  for (const auto& tensor : c.inputs()) x.push_back(leaf(tensor, type()));
  auto grads = gradients(weigh(rows(c.fused()(x), 0, 5)), x);
  for (const auto& grad : grads) {
    EXPECT_EQ(rows(grad, 5, 12).abs().max().item<double>(), 0);
    EXPECT_GT(rows(grad, 0, 5).abs().max().item<double>(), 0);
  }
}

TEST_P(Attention, BatchCompositionDoesNotMatter) {
  Tensors together;
  for (const auto& tensor : packed.inputs()) together.push_back(leaf(tensor, type()));
  auto out = packed.fused()(together);
  auto weights = at::sin(at::arange(out.size(1), at::kDouble)).to(type());
  auto grads = gradients((out * weights).sum(), together);
  auto offsets = packed.offsets();
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    const int64_t begin = offsets[b], end = offsets[b + 1];
    if (begin == end) continue;
    Tensors alone;
    for (const auto& tensor : together) alone.push_back(leaf(rows(tensor, begin, end).contiguous()));
    auto one = ours::attention(alone[0], alone[1], alone[2], {0, end - begin}, packed.heads());
    expect_same_bits(one, rows(out, begin, end).contiguous(), "sequence " + std::to_string(b));
    auto own = gradients((one * weights).sum(), alone);
    for (size_t i = 0; i < own.size(); ++i) expect_same_bits(own[i], rows(grads[i], begin, end).contiguous(), "gradient");
  }
}

TEST(AttentionOperation, Float16MatchesComposed) {
  for (const Case& c : std::vector<Case>{{{1}, 1, 1, 2}, {{33, 40}, 4, 2, 16}, {{12, 12, 12}, 4, 1, 8}, packed, {{0, 7}, 3, 3, 34}})
    expect_same_function(c.fused(), c.composed(), c.inputs(), at::kHalf, 4e-3);
  Case none{{0, 0}, 2, 1, 4};
  Tensors x;
  for (const auto& tensor : none.inputs()) x.push_back(leaf(tensor, at::kHalf));
  for (const auto& grad : gradients(none.fused()(x).sum(), x)) EXPECT_EQ(grad.size(0), 0);
}

TEST(AttentionOperation, DifferencesAgree) {
  for (const Case& c : std::vector<Case>{{{4, 0, 1, 3}, 4, 2, 4}, {{6}, 3, 1, 2}}) expect_differences_agree(c.fused(), c.inputs());
}

TEST(AttentionOperation, OneTokenAttendsToItselfOnly) {
  Case c{{1, 1, 1}, 4, 2, 6};
  auto x = c.inputs();
  auto values = x[2].view({3, 2, 1, 6}).expand({3, 2, 2, 6}).reshape({3, 24});  // each value head serves two query heads
  expect_close(c.fused()(x), values, 1e-15);
}

TEST(AttentionOperation, RotationByTheFormula) {
  // Two tokens and one head of two: the second row's weights follow from cos and sin of one angle.
  Heads heads{1, 1, {0.7}};
  auto q = randn({2, 2}), k = randn({2, 2}), v = randn({2, 2});
  auto turned = [&](const at::Tensor& x, int64_t p) {
    double a = x[p][0].item<double>(), b = x[p][1].item<double>(), t = 0.7 * static_cast<double>(p);
    return std::pair(a * std::cos(t) - b * std::sin(t), b * std::cos(t) + a * std::sin(t));
  };
  auto [q0, q1] = turned(q, 1);
  auto [a0, a1] = turned(k, 0);
  auto [b0, b1] = turned(k, 1);
  double first = std::exp((q0 * a0 + q1 * a1) / std::sqrt(2.0)), second = std::exp((q0 * b0 + q1 * b1) / std::sqrt(2.0));
  auto expected = (v[0] * first + v[1] * second) / (first + second);
  auto out = ours::attention(q, k, v, {0, 2}, heads);
  expect_close(out[0], v[0], 1e-15);
  expect_close(out[1], expected, 1e-14);
}

TEST(AttentionOperation, Refusals) {
  auto q = randn({4, 8}), k = randn({4, 4}), narrow = randn({4, 4}, at::kFloat), wrong = randn({3, 4}), cube = randn({4, 2, 4});
  std::vector<double> frequency(8, 1.0);
  auto call = [&](const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Offsets offsets, int32_t heads, int32_t kv_heads) {
    return [&, offsets, heads, kv_heads](hyb_tensor** out) {
      return hyb_transformer_attention(in(a), in(b), in(c), offsets.data(), static_cast<int64_t>(offsets.size()) - 1, heads, kv_heads,
                                       frequency.data(), out);
    };
  };
  const std::string name = "transformer_attention";
  const Offsets whole{0, 4};
  ASSERT_TRUE(result(call(q, k, k, whole, 2, 1)).defined());
  for (auto [heads, kv_heads] : std::vector<std::pair<int32_t, int32_t>>{{3, 2}, {2, 3}, {0, 1}, {-2, -1}, {2, 0}, {8, 4}, {16, 8}})
    refuses(HYB_INVALID_ARGUMENT, name, call(q, k, k, whole, heads, kv_heads), "heads");
  for (const Offsets& offsets : std::vector<Offsets>{{0, 3}, {0, 5}, {1, 4}, {0, 3, 2, 4}, {-1, 4}, {0}})
    refuses(HYB_INVALID_ARGUMENT, name, call(q, k, k, offsets, 2, 1), "offsets");
  refuses(HYB_INVALID_ARGUMENT, name, call(q, wrong, wrong, whole, 2, 1), "[3, 4]");
  refuses(HYB_INVALID_ARGUMENT, name, call(q, k, wrong, whole, 2, 1), "[3, 4]");
  refuses(HYB_INVALID_ARGUMENT, name, call(q, cube, cube, whole, 2, 1));
  refuses(HYB_INVALID_ARGUMENT, name, call(cube, k, k, whole, 2, 1), "[4, 2, 4]");
  refuses(HYB_TYPE_MISMATCH, name, call(q, narrow, k, whole, 2, 1));
  auto no_columns = randn({4, 0});
  refuses(HYB_INVALID_ARGUMENT, name, call(no_columns, no_columns, no_columns, whole, 2, 1), "E");
  refuses(
      HYB_INVALID_ARGUMENT, name,
      [&](auto out) { return hyb_transformer_attention(in(q), in(k), in(k), whole.data(), 1, 2, 1, nullptr, out); }, "inverse_frequency");
  refuses(
      HYB_INVALID_ARGUMENT, name,
      [&](auto out) { return hyb_transformer_attention(in(q), in(k), in(k), nullptr, 1, 2, 1, frequency.data(), out); }, "offsets");
}
