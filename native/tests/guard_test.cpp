// The library's only catch, with an error sink of our own: which exception becomes which status.
#include "guard.h"

#include "support.h"

namespace {
std::string seen;
}

namespace hybrid {
void set_last_error(const char* operation, const std::string& cause) { seen = std::string(operation) + ": " + cause; }
}  // namespace hybrid

using hybrid::guard;

TEST(Guard, SuccessIsZeroAndLeavesTheText) {
  seen = "before";
  EXPECT_EQ(guard("op", [] {}), HYB_OK);
  EXPECT_EQ(seen, "before");
}

TEST(Guard, OwnErrorsKeepTheirStatus) {
  for (hyb_status status = HYB_INTERNAL; status < HYB_OK; ++status) {
    EXPECT_EQ(guard("op", [&] { hybrid::fail(status, "because ", 7); }), status);
    EXPECT_EQ(seen, "op: because 7");
  }
}

TEST(Guard, LibTorchErrorsAreSortedByKindAndLoseTheirBacktrace) {
  EXPECT_EQ(guard("op", [] { TORCH_CHECK(false, "shapes"); }), HYB_INVALID_ARGUMENT);
  EXPECT_EQ(seen, "op: shapes");
  EXPECT_EQ(guard("op", [] { TORCH_CHECK_INDEX(false, "index"); }), HYB_OUT_OF_RANGE);
  EXPECT_EQ(guard("op", [] { TORCH_CHECK_TYPE(false, "type"); }), HYB_TYPE_MISMATCH);
  EXPECT_EQ(guard("op", [] { TORCH_CHECK_NOT_IMPLEMENTED(false, "later"); }), HYB_NOT_IMPLEMENTED);
  EXPECT_EQ(guard("op", [] { TORCH_CHECK_WITH(OutOfMemoryError, false, "device full"); }), HYB_OUT_OF_MEMORY);
  EXPECT_EQ(guard("op", [] { TORCH_CHECK(false, "DefaultCPUAllocator: can't allocate memory: 1 byte"); }), HYB_OUT_OF_MEMORY);
  EXPECT_EQ(seen.find("frame #"), std::string::npos) << seen;
}

TEST(Guard, EverythingElseIsNamedAndContained) {
  EXPECT_EQ(guard("op", []() -> void { throw std::bad_alloc(); }), HYB_OUT_OF_MEMORY);
  EXPECT_EQ(guard("op", []() -> void { throw std::logic_error("unforeseen"); }), HYB_INTERNAL);
  EXPECT_EQ(seen, "op: unforeseen");
  EXPECT_EQ(guard("op", []() -> void { throw std::runtime_error("CUDA error: invalid configuration argument"); }), HYB_DEVICE);
  EXPECT_EQ(guard("op", []() -> void { throw 5; }), HYB_INTERNAL);
  EXPECT_EQ(seen.rfind("op: ", 0), 0u);
}
