// What the tests of files share: a folder of their own, raw bytes, an open file with an owner.
#pragma once

#include <dirent.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "support.h"

namespace hybrid::tests {

class InFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "hybrid_test_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  std::vector<std::string> listing() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::string folder_;
};

inline std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

// A safetensors file of this header and data: the header's length in eight bytes, little end first, comes before.
inline std::string file_of(const std::string& header, const std::string& data = "") {
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(static_cast<uint64_t>(header.size()) >> (8 * i)));
  return bytes + header + data;
}

inline hyb_status write(const std::string& path, const std::vector<std::string>& names, const Tensors& tensors,
                        const std::vector<std::pair<std::string, std::string>>& metadata = {}) {
  std::vector<const char*> texts, keys, values;
  for (const auto& name : names) texts.push_back(name.c_str());
  for (const auto& [key, value] : metadata) keys.push_back(key.c_str()), values.push_back(value.c_str());
  auto handles = lend_all(tensors);
  return hyb_safetensors_write(path.c_str(), texts.data(), handles.data(), static_cast<int64_t>(tensors.size()), keys.data(), values.data(),
                               static_cast<int64_t>(metadata.size()));
}

struct OpenFile {
  explicit OpenFile(const std::string& path) { ok(hyb_safetensors_open(path.c_str(), &handle)); }
  ~OpenFile() { hyb_safetensors_free(handle); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int64_t count() const {
    int64_t value = -1;
    ok(hyb_safetensors_count(handle, &value));
    return value;
  }
  std::string name(int64_t index) const {
    const char* value = nullptr;
    ok(hyb_safetensors_name(handle, index, &value));
    return value;
  }
  int32_t dtype(int64_t index) const {
    int32_t value = -1, ndim = -1;
    int64_t sizes[8];
    ok(hyb_safetensors_entry(handle, index, &value, sizes, 8, &ndim));
    return value;
  }
  std::vector<int64_t> shape(int64_t index) const {
    int32_t value = -1, ndim = -1;
    int64_t sizes[8];
    ok(hyb_safetensors_entry(handle, index, &value, sizes, 8, &ndim));
    return {sizes, sizes + ndim};
  }
  at::Tensor read(int64_t index, int32_t as) const {
    return result([&](hyb_tensor** out) { return hyb_safetensors_read(handle, index, as, HYB_CPU, out); });
  }
  at::Tensor read(int64_t index) const { return read(index, dtype(index)); }

  hyb_safetensors* handle = nullptr;
};

}  // namespace hybrid::tests
