// The host's memory as Linux tells it, within the limits of the control group (version 2) that this process is in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>

#include "error.h"

namespace hybrid {

struct Memory {
  int64_t free, total;
};

// The number behind a key, as in "MemTotal:  16384 kB" or "inactive_file 4096"; -1 where the file or the key is missing.
inline int64_t value_in(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string word, rest; file >> word; std::getline(file, rest)) {
    int64_t value = -1;
    if (word == key) return file >> value ? value : -1;
  }
  return -1;
}

// The number that the file holds; -1 where there is none: no file, or "max".
inline int64_t number_in(const std::string& path) {
  int64_t value = -1;
  return std::ifstream(path) >> value ? value : -1;
}

// This process's group below the root of groups, "" for the root itself: from a line like "0::/user.slice/session".
inline std::string control_group(const std::string& path) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.rfind("0::/", 0) == 0) return line == "0::/" ? "" : line.substr(3);
  return "";
}

// files is the folder that /proc and /sys stand in, "" but in tests. A group's limit holds for all groups below it. File contents
// that nobody has read for a while count as used by the group, and are given up before anything is refused, so they are free.
inline Memory host_memory(const std::string& files = "") {
  const std::string meminfo = files + "/proc/meminfo", groups = files + "/sys/fs/cgroup";
  const int64_t total = value_in(meminfo, "MemTotal:"), available = value_in(meminfo, "MemAvailable:");
  require(total >= 0 && available >= 0, HYB_IO, meminfo, " does not say MemTotal and MemAvailable");
  Memory memory{available * 1024, total * 1024};
  for (std::string group = control_group(files + "/proc/self/cgroup");; group.resize(group.rfind('/'))) {
    const std::string folder = groups + group;
    const int64_t most = number_in(folder + "/memory.max"), used = number_in(folder + "/memory.current");
    if (most >= 0 && used >= 0) {
      const int64_t idle = std::max<int64_t>(0, value_in(folder + "/memory.stat", "inactive_file"));
      memory.total = std::min(memory.total, most);
      memory.free = std::min(memory.free, std::clamp<int64_t>(most - used + idle, 0, most));
    }
    if (group.empty()) break;
  }
  memory.free = std::min(memory.free, memory.total);
  return memory;
}

}  // namespace hybrid
