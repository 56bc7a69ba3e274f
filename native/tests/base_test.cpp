// Status codes, error texts, versions, threads and instruction sets.
#include <cctype>
#include <limits>
#include <thread>

#include "support.h"

using namespace hybrid::tests;

TEST(Base, VersionAndHashDescribeTheHeaders) {
  EXPECT_EQ(hyb_abi_version(), HYB_ABI_VERSION);
  std::string hash = hyb_abi_hash();
  EXPECT_EQ(hash.size(), 64u);
  for (char c : hash) EXPECT_TRUE(std::isdigit(c) || (c >= 'a' && c <= 'f')) << hash;
}

TEST(Base, BuildInfoNamesTheInstructionSetInUse) {
  for (std::string isa : {"avx512", "avx2", "baseline"}) {
    if (hyb_runtime_set_isa(isa.c_str()) != HYB_OK) continue;
    EXPECT_NE(std::string(hyb_build_info()).find("CPU kernels " + isa), std::string::npos) << hyb_build_info();
  }
  ok(hyb_runtime_set_isa("auto"));
  EXPECT_EQ(std::string(hyb_build_info()).find('\n'), std::string::npos);
}

TEST(Base, ThreadsAreSetAndReported) {
  ok(hyb_runtime_set_threads(2));
  EXPECT_EQ(hyb_runtime_threads(), 2);
  for (int32_t threads : {0, -1}) {
    expect_refused(HYB_INVALID_ARGUMENT, "runtime_set_threads", hyb_runtime_set_threads(threads), std::to_string(threads));
    EXPECT_EQ(hyb_runtime_threads(), 2);
  }
  ok(hyb_runtime_set_threads(1));
}

TEST(Base, UnknownInstructionSetIsRefusedAndChangesNothing) {
  ok(hyb_runtime_set_isa("baseline"));
  expect_refused(HYB_INVALID_ARGUMENT, "runtime_set_isa", hyb_runtime_set_isa("sse9"), "sse9");
  expect_refused(HYB_INVALID_ARGUMENT, "runtime_set_isa", hyb_runtime_set_isa(nullptr), "null");
  EXPECT_NE(std::string(hyb_build_info()).find("CPU kernels baseline"), std::string::npos);
  ok(hyb_runtime_set_isa("auto"));
}

TEST(Base, LedgerCountsEveryKindOfHandle) {
  const int64_t before = hyb_live_handles();
  int64_t size = 2, offsets[] = {0, 2};
  hyb_tensor *tensor = nullptr, *alias = nullptr;
  hyb_density* density = nullptr;
  ok(hyb_tensor_zeros(&size, 1, HYB_F32, HYB_CPU, &tensor));
  ok(hyb_tensor_alias(tensor, &alias));
  ok(hyb_density_new(offsets, 1, 1, &density));
  EXPECT_EQ(hyb_live_handles(), before + 3);
  hyb_tensor_free(alias);
  hyb_tensor_free(tensor);
  hyb_density_free(density);
  EXPECT_EQ(hyb_live_handles(), before);
}

TEST(Base, FreeTakesNull) {
  hyb_tensor_free(nullptr);
  hyb_density_free(nullptr);
  hyb_safetensors_free(nullptr);
}

TEST(Base, ErrorTextBelongsToItsThread) {
  EXPECT_EQ(hyb_runtime_set_threads(0), HYB_INVALID_ARGUMENT);
  std::string mine = hyb_last_error(), fresh, theirs;
  std::thread other([&] {
    fresh = hyb_last_error();
    hyb_runtime_set_isa("sse9");
    theirs = hyb_last_error();
  });
  other.join();
  EXPECT_EQ(fresh, "");
  EXPECT_NE(theirs, mine);
  EXPECT_EQ(hyb_last_error(), mine);
}

TEST(Base, SuccessKeepsTheLastErrorText) {
  EXPECT_EQ(hyb_runtime_set_threads(0), HYB_INVALID_ARGUMENT);
  std::string text = hyb_last_error();
  ok(hyb_runtime_set_threads(1));
  EXPECT_EQ(hyb_last_error(), text);
}

// One call for every code that a caller can provoke; HYB_INTERNAL stands in guard_test.cpp.
TEST(Status, InvalidArgument) {
  refuses(
      HYB_INVALID_ARGUMENT, "tensor_zeros", [](auto out) { return hyb_tensor_zeros(nullptr, 1, HYB_F32, HYB_CPU, out); }, "sizes");
}

TEST(Status, OutOfRange) {
  auto x = randn({2, 3});
  refuses(
      HYB_OUT_OF_RANGE, "ops_softmax", [&](auto out) { return hyb_ops_softmax(in(x), 2, out); }, "[2, 3]");
}

TEST(Status, TypeMismatch) {
  auto x = randn({2, 3}, at::kFloat), weight = randn({4, 3}, at::kDouble);
  refuses(
      HYB_TYPE_MISMATCH, "transformer_linear", [&](auto out) { return hyb_transformer_linear(in(x), in(weight), nullptr, 0, out); },
      "Double");
}

TEST(Status, NotImplemented) {
  auto complex = at::zeros({2}, at::kComplexFloat);
  int32_t dtype = 77, device = 77, requires_grad = 77;
  expect_refused(HYB_NOT_IMPLEMENTED, "tensor_info", hyb_tensor_info(in(complex), &dtype, &device, &requires_grad), "Complex");
  EXPECT_EQ(dtype, 77);
  EXPECT_EQ(device, 77);
  EXPECT_EQ(requires_grad, 77);
}

TEST(Status, OutOfMemory) {
  int64_t size = int64_t{1} << 50;
  refuses(HYB_OUT_OF_MEMORY, "tensor_zeros", [&](auto out) { return hyb_tensor_zeros(&size, 1, HYB_U8, HYB_CPU, out); });
}

TEST(Status, Io) {
  refuses<hyb_safetensors>(
      HYB_IO, "safetensors_open", [](auto out) { return hyb_safetensors_open("/nowhere/at/all", out); }, "/nowhere/at/all");
}

TEST(Status, BadFormat) {
  auto path = testing::TempDir() + "hybrid_status_bad_format";
  FILE* file = std::fopen(path.c_str(), "w");
  std::fputs("not a header", file);
  std::fclose(file);
  refuses<hyb_safetensors>(
      HYB_BAD_FORMAT, "safetensors_open", [&](auto out) { return hyb_safetensors_open(path.c_str(), out); }, path);
  std::remove(path.c_str());
}

TEST(Status, BufferTooSmall) {
  auto x = randn({2, 3});
  double buffer[5] = {};
  expect_refused(HYB_BUFFER_TOO_SMALL, "tensor_copy_to", hyb_tensor_copy_to(in(x), buffer, sizeof buffer), "48");
  for (double value : buffer) EXPECT_EQ(value, 0);
}

TEST(Status, Device) {
  int64_t size = 1;
  int32_t absent = hyb_runtime_cuda_devices();
  EXPECT_GE(absent, 0);
  for (int32_t device : {absent, -2})
    refuses(
        HYB_DEVICE, "tensor_zeros", [&](auto out) { return hyb_tensor_zeros(&size, 1, HYB_F32, device, out); }, std::to_string(device));
}

TEST(Status, EveryFunctionRefusesANullOutput) {
  auto x = randn({2, 2});
  int64_t two = 2, offsets[] = {0, 2};
  double frequency = 1;
  EXPECT_EQ(hyb_tensor_zeros(&two, 1, HYB_F32, HYB_CPU, nullptr), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(hyb_tensor_alias(in(x), nullptr), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(hyb_tensor_address(in(x), nullptr), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(hyb_ops_sum(in(x), nullptr), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(hyb_transformer_linear(in(x), in(x), nullptr, 0, nullptr), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(hyb_transformer_attention(in(x), in(x), in(x), offsets, 1, 1, 1, &frequency, nullptr), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(hyb_transformer_swiglu(in(x), in(x), nullptr), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(hyb_density_new(offsets, 1, 1, nullptr), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(hyb_safetensors_open("x", nullptr), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(hyb_autograd_set_enabled(1, nullptr), HYB_INVALID_ARGUMENT);
}
