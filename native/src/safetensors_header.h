// The header of a safetensors file: parsed strictly, checked completely before any of it is used.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hybrid {

struct SafetensorsEntry {
  std::string name;
  int32_t dtype;  // HYB_ code
  std::vector<int64_t> shape;
  uint64_t begin, end;  // bytes, counted from the end of the header
};

struct SafetensorsHeader {
  uint64_t data_at;                       // bytes before the data: eight for the header's length, and the header
  std::vector<SafetensorsEntry> entries;  // in the file's order
};

// More than any model's header needs, and little enough that a hostile one cannot exhaust memory.
constexpr uint64_t longest_safetensors_header = 100'000'000;

// How many bytes lie before the data of a file of size bytes, whose first eight data points at. Throws as below.
uint64_t safetensors_data_at(const std::string& file, const char* data, uint64_t size);

// Reads the header of a file of size bytes. data points at its bytes up to the data, which are not looked at. Throws
// Error(HYB_BAD_FORMAT) that names the file and says on one line what is wrong and where.
SafetensorsHeader read_safetensors_header(const std::string& file, const char* data, uint64_t size);

// The header text for these entries, padded with spaces to a multiple of 8 bytes.
std::string write_safetensors_header(const std::vector<SafetensorsEntry>& entries,
                                     const std::vector<std::pair<std::string, std::string>>& metadata);

uint64_t dtype_bytes(int32_t dtype);

bool is_utf8(const std::string& text);

}  // namespace hybrid
