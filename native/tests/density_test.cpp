// Density against per-example gradients that plain autograd makes, on a two-layer toy with every kind of weight.
#include "reference.h"

using namespace hybrid::tests;

namespace {

constexpr int64_t D = 12, F = 19, V = 23;
constexpr int32_t layers = 2;
constexpr double epsilon = 1e-5;
const Heads heads = heads_of(4, 2, 3 * 2);

struct Layer {
  at::Tensor attention_norm, q, k, v, o, ffn_norm, gate, up, down;
  Tensors all() const { return {attention_norm, q, k, v, o, ffn_norm, gate, up, down}; }
};

struct Toy {
  at::Tensor embedding, output;
  std::vector<Layer> stack;

  explicit Toy(at::ScalarType type) {
    auto weight = [&](at::IntArrayRef shape) { return leaf(randn(shape) * 0.4, type); };
    embedding = weight({V, D}), output = weight({V, D});
    for (int32_t l = 0; l < layers; ++l)
      stack.push_back({weight({D}), weight({24, D}), weight({12, D}), weight({12, D}), weight({D, 24}), weight({D}), weight({F, D}),
                       weight({F, D}), weight({D, F})});
  }

  Tensors block_parameters() const {
    Tensors all;
    for (const auto& layer : stack)
      for (const auto& weight : layer.all()) all.push_back(weight);
    return all;
  }

  // Σ over examples of the sum of their tokens' losses; each example's gradient is then its own.
  at::Tensor loss(const std::vector<int64_t>& tokens, const Offsets& offsets, hyb_density* density) const {
    auto x =
        result([&](auto out) { return hyb_transformer_embedding(in(embedding), tokens.data(), static_cast<int64_t>(tokens.size()), out); });
    for (int32_t l = 0; l < layers; ++l) {
      const auto& w = stack[static_cast<size_t>(l)];
      auto normed = ours::rms_norm(x, w.attention_norm, epsilon, density, l);
      auto mixed = ours::attention(ours::linear(normed, w.q, density, l), ours::linear(normed, w.k, density, l),
                                   ours::linear(normed, w.v, density, l), offsets, heads);
      x = x + ours::linear(mixed, w.o, density, l);
      normed = ours::rms_norm(x, w.ffn_norm, epsilon, density, l);
      auto inner = ours::swiglu(ours::linear(normed, w.gate, density, l), ours::linear(normed, w.up, density, l));
      x = x + ours::linear(inner, w.down, density, l);
    }
    std::vector<int64_t> targets;
    for (int64_t token : tokens) targets.push_back((token * 5 + 1) % V);
    return ours::token_nll(x, output, targets, 7).sum();
  }
};

std::vector<int64_t> tokens_of(int64_t n) {
  std::vector<int64_t> tokens;
  for (int64_t i = 0; i < n; ++i) tokens.push_back((i * i * 3 + i) % V);
  return tokens;
}

struct Accumulator {
  Accumulator(const Offsets& offsets, int32_t layer_count) : examples(static_cast<int64_t>(offsets.size()) - 1), count(layer_count) {
    ok(hyb_density_new(offsets.data(), examples, layer_count, &handle));
  }
  ~Accumulator() { hyb_density_free(handle); }
  Accumulator(const Accumulator&) = delete;
  Accumulator& operator=(const Accumulator&) = delete;

  at::Tensor values() const {
    auto sums = at::zeros({examples, count}, at::kDouble);
    ok(hyb_density_values(handle, sums.data_ptr<double>(), sums.numel()));
    return sums;
  }

  hyb_density* handle = nullptr;
  int64_t examples;
  int32_t count;
};

const Offsets offsets = offsets_of({5, 0, 1, 17, 9});

at::Tensor density_of(const Toy& toy, const std::vector<int64_t>& tokens, const Offsets& bounds) {
  Accumulator sums(bounds, layers);
  gradients(toy.loss(tokens, bounds, sums.handle), {toy.embedding});
  return sums.values();
}

// One backward pass an example, every weight's gradient made and its elements' absolute values summed.
at::Tensor density_by_autograd(const Toy& toy, const std::vector<int64_t>& tokens, const Offsets& bounds) {
  const int64_t examples = static_cast<int64_t>(bounds.size()) - 1;
  auto sums = at::zeros({examples, layers}, at::kDouble);
  for (int64_t b = 0; b < examples; ++b) {
    auto from = static_cast<size_t>(b);
    std::vector<int64_t> own(tokens.begin() + bounds[from], tokens.begin() + bounds[from + 1]);
    if (own.empty()) continue;
    auto grads = reference_gradients(toy.loss(own, {0, static_cast<int64_t>(own.size())}, nullptr), toy.block_parameters());
    for (size_t i = 0; i < grads.size(); ++i)
      sums[b][static_cast<int64_t>(i * layers / grads.size())] += grads[i].to(at::kDouble).abs().sum();
  }
  return sums;
}

}  // namespace

class Density : public EachVariant {};
INSTANTIATE_TEST_SUITE_P(, Density, variants(), name_of);

TEST_P(Density, EqualsPerExampleGradientNorms) {
  Toy toy(type());
  auto tokens = tokens_of(offsets.back());
  auto expected = density_by_autograd(toy, tokens, offsets), actual = density_of(toy, tokens, offsets);
  EXPECT_TRUE(at::equal(actual[1], at::zeros({layers}, at::kDouble))) << "an empty example has no gradient";
  for (int64_t b : {0, 2, 3, 4}) {
    EXPECT_GT(expected[b].min().item<double>(), 0);
    // A sum of absolute values: errors of many small elements do not cancel, so the bound is wider than one element's.
    expect_close(actual[b], expected[b], 10 * tolerance(), "example " + std::to_string(b));
  }
}

TEST_P(Density, OneLinearOfOddSize) {
  for (auto [T, I, O] :
       std::vector<std::tuple<int64_t, int64_t, int64_t>>{{1, 1, 1}, {3, 31, 9}, {20, 32, 16}, {11, 65, 33}, {9, 7, 300}}) {
    auto x = leaf(randn({T, I}), type()), weight = leaf(randn({O, I}), type());
    Offsets bounds{0, T / 2, T};
    Accumulator sums(bounds, 1);
    auto out = ours::linear(x, weight, sums.handle, 0);
    auto coefficients = randn({T, O}).to(type());
    gradients((out * coefficients).sum(), {x});
    for (int64_t b = 0; b < 2; ++b) {
      auto g = coefficients.slice(0, bounds[static_cast<size_t>(b)], bounds[static_cast<size_t>(b) + 1]).to(at::kDouble);
      auto a = x.detach().slice(0, bounds[static_cast<size_t>(b)], bounds[static_cast<size_t>(b) + 1]).to(at::kDouble);
      expect_close(sums.values()[b][0], at::matmul(g.t(), a).abs().sum(), 2 * tolerance());
    }
  }
}

TEST_P(Density, OneNormOfOddSize) {
  auto x = leaf(randn({9, 37}), type()), weight = leaf(randn({37}), type());
  Accumulator sums({0, 4, 9}, 1);
  auto coefficients = randn({9, 37}).to(type());
  gradients((ours::rms_norm(x, weight, epsilon, sums.handle, 0) * coefficients).sum(), {x});
  auto wide = x.detach().to(at::kDouble);
  auto each_row = coefficients.to(at::kDouble) * wide / at::sqrt(wide.pow(2).mean(1, true) + epsilon);
  expect_close(sums.values()[0][0], each_row.slice(0, 0, 4).sum(0).abs().sum(), 2 * tolerance());
  expect_close(sums.values()[1][0], each_row.slice(0, 4, 9).sum(0).abs().sum(), 2 * tolerance());
}

TEST_P(Density, TheAccumulatorDoesNotChangeValuesOrInputGradients) {
  Toy toy(type());
  auto tokens = tokens_of(offsets.back());
  Accumulator sums(offsets, layers);
  auto with = toy.loss(tokens, offsets, sums.handle), without = toy.loss(tokens, offsets, nullptr);
  expect_same_bits(with, without);
  expect_same_bits(gradients(with, {toy.embedding})[0], gradients(without, {toy.embedding})[0]);
}

TEST(DensityOperation, BatchCompositionDoesNotMatter) {
  for (auto type : {at::kDouble, at::kFloat}) {
    Toy toy(type);
    auto tokens = tokens_of(offsets.back());
    auto together = density_of(toy, tokens, offsets);
    for (size_t b = 0; b + 1 < offsets.size(); ++b) {
      std::vector<int64_t> own(tokens.begin() + offsets[b], tokens.begin() + offsets[b + 1]);
      if (own.empty()) continue;
      expect_close(density_of(toy, own, {0, static_cast<int64_t>(own.size())})[0], together[static_cast<int64_t>(b)],
                   type == at::kDouble ? 1e-13 : 1e-5);
    }
  }
}

TEST(DensityOperation, NoGradientOfAWeightIsMade) {
  Toy toy(at::kDouble);
  Accumulator sums(offsets, layers);
  auto wanted = toy.block_parameters();
  wanted.push_back(toy.embedding);
  auto grads = gradients(toy.loss(tokens_of(offsets.back()), offsets, sums.handle), wanted);
  for (size_t i = 0; i + 1 < grads.size(); ++i) EXPECT_FALSE(grads[i].defined()) << "parameter " << i;
  EXPECT_TRUE(grads.back().defined());
  EXPECT_GT(sums.values().sum().item<double>(), 0);
}

TEST(DensityOperation, WantingTheWeightsAloneRunsTheAccumulatorToo) {
  Toy toy(at::kDouble);
  auto tokens = tokens_of(offsets.back());
  Accumulator sums(offsets, layers);
  gradients(toy.loss(tokens, offsets, sums.handle), toy.block_parameters());
  expect_close(sums.values(), density_of(toy, tokens, offsets), 1e-13);
}

TEST(DensityOperation, FrozenInputsStillCount) {
  auto x = randn({4, 5}), weight = randn({3, 5}).set_requires_grad(true);
  Accumulator sums({0, 4}, 1);
  auto grads = gradients(ours::linear(x, weight, sums.handle, 0).sum(), {weight});
  EXPECT_FALSE(grads[0].defined());
  expect_close(sums.values()[0][0], 3 * x.sum(0).abs().sum(), 1e-14);
}

TEST(DensityOperation, SumsAddUpOverUsesAndPasses) {
  auto x = randn({4, 5}).set_requires_grad(true), weight = randn({3, 5}).set_requires_grad(true);
  Accumulator sums({0, 4}, 2);
  gradients(ours::linear(x, weight, sums.handle, 1).sum(), {x});
  auto once = sums.values();
  EXPECT_EQ(once[0][0].item<double>(), 0) << "a layer that nobody named";
  gradients((ours::linear(x, weight, sums.handle, 1).sum() + ours::linear(x, weight, sums.handle, 1).sum()), {x});
  expect_close(sums.values(), 3 * once, 1e-14);
}

TEST(DensityOperation, MayBeFreedBeforeBackward) {
  auto x = randn({4, 5}).set_requires_grad(true), weight = randn({3, 5}).set_requires_grad(true),
       scale = randn({3}).set_requires_grad(true);
  at::Tensor loss;
  {
    Accumulator sums({0, 1, 4}, 1);
    loss = ours::rms_norm(ours::linear(x, weight, sums.handle, 0), scale, epsilon, sums.handle, 0).sum();
  }
  EXPECT_TRUE(gradients(loss, {x})[0].defined());
}

TEST(DensityOperation, GradientsOffRecordNothing) {
  auto x = randn({4, 5}).set_requires_grad(true), weight = randn({3, 5}).set_requires_grad(true);
  Accumulator sums({0, 4}, 1);
  at::NoGradGuard no_grad;
  EXPECT_FALSE(ours::linear(x, weight, sums.handle, 0).requires_grad());
  EXPECT_EQ(sums.values().sum().item<double>(), 0);
}

TEST(DensityOperation, TwoThreadsAgree) {
  Toy toy(at::kFloat);
  auto tokens = tokens_of(offsets.back());
  auto one = density_of(toy, tokens, offsets);
  ok(hyb_runtime_set_threads(2));
  auto two = density_of(toy, tokens, offsets);
  ok(hyb_runtime_set_threads(1));
  expect_close(two, one, 1e-6);
}

TEST(DensityOperation, Refusals) {
  auto make = [](Offsets bounds, int64_t examples, int32_t count) {
    return [=](hyb_density** out) { return hyb_density_new(bounds.data(), examples, count, out); };
  };
  for (const Offsets& bounds : std::vector<Offsets>{{1, 4}, {0, 4, 3}, {0, -1}})
    refuses<hyb_density>(HYB_INVALID_ARGUMENT, "density_new", make(bounds, static_cast<int64_t>(bounds.size()) - 1, 1), "offsets");
  refuses<hyb_density>(HYB_INVALID_ARGUMENT, "density_new", make({0}, 0, 1), "0 examples");
  refuses<hyb_density>(HYB_INVALID_ARGUMENT, "density_new", make({0, 1}, -1, 1), "-1 examples");
  refuses<hyb_density>(HYB_INVALID_ARGUMENT, "density_new", make({0, 1}, 1, 0), "0 layers");
  refuses<hyb_density>(
      HYB_INVALID_ARGUMENT, "density_new", [](auto out) { return hyb_density_new(nullptr, 1, 1, out); }, "offsets");

  Accumulator sums({0, 2, 4}, 3);
  std::vector<double> values(6, -1.0);
  for (int64_t count : {5, 7, 0, -6})
    expect_refused(HYB_BUFFER_TOO_SMALL, "density_values", hyb_density_values(sums.handle, values.data(), count), "6");
  expect_refused(HYB_INVALID_ARGUMENT, "density_values", hyb_density_values(sums.handle, nullptr, 6), "values");
  expect_refused(HYB_INVALID_ARGUMENT, "density_values", hyb_density_values(nullptr, values.data(), 6), "density");
  for (double value : values) EXPECT_EQ(value, -1);

  auto x = randn({4, 5}), more = randn({5, 5}), weight = randn({3, 5}), scale = randn({5});
  for (int32_t layer : {-1, 3}) {
    refuses(
        HYB_OUT_OF_RANGE, "transformer_linear",
        [&](auto out) { return hyb_transformer_linear(in(x), in(weight), sums.handle, layer, out); }, "layer");
    refuses(
        HYB_OUT_OF_RANGE, "transformer_rms_norm",
        [&](auto out) { return hyb_transformer_rms_norm(in(x), in(scale), 0, sums.handle, layer, out); }, "layer");
  }
  refuses(
      HYB_INVALID_ARGUMENT, "transformer_linear",
      [&](auto out) { return hyb_transformer_linear(in(more), in(weight), sums.handle, 0, out); }, "5 rows");
  refuses(
      HYB_INVALID_ARGUMENT, "transformer_rms_norm",
      [&](auto out) { return hyb_transformer_rms_norm(in(more), in(scale), 0, sums.handle, 0, out); }, "5 rows");
}
