// Which LibTorch this process has loaded. Two copies have two registries of types and operations, and a tensor that goes from one
// to the other crashes sooner or later, mostly later.
#pragma once

#include <link.h>

#include <string>
#include <vector>

#include "error.h"

namespace hybrid {

// By the file's name, whatever its version or the folder is called.
inline bool is_libtorch_cpu(const std::string& path) { return path.compare(path.rfind('/') + 1, 12, "libtorch_cpu") == 0; }

// Paths of the loaded libtorch_cpu libraries, in the order of loading.
inline std::vector<std::string> loaded_libtorch() {
  std::vector<std::string> paths;
  dl_iterate_phdr(
      [](dl_phdr_info* object, size_t, void* found) {
        if (is_libtorch_cpu(object->dlpi_name)) static_cast<std::vector<std::string>*>(found)->push_back(object->dlpi_name);
        return 0;
      },
      &paths);
  return paths;
}

inline void require_one_libtorch() {
  const auto paths = loaded_libtorch();
  if (paths.size() < 2) return;
  std::string list = paths[0];
  for (size_t i = 1; i < paths.size(); ++i) list += " and " + paths[i];
  fail(HYB_INVALID_ARGUMENT, "this process has loaded ", paths.size(), " LibTorches: ", list,
       "; tensors can be shared only where both sides use one, so start the program with one alone");
}

}  // namespace hybrid
