// Runs the tests on one seed, and fails every one that leaves a handle behind or a process-wide setting changed.
#include "support.h"

namespace {

class Ledger : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override {
    live_ = hyb_live_handles();
    at::manual_seed(20240607);  // a case sees the same numbers alone and among others
  }

  void OnTestEnd(const testing::TestInfo&) override {
    EXPECT_EQ(hyb_live_handles(), live_) << "handles of this library leaked";
    EXPECT_TRUE(at::GradMode::is_enabled()) << "gradients left off";
    EXPECT_EQ(hyb_runtime_threads(), 1) << "thread count left changed";
    hyb_runtime_set_threads(1);
  }

  int64_t live_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  // Ahead of the printer, so that the printer sees what this one finds.
  auto* printer = listeners.Release(listeners.default_result_printer());
  listeners.Append(new Ledger);
  listeners.Append(printer);
  hyb_runtime_set_threads(1);
  return RUN_ALL_TESTS();
}
