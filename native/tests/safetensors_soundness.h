// What must hold whatever bytes the safetensors reader is given, checked plainly and with nothing of the reader's own. The
// fuzzer (native/fuzz) and the replay of what it found (corpus_test.cpp) share it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "error.h"
#include "safetensors_header.h"

namespace hybrid::tests {

// The code points of a text, or false where it is not UTF-8 in its shortest form.
inline bool decode_utf8(const std::string& text, std::vector<uint32_t>& codes) {
  static const uint32_t first_of_length[] = {0, 0, 0x80, 0x800, 0x10000};
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || at + length > text.size()) return false;
    uint32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[at + k]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 0x3Fu);
    }
    if (code < first_of_length[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    codes.push_back(code);
    at += length;
  }
  return true;
}

// What is wrong with the text of a refusal: empty where nothing is.
inline std::string fault_of_refusal(const std::string& file, const std::string& text) {
  std::vector<uint32_t> codes;
  if (text.compare(0, file.size(), file) != 0) return "a refusal that does not begin with the file: " + text;
  if (text.size() > file.size() + 600) return "a refusal of " + std::to_string(text.size()) + " bytes";
  if (!decode_utf8(text, codes)) return "a refusal that is not UTF-8";
  for (uint32_t code : codes)
    if (code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029) return "a refusal of more than one line: " + text;
  return "";
}

// What is wrong with a header that was accepted, in a file of size bytes: empty where nothing is.
inline std::string fault_of_header(const SafetensorsHeader& header, uint64_t size) {
  if (header.data_at < 8 || header.data_at - 8 > longest_safetensors_header || header.data_at > size)
    return "the data begin outside the file";
  const uint64_t data = size - header.data_at;
  std::set<std::string> names;
  for (const auto& entry : header.entries) {
    std::vector<uint32_t> codes;
    if (!decode_utf8(entry.name, codes)) return "a name that is not UTF-8";
    if (entry.name.find('\0') != std::string::npos) return "a name with a zero character";
    if (!names.insert(entry.name).second) return "a name twice: " + entry.name;
    if (entry.begin > entry.end || entry.end > data) return "a tensor outside the data: " + entry.name;
    if (entry.shape.size() > 8) return "more than 8 sizes: " + entry.name;
    __extension__ unsigned __int128 bytes = dtype_bytes(entry.dtype);
    for (int64_t length : entry.shape) {
      if (length < 0) return "a negative size: " + entry.name;
      if (bytes <= UINT64_MAX) bytes *= static_cast<uint64_t>(length);  // one that is larger already is wrong already
    }
    if (bytes != entry.end - entry.begin) return "bytes that are not elements times the element's size: " + entry.name;
  }
  for (size_t i = 0; i < header.entries.size(); ++i)
    for (size_t k = 0; k < i; ++k) {
      const auto &a = header.entries[i], &b = header.entries[k];
      if (a.begin < b.end && b.begin < a.end) return "tensors that overlap: " + a.name + " and " + b.name;
    }
  return "";
}

// Whether what was read is read again from what the writer makes of it.
inline std::string fault_of_rewriting(const SafetensorsHeader& header, uint64_t data_bytes) {
  const auto text = write_safetensors_header(header.entries, {});
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(static_cast<uint64_t>(text.size()) >> (8 * i)));
  bytes += text;
  // The data are only counted: what lies there is never looked at.
  const auto again = read_safetensors_header("f", bytes.data(), bytes.size() + data_bytes);
  if (again.entries.size() != header.entries.size()) return "rewritten, another number of tensors";
  for (size_t i = 0; i < again.entries.size(); ++i) {
    const auto &a = again.entries[i], &b = header.entries[i];
    if (a.name != b.name || a.dtype != b.dtype || a.shape != b.shape || a.begin != b.begin || a.end != b.end)
      return "rewritten, it changes: " + b.name;
  }
  return "";
}

// Reads a whole file from memory and says what is wrong with the outcome: empty where nothing is.
inline std::string fault_of_reading(const char* data, uint64_t size) {
  static const std::string file = "f.safetensors";
  try {
    const auto header = read_safetensors_header(file, data, size);
    const auto fault = fault_of_header(header, size);
    return fault.empty() ? fault_of_rewriting(header, size - header.data_at) : fault;
  } catch (const Error& refusal) {
    return refusal.status() == HYB_BAD_FORMAT ? fault_of_refusal(file, refusal.what())
                                              : "refused with status " + std::to_string(refusal.status());
  }
}

}  // namespace hybrid::tests
