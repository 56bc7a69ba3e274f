#include "hybrid/memory.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <unordered_map>

#include "guard.h"
#include "handles.h"

namespace hybrid {
namespace {

// The type of the totals that LibTorch reports: int64_t in 1.13, size_t later.
template <class Function>
struct TotalsOf;
template <class Totals>
struct TotalsOf<void (c10::MemoryReportingInfoBase::*)(void*, int64_t, Totals, Totals, c10::Device)> {
  using Type = Totals;
};
using Totals = TotalsOf<decltype(&c10::MemoryReportingInfoBase::reportMemoryUsage)>::Type;

constexpr auto kind = c10::DebugInfoKind::PROFILER_STATE;  // where LibTorch's allocators look for whom to report to

// What one meter has counted. LibTorch carries it along to the threads of a backward pass, so several may report at a time.
class MemoryCounter : public c10::MemoryReportingInfoBase {
 public:
  // outside keeps who is reported to next alive.
  MemoryCounter()
      : outside_(c10::ThreadLocalDebugInfo::current()),
        outer_(dynamic_cast<MemoryReportingInfoBase*>(c10::ThreadLocalDebugInfo::get(kind))) {}

  bool memoryProfilingEnabled() const override { return running() || outer_reports(); }

  void reportMemoryUsage(void* block, int64_t size, Totals allocated, Totals reserved, c10::Device device) override {
    if (running()) count(block, size, device);
    if (outer_reports()) outer_->reportMemoryUsage(block, size, allocated, reserved, device);
  }

  void reportOutOfMemory(int64_t size, Totals allocated, Totals reserved, c10::Device device) override {
    if (outer_reports()) outer_->reportOutOfMemory(size, allocated, reserved, device);
  }

  bool running() const { return running_; }
  void stop() { running_ = false; }

  int64_t live(at::Device device) const {
    std::lock_guard lock(mutex_);
    auto found = bytes_.find(device_code(device));
    return found == bytes_.end() ? 0 : found->second.live;
  }

  int64_t peak(at::Device device) const {
    std::lock_guard lock(mutex_);
    auto found = bytes_.find(device_code(device));
    return found == bytes_.end() ? 0 : found->second.peak;
  }

  void restart_peak() {
    std::lock_guard lock(mutex_);
    for (auto& [device, bytes] : bytes_) bytes.peak = bytes.live;
  }

 private:
  struct Block {
    int64_t size;
    int32_t device;
  };
  struct Bytes {
    int64_t live = 0, peak = 0;
  };

  bool outer_reports() const { return outer_ != nullptr && outer_->memoryProfilingEnabled(); }

  // A size below zero says that the block was freed. LibTorch may report a block that it gave out long before, and a size that an
  // earlier block at the address had; so only blocks of our own table are taken off, with the size noted there.
  void count(void* block, int64_t size, c10::Device device) {
    if (!device.is_cpu() && !device.is_cuda()) return;
    std::lock_guard lock(mutex_);
    if (auto known = blocks_.find(block); known != blocks_.end()) {
      bytes_[known->second.device].live -= known->second.size;
      blocks_.erase(known);
    }
    if (size <= 0) return;
    blocks_[block] = {size, device_code(device)};
    auto& bytes = bytes_[device_code(device)];
    bytes.live += size;
    bytes.peak = std::max(bytes.peak, bytes.live);
  }

  std::shared_ptr<c10::ThreadLocalDebugInfo> outside_;
  MemoryReportingInfoBase* outer_;
  std::atomic<bool> running_{true};
  mutable std::mutex mutex_;
  std::unordered_map<void*, Block> blocks_;
  std::map<int32_t, Bytes> bytes_;  // by device
};

// A counter as it stands on its thread's stack of debug information.
struct Open {
  std::shared_ptr<MemoryCounter> counter;
  const c10::ThreadLocalDebugInfo* place;

  bool is_innermost() const { return c10::ThreadLocalDebugInfo::current().get() == place; }
};
thread_local std::vector<Open> open_meters;

// Takes off what has stopped, as far as nothing else lies on top.
void remove_stopped() {
  while (!open_meters.empty() && !open_meters.back().counter->running() && open_meters.back().is_innermost()) {
    c10::ThreadLocalDebugInfo::_pop(kind);
    open_meters.pop_back();
  }
}

std::shared_ptr<MemoryCounter>& counter_of(const hyb_memory_meter* meter) {
  return *reinterpret_cast<std::shared_ptr<MemoryCounter>*>(const_cast<hyb_memory_meter*>(not_null(meter, "meter")));
}

}  // namespace
}  // namespace hybrid

using namespace hybrid;

hyb_status hyb_memory_meter_start(hyb_memory_meter** out) {
  return guard("memory_meter_start", [&] {
    not_null(out, "out");
    remove_stopped();
    auto handle = std::make_unique<std::shared_ptr<MemoryCounter>>(std::make_shared<MemoryCounter>());
    open_meters.reserve(open_meters.size() + 1);
    c10::ThreadLocalDebugInfo::_push(kind, *handle);
    open_meters.push_back({*handle, c10::ThreadLocalDebugInfo::current().get()});
    *out = reinterpret_cast<hyb_memory_meter*>(handle.release());
    ledger_add(1);
  });
}

hyb_status hyb_memory_meter_stop(hyb_memory_meter* meter) {
  return guard("memory_meter_stop", [&] {
    auto& counter = counter_of(meter);
    remove_stopped();
    auto is_this = [&](const Open& open) { return open.counter == counter; };
    require(counter->running(), HYB_INVALID_ARGUMENT, "the meter was stopped before");
    require(std::any_of(open_meters.begin(), open_meters.end(), is_this), HYB_INVALID_ARGUMENT, "another thread started the meter");
    require(is_this(open_meters.back()), HYB_INVALID_ARGUMENT, "a meter that was started later still runs");
    require(open_meters.back().is_innermost(), HYB_INVALID_ARGUMENT, "a profiler that was started later still runs");
    counter->stop();
    remove_stopped();
  });
}

void hyb_memory_meter_free(hyb_memory_meter* meter) {
  if (meter == nullptr) return;
  counter_of(meter)->stop();
  remove_stopped();
  delete &counter_of(meter);
  ledger_add(-1);
}

hyb_status hyb_memory_meter_live(const hyb_memory_meter* meter, int32_t device, int64_t* bytes) {
  return guard("memory_meter_live", [&] {
    not_null(bytes, "bytes");
    *bytes = counter_of(meter)->live(device_of(device));
  });
}

hyb_status hyb_memory_meter_peak(const hyb_memory_meter* meter, int32_t device, int64_t* bytes) {
  return guard("memory_meter_peak", [&] {
    not_null(bytes, "bytes");
    *bytes = counter_of(meter)->peak(device_of(device));
  });
}

hyb_status hyb_memory_meter_restart_peak(hyb_memory_meter* meter) {
  return guard("memory_meter_restart_peak", [&] { counter_of(meter)->restart_peak(); });
}
