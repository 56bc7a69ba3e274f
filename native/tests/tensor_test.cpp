// Creation, facts, copies and views.
#include <limits>

#include "support.h"

using namespace hybrid::tests;

namespace {

const std::vector<std::pair<int32_t, at::ScalarType>> dtypes = {{HYB_F32, at::kFloat}, {HYB_F64, at::kDouble}, {HYB_BF16, at::kBFloat16},
                                                                {HYB_F16, at::kHalf},  {HYB_I64, at::kLong},   {HYB_I32, at::kInt},
                                                                {HYB_U8, at::kByte},   {HYB_BOOL, at::kBool}};

at::Tensor zeros(const std::vector<int64_t>& sizes, int32_t dtype) {
  return result([&](hyb_tensor** out) { return hyb_tensor_zeros(sizes.data(), static_cast<int32_t>(sizes.size()), dtype, HYB_CPU, out); });
}

uint64_t address(const at::Tensor& tensor) {
  uint64_t value = 77;
  ok(hyb_tensor_address(in(tensor), &value));
  return value;
}

}  // namespace

TEST(Tensor, ZerosOfEveryType) {
  for (auto [code, type] : dtypes) {
    auto tensor = zeros({2, 3}, code);
    EXPECT_EQ(tensor.scalar_type(), type);
    EXPECT_TRUE(at::equal(tensor, at::zeros({2, 3}, type)));
    int32_t dtype, device, requires_grad;
    ok(hyb_tensor_info(in(tensor), &dtype, &device, &requires_grad));
    EXPECT_EQ(dtype, code);
    EXPECT_EQ(device, HYB_CPU);
    EXPECT_EQ(requires_grad, 0);
  }
}

TEST(Tensor, ZerosOfScalarEmptyAndEightDimensions) {
  EXPECT_EQ(zeros({}, HYB_F32).dim(), 0);
  EXPECT_EQ(zeros({0, 4}, HYB_F32).sizes(), at::IntArrayRef({0, 4}));
  EXPECT_EQ(zeros({1, 1, 2, 1, 1, 1, 1, 3}, HYB_F32).dim(), 8);
}

TEST(Tensor, ZerosRefusals) {
  auto refused = [](std::vector<int64_t> sizes, int32_t ndim, int32_t dtype, const char* mentions) {
    refuses(
        HYB_INVALID_ARGUMENT, "tensor_zeros", [&](auto out) { return hyb_tensor_zeros(sizes.data(), ndim, dtype, HYB_CPU, out); },
        mentions);
  };
  refused({2, -1}, 2, HYB_F32, "-1");
  refused(std::vector<int64_t>(9, 1), 9, HYB_F32, "9");
  refused({1}, -1, HYB_F32, "-1");
  refused({1}, 1, 8, "8");
  refused({1}, 1, -1, "-1");
  refused({int64_t{1} << 40, int64_t{1} << 40}, 2, HYB_F32, "overflow");
}

TEST(Tensor, FromDataAndBack) {
  float data[6] = {1, -2, 3.5f, 0, -0.0f, 1e30f}, back[6];
  int64_t sizes[] = {3, 2};
  auto tensor = result([&](auto out) { return hyb_tensor_from_data(data, sizeof data, sizes, 2, HYB_F32, HYB_CPU, out); });
  data[0] = 99;  // the tensor has its own copy
  EXPECT_EQ(tensor[0][0].item<float>(), 1);
  EXPECT_EQ(tensor[1][0].item<float>(), 3.5f);
  ok(hyb_tensor_copy_to(in(tensor), back, sizeof back));
  data[0] = 1;
  EXPECT_EQ(std::memcmp(data, back, sizeof data), 0);
}

TEST(Tensor, FromDataRefusals) {
  float data[6] = {};
  int64_t sizes[] = {3, 2}, huge[] = {int64_t{1} << 61};
  auto make = [&](const void* from, int64_t bytes, const int64_t* shape, int32_t ndim, int32_t dtype) {
    return [=](hyb_tensor** out) { return hyb_tensor_from_data(from, bytes, shape, ndim, dtype, HYB_CPU, out); };
  };
  for (int64_t bytes : {0, 23, 25, -24}) refuses(HYB_INVALID_ARGUMENT, "tensor_from_data", make(data, bytes, sizes, 2, HYB_F32), "24");
  refuses(HYB_INVALID_ARGUMENT, "tensor_from_data", make(nullptr, 24, sizes, 2, HYB_F32), "data");
  refuses(HYB_INVALID_ARGUMENT, "tensor_from_data", make(data, 24, sizes, 2, 99), "99");
  // 2^61 elements of eight bytes: the byte count wraps to 0.
  refuses(HYB_INVALID_ARGUMENT, "tensor_from_data", make(data, 0, huge, 1, HYB_F64), "overflow");
}

TEST(Tensor, EmptyAndScalarFromData) {
  int64_t sizes[] = {0, 5};
  auto empty = result([&](auto out) { return hyb_tensor_from_data(nullptr, 0, sizes, 2, HYB_I64, HYB_CPU, out); });
  EXPECT_EQ(empty.sizes(), at::IntArrayRef({0, 5}));
  EXPECT_EQ(address(empty), 0u);
  ok(hyb_tensor_copy_to(in(empty), nullptr, 0));
  int32_t value = 7;
  auto scalar = result([&](auto out) { return hyb_tensor_from_data(&value, 4, nullptr, 0, HYB_I32, HYB_CPU, out); });
  EXPECT_EQ(scalar.dim(), 0);
  EXPECT_EQ(scalar.item<int32_t>(), 7);
}

TEST(Tensor, CopyToFollowsRowsOfANonContiguousTensor) {
  auto tensor = at::arange(6, at::kInt).reshape({2, 3}).t();
  int32_t back[6];
  ok(hyb_tensor_copy_to(in(tensor), back, sizeof back));
  EXPECT_EQ(std::vector<int32_t>(back, back + 6), (std::vector<int32_t>{0, 3, 1, 4, 2, 5}));
  expect_refused(HYB_BUFFER_TOO_SMALL, "tensor_copy_to", hyb_tensor_copy_to(in(tensor), back, 28), "24");
  expect_refused(HYB_INVALID_ARGUMENT, "tensor_copy_to", hyb_tensor_copy_to(in(tensor), nullptr, 24), "buffer");
  expect_refused(HYB_INVALID_ARGUMENT, "tensor_copy_to", hyb_tensor_copy_to(nullptr, back, 24), "tensor");
}

TEST(Tensor, SizesNeedRoom) {
  auto tensor = randn({4, 0, 2});
  int64_t sizes[3] = {-7, -7, -7};
  int32_t ndim = -7;
  expect_refused(HYB_BUFFER_TOO_SMALL, "tensor_sizes", hyb_tensor_sizes(in(tensor), sizes, 2, &ndim), "3");
  EXPECT_EQ(ndim, -7);
  EXPECT_EQ(sizes[0], -7);
  ok(hyb_tensor_sizes(in(tensor), sizes, 3, &ndim));
  EXPECT_EQ(ndim, 3);
  EXPECT_EQ(std::vector<int64_t>(sizes, sizes + 3), (std::vector<int64_t>{4, 0, 2}));
  auto scalar = at::zeros({});
  ok(hyb_tensor_sizes(in(scalar), nullptr, 0, &ndim));
  EXPECT_EQ(ndim, 0);
}

TEST(Tensor, AliasIsTheSameTensor) {
  auto tensor = randn({3}).set_requires_grad(true);
  auto alias = result([&](auto out) { return hyb_tensor_alias(in(tensor), out); });
  EXPECT_TRUE(alias.is_same(tensor));
}

TEST(Tensor, CloneOwnsItsStorageAndHasNoHistory) {
  auto source = randn({3, 2}).t().set_requires_grad(true);
  auto clone = result([&](auto out) { return hyb_tensor_clone(in(source), out); });
  EXPECT_TRUE(clone.is_contiguous());
  EXPECT_FALSE(clone.requires_grad());
  EXPECT_NE(address(clone), address(source));
  expect_same_bits(clone, source);
}

TEST(Tensor, DetachSharesStorageWithoutHistory) {
  auto source = randn({3}).set_requires_grad(true);
  auto detached = result([&](auto out) { return hyb_tensor_detach(in(source), out); });
  EXPECT_FALSE(detached.requires_grad());
  EXPECT_EQ(address(detached), address(source));
}

TEST(Tensor, ToIsDifferentiableAndKeepsWhatNeedNotChange) {
  auto source = randn({3}).set_requires_grad(true);
  auto same = result([&](auto out) { return hyb_tensor_to(in(source), HYB_F64, HYB_CPU, out); });
  EXPECT_EQ(address(same), address(source));
  auto narrow = result([&](auto out) { return hyb_tensor_to(in(source), HYB_BF16, HYB_CPU, out); });
  EXPECT_EQ(narrow.scalar_type(), at::kBFloat16);
  auto grad = gradients(narrow.sum(), {source})[0];
  EXPECT_TRUE(at::equal(grad, at::ones({3}, at::kDouble)));
}

TEST(Tensor, CopyInplaceConvertsAndIsNotRecorded) {
  auto destination = at::zeros({2, 2}, at::kFloat).set_requires_grad(true);
  auto source = randn({2, 2}).t();
  ok(hyb_tensor_copy_inplace(lend(destination), in(source)));
  EXPECT_TRUE(at::equal(destination.detach(), source.to(at::kFloat)));
  EXPECT_TRUE(destination.is_leaf());
  auto wrong = randn({4});
  expect_refused(HYB_INVALID_ARGUMENT, "tensor_copy_inplace", hyb_tensor_copy_inplace(lend(destination), in(wrong)), "[4]");
  auto broadcastable = randn({2});
  EXPECT_EQ(hyb_tensor_copy_inplace(lend(destination), in(broadcastable)), HYB_INVALID_ARGUMENT);
}

TEST(Tensor, RequiresGradIsForLeavesOfFloatingType) {
  auto tensor = randn({2});
  ok(hyb_tensor_set_requires_grad(lend(tensor), 1));
  EXPECT_TRUE(tensor.requires_grad());
  auto product = tensor * 2;
  expect_refused(HYB_INVALID_ARGUMENT, "tensor_set_requires_grad", hyb_tensor_set_requires_grad(lend(product), 0), "leaf");
  EXPECT_TRUE(product.requires_grad());
  ok(hyb_tensor_set_requires_grad(lend(tensor), 0));
  EXPECT_FALSE(tensor.requires_grad());
  auto whole = at::zeros({2}, at::kLong);
  EXPECT_EQ(hyb_tensor_set_requires_grad(lend(whole), 1), HYB_INVALID_ARGUMENT);
}

TEST(Tensor, Reshape) {
  auto tensor = randn({2, 6});
  int64_t sizes[] = {3, -1}, wrong[] = {5, -1}, twice[] = {-1, -1};
  auto reshaped = result([&](auto out) { return hyb_tensor_reshape(in(tensor), sizes, 2, out); });
  EXPECT_EQ(reshaped.sizes(), at::IntArrayRef({3, 4}));
  EXPECT_EQ(address(reshaped), address(tensor));
  refuses(HYB_INVALID_ARGUMENT, "tensor_reshape", [&](auto out) { return hyb_tensor_reshape(in(tensor), wrong, 2, out); });
  refuses(HYB_INVALID_ARGUMENT, "tensor_reshape", [&](auto out) { return hyb_tensor_reshape(in(tensor), twice, 2, out); });
}

TEST(Tensor, NarrowSharesStorage) {
  auto tensor = randn({5, 3});
  auto rows = result([&](auto out) { return hyb_tensor_narrow(in(tensor), 0, 2, 2, out); });
  EXPECT_EQ(address(rows), address(tensor) + 6 * sizeof(double));
  EXPECT_EQ(rows.sizes(), at::IntArrayRef({2, 3}));
  EXPECT_EQ(result([&](auto out) { return hyb_tensor_narrow(in(tensor), 1, 3, 0, out); }).numel(), 0);
  const int64_t most = std::numeric_limits<int64_t>::max();
  for (auto [dim, start, length] : std::vector<std::tuple<int32_t, int64_t, int64_t>>{
           {2, 0, 1}, {-1, 0, 1}, {0, -1, 1}, {0, 0, -1}, {0, 4, 2}, {0, 6, 0}, {0, most, 1}, {0, 1, most}})
    refuses(HYB_OUT_OF_RANGE, "tensor_narrow",
            [&, d = dim, s = start, n = length](auto out) { return hyb_tensor_narrow(in(tensor), d, s, n, out); });
}

TEST(Tensor, Cat) {
  auto a = randn({2, 3}), b = randn({1, 3}), wrong = randn({1, 4});
  auto joined = [&](const Tensors& parts, int32_t dim) {
    auto handles = lend_all(parts);
    return [=](hyb_tensor** out) { return hyb_tensor_cat(handles.data(), static_cast<int64_t>(handles.size()), dim, out); };
  };
  EXPECT_TRUE(at::equal(result(joined({a, b}, 0)), at::cat({a, b})));
  EXPECT_TRUE(at::equal(result(joined({a}, 1)), a));
  refuses(HYB_INVALID_ARGUMENT, "tensor_cat", joined({a, wrong}, 0));
  refuses(HYB_INVALID_ARGUMENT, "tensor_cat", joined({}, 0));
  refuses(HYB_INVALID_ARGUMENT, "tensor_cat", joined({a, at::Tensor()}, 0), "null");
  refuses(HYB_OUT_OF_RANGE, "tensor_cat", joined({a, b}, 2));
}

TEST(Tensor, CountDifferentComparesBits) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto a = at::tensor({0.0f, 1.0f, nan, 4.0f}), b = at::tensor({-0.0f, 1.0f, nan, 5.0f});
  EXPECT_EQ(count_different(a, b), 2);
  EXPECT_EQ(count_different(a, a), 0);
  for (auto [code, type] : dtypes) {
    auto zero = at::zeros({5}, type), other = at::zeros({5}, type);
    other[3] = 1;
    EXPECT_EQ(count_different(zero, other), 1) << "dtype " << code;
  }
  EXPECT_EQ(count_different(a.reshape({2, 2}).t(), at::tensor({0.0f, nan, 1.0f, 4.0f}).reshape({2, 2})), 0);
  auto scalar = at::zeros({}), empty = at::zeros({0}), wide = a.to(at::kDouble);
  EXPECT_EQ(count_different(scalar, scalar), 0);
  EXPECT_EQ(count_different(empty, empty), 0);
  int64_t count = 77;
  expect_refused(HYB_INVALID_ARGUMENT, "tensor_count_different", hyb_tensor_count_different(in(a), in(scalar), &count), "[4]");
  expect_refused(HYB_INVALID_ARGUMENT, "tensor_count_different", hyb_tensor_count_different(in(a), in(wide), &count), "Double");
  EXPECT_EQ(count, 77);
}
