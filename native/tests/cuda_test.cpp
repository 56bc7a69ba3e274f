// Every operation with CUDA kernels against its formula in float64 on the CPU. Sizes are such that no tile, pack or block is
// full, and odd ones leave rows at addresses that are no multiple of 16 bytes.
#include "reference.h"

using namespace hybrid::tests;

namespace {

const at::Device device(at::kCUDA, 0);

struct Precision {
  at::ScalarType type;
  double tolerance;
};
const Precision precisions[] = {{at::kFloat, 1e-5}, {at::kBFloat16, 3e-2}};

// The operation there, on inputs and with a result here.
Operation on_device(const Operation& operation) {
  return [operation](const Tensors& inputs) {
    Tensors there;
    for (const auto& input : inputs) there.push_back(input.to(device));
    return operation(there).to(at::kCPU);
  };
}

// The same for operations that may find their inputs in the midst of a larger tensor.
Operation on_device_at_an_odd_offset(const Operation& operation) {
  return on_device([operation](const Tensors& inputs) {
    Tensors shifted;
    for (const auto& input : inputs) {
      auto flat = input.reshape({-1});
      shifted.push_back(at::cat({flat.new_zeros({1}), flat}).slice(0, 1).view(input.sizes()));
    }
    return operation(shifted);
  });
}

void expect_same(const Operation& fused, const Operation& composed, const Tensors& inputs) {
  for (const auto& [type, tolerance] : precisions) {
    expect_same_function(on_device(fused), composed, inputs, type, tolerance);
    expect_same_function(on_device_at_an_odd_offset(fused), composed, inputs, type, tolerance);
  }
}

}  // namespace

class Cuda : public testing::Test {
 protected:
  void SetUp() override {
    if (hyb_runtime_cuda_devices() == 0) GTEST_SKIP() << "no CUDA device";
  }
};

TEST_F(Cuda, RmsNorm) {
  const double epsilon = 1e-5;
  for (auto [T, D] : std::vector<std::pair<int64_t, int64_t>>{{0, 8}, {1, 2}, {5, 37}, {7, 264}, {300, 1000}, {3, 4099}})
    expect_same([=](const Tensors& x) { return ours::rms_norm(x[0], x[1], epsilon); },
                [=](const Tensors& x) { return reference::rms_norm(x[0], x[1], epsilon); }, {randn({T, D}), randn({D})});
}

TEST_F(Cuda, SwiGlu) {
  for (auto [T, F] : std::vector<std::pair<int64_t, int64_t>>{{0, 8}, {1, 1}, {3, 37}, {130, 264}})
    expect_same([](const Tensors& x) { return ours::swiglu(x[0], x[1]); }, [](const Tensors& x) { return reference::swiglu(x[0], x[1]); },
                {randn({T, F}), randn({T, F})});
}

TEST_F(Cuda, TokenNll) {
  for (auto [N, D, V] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{{1, 1, 2}, {13, 17, 33}, {40, 16, 517}, {5, 24, 9001}})
    for (int64_t chunk : {int64_t{3}, N}) {
      std::vector<int64_t> targets;
      for (int64_t i = 0; i < N; ++i) targets.push_back((i * 7 + 3) % V);
      expect_same([=](const Tensors& x) { return ours::token_nll(x[0], x[1], targets, chunk); },
                  [=](const Tensors& x) { return reference::token_nll(x[0], x[1], targets); }, {randn({N, D}), randn({V, D})});
    }
  auto large = at::eye(3, at::kFloat).to(device) * 64;  // a logit of 4096 beside zeros
  expect_close(ours::token_nll(large, large, {0, 1, 0}, 2).to(at::kCPU), at::tensor({0.0, 0.0, 4096.0}, at::kDouble), 1e-6);
}

TEST_F(Cuda, Attention) {
  struct Case {
    std::vector<int64_t> lengths;
    int32_t query, key_value;
    int64_t E;
  };
  for (const Case& c : std::vector<Case>{{{0, 0}, 2, 1, 8}, {{33, 40}, 4, 2, 16}, {{12, 12, 12}, 4, 1, 8}, {{5, 0, 1, 190, 3}, 6, 2, 64}}) {
    const auto offsets = offsets_of(c.lengths);
    const auto heads = heads_of(c.query, c.key_value, c.E);
    const int64_t T = offsets.back();
    expect_same([=](const Tensors& x) { return ours::attention(x[0], x[1], x[2], offsets, heads); },
                [=](const Tensors& x) { return reference::attention(x[0], x[1], x[2], offsets, heads); },
                {randn({T, c.query * c.E}), randn({T, c.key_value * c.E}), randn({T, c.key_value * c.E})});
  }
}

// The inputs are what the operation gets to the last bit and sums are float32, so bfloat16 has no larger error.
TEST_F(Cuda, Density) {
  const Offsets offsets = offsets_of({17, 0, 1, 65, 40});
  const int64_t T = offsets.back(), examples = 5;
  for (auto [I, O] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {5, 37}, {128, 128}, {136, 200}, {301, 130}, {264, 16}})
    for (const auto& precision : precisions) {
      auto x = randn({T, I}).to(precision.type), weight = randn({O, I}).to(precision.type), scale = randn({I}).to(precision.type);
      auto linear_slopes = randn({T, O}).to(precision.type), norm_slopes = randn({T, I}).to(precision.type);
      auto there = leaf(x.to(device));
      hyb_density* density = nullptr;
      ok(hyb_density_new(offsets.data(), examples, 3, &density));
      auto linear = ours::linear(there, leaf(weight.to(device)), density, 0);
      auto norm = ours::rms_norm(there, leaf(scale.to(device)), 1e-5, density, 2);
      gradients((linear * linear_slopes.to(device)).sum() + (norm * norm_slopes.to(device)).sum(), {there});
      auto sums = at::empty({examples, 3}, at::kDouble);
      auto status = hyb_density_values(density, sums.data_ptr<double>(), sums.numel());
      hyb_density_free(density);
      ok(status);
      auto wide = x.to(at::kDouble), normed = wide / at::sqrt(wide.pow(2).mean(1, true) + 1e-5);
      for (int64_t b = 0; b < examples; ++b) {
        auto rows = [&, b = static_cast<size_t>(b)](const at::Tensor& t) { return t.to(at::kDouble).slice(0, offsets[b], offsets[b + 1]); };
        auto what = "example " + std::to_string(b) + " of " + std::to_string(I) + " by " + std::to_string(O);
        expect_close(sums[b][0], at::matmul(rows(linear_slopes).t(), rows(x)).abs().sum(), 2e-5, "linear, " + what);
        EXPECT_EQ(sums[b][1].item<double>(), 0) << what;
        expect_close(sums[b][2], (rows(norm_slopes) * rows(normed)).sum(0).abs().sum(), 2e-5, "norm, " + what);
      }
    }
}

// More tensors than one launch takes, with and without master copies, against the same on the CPU.
TEST_F(Cuda, Lion) {
  for (auto type : {at::kFloat, at::kBFloat16}) {
    const bool has_masters = type == at::kBFloat16;
    Tensors p, w, m, there_p, there_w, there_m;
    for (int64_t i = 0; i < 70; ++i) {
      auto values = randn({i == 40 ? 300001 : i % 5 * 17});
      p.push_back(values.to(type)), w.push_back(values.to(at::kFloat)), m.push_back(randn(values.sizes(), at::kFloat));
      there_p.push_back(p.back().to(device)), there_w.push_back(w.back().to(device)), there_m.push_back(m.back().to(device));
    }
    auto step = [&](const Tensors& parameters, const Tensors& masters, const Tensors& slopes, const Tensors& momenta) {
      auto P = lend_all(parameters), W = lend_all(masters), G = lend_all(slopes), M = lend_all(momenta);
      ok(hyb_optim_lion_step(P.data(), has_masters ? W.data() : nullptr, G.data(), M.data(), nullptr, static_cast<int64_t>(P.size()), 1e-2,
                             0.9, 0.99, 0.1));
    };
    for (int n = 0; n < 3; ++n) {
      Tensors g, there_g;
      for (const auto& tensor : p) g.push_back(randn(tensor.sizes(), type)), there_g.push_back(g.back().to(device));
      g[3] = there_g[3] = at::Tensor();
      step(p, w, g, m), step(there_p, there_w, there_g, there_m);
    }
    for (size_t i = 0; i < p.size(); ++i) {
      const auto& updated = has_masters ? there_w[i] : there_p[i];
      expect_close(updated.to(at::kCPU), has_masters ? w[i] : p[i], 1e-6, "weight " + std::to_string(i));
      expect_close(there_m[i].to(at::kCPU), m[i], 1e-6, "momentum " + std::to_string(i));
      if (has_masters && i != 3) expect_same_bits(there_p[i].to(at::kCPU), updated.to(type).to(at::kCPU), "parameter " + std::to_string(i));
    }
  }
}

// bfloat16 without master copies: the same bits as on the CPU, for Lion by a kernel, for the others by LibTorch's operations.
TEST_F(Cuda, StochasticRounding) {
  Tensors p, m, v, there_p, there_m, there_v;
  std::vector<uint64_t> noise;
  for (int64_t i = 0; i < 70; ++i) {
    p.push_back(randn({i == 40 ? 300001 : i % 5 * 17}, at::kBFloat16)), m.push_back(randn(p.back().sizes(), at::kBFloat16));
    v.push_back(randn(p.back().sizes(), at::kBFloat16).abs());
    there_p.push_back(p.back().to(device)), there_m.push_back(m.back().to(device)), there_v.push_back(v.back().to(device));
    noise.push_back(static_cast<uint64_t>(i) << 40);
  }
  using Handles = std::vector<hyb_tensor*>;
  using Step = std::function<hyb_status(const Handles& P, const Handles& G, const Handles& M, const Handles& V)>;
  const std::vector<std::pair<const char*, Step>> steps{
      {"Lion", [&](auto& P, auto& G, auto& M,
                   auto&) { return hyb_optim_lion_step(P.data(), nullptr, G.data(), M.data(), noise.data(), 70, 1e-3, 0.9, 0.99, 0.1); }},
      {"AdamW",
       [&](auto& P, auto& G, auto& M, auto& V) {
         return hyb_optim_adamw_step(P.data(), nullptr, G.data(), M.data(), V.data(), noise.data(), 70, 3, 1e-3, 0.9, 0.99, 1e-8, 0.1);
       }},
      {"SGD", [&](auto& P, auto& G, auto&, auto&) { return hyb_optim_sgd_step(P.data(), nullptr, G.data(), noise.data(), 70, 1e-3, 0.1); }},
  };
  for (const auto& [name, step] : steps) {
    Tensors g, there_g;
    for (const auto& tensor : p) g.push_back(randn(tensor.sizes(), at::kBFloat16)), there_g.push_back(g.back().to(device));
    ok(step(lend_all(p), lend_all(g), lend_all(m), lend_all(v)));
    ok(step(lend_all(there_p), lend_all(there_g), lend_all(there_m), lend_all(there_v)));
    for (size_t i = 0; i < p.size(); ++i) {
      const std::string entry = std::string(name) + ", entry " + std::to_string(i);
      expect_same_bits(there_p[i].to(at::kCPU), p[i], "weight of " + entry);
      expect_same_bits(there_m[i].to(at::kCPU), m[i], "first state of " + entry);
      expect_same_bits(there_v[i].to(at::kCPU), v[i], "second state of " + entry);
    }
  }
}

TEST_F(Cuda, MemoryOfTheDevice) {
  int64_t free = 0, total = 0, later = 0;
  auto warm = at::zeros({1 << 20}, at::TensorOptions(device));
  ok(hyb_runtime_memory(0, &free, &total));
  EXPECT_GT(free, 0);
  EXPECT_LE(free, total);
  auto block = at::zeros({64 << 20}, at::TensorOptions(device).dtype(at::kByte));
  ok(hyb_runtime_memory(0, &later, &total));
  EXPECT_LE(later, free - (48 << 20)) << "others may have freed a little";
  block = at::Tensor();
  ok(hyb_runtime_memory(0, &later, &total));
  EXPECT_GE(later, free - (16 << 20)) << "what LibTorch keeps for itself is free";
}

TEST_F(Cuda, MemoryMeter) {
  hyb_memory_meter* meter = nullptr;
  int64_t live = -1, peak = -1, host = -1;
  ok(hyb_memory_meter_start(&meter));
  auto x = at::empty({1 << 20}, at::TensorOptions(device).dtype(at::kByte));
  ok(hyb_memory_meter_live(meter, 0, &live));
  x = at::Tensor();
  ok(hyb_memory_meter_peak(meter, 0, &peak));
  ok(hyb_memory_meter_peak(meter, HYB_CPU, &host));
  EXPECT_EQ(live, 1 << 20);
  EXPECT_EQ(peak, 1 << 20);
  EXPECT_EQ(host, 0);
  auto weight = leaf(randn({512, 512}, at::kFloat).to(device));
  auto loss = weight.mul(2).sum();
  ok(hyb_memory_meter_restart_peak(meter));
  ok(hyb_memory_meter_live(meter, 0, &live));
  gradients(loss, {weight});  // on a thread of LibTorch's
  ok(hyb_memory_meter_peak(meter, 0, &peak));
  EXPECT_GE(peak - live, 512 * 512 * 4);
  ok(hyb_memory_meter_stop(meter));
  hyb_memory_meter_free(meter);
}

TEST_F(Cuda, GraftBetweenHostAndDevice) {
  for (bool pinned : {false, true}) {
    Tensors host{randn({3, 4}, at::kFloat), randn({5, 2}, at::kBFloat16).t(), randn({7}, at::kFloat)};
    if (pinned) host[0] = host[0].pin_memory();
    Tensors there{leaf(randn({3, 4}, at::kFloat).to(device)), leaf(randn({5, 2}, at::kBFloat16).to(device).t()), randn({7}, at::kFloat)};
    Tensors was_host, was_there;
    for (size_t i = 0; i < host.size(); ++i)
      was_host.push_back(host[i].clone()), was_there.push_back(there[i].detach().to(at::kCPU).clone());
    auto *stays = host[0].data_ptr(), *moves = host[2].data_ptr();
    auto mixed = [&](const Tensors& a, const Tensors& b) {
      auto left = lend_all(a), right = lend_all(b);
      return hyb_graft_exchange(left.data(), right.data(), static_cast<int64_t>(a.size()));
    };
    // The offending pair stands last.
    expect_refused(HYB_TYPE_MISMATCH, "graft_exchange", mixed({host[0], host[2]}, {there[0], randn({7}).to(device)}), "Double");
    expect_same_bits(host[0], was_host[0], "refused");
    ok(mixed(host, there));
    for (size_t i = 0; i < host.size(); ++i) {
      expect_same_bits(host[i], was_there[i], "host");
      expect_same_bits(there[i].detach().to(at::kCPU), was_host[i], "device");
    }
    EXPECT_EQ(host[0].data_ptr(), stays) << "a host tensor keeps its storage";
    EXPECT_EQ(there[2].data_ptr(), moves) << "a pair on one device exchanges storage";
    EXPECT_TRUE(there[0].is_cuda() && there[0].requires_grad() && there[0].is_leaf());
    ok(mixed(there, host));
    for (size_t i = 0; i < host.size(); ++i) expect_same_bits(host[i], was_host[i], "back");
  }
}
