// Every optimizer against its formula, written out in float64 with LibTorch's operations, for several steps. What stochastic
// rounding is to be beyond that stands in rounded_optim_test.cpp.
#include "support.h"

using namespace hybrid::tests;

namespace {

constexpr double rate = 1e-2, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, decay = 0.1;

// Another for every entry of every step.
std::vector<uint64_t> fresh_noise(size_t n) {
  static uint64_t next = 0;
  std::vector<uint64_t> noise(n);
  for (auto& value : noise) value = next++;
  return noise;
}

hyb_status lion(const Tensors& p, const Tensors& g, const Tensors& m) {
  auto P = lend_all(p), G = lend_all(g), M = lend_all(m);
  return hyb_optim_lion_step(P.data(), nullptr, G.data(), M.data(), fresh_noise(p.size()).data(), static_cast<int64_t>(p.size()), rate,
                             beta1, beta2, decay);
}

hyb_status adamw(const Tensors& p, const Tensors& g, const Tensors& m, const Tensors& v, int64_t step) {
  auto P = lend_all(p), G = lend_all(g), M = lend_all(m), V = lend_all(v);
  return hyb_optim_adamw_step(P.data(), nullptr, G.data(), M.data(), V.data(), fresh_noise(p.size()).data(), static_cast<int64_t>(p.size()),
                              step, rate, beta1, beta2, epsilon, decay);
}

hyb_status sgd(const Tensors& p, const Tensors& g) {
  auto P = lend_all(p), G = lend_all(g);
  return hyb_optim_sgd_step(P.data(), nullptr, G.data(), fresh_noise(p.size()).data(), static_cast<int64_t>(p.size()), rate, decay);
}

Tensors zeros_like(const Tensors& tensors) {
  Tensors all;
  for (const auto& tensor : tensors) all.push_back(at::zeros_like(tensor).detach());
  return all;
}

Tensors wide(const Tensors& tensors) {
  Tensors all;
  for (const auto& tensor : tensors) all.push_back(tensor.detach().to(at::kDouble).clone());
  return all;
}

// Sizes around vector widths, an empty tensor, and one long enough to be split between threads.
Tensors some_parameters(at::ScalarType type) {
  Tensors all;
  for (int64_t n : {1, 7, 15, 16, 17, 33, 130, 0, 40001}) all.push_back(leaf(randn({n}), type));
  all.push_back(leaf(randn({5, 9}), type));
  return all;
}

Tensors gradients_like(const Tensors& parameters) {
  Tensors all;
  for (const auto& p : parameters) all.push_back(randn(p.sizes()).to(p.scalar_type()));
  return all;
}

void expect_all_close(const Tensors& actual, const Tensors& expected, double tolerance, const char* what) {
  for (size_t i = 0; i < actual.size(); ++i) expect_close(actual[i], expected[i], tolerance, std::string(what) + " " + std::to_string(i));
}

}  // namespace

class Optim : public EachVariant {};
INSTANTIATE_TEST_SUITE_P(, Optim, variants(), name_of);

TEST_P(Optim, LionFollowsItsFormula) {
  for (int32_t threads : {1, 2}) {
    ok(hyb_runtime_set_threads(threads));
    auto p = some_parameters(type()), m = zeros_like(p), P = wide(p), M = wide(m);
    for (int step = 0; step < 4; ++step) {
      auto g = gradients_like(p), G = wide(g);
      ok(lion(p, g, m));
      for (size_t i = 0; i < p.size(); ++i) {
        // The momentum is taken as ours rounded it: sign() would turn a rounding near zero into a whole step.
        P[i] -= rate * (at::sign(beta1 * M[i] + (1 - beta1) * G[i]) + decay * P[i]);
        expect_close(m[i], beta2 * M[i] + (1 - beta2) * G[i], tolerance(), "momentum", 0.05);
        M[i] = m[i].to(at::kDouble).clone();
      }
    }
    expect_all_close(p, P, 4 * tolerance(), "parameter");
  }
  ok(hyb_runtime_set_threads(1));
}

TEST_P(Optim, AdamWFollowsItsFormula) {
  for (int32_t threads : {1, 2}) {
    ok(hyb_runtime_set_threads(threads));
    auto p = some_parameters(type()), m = zeros_like(p), v = zeros_like(p), P = wide(p), M = wide(m), V = wide(v);
    for (int64_t step = 1; step <= 4; ++step) {
      auto g = gradients_like(p), G = wide(g);
      ok(adamw(p, g, m, v, step));
      for (size_t i = 0; i < p.size(); ++i) {
        M[i] = beta1 * M[i] + (1 - beta1) * G[i];
        V[i] = beta2 * V[i] + (1 - beta2) * G[i] * G[i];
        auto corrected_m = M[i] / (1 - std::pow(beta1, step)), corrected_v = V[i] / (1 - std::pow(beta2, step));
        P[i] -= rate * (corrected_m / (at::sqrt(corrected_v) + epsilon) + decay * P[i]);
      }
    }
    expect_all_close(p, P, 8 * tolerance(), "parameter");
    expect_all_close(m, M, 8 * tolerance(), "first moment");
    expect_all_close(v, V, 8 * tolerance(), "second moment");
  }
  ok(hyb_runtime_set_threads(1));
}

TEST_P(Optim, SgdFollowsItsFormula) {
  auto p = some_parameters(type()), P = wide(p);
  for (int step = 0; step < 4; ++step) {
    auto g = gradients_like(p), G = wide(g);
    ok(sgd(p, g));
    for (size_t i = 0; i < p.size(); ++i) P[i] -= rate * (G[i] + decay * P[i]);
  }
  expect_all_close(p, P, 4 * tolerance(), "parameter");
}

TEST_P(Optim, ANullGradientLeavesParameterAndStateUntouched) {
  Tensors p{leaf(randn({9}), type()), leaf(randn({9}), type())}, g{at::Tensor(), randn({9}, type())};
  Tensors m{randn({9}, type()), randn({9}, type())}, v{randn({9}, type()).abs(), randn({9}, type()).abs()};
  auto kept_p = p[0].detach().clone(), kept_m = m[0].clone(), kept_v = v[0].clone(), other = p[1].detach().clone();
  auto version = p[0]._version();
  ok(lion(p, g, m));
  ok(adamw(p, g, m, v, 1));
  ok(sgd(p, g));
  expect_same_bits(p[0], kept_p, "parameter");
  expect_same_bits(m[0], kept_m, "first moment");
  expect_same_bits(v[0], kept_v, "second moment");
  EXPECT_EQ(p[0]._version(), version);
  EXPECT_GT(count_different(p[1], other), 0);
}

TEST_P(Optim, NothingOutsideTheTensorIsWritten) {
  auto whole = randn({3, 19}, type()), kept = whole.clone(), moments = at::zeros({3, 19}, whole.options()),
       more = at::zeros({3, 19}, whole.options());
  Tensors p{whole[1]}, m{moments[1]}, v{more[1]}, g{randn({19}, type())};
  ok(lion(p, g, m));
  ok(adamw(p, g, m, v, 1));
  ok(sgd(p, g));
  for (int64_t row : {0, 2}) {
    expect_same_bits(whole[row], kept[row]);
    expect_same_bits(moments[row], at::zeros_like(moments[row]));
    expect_same_bits(more[row], at::zeros_like(more[row]));
  }
}

TEST_P(Optim, TheUpdateIsNotRecordedButAStaleGraphNoticesIt) {
  auto weight = leaf(randn({3, 4}), type()), x = leaf(randn({2, 4}), type());
  auto loss = ours::linear(x, weight).sum();
  ok(sgd({weight}, {randn({3, 4}, type())}));
  EXPECT_TRUE(weight.is_leaf());
  auto* input = lend(x);
  refuses(
      HYB_INVALID_ARGUMENT, "autograd_grad", [&](auto out) { return hyb_autograd_grad(in(loss), nullptr, &input, 1, out); }, "modified");
}

// With master copies the update is the float32 one, bit for bit, and the parameter is its rounding.
class MasterWeights : public testing::TestWithParam<at::ScalarType> {
 protected:
  void follows(const std::function<hyb_status(const Tensors&, const Tensors*, const Tensors&, const Tensors&, const Tensors&)>& step) {
    Tensors p = some_parameters(GetParam()), masters, plain;
    for (const auto& tensor : p) masters.push_back(tensor.detach().to(at::kFloat)), plain.push_back(masters.back().clone());
    auto m = zeros_like(plain), v = zeros_like(plain), plain_m = zeros_like(plain), plain_v = zeros_like(plain);
    for (int i = 0; i < 3; ++i) {
      Tensors g = gradients_like(p), wide_g;
      for (const auto& tensor : g) wide_g.push_back(tensor.to(at::kFloat));
      ok(step(p, &masters, g, m, v));
      ok(step(plain, nullptr, wide_g, plain_m, plain_v));
    }
    // LibTorch's operations round differently from ours in the last place.
    const double tolerance = GetParam() == at::kBFloat16 ? 0 : 4e-6;
    expect_all_close(masters, plain, tolerance, "master");
    expect_all_close(m, plain_m, tolerance, "first moment");
    expect_all_close(v, plain_v, tolerance, "second moment");
    for (size_t i = 0; i < p.size(); ++i) expect_same_bits(p[i].detach(), masters[i].to(GetParam()), "parameter");
  }
};
INSTANTIATE_TEST_SUITE_P(, MasterWeights, testing::Values(at::kBFloat16, at::kHalf));

TEST_P(MasterWeights, Lion) {
  follows([](auto& p, auto* masters, auto& g, auto& m, auto&) {
    auto P = lend_all(p), W = lend_all(masters ? *masters : p), G = lend_all(g), M = lend_all(m);
    return hyb_optim_lion_step(P.data(), masters ? W.data() : nullptr, G.data(), M.data(), nullptr, static_cast<int64_t>(p.size()), 1e-4,
                               beta1, beta2, decay);
  });
}

TEST_P(MasterWeights, AdamW) {
  int64_t count = 1;
  follows([&count](auto& p, auto* masters, auto& g, auto& m, auto& v) {
    auto P = lend_all(p), W = lend_all(masters ? *masters : p), G = lend_all(g), M = lend_all(m), V = lend_all(v);
    return hyb_optim_adamw_step(P.data(), masters ? W.data() : nullptr, G.data(), M.data(), V.data(), nullptr,
                                static_cast<int64_t>(p.size()), (++count) / 2, 1e-4, beta1, beta2, epsilon, decay);
  });
}

TEST_P(MasterWeights, Sgd) {
  follows([](auto& p, auto* masters, auto& g, auto&, auto&) {
    auto P = lend_all(p), W = lend_all(masters ? *masters : p), G = lend_all(g);
    return hyb_optim_sgd_step(P.data(), masters ? W.data() : nullptr, G.data(), nullptr, static_cast<int64_t>(p.size()), 1e-4, decay);
  });
}

TEST(MasterWeightsOperation, StepsTooSmallForSixteenBitsAddUp) {
  auto p = at::ones({20}, at::kBFloat16), master = at::ones({20}), g = at::ones({20}, at::kBFloat16);
  auto *P = lend(p), *W = lend(master), *G = lend(g);
  for (int i = 0; i < 100; ++i) ok(hyb_optim_sgd_step(&P, &W, &G, nullptr, 1, 1e-3, 0));
  expect_close(p, at::full({20}, 0.9, at::kDouble), 4e-3, "with a master copy");
}

TEST(MasterWeightsOperation, Refusals) {
  auto p = at::ones({4}, at::kBFloat16), master = at::ones({4}), g = at::ones({4}, at::kBFloat16), wide = at::ones({4});
  auto half_state = at::ones({4}, at::kBFloat16), wrong = at::ones({5});
  auto step = [](const at::Tensor& parameter, const at::Tensor& weight, const at::Tensor& gradient, const at::Tensor& state) {
    auto *P = lend(parameter), *W = lend(weight), *G = lend(gradient), *M = lend(state);
    return hyb_optim_lion_step(&P, &W, &G, &M, nullptr, 1, rate, beta1, beta2, decay);
  };
  expect_refused(HYB_TYPE_MISMATCH, "optim_lion_step", step(wide, master, wide, wide), "only 16-bit");
  expect_refused(HYB_TYPE_MISMATCH, "optim_lion_step", step(p, p, g, wide), "master");
  expect_refused(HYB_TYPE_MISMATCH, "optim_lion_step", step(p, master, g, half_state), "state");
  expect_refused(HYB_TYPE_MISMATCH, "optim_lion_step", step(p, master, wide, wide), "gradient");
  expect_refused(HYB_INVALID_ARGUMENT, "optim_lion_step", step(p, wrong, g, wide), "master");
  expect_close(p, at::ones({4}), 0, "nothing moved");
}

TEST(OptimOperation, LionStandsStillWhereThereIsNoDirection) {
  auto p = at::full({20}, 2.0, at::kFloat), m = at::zeros({20}, at::kFloat), g = at::zeros({20}, at::kFloat);
  ok(lion({p}, {g}, {m}));
  expect_close(p, at::full({20}, 2 - rate * decay * 2, at::kDouble), 1e-7);
}

TEST(OptimOperation, AdamWsFirstStepIsTheRate) {
  // Bias correction makes the first step rate * g / (|g| + epsilon), whatever the size of g.
  auto p = at::zeros({3}, at::kDouble), m = at::zeros({3}, at::kDouble), v = at::zeros({3}, at::kDouble);
  ok(adamw({p}, {at::tensor({1e-3, -5.0, 100.0}, at::kDouble)}, {m}, {v}, 1));
  expect_close(p, at::tensor({-rate, rate, -rate}, at::kDouble), 1e-4);
}

TEST(OptimOperation, NoParametersAreAllowed) {
  ok(hyb_optim_sgd_step(nullptr, nullptr, nullptr, nullptr, 0, rate, decay));
  ok(hyb_optim_lion_step(nullptr, nullptr, nullptr, nullptr, nullptr, 0, rate, beta1, beta2, decay));
  ok(hyb_optim_adamw_step(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, 0, 1, rate, beta1, beta2, epsilon, decay));
}

TEST(OptimOperation, RefusalsTouchNothing) {
  Tensors p{randn({6}), randn({2, 3})}, g{randn({6}), randn({2, 3})}, m{randn({6}), randn({2, 3})},
      v{randn({6}).abs(), randn({2, 3}).abs()};
  auto kept_p = p[0].clone(), kept_m = m[0].clone(), kept_v = v[0].clone();
  auto replaced = [](Tensors list, const at::Tensor& second) {
    list[1] = second;
    return list;
  };
  auto refused = [&](hyb_status status, const char* operation, hyb_status actual, const char* mentions = "") {
    expect_refused(status, operation, actual, mentions);
    expect_same_bits(p[0], kept_p, operation);
    expect_same_bits(m[0], kept_m, operation);
    expect_same_bits(v[0], kept_v, operation);
  };
  auto shape = randn({3, 2}), strided = randn({3, 2}).t(), type = randn({2, 3}, at::kFloat);
  for (const auto& wrong : {shape, strided}) {
    refused(HYB_INVALID_ARGUMENT, "optim_lion_step", lion(p, replaced(g, wrong), m), "entry 1");
    refused(HYB_INVALID_ARGUMENT, "optim_lion_step", lion(p, g, replaced(m, wrong)), "entry 1");
    refused(HYB_INVALID_ARGUMENT, "optim_adamw_step", adamw(p, replaced(g, wrong), m, v, 1), "entry 1");
    refused(HYB_INVALID_ARGUMENT, "optim_adamw_step", adamw(p, g, m, replaced(v, wrong), 1), "entry 1");
    refused(HYB_INVALID_ARGUMENT, "optim_sgd_step", sgd(p, replaced(g, wrong)), "entry 1");
  }
  refused(HYB_INVALID_ARGUMENT, "optim_sgd_step", sgd(replaced(p, strided), g), "parameter 1");
  refused(HYB_TYPE_MISMATCH, "optim_lion_step", lion(p, replaced(g, type), m), "Float");
  refused(HYB_TYPE_MISMATCH, "optim_adamw_step", adamw(p, g, replaced(m, type), v, 1), "Float");
  refused(HYB_TYPE_MISMATCH, "optim_sgd_step", sgd(p, replaced(g, type)), "Float");
  refused(HYB_INVALID_ARGUMENT, "optim_adamw_step", adamw(p, g, m, v, 0), "step");
  refused(HYB_INVALID_ARGUMENT, "optim_lion_step", lion(p, g, replaced(m, at::Tensor())), "null");
  refused(HYB_INVALID_ARGUMENT, "optim_sgd_step", sgd(replaced(p, at::Tensor()), g), "null");
  auto handles = lend_all(p);
  refused(HYB_INVALID_ARGUMENT, "optim_sgd_step", hyb_optim_sgd_step(handles.data(), nullptr, nullptr, nullptr, 2, rate, decay), "null");
  refused(HYB_INVALID_ARGUMENT, "optim_sgd_step", hyb_optim_sgd_step(handles.data(), nullptr, handles.data(), nullptr, -1, rate, decay),
          "negative");
}
