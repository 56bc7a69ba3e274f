#include "safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "error.h"

namespace hybrid {
namespace {

struct DtypeName {
  const char* name;
  int32_t dtype;
  uint64_t bytes;
};

const DtypeName dtype_names[] = {{"F32", HYB_F32, 4}, {"F64", HYB_F64, 8}, {"BF16", HYB_BF16, 2}, {"F16", HYB_F16, 2},
                                 {"I64", HYB_I64, 8}, {"I32", HYB_I32, 4}, {"U8", HYB_U8, 1},     {"BOOL", HYB_BOOL, 1}};

const DtypeName& dtype_name(int32_t dtype) {
  for (const auto& known : dtype_names)
    if (known.dtype == dtype) return known;
  fail(HYB_NOT_IMPLEMENTED, "element type ", dtype, " has no safetensors name");
}

// A text out of the file for an error's one line: no control characters or line breaks of any kind, and not too long.
std::string shown(const std::string& text) {
  constexpr size_t longest = 100;
  std::string line;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const auto character = text.substr(i, bytes);
    if (line.size() + bytes > longest) return line + "...";
    const bool breaks = lead < 0x20 || lead == 0x7F || (lead == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) ||
                        character == "\u2028" || character == "\u2029";
    line += breaks ? "?" : character;
    i += bytes;
  }
  return line;
}

// A reader of just the JSON that the format allows: an object of objects of strings and arrays of whole numbers. No
// recursion, so no depth to exhaust.
class Reader {
 public:
  Reader(const std::string& file, const char* text, uint64_t length) : file_(file), text_(text), length_(length) {}

  template <class... Parts>
  [[noreturn]] void bad(const Parts&... parts) const {
    fail(HYB_BAD_FORMAT, file_, ": header, byte ", at_, ": ", parts...);
  }

  void expect(char c) {
    skip_space();
    if (at_ >= length_ || text_[at_] != c) bad("'", c, "' expected");
    ++at_;
  }

  bool accept(char c) {
    skip_space();
    if (at_ >= length_ || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string string() {
    expect('"');
    std::string value;
    for (;;) {
      if (at_ >= length_) bad("the text ends inside a string");
      unsigned char c = static_cast<unsigned char>(text_[at_++]);
      if (c == '"') break;
      if (c < 0x20) bad("a control character inside a string");
      if (c == '\\')
        append_escape(value);
      else
        value.push_back(static_cast<char>(c));
    }
    if (!is_utf8(value)) bad("a string that is not UTF-8");
    return value;
  }

  uint64_t number() {
    skip_space();
    uint64_t value = 0;
    uint64_t first = at_;
    while (at_ < length_ && text_[at_] >= '0' && text_[at_] <= '9') {
      if (__builtin_mul_overflow(value, uint64_t{10}, &value) ||
          __builtin_add_overflow(value, static_cast<uint64_t>(text_[at_] - '0'), &value))
        bad("a number beyond 64 bits");
      ++at_;
    }
    if (at_ == first) bad("a whole number that is not negative expected");
    if (text_[first] == '0' && at_ - first > 1) bad("a number with a leading zero");
    return value;
  }

  std::vector<uint64_t> numbers(uint64_t most) {
    std::vector<uint64_t> values;
    expect('[');
    if (accept(']')) return values;
    do {
      if (values.size() == most) bad("more than ", most, " numbers in an array");
      values.push_back(number());
    } while (accept(','));
    expect(']');
    return values;
  }

  void end() {
    skip_space();
    if (at_ != length_) bad("text after the closing brace");
  }

 private:
  void skip_space() {
    while (at_ < length_ && std::strchr(" \t\r\n", text_[at_]) != nullptr && text_[at_] != '\0') ++at_;
  }

  uint32_t four_hex() {
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ >= length_) bad("the text ends inside \\u");
      char c = text_[at_];
      int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) bad("four hexadecimal digits expected after \\u");
      code = code * 16 + static_cast<uint32_t>(digit);
    }
    return code;
  }

  void append_escape(std::string& value) {
    if (at_ >= length_) bad("the text ends inside an escape");
    char c = text_[at_++];
    const char* plain = std::strchr("\"\\/bfnrt", c);
    if (plain != nullptr && c != '\0') {
      value.push_back("\"\\/\b\f\n\r\t"[plain - "\"\\/bfnrt"]);
      return;
    }
    if (c != 'u') bad("unknown escape after '\\'");
    uint32_t code = four_hex();
    if (code >= 0xDC00 && code < 0xE000) bad("a low surrogate without a high one");
    if (code >= 0xD800 && code < 0xDC00) {
      if (at_ + 1 >= length_ || text_[at_] != '\\' || text_[at_ + 1] != 'u') bad("a high surrogate without a low one");
      at_ += 2;
      uint32_t low = four_hex();
      if (low < 0xDC00 || low > 0xDFFF) bad("a high surrogate without a low one");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(value, code);
  }

  static void append_utf8(std::string& value, uint32_t code) {
    auto push = [&](uint32_t byte) { value.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
      push(code);
    } else if (code < 0x800) {
      push(0xC0 | code >> 6), push(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      push(0xE0 | code >> 12), push(0x80 | (code >> 6 & 0x3F)), push(0x80 | (code & 0x3F));
    } else {
      push(0xF0 | code >> 18), push(0x80 | (code >> 12 & 0x3F)), push(0x80 | (code >> 6 & 0x3F)), push(0x80 | (code & 0x3F));
    }
  }

  const std::string& file_;
  const char* text_;
  uint64_t length_, at_ = 0;
};

void read_metadata(Reader& in) {
  std::unordered_set<std::string> keys;
  in.expect('{');
  if (in.accept('}')) return;
  do {
    auto key = in.string();
    in.expect(':');
    in.string();
    if (!keys.insert(key).second) in.bad("metadata key '", shown(key), "' stands twice");
  } while (in.accept(','));
  in.expect('}');
}

SafetensorsEntry read_entry(Reader& in, const std::string& name) {
  SafetensorsEntry entry{name, -1, {}, 0, 0};
  bool has_shape = false, has_offsets = false;
  in.expect('{');
  do {
    auto key = in.string();
    in.expect(':');
    if (key == "dtype" && entry.dtype < 0) {
      auto dtype = in.string();
      auto* known = std::find_if(std::begin(dtype_names), std::end(dtype_names), [&](const DtypeName& d) { return dtype == d.name; });
      if (known == std::end(dtype_names))
        in.bad("tensor '", shown(name), "': dtype '", shown(dtype), "' is not one of F32 F64 BF16 F16 I64 I32 U8 BOOL");
      entry.dtype = known->dtype;
    } else if (key == "shape" && !has_shape) {
      has_shape = true;
      for (uint64_t size : in.numbers(8)) {
        if (size > INT64_MAX) in.bad("tensor '", shown(name), "': a size beyond 63 bits");
        entry.shape.push_back(static_cast<int64_t>(size));
      }
    } else if (key == "data_offsets" && !has_offsets) {
      has_offsets = true;
      auto offsets = in.numbers(2);
      if (offsets.size() != 2) in.bad("tensor '", shown(name), "': data_offsets needs two numbers");
      entry.begin = offsets[0], entry.end = offsets[1];
    } else {
      in.bad("tensor '", shown(name), "': key '", shown(key), "' is unknown or stands twice");
    }
  } while (in.accept(','));
  in.expect('}');
  if (entry.dtype < 0 || !has_shape || !has_offsets) in.bad("tensor '", shown(name), "': dtype, shape and data_offsets are all needed");
  return entry;
}

void check_size(const std::string& file, const SafetensorsEntry& entry) {
  auto bytes = static_cast<int64_t>(dtype_bytes(entry.dtype));
  bool empty = false;
  for (int64_t size : entry.shape) {
    empty |= size == 0;
    // A size of zero does not excuse the others: a tensor's strides are products of them.
    require(!__builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes), HYB_BAD_FORMAT, file, ": tensor '", shown(entry.name),
            "': its size overflows");
  }
  if (empty) bytes = 0;
  require(entry.begin <= entry.end && entry.end - entry.begin == static_cast<uint64_t>(bytes), HYB_BAD_FORMAT, file, ": tensor '",
          shown(entry.name), "': data_offsets ", entry.begin, " to ", entry.end, " for ", bytes, " bytes");
}

// The data section must be covered exactly once.
void check_coverage(const std::string& file, const std::vector<SafetensorsEntry>& entries, uint64_t data_bytes) {
  std::vector<const SafetensorsEntry*> by_offset;
  for (const auto& entry : entries) by_offset.push_back(&entry);
  std::sort(by_offset.begin(), by_offset.end(),
            [](const auto* a, const auto* b) { return a->begin != b->begin ? a->begin < b->begin : a->end < b->end; });
  uint64_t covered = 0;
  for (const auto* entry : by_offset) {
    require(entry->begin == covered, HYB_BAD_FORMAT, file, ": tensor '", shown(entry->name), "' begins at byte ", entry->begin,
            " of the data, ", covered, " is where the one before it ends");
    covered = entry->end;
  }
  require(covered == data_bytes, HYB_BAD_FORMAT, file, ": the tensors take ", covered, " bytes, the file holds ", data_bytes,
          covered > data_bytes ? ": it is truncated" : "");
}

// The JSON text of a header whose data section has data_bytes bytes.
std::vector<SafetensorsEntry> parse(const std::string& file, const char* text, uint64_t length, uint64_t data_bytes) {
  Reader in(file, text, length);
  std::vector<SafetensorsEntry> entries;
  std::unordered_set<std::string> names;
  in.expect('{');
  if (!in.accept('}')) {
    do {
      auto name = in.string();
      in.expect(':');
      if (name.find('\0') != std::string::npos) in.bad("a zero character in a tensor's name, which C cannot hold");
      if (!names.insert(name).second) in.bad("tensor '", shown(name), "' stands twice");
      if (name == "__metadata__") {
        read_metadata(in);
      } else {
        entries.push_back(read_entry(in, name));
        check_size(file, entries.back());
      }
    } while (in.accept(','));
    in.expect('}');
  }
  in.end();
  check_coverage(file, entries, data_bytes);
  return entries;
}

std::string quoted(const std::string& value) {
  static const char hex[] = "0123456789abcdef";
  std::string text = "\"";
  for (char raw : value) {
    auto c = static_cast<unsigned char>(raw);
    if (c == '"' || c == '\\') {
      text += '\\', text += raw;
    } else if (c < 0x20) {
      text += "\\u00", text += hex[c >> 4], text += hex[c & 15];
    } else {
      text += raw;
    }
  }
  return text + '"';
}

}  // namespace

uint64_t dtype_bytes(int32_t dtype) { return dtype_name(dtype).bytes; }

bool is_utf8(const std::string& text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  for (size_t i = 0; i < text.size();) {
    uint32_t lead = byte(i), second = byte(i + 1);
    size_t more = lead < 0x80 ? 0 : lead >= 0xC2 && lead < 0xE0 ? 1 : lead >= 0xE0 && lead < 0xF0 ? 2 : lead >= 0xF0 && lead < 0xF5 ? 3 : 4;
    if (more == 4) return false;
    for (size_t k = 1; k <= more; ++k)
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    // Longer than need be, a surrogate, or beyond the last code point.
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second >= 0xA0) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second >= 0x90))
      return false;
    i += more + 1;
  }
  return true;
}

uint64_t safetensors_data_at(const std::string& file, const char* data, uint64_t size) {
  require(size >= 8, HYB_BAD_FORMAT, file, ": ", size, " bytes are too few for a safetensors file");
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(data[i]);
  require(length <= longest_safetensors_header && length <= size - 8, HYB_BAD_FORMAT, file, ": a header of ", length,
          " bytes in a file of ", size);
  return 8 + length;
}

SafetensorsHeader read_safetensors_header(const std::string& file, const char* data, uint64_t size) {
  const uint64_t data_at = safetensors_data_at(file, data, size);
  return {data_at, parse(file, data + 8, data_at - 8, size - data_at)};
}

std::string write_safetensors_header(const std::vector<SafetensorsEntry>& entries,
                                     const std::vector<std::pair<std::string, std::string>>& metadata) {
  std::ostringstream text;
  const char* comma = "";
  text << '{';
  if (!metadata.empty()) {
    text << "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) text << comma << quoted(key) << ':' << quoted(value), comma = ",";
    text << '}';
  }
  for (const auto& entry : entries) {
    text << comma << quoted(entry.name) << ":{\"dtype\":\"" << dtype_name(entry.dtype).name << "\",\"shape\":[";
    for (size_t i = 0; i < entry.shape.size(); ++i) text << (i ? "," : "") << entry.shape[i];
    text << "],\"data_offsets\":[" << entry.begin << ',' << entry.end << "]}";
    comma = ",";
  }
  text << '}';
  auto header = text.str();
  header.append((8 - header.size() % 8) % 8, ' ');
  return header;
}

}  // namespace hybrid
