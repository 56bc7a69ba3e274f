// What the tests share: the C ABI as functions of at::Tensor, comparisons, refusals.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "hybrid/hybrid.h"
#include "torch_headers.h"

namespace hybrid::tests {

using Tensors = std::vector<at::Tensor>;
using Offsets = std::vector<int64_t>;

// ---- Crossing the ABI. A hyb_tensor* is an at::Tensor*, so inputs are lent and outputs taken over.

inline const hyb_tensor* in(const at::Tensor& tensor) { return reinterpret_cast<const hyb_tensor*>(&tensor); }
inline hyb_tensor* lend(const at::Tensor& tensor) { return reinterpret_cast<hyb_tensor*>(const_cast<at::Tensor*>(&tensor)); }

// Undefined tensors become null.
inline std::vector<hyb_tensor*> lend_all(const Tensors& tensors) {
  std::vector<hyb_tensor*> handles;
  for (const auto& tensor : tensors) handles.push_back(tensor.defined() ? lend(tensor) : nullptr);
  return handles;
}

inline at::Tensor take(hyb_tensor* handle) {
  if (handle == nullptr) return {};
  at::Tensor tensor = *reinterpret_cast<at::Tensor*>(handle);
  hyb_tensor_free(handle);
  return tensor;
}

inline void ok(hyb_status status) {
  if (status != HYB_OK) throw std::runtime_error("status " + std::to_string(status) + ": " + hyb_last_error());
}

// The tensor that call(&out) gives.
template <class Call>
at::Tensor result(Call&& call) {
  hyb_tensor* out = nullptr;
  ok(call(&out));
  return take(out);
}

inline Tensors gradients(const at::Tensor& loss, const Tensors& inputs) {
  auto handles = lend_all(inputs);
  std::vector<hyb_tensor*> grads(inputs.size(), nullptr);
  ok(hyb_autograd_grad(in(loss), nullptr, handles.data(), static_cast<int64_t>(inputs.size()), grads.data()));
  Tensors taken;
  for (auto* grad : grads) taken.push_back(take(grad));
  return taken;
}

// The same by LibTorch itself.
inline Tensors reference_gradients(const at::Tensor& loss, const Tensors& inputs) {
  return torch::autograd::grad({loss}, inputs, {}, false, false, /*allow_unused=*/true);
}

struct Heads {
  int32_t query, key_value;
  std::vector<double> inverse_frequency;
};

// Frequencies as Llama's: base ^ (-2j / E).
inline Heads heads_of(int32_t query, int32_t key_value, int64_t E, double base = 10000) {
  Heads heads{query, key_value, {}};
  for (int64_t j = 0; j < E / 2; ++j)
    heads.inverse_frequency.push_back(std::pow(base, -2.0 * static_cast<double>(j) / static_cast<double>(E)));
  return heads;
}

// ---- The fused operations, in a namespace because LibTorch has names like these.

namespace ours {

inline at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, hyb_density* density = nullptr, int32_t layer = 0) {
  return result([&](hyb_tensor** out) { return hyb_transformer_linear(in(x), in(weight), density, layer, out); });
}

inline at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon, hyb_density* density = nullptr,
                           int32_t layer = 0) {
  return result([&](hyb_tensor** out) { return hyb_transformer_rms_norm(in(x), in(weight), epsilon, density, layer, out); });
}

inline at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Offsets& offsets, const Heads& heads) {
  return result([&](hyb_tensor** out) {
    return hyb_transformer_attention(in(q), in(k), in(v), offsets.data(), static_cast<int64_t>(offsets.size()) - 1, heads.query,
                                     heads.key_value, heads.inverse_frequency.data(), out);
  });
}

inline at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  return result([&](hyb_tensor** out) { return hyb_transformer_swiglu(in(gate), in(up), out); });
}

inline at::Tensor token_nll(const at::Tensor& hidden, const at::Tensor& weight, const std::vector<int64_t>& targets, int64_t chunk_rows) {
  return result([&](hyb_tensor** out) {
    return hyb_transformer_token_nll(in(hidden), in(weight), targets.data(), static_cast<int64_t>(targets.size()), chunk_rows, out);
  });
}

}  // namespace ours

// ---- Inputs.

inline at::Tensor randn(at::IntArrayRef shape, at::ScalarType type = at::kDouble) { return at::randn(shape, at::kDouble).to(type); }

// A leaf of the same values and strides that requires gradients.
inline at::Tensor leaf(const at::Tensor& tensor, at::ScalarType type) {
  auto copy = at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().dtype(type));
  copy.copy_(tensor.detach());
  return copy.set_requires_grad(true);
}

inline at::Tensor leaf(const at::Tensor& tensor) { return leaf(tensor, tensor.scalar_type()); }

// The same values where rows lie columns apart.
inline at::Tensor transposed_storage(const at::Tensor& tensor) { return tensor.t().contiguous().t(); }

inline Offsets offsets_of(const std::vector<int64_t>& lengths) {
  Offsets offsets{0};
  for (int64_t length : lengths) offsets.push_back(offsets.back() + length);
  return offsets;
}

// ---- Comparisons.

// Differences measured against the largest expected element, which is what rounding in sums is proportional to; or
// against least_scale, where the terms of a sum are of that size and may cancel.
inline void expect_close(const at::Tensor& actual, const at::Tensor& expected, double tolerance, const std::string& what = "",
                         double least_scale = 1e-6) {
  ASSERT_TRUE(actual.defined()) << what << " is missing";
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  if (expected.numel() == 0) return;
  auto a = actual.detach().to(at::kDouble), e = expected.detach().to(at::kDouble);
  double scale = std::max(least_scale, e.abs().max().item<double>()), worst = (a - e).abs().max().item<double>();
  EXPECT_LE(worst, tolerance * scale) << what << ": off by " << worst << " where the largest element is " << scale;
}

inline int64_t count_different(const at::Tensor& a, const at::Tensor& b) {
  int64_t count = -1;
  ok(hyb_tensor_count_different(in(a), in(b), &count));
  return count;
}

inline void expect_same_bits(const at::Tensor& a, const at::Tensor& b, const std::string& what = "") {
  ASSERT_EQ(a.sizes(), b.sizes()) << what;
  EXPECT_EQ(count_different(a, b), 0) << what;
}

// The thread's error text names the operation that failed and says something after it.
inline void expect_error_text(const std::string& operation, const std::string& mentions = "") {
  std::string text = hyb_last_error();
  EXPECT_EQ(text.rfind(operation + ": ", 0), 0u) << "'" << text << "' does not name " << operation;
  EXPECT_GT(text.size(), operation.size() + 2);
  EXPECT_NE(text.find(mentions), std::string::npos) << "'" << text << "' does not mention '" << mentions << "'";
}

inline void expect_refused(hyb_status expected, const std::string& operation, hyb_status actual, const std::string& mentions = "") {
  EXPECT_EQ(actual, expected) << operation << ": " << hyb_last_error();
  if (actual != HYB_OK) expect_error_text(operation, mentions);
}

// call(&out) must fail, say why, and leave out as it was.
template <class Handle = hyb_tensor, class Call>
void refuses(hyb_status expected, const std::string& operation, Call&& call, const std::string& mentions = "") {
  auto* const untouched = reinterpret_cast<Handle*>(uintptr_t{0x51});
  Handle* out = untouched;
  expect_refused(expected, operation, call(&out), mentions);
  EXPECT_EQ(out, untouched) << operation << " wrote its output although it failed";
}

// ---- Instruction sets.

struct Variant {
  const char* isa;
  at::ScalarType type;
  double tolerance;  // of one operation, relative to its largest element
};

inline void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.isa << ' ' << c10::toString(variant.type); }

inline std::string name_of(const testing::TestParamInfo<Variant>& info) {
  return std::string(info.param.isa) + (info.param.type == at::kDouble ? "_f64" : info.param.type == at::kFloat ? "_f32" : "_bf16");
}

// A fixture run under each instruction set and element type; skipped, saying so, where the CPU lacks the set.
class EachVariant : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    auto status = hyb_runtime_set_isa(GetParam().isa);
    if (status == HYB_NOT_IMPLEMENTED) GTEST_SKIP() << hyb_last_error();
    ASSERT_EQ(status, HYB_OK) << hyb_last_error();
  }
  void TearDown() override { hyb_runtime_set_isa("auto"); }

  static at::ScalarType type() { return GetParam().type; }
  static double tolerance() { return GetParam().tolerance; }
};

inline auto variants() {
  return testing::Values(Variant{"avx512", at::kFloat, 4e-6}, Variant{"avx512", at::kDouble, 1e-13}, Variant{"avx2", at::kFloat, 4e-6},
                         Variant{"avx2", at::kDouble, 1e-13}, Variant{"baseline", at::kFloat, 4e-6},
                         Variant{"baseline", at::kDouble, 1e-13}, Variant{"avx512_bf16", at::kBFloat16, 3e-2},
                         Variant{"avx512", at::kBFloat16, 3e-2}, Variant{"avx2", at::kBFloat16, 3e-2},
                         Variant{"baseline", at::kBFloat16, 3e-2});
}

// ---- Fused against composed.

using Operation = std::function<at::Tensor(const Tensors&)>;

// A loss that weighs every element of the output differently, so that no error cancels in a sum.
inline at::Tensor weigh(const at::Tensor& out) {
  auto weights = at::sin(at::arange(out.numel(), at::kDouble) * 1.7 + 0.3).reshape(out.sizes());
  return (out.to(at::kDouble) * weights).sum();
}

// Values and every gradient of fused in the given type, against composed in float64 from the same rounded inputs.
void expect_same_function(const Operation& fused, const Operation& composed, const Tensors& inputs, at::ScalarType type, double tolerance);

// Every gradient of fused against central differences in float64; up to 24 elements of each input.
void expect_differences_agree(const Operation& fused, const Tensors& inputs, double tolerance = 1e-7);

}  // namespace hybrid::tests
