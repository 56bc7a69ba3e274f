// The embedding, and what holds for the fused operations together: determinism, instruction sets, recomputation.
#include "reference.h"

using namespace hybrid::tests;

namespace {

at::Tensor embedded(const at::Tensor& weight, const std::vector<int64_t>& ids) {
  return result([&](auto out) { return hyb_transformer_embedding(in(weight), ids.data(), static_cast<int64_t>(ids.size()), out); });
}

struct Block {
  at::Tensor table, norm, q, k, v, o, gate, up, down;
  std::vector<int64_t> tokens;
  Offsets offsets = offsets_of({40, 1, 0, 63, 22});
  Heads heads = heads_of(6, 3, 10);

  explicit Block(at::ScalarType type) {
    auto weight = [&](at::IntArrayRef shape) { return leaf(randn(shape) * 0.2, type); };
    table = weight({51, 36}), norm = weight({36}), q = weight({60, 36}), k = weight({30, 36}), v = weight({30, 36}), o = weight({36, 60});
    gate = weight({90, 36}), up = weight({90, 36}), down = weight({36, 90});
    for (int64_t i = 0; i < offsets.back(); ++i) tokens.push_back((i * i + 5 * i) % 51);
  }

  Tensors parameters() const { return {table, norm, q, k, v, o, gate, up, down}; }

  at::Tensor forward() const {
    auto x = embedded(table, tokens);
    auto normed = ours::rms_norm(x, norm, 1e-5);
    x = x + ours::linear(ours::attention(ours::linear(normed, q), ours::linear(normed, k), ours::linear(normed, v), offsets, heads), o);
    normed = ours::rms_norm(x, norm, 1e-5);
    x = x + ours::linear(ours::swiglu(ours::linear(normed, gate), ours::linear(normed, up)), down);
    return ours::token_nll(x, table, tokens, 37);
  }

  at::Tensor composed() const {
    auto x = table.index({at::tensor(tokens, at::kLong)});
    auto normed = reference::rms_norm(x, norm, 1e-5);
    x = x + reference::linear(reference::attention(reference::linear(normed, q), reference::linear(normed, k), reference::linear(normed, v),
                                                   offsets, heads),
                              o);
    normed = reference::rms_norm(x, norm, 1e-5);
    x = x + reference::linear(reference::swiglu(reference::linear(normed, gate), reference::linear(normed, up)), down);
    return reference::token_nll(x, table, tokens);
  }

  // The losses and every gradient.
  Tensors everything() const {
    auto nll = forward();
    auto all = gradients(nll.mean(), parameters());
    all.push_back(nll.detach());
    return all;
  }
};

}  // namespace

TEST(Embedding, TakesRowsAndAddsTheirGradients) {
  const std::vector<int64_t> ids{4, 0, 4, 2};
  for (auto type : {at::kDouble, at::kFloat, at::kBFloat16})
    expect_same_function([&](const Tensors& x) { return embedded(x[0], ids); },
                         [&](const Tensors& x) { return x[0].index({at::tensor(ids, at::kLong)}); }, {randn({5, 3})}, type,
                         type == at::kBFloat16 ? 1e-2 : 1e-6);
  EXPECT_EQ(embedded(randn({5, 3}), {}).sizes(), at::IntArrayRef({0, 3}));
}

TEST(Embedding, Refusals) {
  auto table = randn({5, 3}), row = randn({5});
  auto call = [](const at::Tensor& weight, std::vector<int64_t> ids) {
    return [&weight, ids](hyb_tensor** out) {
      return hyb_transformer_embedding(in(weight), ids.data(), static_cast<int64_t>(ids.size()), out);
    };
  };
  refuses(HYB_OUT_OF_RANGE, "transformer_embedding", call(table, {0, 5}), "token id 5 at position 1");
  refuses(HYB_OUT_OF_RANGE, "transformer_embedding", call(table, {-1}), "-1");
  refuses(HYB_INVALID_ARGUMENT, "transformer_embedding", call(row, {0}), "[5]");
  refuses(HYB_INVALID_ARGUMENT, "transformer_embedding", [&](auto out) { return hyb_transformer_embedding(in(table), nullptr, 1, out); });
  refuses(
      HYB_INVALID_ARGUMENT, "transformer_embedding", [&](auto out) { return hyb_transformer_embedding(nullptr, nullptr, 0, out); },
      "weight");
}

TEST(Transformer, ABlockMatchesComposedAutograd) {
  Block block(at::kDouble);
  auto actual = block.everything();
  auto expected = reference_gradients(block.composed().mean(), block.parameters());
  for (size_t i = 0; i < expected.size(); ++i) expect_close(actual[i], expected[i], 1e-12, "parameter " + std::to_string(i));
  expect_close(actual.back(), block.composed(), 1e-13);
}

TEST(Transformer, TwoRunsAgreeBitForBit) {
  for (auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    Block block(type);
    for (int32_t threads : {1, 2}) {
      ok(hyb_runtime_set_threads(threads));
      auto first = block.everything(), second = block.everything();
      for (size_t i = 0; i < first.size(); ++i)
        expect_same_bits(first[i], second[i],
                         std::string(c10::toString(type)) + " on " + std::to_string(threads) + " threads, output " + std::to_string(i));
    }
    ok(hyb_runtime_set_threads(1));
  }
}

TEST(Transformer, ThreadsAgreeToRounding) {
  Block block(at::kFloat);
  auto one = block.everything();
  ok(hyb_runtime_set_threads(2));
  auto two = block.everything();
  ok(hyb_runtime_set_threads(1));
  for (size_t i = 0; i < one.size(); ++i) expect_close(two[i], one[i], 1e-5, "output " + std::to_string(i));
}

TEST(Transformer, InstructionSetsAgreeToRounding) {
  for (auto [type, tolerance] : std::vector<std::pair<at::ScalarType, double>>{{at::kFloat, 1e-5}, {at::kDouble, 1e-13}}) {
    Block block(type);
    ok(hyb_runtime_set_isa("baseline"));
    auto baseline = block.everything();
    for (const char* isa : {"avx2", "avx512"}) {
      if (hyb_runtime_set_isa(isa) != HYB_OK) continue;
      auto other = block.everything();
      for (size_t i = 0; i < baseline.size(); ++i)
        expect_close(other[i], baseline[i], tolerance, std::string(isa) + ", output " + std::to_string(i));
    }
    ok(hyb_runtime_set_isa("auto"));
  }
}
