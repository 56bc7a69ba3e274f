// Tensors of another library that uses the same LibTorch: shared, not copied, whoever frees first.
#include <c10/core/InferenceMode.h>
#include <dlfcn.h>

#include "foreign_tensors.h"
#include "loaded_libtorch.h"
#include "support.h"

using namespace hybrid::tests;

namespace {

// A foreign matrix [2,3] of 1 … 6, ended with the object.
struct Foreign {
  explicit Foreign(bool requires_grad = false) : Foreign({1, 2, 3, 4, 5, 6}, requires_grad) {}
  Foreign(std::vector<double> values, bool requires_grad) {
    const int64_t sizes[] = {2, 3};
    pointer = foreign_new(values.data(), sizes, 2, static_cast<int8_t>(at::kDouble), requires_grad ? 1 : 0);
  }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;
  ~Foreign() { end(); }

  void end() {
    foreign_dispose(pointer);
    pointer = nullptr;
  }

  std::vector<double> values() const {
    std::vector<double> all(6);
    foreign_read(pointer, all.data());
    return all;
  }

  void* pointer;
};

hyb_tensor* share(const void* at_tensor) {
  hyb_tensor* tensor = nullptr;
  ok(hyb_tensor_from_at(at_tensor, &tensor));
  return tensor;
}

void refused(hyb_status status, const at::Tensor& tensor, const std::string& mentions) {
  refuses(
      status, "tensor_from_at", [&](auto out) { return hyb_tensor_from_at(&tensor, out); }, mentions);
}

}  // namespace

TEST(Foreign, StorageAndAutogradStateAreShared) {
  Foreign theirs(/*requires_grad=*/true);
  EXPECT_EQ(foreign_use_count(theirs.pointer), 1);
  auto* ours = share(theirs.pointer);
  EXPECT_EQ(foreign_use_count(theirs.pointer), 2);
  uint64_t address = 0;
  int32_t dtype = -1, device = 77, requires_grad = -1;
  ok(hyb_tensor_address(ours, &address));
  ok(hyb_tensor_info(ours, &dtype, &device, &requires_grad));
  EXPECT_EQ(address, foreign_address(theirs.pointer));
  EXPECT_EQ(dtype, HYB_F64);
  EXPECT_EQ(device, HYB_CPU);
  EXPECT_EQ(requires_grad, 1);
  ok(hyb_tensor_set_requires_grad(ours, 0));
  EXPECT_EQ(foreign_requires_grad(theirs.pointer), 0) << "it is one tensor, seen from two sides";
  foreign_fill(theirs.pointer, 7);
  double values[6] = {};
  ok(hyb_tensor_copy_to(ours, values, sizeof values));
  for (double value : values) EXPECT_EQ(value, 7);
  hyb_tensor_free(ours);
  EXPECT_EQ(foreign_use_count(theirs.pointer), 1);
}

TEST(Foreign, EitherSideMayEndFirst) {
  Foreign theirs;
  auto* ours = share(theirs.pointer);
  theirs.end();
  double values[6] = {};
  ok(hyb_tensor_copy_to(ours, values, sizeof values));
  EXPECT_EQ(values[5], 6);

  void* given = nullptr;
  ok(hyb_tensor_to_at(ours, &given));
  EXPECT_EQ(foreign_use_count(given), 2);
  hyb_tensor_free(ours);
  EXPECT_EQ(foreign_use_count(given), 1);
  foreign_read(given, values);
  EXPECT_EQ(values[0], 1);
  foreign_dispose(given);
}

TEST(Foreign, WhatIsGivenAwayIsNotCounted) {
  const int64_t before = hyb_live_handles();
  auto tensor = randn({2});
  void* given = nullptr;
  ok(hyb_tensor_to_at(in(tensor), &given));
  EXPECT_EQ(hyb_live_handles(), before);
  EXPECT_EQ(foreign_address(given), reinterpret_cast<uint64_t>(tensor.data_ptr()));
  foreign_dispose(given);
}

TEST(Foreign, AGraftIsSeenThroughTheForeignTensor) {
  Foreign theirs(/*requires_grad=*/true);
  void *view = foreign_detach(theirs.pointer), *transposed = foreign_transpose(theirs.pointer);
  const auto place = foreign_address(theirs.pointer);
  auto mine = at::full({2, 3}, 9, at::kDouble);
  const auto my_place = reinterpret_cast<uint64_t>(mine.data_ptr());
  auto *ours = share(theirs.pointer), *other = lend(mine);
  ok(hyb_graft_exchange(&ours, &other, 1));
  EXPECT_EQ(theirs.values(), std::vector<double>(6, 9));
  EXPECT_EQ(foreign_address(theirs.pointer), my_place);
  EXPECT_EQ(reinterpret_cast<uint64_t>(mine.data_ptr()), place);
  EXPECT_EQ(mine[0][1].item<double>(), 2);
  EXPECT_EQ(foreign_requires_grad(theirs.pointer), 1);
  EXPECT_FALSE(mine.requires_grad());
  for (void* stale : {view, transposed}) {
    EXPECT_EQ(foreign_address(stale), place) << "views keep the storage they were made on";
    foreign_dispose(stale);
  }
  hyb_tensor_free(ours);
}

TEST(Foreign, ATransposedTensorIsReadRowByRow) {
  Foreign theirs;
  void* transposed = foreign_transpose(theirs.pointer);
  auto* ours = share(transposed);
  double values[6] = {};
  ok(hyb_tensor_copy_to(ours, values, sizeof values));
  EXPECT_EQ(std::vector<double>(values, values + 6), (std::vector<double>{1, 4, 2, 5, 3, 6}));
  hyb_tensor_free(ours);
  foreign_dispose(transposed);
}

TEST(Foreign, WhatCannotBeSharedIsRefused) {
  auto x = randn({2, 3});
  refuses(
      HYB_INVALID_ARGUMENT, "tensor_from_at", [](auto out) { return hyb_tensor_from_at(nullptr, out); }, "at_tensor is null");
  EXPECT_EQ(hyb_tensor_from_at(&x, nullptr), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(hyb_tensor_to_at(in(x), nullptr), HYB_INVALID_ARGUMENT);
  void* untouched = &x;
  expect_refused(HYB_INVALID_ARGUMENT, "tensor_to_at", hyb_tensor_to_at(nullptr, &untouched), "tensor is null");
  EXPECT_EQ(untouched, &x);
  void* undefined = foreign_undefined();
  refused(HYB_INVALID_ARGUMENT, *static_cast<at::Tensor*>(undefined), "undefined");
  foreign_dispose(undefined);
  refused(HYB_NOT_IMPLEMENTED, at::zeros({2}, at::kComplexFloat), "ComplexFloat");
  refused(HYB_NOT_IMPLEMENTED, at::zeros({2}, at::kShort), "Short");
  refused(HYB_NOT_IMPLEMENTED, at::zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}), "9 dimensions");
  refused(HYB_NOT_IMPLEMENTED, x.to_sparse(), "layout Sparse");
  refused(HYB_NOT_IMPLEMENTED, at::empty({2}, at::device(at::kMeta)), "device meta");
  refused(HYB_INVALID_ARGUMENT, at::_neg_view(x), "negated view");
  c10::InferenceMode inference;
  refused(HYB_INVALID_ARGUMENT, at::zeros({2}), "inference mode");
}

TEST(Foreign, LibTorchIsKnownByItsFilesName) {
  for (const char* path : {"/usr/lib/libtorch_cpu.so.1.13", "libtorch_cpu.so", "/a b/libtorch_cpu-3f2a.so"})
    EXPECT_TRUE(hybrid::is_libtorch_cpu(path)) << path;
  for (const char* path : {"", "/", "/opt/libtorch_cpu/lib/libc10.so", "/usr/lib/libtorch.so", "libtorch_cp", "/x/mylibtorch_cpu.so"})
    EXPECT_FALSE(hybrid::is_libtorch_cpu(path)) << path;
}

TEST(Foreign, ASecondLibTorchIsRefused) {
  Foreign theirs;
  const std::string one = hyb_runtime_libtorch();
  EXPECT_NE(one.find("libtorch_cpu"), std::string::npos) << one;
  EXPECT_EQ(one.find('\n'), std::string::npos) << one;
  void* second = dlopen(SECOND_LIBTORCH, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(second, nullptr) << dlerror();
  EXPECT_EQ(std::string(hyb_runtime_libtorch()), one + "\n" + SECOND_LIBTORCH);
  refuses(
      HYB_INVALID_ARGUMENT, "tensor_from_at", [&](auto out) { return hyb_tensor_from_at(theirs.pointer, out); },
      "2 LibTorches: " + one + " and " + SECOND_LIBTORCH);
  void* untouched = theirs.pointer;
  expect_refused(HYB_INVALID_ARGUMENT, "tensor_to_at", hyb_tensor_to_at(static_cast<hyb_tensor*>(theirs.pointer), &untouched),
                 "2 LibTorches");
  EXPECT_EQ(untouched, theirs.pointer);
  dlclose(second);
  hyb_tensor_free(share(theirs.pointer));
}
