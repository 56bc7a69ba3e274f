// Stochastic rounding: where it rounds to and how often, that the bits depend on the noise alone, and what it is for.
#include <limits>
#include <set>

#include "rounded_composed.h"
#include "support.h"

using namespace hybrid::tests;
using namespace hybrid;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float value_of(uint16_t upper) {
  const uint32_t bits = static_cast<uint32_t>(upper) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The distance between neighbouring bfloat16 values around those of the tensor: 2^(exponent - 7).
at::Tensor spacing(const at::Tensor& values) { return at::pow(2.0, at::floor(at::log2(values.abs().clamp_min(1e-38))) - 7); }

// A step of each optimizer on entries of bfloat16, with the formula that it follows in float64.
struct Optimizer {
  const char* name;
  int states;
  std::function<hyb_status(const Tensors& p, const Tensors& g, const Tensors& m, const Tensors& v, const uint64_t* noise)> step;
  std::function<void(const at::Tensor& g, at::Tensor& p, at::Tensor& m, at::Tensor& v)> formula;
};

constexpr double rate = 1e-3, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, decay = 0.1;

const std::vector<Optimizer>& optimizers() {
  static const std::vector<Optimizer> all{
      {"Lion", 1,
       [](auto& p, auto& g, auto& m, auto&, auto* noise) {
         auto P = lend_all(p), G = lend_all(g), M = lend_all(m);
         return hyb_optim_lion_step(P.data(), nullptr, G.data(), M.data(), noise, static_cast<int64_t>(p.size()), rate, beta1, beta2,
                                    decay);
       },
       [](auto& g, auto& p, auto& m, auto&) {
         p = p - rate * (at::sign(beta1 * m + (1 - beta1) * g) + decay * p);
         m = beta2 * m + (1 - beta2) * g;
       }},
      {"AdamW", 2,
       [](auto& p, auto& g, auto& m, auto& v, auto* noise) {
         auto P = lend_all(p), G = lend_all(g), M = lend_all(m), V = lend_all(v);
         return hyb_optim_adamw_step(P.data(), nullptr, G.data(), M.data(), V.data(), noise, static_cast<int64_t>(p.size()), 3, rate, beta1,
                                     beta2, epsilon, decay);
       },
       [](auto& g, auto& p, auto& m, auto& v) {
         m = beta1 * m + (1 - beta1) * g;
         v = beta2 * v + (1 - beta2) * g * g;
         auto corrected_m = m / (1 - std::pow(beta1, 3)), corrected_v = v / (1 - std::pow(beta2, 3));
         p = p - rate * (corrected_m / (at::sqrt(corrected_v) + epsilon) + decay * p);
       }},
      {"SGD", 0,
       [](auto& p, auto& g, auto&, auto&, auto* noise) {
         auto P = lend_all(p), G = lend_all(g);
         return hyb_optim_sgd_step(P.data(), nullptr, G.data(), noise, static_cast<int64_t>(p.size()), rate, decay);
       },
       [](auto& g, auto& p, auto&, auto&) { p = p - rate * (g + decay * p); }},
  };
  return all;
}

// One entry's tensors, all bfloat16.
struct Entry {
  at::Tensor p, g, m, v;
  explicit Entry(int64_t n)
      : p(randn({n}, at::kBFloat16)), g(randn({n}, at::kBFloat16)), m(randn({n}, at::kBFloat16)), v(randn({n}, at::kBFloat16).abs()) {}
  Entry(const Entry& from) : p(from.p.clone()), g(from.g), m(from.m.clone()), v(from.v.clone()) {}

  void step(const Optimizer& optimizer, uint64_t noise) { ok(optimizer.step({p}, {g}, {m}, {v}, &noise)); }
  rounded::Operands operands(uint64_t noise, int states) const {
    return {p, g, states > 0 ? m : at::Tensor(), states > 1 ? v : at::Tensor(), noise};
  }
};

void expect_same_entry(const Entry& a, const Entry& b, const std::string& what) {
  expect_same_bits(a.p, b.p, what + ": weight");
  expect_same_bits(a.m, b.m, what + ": first state");
  expect_same_bits(a.v, b.v, what + ": second state");
}

}  // namespace

TEST(StochasticRounding, EveryRandomNumberOnceGivesTheValueAsTheMean) {
  for (float value : {1.0f, 1.001f, -3.14159f, 0.01f, 1e-39f, -65504.0f, 3.3e38f}) {
    const uint32_t bits = bits_of(value);
    const auto down = static_cast<uint16_t>(bits >> 16), up = static_cast<uint16_t>(down + 1);
    int64_t ups = 0;
    for (uint32_t random = 0; random < 65536; ++random) {
      const uint16_t rounded = rounding::rounded(bits, random);
      ASSERT_TRUE(rounded == down || rounded == up) << value;
      ups += rounded == up;
    }
    const double gap = static_cast<double>(value_of(up)) - value_of(down);
    EXPECT_EQ(value_of(down) + gap * static_cast<double>(ups) / 65536, static_cast<double>(value)) << "float64 has room for all of this";
  }
}

TEST(StochasticRounding, WhatIsRepresentableStays) {
  for (uint32_t upper = 0; upper < 65536; ++upper) {
    const float value = value_of(static_cast<uint16_t>(upper));
    for (uint32_t random : {0u, 1u, 0x8000u, 0xffffu}) {
      const uint16_t rounded = rounding::rounded(upper << 16, random);
      if (std::isnan(value))
        ASSERT_TRUE(std::isnan(value_of(rounded))) << upper;
      else
        ASSERT_EQ(rounded, upper);
    }
  }
}

TEST(StochasticRounding, NanStaysAndTheLargestAreRoundedToTheNearest) {
  const float largest = value_of(0x7f7f), half_way = largest * (1 + 0x1p-9f);  // 2^128 - 2^120 and the middle to 2^128
  for (uint32_t random : {0u, 0x7fffu, 0xffffu}) {
    for (uint32_t nan : {0x7f800001u, 0xff800001u, 0x7fffffffu}) EXPECT_TRUE(std::isnan(value_of(rounding::rounded(nan, random))));
    EXPECT_EQ(value_of(rounding::rounded(bits_of(largest * (1 + 0x1p-10f)), random)), largest);
    EXPECT_EQ(value_of(rounding::rounded(bits_of(half_way * (1 + 0x1p-12f)), random)), infinity);
    EXPECT_EQ(value_of(rounding::rounded(bits_of(-std::numeric_limits<float>::max()), random)), -infinity);
  }
}

// Bits of a hash of a counter: even in every place, and not alike between neighbours, tensors, states and noises next to each other.
TEST(StochasticRounding, TheRandomNumbersAreEvenAndUnrelated) {
  constexpr int64_t n = 1 << 16;
  std::vector<std::vector<double>> streams;
  std::set<uint64_t> sequences;
  for (uint64_t noise : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{1} << 32, ~uint64_t{0}})
    for (auto kept : {rounding::Kept::weight, rounding::Kept::first_state, rounding::Kept::second_state}) {
      const auto from = rounding::sequence(noise, kept);
      sequences.insert(static_cast<uint64_t>(from.outer) << 32 | from.inner);
      for (uint64_t start : {uint64_t{0}, uint64_t{1} << 32}) {  // a tensor may have more than 2^32 elements
        std::vector<double> stream;
        std::vector<int64_t> set(16);
        for (uint64_t j = 0; j < n; ++j) {
          const uint32_t random = rounding::random16(from, start + j);
          ASSERT_LT(random, 65536u);
          for (size_t bit = 0; bit < 16; ++bit) set[bit] += random >> bit & 1;
          stream.push_back((random - 32767.5) / 65536 * std::sqrt(12.0));  // variance 1
        }
        for (int64_t count : set) EXPECT_NEAR(static_cast<double>(count), n / 2.0, 5 * std::sqrt(n) / 2);
        streams.push_back(std::move(stream));
      }
    }
  EXPECT_EQ(sequences.size(), 15u);
  auto correlation = [&](const std::vector<double>& a, const std::vector<double>& b, size_t lag) {
    double sum = 0;
    for (size_t j = lag; j < n; ++j) sum += a[j] * b[j - lag];
    return sum / n;
  };
  const double bound = 5 / std::sqrt(n);
  for (size_t a = 0; a < streams.size(); ++a) {
    for (size_t lag : {1, 2, 16, 256}) EXPECT_NEAR(correlation(streams[a], streams[a], lag), 0, bound) << a << " lag " << lag;
    for (size_t b = 0; b < a; ++b) EXPECT_NEAR(correlation(streams[a], streams[b], 0), 0, bound) << a << " and " << b;
  }
}

TEST(StochasticRounding, TheMeanOverManyNoisesIsTheFloat32Value) {
  const int64_t n = 301, noises = 4000;
  const Entry start(n);
  auto g = start.g.to(at::kFloat), wide = start.p.to(at::kFloat);
  auto exact = (wide - 1e-3f * (g + 0.1f * wide)).to(at::kDouble), sum = at::zeros({n}, at::kDouble);
  const auto& sgd = optimizers()[2];
  for (uint64_t noise = 0; noise < noises; ++noise) {
    Entry entry(start);
    entry.step(sgd, noise);
    sum += entry.p.to(at::kDouble);
  }
  // Each is one of two values a spacing apart: its variance is at most a quarter of the spacing's square. Of 301 means none is
  // as far as 5 standard errors off, and together they are not biased by 5 of theirs.
  auto error = (sum / noises - exact) / (spacing(exact) / 2 / std::sqrt(noises));
  EXPECT_LT(error.abs().max().item<double>(), 5);
  EXPECT_LT(std::abs(error.mean().item<double>()), 5 / std::sqrt(n));
}

TEST(StochasticRounding, EveryOptimizerRoundsItsFloat32UpdateToANeighbour) {
  for (const auto& optimizer : optimizers()) {
    Entry entry(40001);
    auto p = entry.p.to(at::kDouble), m = entry.m.to(at::kDouble), v = entry.v.to(at::kDouble);
    optimizer.formula(entry.g.to(at::kDouble), p, m, v);
    entry.step(optimizer, 7);
    auto neighbours = [&](const at::Tensor& rounded, const at::Tensor& exact, const std::string& what) {
      // Less than a spacing away, but for the rounding of float32, 2^-16 of a spacing, that may go the other way.
      auto distance = (rounded.to(at::kDouble) - exact).abs() / spacing(exact);
      EXPECT_LT(distance.max().item<double>(), 1.001) << optimizer.name << ": " << what;
      auto share = (distance > 0.5).to(at::kDouble).mean().item<double>();
      EXPECT_NEAR(share, 0.25, 0.05) << optimizer.name << ": the farther of the two is taken in about a quarter of all cases, " << what;
    };
    if (optimizer.states > 0) neighbours(entry.m, m, "first state");
    if (optimizer.states > 1) neighbours(entry.v, v, "second state");
    EXPECT_LT(((entry.p.to(at::kDouble) - p).abs() / spacing(p)).max().item<double>(), 1.001) << optimizer.name << ": weight";
  }
}

// Threads split a tensor at multiples of 16384; instruction sets compute 4, 8 or 16 elements at once.
TEST(StochasticRounding, TheNoiseAloneDecidesTheBits) {
  for (const auto& optimizer : optimizers())
    for (int64_t n : {1, 15, 40003}) {
      const Entry start(n);
      ok(hyb_runtime_set_isa("baseline"));
      Entry expected(start), other(start);
      expected.step(optimizer, 11);
      other.step(optimizer, 12);
      if (n > 1000) {
        EXPECT_GT(count_different(expected.p, other.p), 0) << optimizer.name;
      }
      for (const char* isa : {"baseline", "avx2", "avx512", "avx512_bf16"}) {
        if (hyb_runtime_set_isa(isa) != HYB_OK) continue;
        for (int32_t threads : {1, 2, 3}) {
          ok(hyb_runtime_set_threads(threads));
          Entry entry(start);
          entry.step(optimizer, 11);
          expect_same_entry(entry, expected, std::string(optimizer.name) + " by " + isa);
        }
      }
      ok(hyb_runtime_set_threads(1));
      ok(hyb_runtime_set_isa("auto"));
    }
}

TEST(StochasticRounding, LibTorchsOperationsGiveTheKernelsBits) {
  const uint64_t noise = 0xfedcba9876543210u;
  const double correction1 = 1 - std::pow(beta1, 3), correction2 = 1 - std::pow(beta2, 3);
  auto narrow = [](double x) { return static_cast<float>(x); };
  for (const auto& optimizer : optimizers()) {
    Entry kernels(40003), composed(kernels);
    kernels.step(optimizer, noise);
    const auto on = composed.operands(noise, optimizer.states);
    if (optimizer.states == 0) rounded::composed::sgd(on, narrow(rate), narrow(decay));
    if (optimizer.states == 1) rounded::composed::lion(on, {narrow(rate), narrow(beta1), narrow(beta2), narrow(decay)});
    if (optimizer.states == 2)
      rounded::composed::adamw(
          on, {narrow(rate), narrow(beta1), narrow(beta2), narrow(epsilon), narrow(decay), narrow(correction1), narrow(correction2)});
    expect_same_entry(composed, kernels, optimizer.name);
  }
  // More than one slice, and an index beyond 32 bits.
  Entry kernels(rounded::composed::slice_size + 5), composed(kernels);
  kernels.step(optimizers()[2], noise);
  rounded::composed::sgd(composed.operands(noise, 0), narrow(rate), narrow(decay));
  expect_same_entry(composed, kernels, "slices");
  const auto from = rounding::sequence(noise, rounding::Kept::weight);
  const int64_t begin = (int64_t{1} << 33) - 10;
  auto random = rounded::composed::random16(from, begin, at::empty({20}, at::kFloat));
  for (int64_t j = 0; j < 20; ++j)
    EXPECT_EQ(random[j].item<int32_t>(), static_cast<int32_t>(rounding::random16(from, static_cast<uint64_t>(begin + j))));
}

// A step of 1e-7 is 0.0016 of the spacing at 0.01, 2^-14: that share of the weights moves, by one spacing each.
TEST(StochasticRounding, AStepFarBelowTheSpacingMovesItsShareOfTheWeights) {
  const int64_t n = 1000000;
  auto p = at::full({n}, 0.01, at::kBFloat16), g = at::ones({n}, at::kBFloat16), m = at::zeros({n}, at::kBFloat16);
  auto *P = lend(p), *G = lend(g), *M = lend(m);
  const double before = p[0].item<double>(), gap = 0x1p-14;
  const uint64_t noise = 3;
  ok(hyb_optim_lion_step(&P, nullptr, &G, &M, &noise, 1, 1e-7, beta1, beta2, 0));
  auto moved = before - p.to(at::kDouble);
  EXPECT_TRUE(at::logical_or(moved == 0, moved == gap).all().item<bool>());
  // What is left of the step when float32, whose spacing here is 2^-30, has rounded it.
  const double share = (before - static_cast<double>(static_cast<float>(before) - 1e-7f)) / gap;
  EXPECT_NEAR(share, 1e-7 / gap, 0x1p-17);
  EXPECT_NEAR((moved == gap).sum().item<double>(), share * n, 5 * std::sqrt(share * n));
}

TEST(StochasticRounding, StepsTooSmallForTheNearestAddUp) {
  const int64_t n = 4000;
  auto p = at::ones({n}, at::kBFloat16), g = at::ones({n}, at::kBFloat16);
  auto *P = lend(p), *G = lend(g);
  for (uint64_t step = 0; step < 100; ++step) ok(hyb_optim_sgd_step(&P, nullptr, &G, &step, 1, 1e-3, 0));
  // 100 independent roundings, each with a deviation of at most half the spacing, 2^-8.
  EXPECT_NEAR(p.to(at::kDouble).mean().item<double>(), 0.9, 5 * 0x1p-9 * 10 / std::sqrt(n));
}

TEST(StochasticRounding, InfinitiesAndNanComeThrough) {
  auto p = at::zeros({20}, at::kBFloat16), g = at::zeros({20}, at::kBFloat16);
  g[3] = infinity, g[9] = -infinity, g[17] = std::numeric_limits<float>::quiet_NaN();
  auto *P = lend(p), *G = lend(g);
  const uint64_t noise = 1;
  ok(hyb_optim_sgd_step(&P, nullptr, &G, &noise, 1, 1, 0));
  EXPECT_EQ(p[3].item<float>(), -infinity);
  EXPECT_EQ(p[9].item<float>(), infinity);
  EXPECT_TRUE(std::isnan(p[17].item<float>()));
  EXPECT_EQ(p[4].item<float>(), 0);
}

TEST(StochasticRounding, NoiseIsNeededWhereItIsUsedAndOnlyThere) {
  const auto bf16 = at::kBFloat16;
  auto p = at::ones({4}, bf16), g = at::ones({4}, bf16), m = at::ones({4}, bf16), v = at::ones({4}, bf16);
  for (const auto& optimizer : optimizers()) {
    const std::string name = optimizer.states == 0 ? "optim_sgd_step" : optimizer.states == 1 ? "optim_lion_step" : "optim_adamw_step";
    expect_refused(HYB_INVALID_ARGUMENT, name, optimizer.step({p}, {g}, {m}, {v}, nullptr), "entry 0: noise is null");
    auto wide = at::ones({4}), half = at::ones({4}, at::kHalf);
    const uint64_t noise[] = {1, 2};
    expect_refused(HYB_INVALID_ARGUMENT, name, optimizer.step({wide, p}, {wide, g}, {wide, m}, {wide, v}, nullptr), "entry 1");
    expect_refused(HYB_NOT_IMPLEMENTED, name, optimizer.step({half}, {half}, {half}, {half}, noise), "Half");
    if (optimizer.states > 0) expect_refused(HYB_TYPE_MISMATCH, name, optimizer.step({p}, {g}, {at::ones({4})}, {v}, noise), "state");
    ok(optimizer.step({at::ones({4})}, {wide}, {at::ones({4})}, {at::ones({4})}, nullptr));
    ok(optimizer.step({p}, {at::Tensor()}, {m}, {v}, nullptr));
  }
  for (const auto& tensor : {p, m, v}) expect_same_bits(tensor, at::ones({4}, bf16), "a refusal moved something");
}
