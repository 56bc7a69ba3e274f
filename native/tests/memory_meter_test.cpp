// The meter against sequences of allocations whose live bytes and peaks are worked out by hand.
#include <thread>

#include "support.h"

using namespace hybrid::tests;

namespace {

constexpr int64_t kib = 1024;

at::Tensor block(int64_t kibibytes) { return at::empty({kibibytes * kib}, at::kByte); }

// A running meter of the host's memory.
class Meter {
 public:
  Meter() { ok(hyb_memory_meter_start(&handle_)); }
  ~Meter() {
    if (running_) hyb_memory_meter_stop(handle_);
    hyb_memory_meter_free(handle_);
  }
  Meter(const Meter&) = delete;

  hyb_status stop() {
    auto status = hyb_memory_meter_stop(handle_);
    running_ = running_ && status != HYB_OK;
    return status;
  }
  void restart_peak() { ok(hyb_memory_meter_restart_peak(handle_)); }
  // In KiB, without the rest: a graph keeps factors of a few bytes.
  int64_t live() const { return read(hyb_memory_meter_live); }
  int64_t peak() const { return read(hyb_memory_meter_peak); }
  hyb_memory_meter* handle() { return handle_; }

 private:
  int64_t read(hyb_status (*function)(const hyb_memory_meter*, int32_t, int64_t*)) const {
    int64_t bytes = -1;
    ok(function(handle_, HYB_CPU, &bytes));
    return bytes / kib;
  }

  hyb_memory_meter* handle_ = nullptr;
  bool running_ = true;
};

}  // namespace

TEST(MemoryMeter, LiveAndPeakFollowAllocationsAndFrees) {
  Meter meter;
  EXPECT_EQ(meter.live(), 0);
  EXPECT_EQ(meter.peak(), 0);
  auto a = block(100), b = block(50);
  EXPECT_EQ(meter.live(), 150);
  a = at::Tensor();
  EXPECT_EQ(meter.live(), 50);
  auto c = block(70);
  EXPECT_EQ(meter.live(), 120);
  EXPECT_EQ(meter.peak(), 150);
  meter.restart_peak();
  EXPECT_EQ(meter.peak(), 120);
  auto view = c.slice(0, 0, 10);  // no memory of its own, and it keeps all of c's
  c = at::Tensor();
  EXPECT_EQ(meter.live(), 120);
  view = b = at::Tensor();
  EXPECT_EQ(meter.live(), 0);
  EXPECT_EQ(meter.peak(), 120);
  ok(meter.stop());
  EXPECT_EQ(meter.peak(), 120) << "what was counted stays to be read";
  auto later = block(500);
  EXPECT_EQ(meter.peak(), 120);
}

TEST(MemoryMeter, WhatWasThereBeforeIsNeverCounted) {
  auto before = block(1000);
  Meter meter;
  auto a = block(10);
  before = at::Tensor();
  EXPECT_EQ(meter.live(), 10);
  auto b = block(20);
  EXPECT_EQ(meter.peak(), 30) << "the 1000 that were freed would have hidden this";
}

// LibTorch remembers the size of a block that was freed while nobody looked, and reports it for a later block at the address.
TEST(MemoryMeter, ABlockThatOutlivesItsMeterDoesNotDisturbTheNext) {
  for (int round = 0; round < 20; ++round) {
    at::Tensor outlives;
    {
      Meter meter;
      outlives = block(300);
      EXPECT_EQ(meter.live(), 300);
    }
    outlives = at::Tensor();
    auto unseen = block(300);
    Meter meter;
    unseen = at::Tensor();
    EXPECT_EQ(meter.live(), 0);
    auto a = block(300);
    EXPECT_EQ(meter.live(), 300);
    a = at::Tensor();
    EXPECT_EQ(meter.live(), 0);
    EXPECT_EQ(meter.peak(), 300);
  }
}

TEST(MemoryMeter, MetersNest) {
  Meter outer;
  auto a = block(100);
  {
    Meter inner;
    auto b = block(30);
    EXPECT_EQ(inner.live(), 30);
    EXPECT_EQ(outer.live(), 130);
    a = at::Tensor();  // the outer one's only
    EXPECT_EQ(inner.live(), 30);
    EXPECT_EQ(outer.live(), 30);
    inner.restart_peak();
    auto c = block(40);
    EXPECT_EQ(inner.peak(), 70);
    EXPECT_EQ(outer.peak(), 130) << "a restart is the inner one's own";
    ok(inner.stop());
    c = at::Tensor();
    EXPECT_EQ(inner.live(), 70) << "stopped";
    EXPECT_EQ(outer.live(), 30);
  }
  EXPECT_EQ(outer.live(), 0);
  EXPECT_EQ(outer.peak(), 130);
}

TEST(MemoryMeter, ABackwardPassCounts) {
  auto x = leaf(at::ones({256, kib}), at::kFloat);  // 1024 KiB
  Meter meter;
  auto loss = x.mul(2).mul(3);  // one product of x's size at least, kept by nobody but the result
  EXPECT_EQ(meter.live(), 1024);
  auto slopes = at::ones({256, kib});
  EXPECT_EQ(meter.live(), 2048);
  meter.restart_peak();
  auto gradient = torch::autograd::grad({loss}, {x}, {slopes})[0];
  EXPECT_EQ(meter.live(), 3072) << "the gradient is new";
  EXPECT_EQ(meter.peak(), 4096) << "3 * slopes lived while 2 * 3 * slopes was made";
}

TEST(MemoryMeter, EveryThreadHasItsOwn) {
  Meter mine;
  auto a = block(10);
  int64_t theirs = -1, read_by_them = -1;
  std::thread other([&] {
    auto unmetered = block(5);
    Meter meter;
    auto b = block(200);
    b = at::Tensor();
    auto c = block(60);
    theirs = meter.peak();
    read_by_them = mine.live();
  });
  auto d = block(7);
  other.join();
  EXPECT_EQ(theirs, 200);
  EXPECT_TRUE(read_by_them == 10 || read_by_them == 17);
  EXPECT_EQ(mine.live(), 17);
  EXPECT_EQ(mine.peak(), 17);
  std::thread([&] { d = at::Tensor(); }).join();
  EXPECT_EQ(mine.live(), 17) << "freed where the meter does not look";
}

TEST(MemoryMeter, StoppingOutOfOrderIsRefused) {
  Meter outer;
  {
    Meter inner;
    expect_refused(HYB_INVALID_ARGUMENT, "memory_meter_stop", outer.stop(), "started later");
    std::thread([&] { expect_refused(HYB_INVALID_ARGUMENT, "memory_meter_stop", inner.stop(), "another thread"); }).join();
    auto a = block(3);
    EXPECT_EQ(inner.live(), 3) << "both go on";
    EXPECT_EQ(outer.live(), 3);
    ok(inner.stop());
    expect_refused(HYB_INVALID_ARGUMENT, "memory_meter_stop", inner.stop(), "before");
  }
  ok(outer.stop());
}

// As finalizers do: from another thread, or in the wrong order.
TEST(MemoryMeter, AFreedMeterIsInNobodysWay) {
  hyb_memory_meter *first = nullptr, *second = nullptr, *third = nullptr;
  ok(hyb_memory_meter_start(&first));
  ok(hyb_memory_meter_start(&second));
  ok(hyb_memory_meter_start(&third));
  std::thread([&] { hyb_memory_meter_free(second); }).join();
  auto a = block(9);
  for (auto* meter : {first, third}) {
    int64_t live = -1;
    ok(hyb_memory_meter_live(meter, HYB_CPU, &live));
    EXPECT_EQ(live, 9 * kib);
  }
  ok(hyb_memory_meter_stop(third));
  ok(hyb_memory_meter_stop(first));
  hyb_memory_meter_free(third);
  hyb_memory_meter_free(first);
  ok(hyb_memory_meter_start(&first));
  hyb_memory_meter_free(first);  // never stopped
  Meter meter;
  EXPECT_EQ(meter.live(), 0);
  std::thread([] {
    hyb_memory_meter* left = nullptr;
    ok(hyb_memory_meter_start(&left));
    std::thread([left] { hyb_memory_meter_free(left); }).join();
  }).join();
}

TEST(MemoryMeter, Refusals) {
  Meter meter;
  int64_t bytes = 77;
  const int32_t absent = hyb_runtime_cuda_devices();
  expect_refused(HYB_DEVICE, "memory_meter_live", hyb_memory_meter_live(meter.handle(), absent, &bytes), std::to_string(absent));
  expect_refused(HYB_DEVICE, "memory_meter_peak", hyb_memory_meter_peak(meter.handle(), -2, &bytes), "-2");
  expect_refused(HYB_INVALID_ARGUMENT, "memory_meter_live", hyb_memory_meter_live(nullptr, HYB_CPU, &bytes), "meter is null");
  expect_refused(HYB_INVALID_ARGUMENT, "memory_meter_peak", hyb_memory_meter_peak(meter.handle(), HYB_CPU, nullptr), "bytes is null");
  expect_refused(HYB_INVALID_ARGUMENT, "memory_meter_restart_peak", hyb_memory_meter_restart_peak(nullptr), "null");
  expect_refused(HYB_INVALID_ARGUMENT, "memory_meter_stop", hyb_memory_meter_stop(nullptr), "null");
  expect_refused(HYB_INVALID_ARGUMENT, "memory_meter_start", hyb_memory_meter_start(nullptr), "null");
  EXPECT_EQ(bytes, 77);
  hyb_memory_meter_free(nullptr);
}
