#include "hybrid/base.h"

#include <atomic>
#include <string>

#include "cpu/dispatch.h"
#include "guard.h"
#include "handles.h"
#include "host_memory.h"
#include "loaded_libtorch.h"
#include "matmul.h"
#include "threads.h"

#ifdef HYBRID_WITH_CUDA
#include "cuda/memory.h"
#endif

namespace hybrid {
namespace {
std::atomic<int64_t> live_handles{0};
thread_local std::string last_error;
}  // namespace

void set_last_error(const char* operation, const std::string& cause) { last_error = std::string(operation) + ": " + cause; }

namespace {
Memory memory_of(at::Device device) {
  if (device.is_cpu()) return host_memory();
#ifdef HYBRID_WITH_CUDA
  return cuda::device_memory(device);
#else
  fail(HYB_DEVICE, "this library was built without CUDA, so it cannot ask ", device.str());
#endif
}
}  // namespace

void ledger_add(int64_t count) { live_handles.fetch_add(count, std::memory_order_relaxed); }

}  // namespace hybrid

using namespace hybrid;

const char* hyb_last_error(void) { return last_error.c_str(); }

int32_t hyb_abi_version(void) { return HYB_ABI_VERSION; }

const char* hyb_abi_hash(void) { return HYBRID_ABI_HASH; }

const char* hyb_build_info(void) {
  thread_local std::string info;
  auto status = guard("build_info", [&] {
    info = std::string("LibTorch ") + TORCH_VERSION + ", products by " + matmul_backend() + ", CPU kernels " + cpu::active_isa() +
           ", CUDA " + (at::hasCUDA() ? "yes" : "no");
  });
  return status == HYB_OK ? info.c_str() : hyb_last_error();
}

int64_t hyb_live_handles(void) { return live_handles.load(std::memory_order_relaxed); }

hyb_status hyb_runtime_set_threads(int32_t threads) {
  return guard("runtime_set_threads", [&] {
    require(threads >= 1, HYB_INVALID_ARGUMENT, "threads is ", threads, ", at least 1 is needed");
    set_threads(threads);
  });
}

int32_t hyb_runtime_threads(void) { return threads(); }

const char* hyb_runtime_libtorch(void) {
  thread_local std::string paths;
  auto status = guard("runtime_libtorch", [&] {
    paths.clear();
    for (const auto& path : loaded_libtorch()) paths += (paths.empty() ? "" : "\n") + path;
  });
  return status == HYB_OK ? paths.c_str() : hyb_last_error();
}

int32_t hyb_runtime_cuda_devices(void) {
  int32_t count = 0;  // a driver that fails has no device to offer
  guard("runtime_cuda_devices", [&] { count = static_cast<int32_t>(at::getNumGPUs()); });
  return count;
}

hyb_status hyb_runtime_memory(int32_t device, int64_t* free, int64_t* total) {
  return guard("runtime_memory", [&] {
    not_null(free, "free");
    not_null(total, "total");
    const auto memory = memory_of(device_of(device));
    *free = memory.free;
    *total = memory.total;
  });
}

hyb_status hyb_runtime_set_isa(const char* isa) {
  return guard("runtime_set_isa", [&] { cpu::select_isa(not_null(isa, "isa")); });
}
