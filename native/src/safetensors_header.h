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

// Parses the JSON text of a header whose data section has data_bytes bytes. Entries come back in the file's order.
// Throws Error(HYB_BAD_FORMAT) that names the file and says what is wrong and where.
std::vector<SafetensorsEntry> parse_safetensors_header(const std::string& file, const char* text, uint64_t length, uint64_t data_bytes);

// The header text for these entries, padded with spaces to a multiple of 8 bytes.
std::string write_safetensors_header(const std::vector<SafetensorsEntry>& entries,
                                     const std::vector<std::pair<std::string, std::string>>& metadata);

uint64_t dtype_bytes(int32_t dtype);

bool is_utf8(const std::string& text);

}  // namespace hybrid
