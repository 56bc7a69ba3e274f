// The exchange: by address and bit for bit, all or none, and what autograd thinks of it.
#include "support.h"

using namespace hybrid::tests;

namespace {

hyb_status graft(const Tensors& a, const Tensors& b) {
  auto left = lend_all(a), right = lend_all(b);
  return hyb_graft_exchange(left.data(), right.data(), static_cast<int64_t>(a.size()));
}

Tensors some_parameters(at::ScalarType type = at::kFloat) {
  return {leaf(randn({3, 4}), type), leaf(randn({7}), type), leaf(randn({2, 5}).t(), type), leaf(randn({0, 2}), type)};
}

Tensors copies(const Tensors& tensors) {
  Tensors all;
  for (const auto& tensor : tensors) all.push_back(tensor.detach().clone());
  return all;
}

std::vector<void*> addresses(const Tensors& tensors) {
  std::vector<void*> all;
  for (const auto& tensor : tensors) all.push_back(tensor.data_ptr());
  return all;
}

void expect_untouched(const Tensors& tensors, const Tensors& values, const std::vector<void*>& places, const char* why) {
  EXPECT_EQ(addresses(tensors), places) << why;
  for (size_t i = 0; i < tensors.size(); ++i) expect_same_bits(tensors[i], values[i], why);
}

}  // namespace

TEST(Graft, AddressesChangePlacesAndNothingIsCopied) {
  for (auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    auto a = some_parameters(type), b = some_parameters(type);
    auto at_a = addresses(a), at_b = addresses(b);
    auto was_a = copies(a), was_b = copies(b);
    ok(graft(a, b));
    expect_untouched(a, was_b, at_b, "a after the exchange");
    expect_untouched(b, was_a, at_a, "b after the exchange");
    for (const auto& tensor : a) EXPECT_TRUE(tensor.requires_grad() && tensor.is_leaf());
  }
}

TEST(Graft, TwiceIsTheIdentityBitForBit) {
  auto a = some_parameters(), b = some_parameters();
  auto at_a = addresses(a), at_b = addresses(b);
  auto was_a = copies(a), was_b = copies(b);
  ok(graft(a, b));
  ok(graft(a, b));
  expect_untouched(a, was_a, at_a, "a");
  expect_untouched(b, was_b, at_b, "b");
}

TEST(Graft, RequiresGradStaysWithTheHandle) {
  auto a = leaf(randn({3})), b = randn({3});
  ok(graft({a}, {b}));
  EXPECT_TRUE(a.requires_grad());
  EXPECT_FALSE(b.requires_grad());
}

TEST(Graft, OffsetsIntoAStorageAreExchangedToo) {
  auto whole = randn({6, 2}), a = randn({2, 2});
  auto part = whole.narrow(0, 3, 2);  // at an offset of 6 elements
  auto was_part = part.clone(), was_a = a.clone();
  ok(graft({a}, {part}));
  expect_same_bits(a, was_part);
  expect_same_bits(part, was_a);
}

TEST(Graft, ADetachedTensorIsALeafLikeAnyOther) {
  auto a = some_parameters(), b = some_parameters();
  Tensors detached;
  for (const auto& tensor : b) detached.push_back(result([&](auto out) { return hyb_tensor_detach(in(tensor), out); }));
  auto at_a = addresses(a), at_b = addresses(b);
  auto was_a = copies(a), was_b = copies(b);
  ok(graft(a, detached));
  expect_untouched(a, was_b, at_b, "a");
  expect_untouched(detached, was_a, at_a, "detached");
  expect_untouched(b, was_b, at_b, "b, which was no part of it");
}

TEST(Graft, NoPairsAreAllowed) { ok(hyb_graft_exchange(nullptr, nullptr, 0)); }

TEST(Graft, EveryRefusalLeavesAllUntouched) {
  auto a = some_parameters(), b = some_parameters();
  auto at_a = addresses(a), at_b = addresses(b);
  auto was_a = copies(a), was_b = copies(b);
  auto refused = [&](hyb_status status, const Tensors& left, const Tensors& right, const char* mentions) {
    expect_refused(status, "graft_exchange", graft(left, right), mentions);
    expect_untouched(a, was_a, at_a, mentions);
    expect_untouched(b, was_b, at_b, mentions);
  };
  // The offending pair stands last, so that an exchange made too early would show.
  refused(HYB_INVALID_ARGUMENT, {a[0], a[1]}, {b[0], leaf(randn({8}, at::kFloat))}, "[8]");
  refused(HYB_INVALID_ARGUMENT, {a[0], a[2]}, {b[0], leaf(randn({5, 2}, at::kFloat))}, "strides");
  refused(HYB_TYPE_MISMATCH, {a[0], a[1]}, {b[0], leaf(randn({7}, at::kDouble))}, "Double");
  refused(HYB_INVALID_ARGUMENT, {a[0], a[1]}, {b[0], b[1] * 2}, "leaves");
  refused(HYB_INVALID_ARGUMENT, {a[0], a[1] * 2}, {b[0], b[1]}, "leaves");
  refused(HYB_INVALID_ARGUMENT, {a[0], a[1]}, {b[0], a[1]}, "twice");
  refused(HYB_INVALID_ARGUMENT, {a[0], a[0]}, {b[0], leaf(randn({3, 4}, at::kFloat))}, "earlier pair");
  refused(HYB_INVALID_ARGUMENT, {a[0], leaf(randn({3, 4}, at::kFloat))}, {b[0], b[0]}, "earlier pair");
  refused(HYB_INVALID_ARGUMENT, {a[0], b[0]}, {b[0], a[0]}, "earlier pair");
  refused(HYB_INVALID_ARGUMENT, {a[0], at::Tensor()}, {b[0], b[1]}, "a is null");
  refused(HYB_INVALID_ARGUMENT, {a[0], a[1]}, {b[0], at::Tensor()}, "b is null");
  auto left = lend_all(a);
  expect_refused(HYB_INVALID_ARGUMENT, "graft_exchange", hyb_graft_exchange(left.data(), nullptr, 1), "b is null");
  expect_refused(HYB_INVALID_ARGUMENT, "graft_exchange", hyb_graft_exchange(nullptr, left.data(), 1), "a is null");
  expect_refused(HYB_INVALID_ARGUMENT, "graft_exchange", hyb_graft_exchange(left.data(), left.data(), -1), "negative");
}

TEST(Graft, AnAliasIsTheSameTensor) {
  auto a = leaf(randn({3}));
  auto alias = result([&](auto out) { return hyb_tensor_alias(in(a), out); });
  expect_refused(HYB_INVALID_ARGUMENT, "graft_exchange", graft({a}, {alias}), "twice");
}

TEST(Graft, AGraphRecordedBeforeRefusesToRunBackward) {
  const std::vector<int64_t> targets{1, 0, 2, 1};
  auto x = randn({4, 5}).set_requires_grad(true), weight = leaf(randn({3, 5})), other = leaf(randn({3, 5})), scale = leaf(randn({5})),
       other_scale = leaf(randn({5}));
  auto stale = [&](const at::Tensor& loss) {
    auto* input = lend(x);
    refuses(
        HYB_INVALID_ARGUMENT, "autograd_grad", [&](auto out) { return hyb_autograd_grad(in(loss), nullptr, &input, 1, out); }, "modified");
  };
  auto by_linear = ours::linear(x, weight).sum(), by_norm = ours::rms_norm(x, scale, 1e-5).sum(),
       by_nll = ours::token_nll(x, weight, targets, 2).sum(), by_other = ours::linear(x, other).sum();
  ok(graft({weight, scale}, {other, other_scale}));
  stale(by_linear);
  stale(by_norm);
  stale(by_nll);
  stale(by_other);  // both sides of a pair are marked
  EXPECT_TRUE(gradients(ours::linear(x, weight).sum(), {x})[0].defined()) << "a graph recorded after is fine";
}

TEST(Graft, TrainGraftTrainRevertEqualsARunThatCopies) {
  // A model of two blocks; block 1 is lent to another model, trained there, and taken back.
  auto start = Tensors{randn({6, 6}), randn({6, 6})}, base_start = Tensors{randn({6, 6}), randn({6, 6})};
  auto x = randn({8, 6});
  auto train = [&](const Tensors& blocks, const Tensors& momenta, size_t trained, int steps) {
    for (int step = 0; step < steps; ++step) {
      auto loss = ours::linear(ours::linear(x, blocks[0]), blocks[1]).square().mean();
      auto grads = gradients(loss, {blocks[trained]});
      auto p = lend(blocks[trained]), g = lend(grads[0]), m = lend(momenta[trained]);
      ok(hyb_optim_lion_step(&p, nullptr, &g, &m, nullptr, 1, 1e-2, 0.9, 0.99, 0.1));
    }
  };
  auto fresh = [](const Tensors& values) {
    Tensors leaves;
    for (const auto& value : values) leaves.push_back(leaf(value));
    return leaves;
  };
  auto zeros = [] { return Tensors{at::zeros({6, 6}, at::kDouble), at::zeros({6, 6}, at::kDouble)}; };

  auto model = fresh(start), base = fresh(base_start), momenta = zeros(), base_momenta = zeros();
  train(model, momenta, 1, 3);
  ok(graft({model[1]}, {base[1]}));  // base now runs the model's block
  train(base, base_momenta, 1, 4);
  ok(graft({model[1]}, {base[1]}));  // the block goes home, trained
  train(model, momenta, 0, 2);

  auto copied = fresh(start), copied_base = fresh(base_start);
  auto copied_momenta = zeros(), copied_base_momenta = zeros();
  train(copied, copied_momenta, 1, 3);
  auto original = copied_base[1].detach().clone();
  ok(hyb_tensor_copy_inplace(lend(copied_base[1]), in(copied[1])));
  train(copied_base, copied_base_momenta, 1, 4);
  ok(hyb_tensor_copy_inplace(lend(copied[1]), in(copied_base[1])));
  ok(hyb_tensor_copy_inplace(lend(copied_base[1]), in(original)));
  train(copied, copied_momenta, 0, 2);

  for (size_t i = 0; i < 2; ++i) {
    expect_same_bits(model[i], copied[i], "model");
    expect_same_bits(base[i], copied_base[i], "base");
    EXPECT_GT(count_different(model[i], start[i]), 0) << "nothing was trained";
  }
}
