// What the host's memory is read from, in folders made for it; and the call on this machine.
#include "host_memory.h"

#include "files.h"
#include "support.h"

using namespace hybrid::tests;

TEST(RuntimeMemory, OfThisMachine) {
  int64_t free = -1, total = -1;
  ok(hyb_runtime_memory(HYB_CPU, &free, &total));
  EXPECT_GT(total, int64_t{1} << 26);
  EXPECT_GT(free, 0);
  EXPECT_LE(free, total);
}

TEST(RuntimeMemory, Refusals) {
  int64_t free = 77, total = 78;
  const int32_t absent = hyb_runtime_cuda_devices();
  for (int32_t device : {absent, -2})
    expect_refused(HYB_DEVICE, "runtime_memory", hyb_runtime_memory(device, &free, &total), std::to_string(device));
  expect_refused(HYB_INVALID_ARGUMENT, "runtime_memory", hyb_runtime_memory(HYB_CPU, nullptr, &total), "free is null");
  expect_refused(HYB_INVALID_ARGUMENT, "runtime_memory", hyb_runtime_memory(HYB_CPU, &free, nullptr), "total is null");
  EXPECT_EQ(free, 77);
  EXPECT_EQ(total, 78);
}

class HostMemory : public InFolder {
 protected:
  // A file below the folder, which stands for "/".
  void says(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    put(path(name), text);
  }
  void machine_says(int64_t total_kib, int64_t available_kib) {
    says("proc/meminfo", "MemTotal:       " + std::to_string(total_kib) +
                             " kB\nMemFree:  1 kB\nMemAvailable:   " + std::to_string(available_kib) + " kB\nHugePages_Total:       0\n");
  }
  void expect(int64_t free, int64_t total) {
    const auto memory = hybrid::host_memory(path(""));
    EXPECT_EQ(memory.free, free);
    EXPECT_EQ(memory.total, total);
  }
};

TEST_F(HostMemory, WithoutControlGroupsItIsTheMachines) {
  machine_says(1000, 600);
  expect(600 * 1024, 1000 * 1024);
  says("proc/self/cgroup", "4:memory:/docker/a\n");  // version 1
  expect(600 * 1024, 1000 * 1024);
}

TEST_F(HostMemory, AGroupsLimitHolds) {
  machine_says(1000, 600);
  says("proc/self/cgroup", "0::/\n");  // as in a container: the root of what it sees
  says("sys/fs/cgroup/memory.max", "512000\n");
  says("sys/fs/cgroup/memory.current", "500000\n");
  expect(12000, 512000);
  says("sys/fs/cgroup/memory.stat", "anon 400000\ninactive_file 90000\nactive_file 10000\n");
  expect(102000, 512000);
  says("sys/fs/cgroup/memory.current", "700000\n");  // beyond a limit that was lowered
  expect(0, 512000);
}

TEST_F(HostMemory, TheTightestOfAGroupAndThoseAboveItHolds) {
  machine_says(1000, 600);
  says("proc/self/cgroup", "0::/user.slice/a:b\n");
  says("sys/fs/cgroup/user.slice/a:b/memory.max", "max\n");
  says("sys/fs/cgroup/user.slice/a:b/memory.current", "1000\n");
  says("sys/fs/cgroup/user.slice/memory.max", "300000\n");
  says("sys/fs/cgroup/user.slice/memory.current", "100000\n");
  expect(200000, 300000);
  says("sys/fs/cgroup/user.slice/a:b/memory.max", "250000\n");
  expect(200000, 250000);
  says("sys/fs/cgroup/user.slice/memory.max", "9000000000\n");
  says("sys/fs/cgroup/user.slice/a:b/memory.max", "8000000000\n");
  expect(600 * 1024, 1000 * 1024);
}

TEST_F(HostMemory, AnUnreadableMachineIsAnError) {
  says("proc/meminfo", "MemTotal: 1000 kB\n");
  EXPECT_THROW(hybrid::host_memory(path("")), hybrid::Error);
}
