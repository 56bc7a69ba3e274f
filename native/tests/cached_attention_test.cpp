// Attention over cached keys and values: the same rows as attention of whole sequences, however the sequences are cut.
#include "reference.h"

using namespace hybrid::tests;

namespace {

// Keys and values of B sequences, and how many rows of each are there.
struct Cache {
  at::Tensor keys, values;
  std::vector<int64_t> past;

  Cache(int64_t sequences, int64_t capacity, const Heads& heads, at::TensorOptions options)
      : keys(at::full({sequences, capacity, heads.key_value, 2 * static_cast<int64_t>(heads.inverse_frequency.size())}, 77.0, options)),
        values(keys.clone()),
        past(static_cast<size_t>(sequences), 0) {}
};

// New rows of each sequence, which the cache has afterwards.
at::Tensor cached(const Tensors& x, const std::vector<int64_t>& lengths, const Heads& heads, Cache& cache) {
  auto offsets = offsets_of(lengths);
  auto out = result([&](hyb_tensor** handle) {
    return hyb_transformer_cached_attention(in(x[0]), in(x[1]), in(x[2]), offsets.data(), static_cast<int64_t>(lengths.size()),
                                            cache.past.data(), heads.query, heads.key_value, heads.inverse_frequency.data(),
                                            lend(cache.keys), lend(cache.values), handle);
  });
  for (size_t b = 0; b < lengths.size(); ++b) cache.past[b] += lengths[b];
  return out;
}

at::Tensor wide(const at::Tensor& tensor) { return tensor.to(at::kCPU, at::kDouble); }

struct Case {
  std::vector<int64_t> lengths;
  Heads heads;
  int64_t E;
  at::ScalarType type;

  Tensors inputs() const {
    const int64_t T = offsets_of(lengths).back();
    return {randn({T, heads.query * E}, type), randn({T, heads.key_value * E}, type), randn({T, heads.key_value * E}, type)};
  }

  // Whole sequences at once, in float64 by plain formulas.
  at::Tensor expected(const Tensors& x) const {
    return reference::attention(wide(x[0]), wide(x[1]), wide(x[2]), offsets_of(lengths), heads);
  }

  // Pieces of the given lengths, [piece][sequence], put together again.
  at::Tensor in_pieces(const Tensors& x, const std::vector<std::vector<int64_t>>& pieces, Cache& cache) const {
    auto offsets = offsets_of(lengths);
    auto whole = at::zeros_like(x[0]);
    for (const auto& piece : pieces) {
      std::vector<int64_t> rows;
      for (size_t b = 0; b < lengths.size(); ++b)
        for (int64_t s = 0; s < piece[b]; ++s) rows.push_back(offsets[b] + cache.past[b] + s);
      auto index = at::tensor(rows, at::kLong).to(x[0].device());
      whole.index_copy_(
          0, index, cached({x[0].index_select(0, index), x[1].index_select(0, index), x[2].index_select(0, index)}, piece, heads, cache));
    }
    return whole;
  }
};

}  // namespace

class CachedAttention : public EachVariant {
 protected:
  static Case of(std::vector<int64_t> lengths) { return {std::move(lengths), heads_of(6, 2, 10), 10, type()}; }
};
INSTANTIATE_TEST_SUITE_P(, CachedAttention, variants(), name_of);

TEST_P(CachedAttention, WholeSequencesAreThePackedAttentionBitForBit) {
  Case c = of({5, 0, 1, 19});
  auto x = c.inputs();
  Cache cache(4, 20, c.heads, type());
  expect_same_bits(cached(x, c.lengths, c.heads, cache), ours::attention(x[0], x[1], x[2], offsets_of(c.lengths), c.heads));
}

TEST_P(CachedAttention, TokenByTokenIsAllAtOnce) {
  Case c = of({7});
  auto x = c.inputs();
  Cache cache(1, 7, c.heads, type());
  expect_close(c.in_pieces(x, std::vector<std::vector<int64_t>>(7, {1}), cache), c.expected(x), 2 * tolerance());
}

TEST_P(CachedAttention, SequencesOfAnyLengthsInAnyPieces) {
  Case c = of({9, 3, 12, 1});
  auto x = c.inputs();
  Cache cache(4, 13, c.heads, type());
  expect_close(c.in_pieces(x, {{4, 1, 6, 0}, {1, 1, 1, 1}, {3, 0, 5, 0}, {1, 1, 0, 0}}, cache), c.expected(x), 2 * tolerance());
  EXPECT_EQ(cache.past, c.lengths);
}

TEST_P(CachedAttention, MoreRowsThanOneTileOfScores) {
  Case c = of({300, 5});
  auto x = c.inputs();
  Cache cache(2, 300, c.heads, type());
  expect_close(c.in_pieces(x, {{3, 1}, {296, 4}, {1, 0}}, cache), c.expected(x), 4 * tolerance());
}

// More than two pieces of the cache; some lengths are whole blocks, and some new rows see less of a block than others.
TEST_P(CachedAttention, FewRowsAfterLongPasts) {
  Case c{{1100, 640, 130}, heads_of(4, 2, 16), 16, type()};
  auto x = c.inputs();
  Cache cache(3, 1100, c.heads, type());
  expect_close(c.in_pieces(x, {{1090, 607, 126}, {1, 32, 1}, {5, 0, 1}, {4, 1, 2}}, cache), c.expected(x), 4 * tolerance());
}

TEST_P(CachedAttention, GroupsAndHeadSizes) {
  for (auto [heads, kv_heads, E] :
       std::vector<std::array<int32_t, 3>>{{1, 1, 2}, {4, 4, 6}, {3, 1, 16}, {10, 2, 34}, {8, 1, 64}, {7, 7, 128}}) {
    SCOPED_TRACE(std::to_string(heads) + " heads, " + std::to_string(kv_heads) + " of keys, E " + std::to_string(E));
    Case c{{70, 18}, heads_of(heads, kv_heads, E), E, type()};
    auto x = c.inputs();
    Cache cache(2, 80, c.heads, type());
    expect_close(c.in_pieces(x, {{63, 14}, {1, 1}, {1, 1}, {5, 2}}, cache), c.expected(x), 4 * tolerance());
  }
}

// A score far above the others, whichever block it is in, leaves its value alone.
TEST_P(CachedAttention, OneScoreOutweighsTheOthers) {
  for (int64_t place : {0, 70, 520, 700}) {
    Case c{{701}, heads_of(2, 1, 8, 1e12), 8, type()};  // the last pair hardly turns
    auto x = c.inputs();
    x[0].fill_(0), x[1].fill_(0);
    x[0].select(1, 3).fill_(40), x[0].select(1, 11).fill_(40);
    x[1][place][3] = 40;
    Cache cache(1, 701, c.heads, type());
    expect_close(c.in_pieces(x, {{700}, {1}}, cache)[700].view({2, 8}), x[2][place].expand({2, 8}).to(at::kDouble), tolerance(), "", 1);
  }
}

TEST_P(CachedAttention, ThreadsHaveNoSayInTheBits) {
  Case c{{1400, 40, 3}, heads_of(4, 2, 16), 16, type()};
  auto x = c.inputs();
  Tensors caches, outputs;
  const int32_t threads = hyb_runtime_threads();
  for (int32_t count : {1, 2, 5}) {
    ok(hyb_runtime_set_threads(count));
    Cache cache(3, 1400, c.heads, type());
    outputs.push_back(c.in_pieces(x, {{1396, 36, 0}, {1, 1, 1}, {3, 3, 2}}, cache));
    caches.push_back(cache.keys);
  }
  ok(hyb_runtime_set_threads(threads));
  for (size_t i : {1, 2}) {
    expect_same_bits(outputs[i].slice(0, 1396), outputs[0].slice(0, 1396));
    expect_same_bits(caches[i], caches[0]);
  }
}

TEST_P(CachedAttention, ValuesThatAreNotNumbersAreSeen) {
  Case c = of({9, 9});
  auto x = c.inputs();
  Cache cache(2, 9, c.heads, type());
  x[1][4] = std::nan("");
  auto out = c.in_pieces(x, {{8, 8}, {1, 1}}, cache);
  EXPECT_TRUE(out[8].isnan().all().item<bool>());
  EXPECT_FALSE(out.slice(0, 9).isnan().any().item<bool>());
}

TEST_P(CachedAttention, OnOtherStrides) {
  Case c = of({6, 4});
  auto x = c.inputs();
  Tensors strided;
  for (const auto& tensor : x) strided.push_back(transposed_storage(tensor));
  Cache one(2, 8, c.heads, type()), other(2, 8, c.heads, type());
  const std::vector<std::vector<int64_t>> pieces{{4, 3}, {2, 1}};
  expect_same_bits(c.in_pieces(strided, pieces, one), c.in_pieces(x, pieces, other));
}

TEST_P(CachedAttention, WritesTurnedKeysAndValuesBehindThePastOnly) {
  Case c = of({2, 3});
  auto x = c.inputs();
  Cache cache(2, 6, c.heads, type());
  cache.past = {1, 3};
  cached(x, c.lengths, c.heads, cache);
  for (int64_t kv = 0; kv < 2; ++kv) {
    auto rows = at::cat({at::zeros({3, 10}, at::kDouble), x[1].to(at::kDouble).slice(0, 2).narrow(1, kv * 10, 10)});  // at 3, 4 and 5
    expect_close(cache.keys[1].slice(0, 3).select(1, kv), reference::rotate(rows, c.heads.inverse_frequency).slice(0, 3), tolerance());
  }
  expect_same_bits(cache.values[0].slice(0, 1, 3).reshape({2, 20}), x[2].slice(0, 0, 2));
  for (const auto& tensor : {cache.keys, cache.values})
    for (auto [sequence, begin, end] : std::vector<std::array<int64_t, 3>>{{0, 0, 1}, {0, 3, 6}, {1, 0, 3}})
      EXPECT_TRUE(tensor[sequence].slice(0, begin, end).eq(77).all().item<bool>()) << sequence << ' ' << begin;
}

TEST(CachedAttentionOperation, Float16AndNothingNew) {
  Case c{{5, 8}, heads_of(4, 2, 6), 6, at::kHalf};
  auto x = c.inputs();
  Cache cache(2, 8, c.heads, at::kHalf);
  expect_close(c.in_pieces(x, {{2, 3}, {1, 4}, {0, 0}, {2, 1}}, cache), c.expected(x), 4e-3);
}

TEST(CachedAttentionOperation, OnCuda) {
  if (hyb_runtime_cuda_devices() == 0) GTEST_SKIP() << "no CUDA device";
  const at::Device device(at::kCUDA, 0);
  for (auto [type, tolerance] : std::vector<std::pair<at::ScalarType, double>>{{at::kFloat, 1e-5}, {at::kBFloat16, 3e-2}}) {
    Case c{{9, 3, 12, 1}, heads_of(6, 2, 16), 16, type};
    Tensors there;
    for (const auto& tensor : c.inputs()) there.push_back(tensor.to(device));
    Cache cache(4, 13, c.heads, at::TensorOptions(type).device(device));
    expect_close(c.in_pieces(there, {{4, 1, 6, 0}, {1, 1, 1, 1}, {3, 0, 5, 0}, {1, 1, 0, 0}}, cache).to(at::kCPU), c.expected(there),
                 tolerance);
  }
}

TEST(CachedAttentionOperation, WeightsThatRequireGradientsAreFineWhereNothingIsRecorded) {
  Case c{{2}, heads_of(2, 1, 4), 4, at::kDouble};
  auto x = c.inputs();
  x[0].set_requires_grad(true);
  Cache cache(1, 4, c.heads, at::kDouble);
  const at::NoGradGuard off;
  EXPECT_FALSE(cached(x, c.lengths, c.heads, cache).requires_grad());
}

TEST(CachedAttentionOperation, Refusals) {
  const std::string name = "transformer_cached_attention";
  const auto q = randn({4, 8}), k = randn({4, 4}), keys = at::zeros({2, 5, 1, 4}, at::kDouble), values = at::zeros_like(keys);
  const auto gradient = leaf(q), wrong = randn({3, 4}), narrow = randn({4, 4}, at::kFloat), cube = randn({4, 2, 4});
  std::vector<double> frequency(8, 1.0);
  struct Call {
    at::Tensor q, k, v, keys, values;
    Offsets offsets{0, 3, 4};
    std::vector<int64_t> past{2, 0};
    int32_t heads = 2, kv_heads = 1;
  };
  const Call good{q, k, k, keys, values};
  auto refused = [&](hyb_status status, const std::string& mentions, auto&& change) {
    Call call = good;
    change(call);
    refuses(
        status, name,
        [&](hyb_tensor** out) {
          return hyb_transformer_cached_attention(in(call.q), in(call.k), in(call.v), call.offsets.data(),
                                                  static_cast<int64_t>(call.offsets.size()) - 1, call.past.data(), call.heads,
                                                  call.kv_heads, frequency.data(), lend(call.keys), lend(call.values), out);
        },
        mentions);
  };
  refused(HYB_OUT_OF_RANGE, "sequence 0 has 3 cached rows and 3 new ones, the cache has room for 5", [](Call& c) { c.past = {3, 0}; });
  refused(HYB_OUT_OF_RANGE, "sequence 1 has 6 cached rows", [](Call& c) { c.past = {2, 6}; });
  refused(HYB_OUT_OF_RANGE, "sequence 1 has a past of -1 rows", [](Call& c) { c.past = {2, -1}; });
  refused(HYB_INVALID_ARGUMENT, "requires gradients", [&](Call& c) { c.q = gradient; });
  refused(HYB_INVALID_ARGUMENT, "requires gradients", [&](Call& c) { c.keys = leaf(keys); });
  refused(HYB_INVALID_ARGUMENT, "offsets end at 3", [](Call& c) { c.offsets = {0, 2, 3}; });
  refused(HYB_INVALID_ARGUMENT, "[2, capacity, 1, 4]", [](Call& c) { c.keys = at::zeros({3, 5, 1, 4}, at::kDouble); });
  refused(HYB_INVALID_ARGUMENT, "[2, capacity, 1, 4]", [](Call& c) { c.values = at::zeros({2, 6, 1, 4}, at::kDouble); });
  refused(HYB_INVALID_ARGUMENT, "[2, capacity, 1, 4]", [](Call& c) { c.keys = at::zeros({2, 5, 4}, at::kDouble); });
  refused(HYB_INVALID_ARGUMENT, "[2, capacity, 1, 4]", [](Call& c) { c.keys = at::zeros({2, 5, 2, 2}, at::kDouble); });
  refused(HYB_INVALID_ARGUMENT, "contiguous", [](Call& c) { c.keys = at::zeros({2, 6, 1, 4}, at::kDouble).slice(1, 0, 5); });
  refused(HYB_INVALID_ARGUMENT, "one tensor", [&](Call& c) { c.values = keys; });
  refused(HYB_TYPE_MISMATCH, "the cache", [](Call& c) { c.keys = c.values = at::zeros({2, 5, 1, 4}, at::kFloat); });
  refused(HYB_TYPE_MISMATCH, "q, k and v", [&](Call& c) { c.k = narrow; });
  refused(HYB_INVALID_ARGUMENT, "[3, 4]", [&](Call& c) { c.v = wrong; });
  refused(HYB_INVALID_ARGUMENT, "[4, 2, 4]", [&](Call& c) { c.q = cube; });
  refused(HYB_INVALID_ARGUMENT, "heads", [](Call& c) { c.heads = 3, c.kv_heads = 2; });
  EXPECT_EQ(keys.abs().max().item<double>() + values.abs().max().item<double>(), 0) << "the cache was written although the call failed";

  auto call = [&](const int64_t* offsets, const int64_t* past, const double* frequencies, hyb_tensor* cache) {
    return [&, offsets, past, frequencies, cache](hyb_tensor** out) {
      return hyb_transformer_cached_attention(in(q), in(k), in(k), offsets, 2, past, 2, 1, frequencies, cache, lend(values), out);
    };
  };
  const auto *offsets = good.offsets.data(), *past = good.past.data();
  refuses(HYB_INVALID_ARGUMENT, name, call(nullptr, past, frequency.data(), lend(keys)), "offsets");
  refuses(HYB_INVALID_ARGUMENT, name, call(offsets, nullptr, frequency.data(), lend(keys)), "past");
  refuses(HYB_INVALID_ARGUMENT, name, call(offsets, past, nullptr, lend(keys)), "inverse_frequency");
  refuses(HYB_INVALID_ARGUMENT, name, call(offsets, past, frequency.data(), nullptr), "keys");
  ASSERT_TRUE(result(call(offsets, past, frequency.data(), lend(keys))).defined());
}
