// The hand-written kernels called directly, one table an instruction set: that they stay inside the memory they are
// given at every length, that the tables agree with plain loops in float64, and how far exp is off.
#define HYBRID_ISA of_the_test
#include "cpu/kernels.h"

#include <random>

#include "cpu/kernels/simd_math.h"
#include "support.h"

namespace hybrid::cpu {
#define HYBRID_DECLARE(isa)             \
  namespace isa {                       \
  extern const Kernels<float> floats;   \
  extern const Kernels<double> doubles; \
  extern const Kernels<bf16> halves;    \
  }
HYBRID_DECLARE(baseline)
HYBRID_DECLARE(avx2)
HYBRID_DECLARE(avx512)
HYBRID_DECLARE(avx512_bf16)
#undef HYBRID_DECLARE
}  // namespace hybrid::cpu

namespace {

using namespace hybrid;

template <class T>
struct Table {
  std::string isa;
  const cpu::Kernels<T>* kernels;
};

// Those that this CPU can run.
template <class T>
std::vector<Table<T>> tables() {
  std::vector<Table<T>> all;
  auto add = [&](const char* isa, const cpu::Kernels<float>& floats, const cpu::Kernels<double>& doubles,
                 const cpu::Kernels<cpu::bf16>& halves) {
    if (hyb_runtime_set_isa(isa) != HYB_OK) return;
    if constexpr (std::is_same_v<T, float>)
      all.push_back({isa, &floats});
    else if constexpr (std::is_same_v<T, double>)
      all.push_back({isa, &doubles});
    else
      all.push_back({isa, &halves});
  };
  add("baseline", cpu::baseline::floats, cpu::baseline::doubles, cpu::baseline::halves);
  add("avx2", cpu::avx2::floats, cpu::avx2::doubles, cpu::avx2::halves);
  add("avx512", cpu::avx512::floats, cpu::avx512::doubles, cpu::avx512::halves);
  add("avx512_bf16", cpu::avx512_bf16::floats, cpu::avx512_bf16::doubles, cpu::avx512_bf16::halves);
  hyb_runtime_set_isa("auto");
  return all;
}

// n random numbers between two runs of canaries; the address is aligned to no vector.
template <class T>
class Guarded {
 public:
  explicit Guarded(int64_t n) : size_(static_cast<size_t>(n)), memory_(size_ + 2 * margin, canary) {
    static std::mt19937 random(7);
    std::normal_distribution<double> normal;
    for (size_t i = 0; i < size_; ++i) memory_[margin + i] = static_cast<T>(normal(random));
  }
  T* data() { return memory_.data() + margin; }
  operator T*() { return data(); }
  T operator[](int64_t i) const { return memory_[margin + static_cast<size_t>(i)]; }
  void zero() { std::fill_n(data(), size_, T(0)); }
  bool intact() const {
    for (size_t i = 0; i < margin; ++i)
      if (memory_[i] != canary || memory_[memory_.size() - 1 - i] != canary) return false;
    return true;
  }

 private:
  static constexpr size_t margin = 33;
  static constexpr T canary = T(-12345.5);
  size_t size_;
  std::vector<T> memory_;
};

template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 5e-6 : 1e-13;

template <class T>
class Kernels : public testing::Test {};
using Types = testing::Types<float, double>;

}  // namespace

TYPED_TEST_SUITE(Kernels, Types, );

TEST(SimdMath, ExpOfFloatIsWithinTwoUlp) {
  double worst = 0;
  for (double x = -87.2; x < 87.9; x += 0.00137) {
    auto rounded = static_cast<float>(x);
    double exact = std::exp(static_cast<double>(rounded)),
           ulp = std::nextafter(static_cast<float>(exact), 3e38f) - static_cast<float>(exact);
    worst = std::max(worst, std::abs(cpu::of_the_test::exp_of(rounded) - exact) / ulp);
  }
  EXPECT_LE(worst, 2);
  EXPECT_EQ(cpu::of_the_test::exp_of(0.0f), 1.0f);
}

TEST(SimdMath, ExpOfFloatClampsAtTheEnds) {
  EXPECT_LT(cpu::of_the_test::exp_of(-1e30f), 1.3e-38f);
  EXPECT_GE(cpu::of_the_test::exp_of(-1e30f), 0.0f);
  EXPECT_GT(cpu::of_the_test::exp_of(1e30f), 1.6e38f);
  EXPECT_TRUE(std::isfinite(cpu::of_the_test::exp_of(1e30f)));
}

TYPED_TEST(Kernels, RmsNorm) {
  using T = TypeParam;
  for (auto [isa, kernels] : tables<T>())
    for (int64_t D : {1, 2, 7, 15, 16, 17, 31, 33, 64, 65}) {
      SCOPED_TRACE(isa + " D " + std::to_string(D));
      const int64_t rows = 3;
      Guarded<T> x(rows * D), weight(D), out(rows * D), inverse(rows), grad(rows * D), grad_x(rows * D), grad_weight(D);
      grad_weight.zero();
      kernels->rms_norm_forward(x, weight, T(1e-5), rows, D, out, inverse);
      kernels->rms_norm_backward(x, weight, inverse, grad, rows, D, grad_x, grad_weight);
      std::vector<double> expected_weight(static_cast<size_t>(D));
      for (int64_t r = 0; r < rows; ++r) {
        double squares = 0, dot = 0;
        for (int64_t d = 0; d < D; ++d) squares += double(x[r * D + d]) * x[r * D + d];
        double scale = 1 / std::sqrt(squares / static_cast<double>(D) + 1e-5);
        for (int64_t d = 0; d < D; ++d) dot += double(grad[r * D + d]) * weight[d] * x[r * D + d] * scale;
        for (int64_t d = 0; d < D; ++d) {
          double normed = x[r * D + d] * scale;
          EXPECT_NEAR(out[r * D + d], normed * weight[d], tolerance<T> * 10);
          EXPECT_NEAR(grad_x[r * D + d], scale * (double(grad[r * D + d]) * weight[d] - normed * dot / static_cast<double>(D)),
                      tolerance<T> * 10 * std::max(1.0, scale * scale));
          expected_weight[static_cast<size_t>(d)] += grad[r * D + d] * normed;
        }
      }
      for (int64_t d = 0; d < D; ++d) EXPECT_NEAR(grad_weight[d], expected_weight[static_cast<size_t>(d)], tolerance<T> * 10);
      kernels->rms_norm_backward(x, weight, inverse, grad, rows, D, nullptr, nullptr);
      EXPECT_TRUE(x.intact() && weight.intact() && out.intact() && inverse.intact() && grad.intact() && grad_x.intact() &&
                  grad_weight.intact());
    }
}

TYPED_TEST(Kernels, SwiGlu) {
  using T = TypeParam;
  for (auto [isa, kernels] : tables<T>())
    for (int64_t n : {0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 100}) {
      SCOPED_TRACE(isa + " n " + std::to_string(n));
      Guarded<T> gate(n), up(n), out(n), grad(n), grad_gate(n), grad_up(n);
      kernels->swiglu_forward(gate, up, n, out);
      kernels->swiglu_backward(gate, up, grad, n, grad_gate, grad_up);
      for (int64_t i = 0; i < n; ++i) {
        double g = gate[i], sigmoid = 1 / (1 + std::exp(-g));
        EXPECT_NEAR(out[i], g * sigmoid * up[i], tolerance<T> * 5);
        EXPECT_NEAR(grad_up[i], grad[i] * g * sigmoid, tolerance<T> * 5);
        EXPECT_NEAR(grad_gate[i], grad[i] * double(up[i]) * sigmoid * (1 + g * (1 - sigmoid)), tolerance<T> * 10);
      }
      EXPECT_TRUE(out.intact() && grad_gate.intact() && grad_up.intact());
    }
}

TYPED_TEST(Kernels, Nll) {
  using T = TypeParam;
  for (auto [isa, kernels] : tables<T>())
    for (int64_t V : {1, 2, 15, 16, 17, 33, 250}) {
      SCOPED_TRACE(isa + " V " + std::to_string(V));
      const int64_t targets[] = {0, V - 1};
      Guarded<T> logits(2 * V), nll(2), lse(2), grad(2);
      std::vector<double> kept(logits.data(), logits.data() + 2 * V);
      kernels->nll_forward(logits, targets, 2, V, nll, lse);
      kernels->nll_backward(logits, targets, lse, grad, 2, V, logits);
      for (int64_t r = 0; r < 2; ++r) {
        double sum = 0;
        for (int64_t v = 0; v < V; ++v) sum += std::exp(kept[static_cast<size_t>(r * V + v)]);
        EXPECT_NEAR(lse[r], std::log(sum), tolerance<T> * 5);
        EXPECT_NEAR(nll[r], std::log(sum) - kept[static_cast<size_t>(r * V + targets[r])], tolerance<T> * 5);
        for (int64_t v = 0; v < V; ++v)
          EXPECT_NEAR(logits[r * V + v], grad[r] * (std::exp(kept[static_cast<size_t>(r * V + v)]) / sum - (v == targets[r])),
                      tolerance<T> * 5);
      }
      EXPECT_TRUE(logits.intact() && nll.intact() && lse.intact());
    }
}

TYPED_TEST(Kernels, GradientL1) {
  using T = TypeParam;
  for (auto [isa, kernels] : tables<T>())
    for (int64_t S : {0, 1, 5})
      for (int64_t O : {1, 3, 4, 8, 9, 17})
        for (int64_t I : {1, 7, 16, 31, 32, 33, 65}) {
          SCOPED_TRACE(isa + " S " + std::to_string(S) + " O " + std::to_string(O) + " I " + std::to_string(I));
          Guarded<T> grad(S * O), input(S * I), scratch(cpu::gradient_l1_scratch(S, O));
          double actual = kernels->gradient_l1(grad, O, input, S, O, I, scratch), expected = 0;
          for (int64_t o = 0; o < O; ++o)
            for (int64_t i = 0; i < I; ++i) {
              double sum = 0;
              for (int64_t s = 0; s < S; ++s) sum += double(grad[s * O + o]) * input[s * I + i];
              expected += std::abs(sum);
            }
          EXPECT_NEAR(actual, expected, tolerance<T> * std::max(1.0, expected));
          EXPECT_TRUE(scratch.intact());
        }
}

// Some columns of a wider gradient, as one task of many gets them.
TYPED_TEST(Kernels, GradientL1OfSomeColumns) {
  using T = TypeParam;
  for (auto [isa, kernels] : tables<T>()) {
    const int64_t S = 6, wide = 40, O = 19, I = 21;
    Guarded<T> grad(S * wide), input(S * I), part(S * O), scratch(cpu::gradient_l1_scratch(S, O));
    for (int64_t s = 0; s < S; ++s) std::copy_n(grad.data() + s * wide + 7, O, part.data() + s * O);
    EXPECT_EQ(kernels->gradient_l1(grad.data() + 7, wide, input, S, O, I, scratch), kernels->gradient_l1(part, O, input, S, O, I, scratch))
        << isa;
    EXPECT_TRUE(scratch.intact());
  }
}

TYPED_TEST(Kernels, NormGradientL1) {
  using T = TypeParam;
  for (auto [isa, kernels] : tables<T>())
    for (int64_t S : {0, 1, 5})
      for (int64_t D : {1, 7, 16, 33}) {
        SCOPED_TRACE(isa + " S " + std::to_string(S) + " D " + std::to_string(D));
        Guarded<T> grad(S * D), x(S * D), inverse(S), scratch(D);
        double expected = 0;
        for (int64_t d = 0; d < D; ++d) {
          double sum = 0;
          for (int64_t s = 0; s < S; ++s) sum += double(grad[s * D + d]) * x[s * D + d] * inverse[s];
          expected += std::abs(sum);
        }
        EXPECT_NEAR(kernels->norm_gradient_l1(grad, x, inverse, S, D, scratch), expected, tolerance<T> * std::max(1.0, expected));
        EXPECT_TRUE(scratch.intact());
      }
}

TYPED_TEST(Kernels, SumRows) {
  using T = TypeParam;
  const int64_t positions[] = {4, 0, 2};
  for (auto [isa, kernels] : tables<T>())
    for (int64_t D : {1, 7, 16, 33}) {
      SCOPED_TRACE(isa + " D " + std::to_string(D));
      Guarded<T> rows(5 * D), out(D), scratch(D);
      kernels->sum_rows(rows, positions, 3, D, out, scratch);
      for (int64_t d = 0; d < D; ++d) EXPECT_NEAR(out[d], double(rows[4 * D + d]) + rows[d] + rows[2 * D + d], tolerance<T> * 5);
      EXPECT_TRUE(rows.intact() && out.intact() && scratch.intact());
    }
}

// bfloat16 operands, float sums: nothing is rounded but the sums.
TEST(Bf16Kernels, GradientL1) {
  for (auto [isa, kernels] : tables<cpu::bf16>())
    for (int64_t S : {0, 1, 2, 5, 8})
      for (int64_t O : {1, 3, 8, 9, 17})
        for (int64_t I : {1, 15, 16, 31, 32, 33, 65}) {
          SCOPED_TRACE(isa + " S " + std::to_string(S) + " O " + std::to_string(O) + " I " + std::to_string(I));
          auto grad = at::randn({S, O}).to(at::kBFloat16), input = at::randn({S, I}).to(at::kBFloat16);
          Guarded<float> scratch(cpu::gradient_l1_scratch(S, O));
          double actual = kernels->gradient_l1(static_cast<cpu::bf16*>(grad.data_ptr()), O, static_cast<cpu::bf16*>(input.data_ptr()), S, O,
                                               I, scratch);
          double expected = at::mm(grad.to(at::kDouble).t(), input.to(at::kDouble)).abs().sum().item<double>();
          EXPECT_NEAR(actual, expected, 5e-6 * std::max(1.0, expected));
          EXPECT_TRUE(scratch.intact());
        }
}

// Every bfloat16 there is comes back from float; what lies between two goes to the nearer, a tie to the even one.
TEST(Bf16Kernels, Rounding) {
  using cpu::of_the_test::narrow, cpu::of_the_test::wide;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    cpu::bf16 value{static_cast<uint16_t>(bits)};
    float widened = wide(value);
    if (std::isnan(widened))
      EXPECT_TRUE(std::isnan(wide(narrow<cpu::bf16>(widened))));
    else
      EXPECT_EQ(narrow<cpu::bf16>(widened).bits, bits);
  }
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (int i = 0; i < 100000; ++i) {
    float value = normal(random);
    EXPECT_EQ(wide(narrow<cpu::bf16>(value)), static_cast<float>(at::BFloat16(value)));
  }
  EXPECT_EQ(narrow<cpu::bf16>(1.00390625f).bits, 0x3f80);  // halfway between 1 and the next
  EXPECT_EQ(narrow<cpu::bf16>(1.01171875f).bits, 0x3f82);  // halfway between the next two: the even one
  EXPECT_EQ(narrow<cpu::bf16>(std::numeric_limits<float>::infinity()).bits, 0x7f80);
  EXPECT_EQ(narrow<cpu::bf16>(3.4e38f).bits, 0x7f80);
}

// Values and gradients are compared with autograd in attention_test.cpp; here only memory is watched.
TYPED_TEST(Kernels, AttentionStaysInsideItsMemory) {
  using T = TypeParam;
  for (auto [isa, kernels] : tables<T>())
    for (int64_t S : {1, 3, 8, 17, 33, 130})
      for (int64_t E : {2, 6, 16, 34}) {
        SCOPED_TRACE(isa + " S " + std::to_string(S) + " E " + std::to_string(E));
        const int64_t group = 2, q_stride = group * E, kv_stride = E;
        Guarded<T> q(S * q_stride), k(S * kv_stride), v(S * kv_stride), cos(S * E / 2), sin(S * E / 2), lse(S * group), out(S * q_stride),
            grad(S * q_stride), grad_q(S * q_stride), grad_k(S * kv_stride), grad_v(S * kv_stride),
            forward(cpu::attention_forward_scratch(S, E)), backward(cpu::attention_backward_scratch(S, E));
        cpu::AttentionHead<T> head{S, E, group, q_stride, kv_stride, q, k, v, cos, sin, lse, group};
        kernels->attention_forward(head, out, forward);
        kernels->attention_backward(head, out, grad, grad_q, grad_k, grad_v, backward);
        EXPECT_TRUE(forward.intact() && backward.intact() && out.intact() && lse.intact());
        EXPECT_TRUE(grad_q.intact() && grad_k.intact() && grad_v.intact());
        for (int64_t g = 0; g < group; ++g)
          for (int64_t e = 0; e < E; ++e) EXPECT_NEAR(out[g * E + e], v[e], tolerance<T> * 5) << "the first token sees itself only";
      }
}

// Some columns of a product, whichever of the two outputs is asked for, at every remainder of a tile.
TYPED_TEST(Kernels, FewRowsProduct) {
  using T = TypeParam;
  for (auto [isa, kernels] : tables<T>())
    for (int64_t rows : {1, 2, 3, 4, 7})
      for (auto [I, O, first, last] :
           std::vector<std::array<int64_t, 4>>{{16, 16, 0, 16}, {17, 19, 0, 19}, {31, 40, 16, 40}, {40, 33, 32, 33}, {999, 21, 16, 21}}) {
        SCOPED_TRACE(isa + " rows " + std::to_string(rows) + " I " + std::to_string(I) + " O " + std::to_string(O));
        Guarded<T> x(rows * I), weight(O * I), widened(cpu::few_rows_width(rows, I)), out(rows * O), wide_out(rows * O);
        const auto before = out;
        kernels->few_rows_widen(x, rows, I, widened);
        kernels->few_rows_product(widened, rows, weight, I, first, last, O, out, nullptr);
        kernels->few_rows_product(widened, rows, weight, I, first, last, O, nullptr, wide_out);
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t o = 0; o < O; ++o) {
            double sum = 0;
            for (int64_t i = 0; i < I; ++i) sum += double(x[r * I + i]) * weight[o * I + i];
            if (o >= first && o < last) {
              EXPECT_NEAR(out[r * O + o], sum, tolerance<T> * 50);
              EXPECT_EQ(out[r * O + o], wide_out[r * O + o]);
            } else {
              EXPECT_EQ(out[r * O + o], before[r * O + o]) << "another task's";
            }
          }
        EXPECT_TRUE(widened.intact() && out.intact() && wide_out.intact());
      }
}

// Values are compared with plain formulas in cached_attention_test.cpp; here memory is watched, and a last piece of every length.
TYPED_TEST(Kernels, CachedAttentionStaysInsideItsMemory) {
  using T = TypeParam;
  for (auto [isa, kernels] : tables<T>())
    for (int64_t S : {1, 3, 16, 17, 64, 65, 130})
      for (int64_t E : {2, 6, 16, 34}) {
        SCOPED_TRACE(isa + " S " + std::to_string(S) + " E " + std::to_string(E));
        const int64_t rows = S < 3 ? 1 : 3, group = 2, heads = 2, stride = heads * E, half = S / 2;
        Guarded<T> q(rows * group * E), keys(S * stride), values(S * stride), cos(rows * E / 2), sin(rows * E / 2), out(rows * group * E),
            partials(2 * cpu::cached_attention_partial(rows * group, E)), scratch(cpu::cached_attention_scratch(rows * group, E));
        const cpu::CachedHead<T> last{S - rows, rows, E, group, group * E, stride, q, keys.data() + E, values.data() + E, cos, sin};
        kernels->cached_attention_piece(last, 0, half, partials, scratch);
        kernels->cached_attention_piece(last, half, S, partials.data() + cpu::cached_attention_partial(rows * group, E), scratch);
        kernels->cached_attention_join(last, partials, 2, out);
        kernels->cache_row(values, values.data() + E, cos, sin, 1, E, keys.data() + (S - 1) * stride, keys.data() + (S - 1) * stride + E);
        EXPECT_TRUE(partials.intact() && scratch.intact() && out.intact() && keys.intact());
        for (int64_t e = 0; e < E && S == 1; ++e)
          EXPECT_NEAR(out[e], values[E + e], tolerance<T> * 5) << "the first token sees itself only";
      }
}

TYPED_TEST(Kernels, OptimizersAgreeAtEveryLength) {
  using T = TypeParam;
  for (int64_t n : {0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 64, 67}) {
    const Guarded<T> p0(n), g0(n), m0(n), v0(n);
    for (auto [isa, kernels] : tables<T>()) {
      SCOPED_TRACE(isa + " n " + std::to_string(n));
      auto p = p0, g = g0, m = m0, v = v0;
      for (int64_t i = 0; i < n; ++i) v.data()[i] = std::abs(v[i]);
      auto variance = v;
      kernels->adamw(p, g, p, m, v, n, T(0.01), T(0.9), T(0.99), T(1e-8), T(0.1), T(0.5), T(0.25));
      for (int64_t i = 0; i < n; ++i) {
        double mean = 0.9 * m0[i] + 0.1 * g0[i], square = 0.99 * variance[i] + 0.01 * g0[i] * g0[i];
        EXPECT_NEAR(p[i], p0[i] * (1 - 0.001) - 0.01 * mean / 0.5 / (std::sqrt(square / 0.25) + 1e-8), tolerance<T> * 10);
      }
      auto q = p0, momentum = m0;
      kernels->lion(q, g, q, momentum, n, T(0.01), T(0.9), T(0.99), T(0.1));
      auto r = p0;
      kernels->sgd(r, g, r, n, T(0.01), T(0.1));
      for (int64_t i = 0; i < n; ++i) {
        double direction = 0.9 * m0[i] + 0.1 * g0[i];
        EXPECT_NEAR(q[i], p0[i] - 0.01 * ((direction > 0) - (direction < 0) + 0.1 * p0[i]), tolerance<T> * 5);
        EXPECT_NEAR(momentum[i], 0.99 * m0[i] + 0.01 * g0[i], tolerance<T> * 5);
        EXPECT_NEAR(r[i], p0[i] - 0.01 * (g0[i] + 0.1 * p0[i]), tolerance<T> * 5);
      }
      EXPECT_TRUE(p.intact() && g.intact() && m.intact() && v.intact() && q.intact() && momentum.intact() && r.intact());
    }
  }
}
