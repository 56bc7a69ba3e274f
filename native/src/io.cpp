#include "hybrid/io.h"

#include <sys/mman.h>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "file.h"
#include "guard.h"
#include "handles.h"
#include "safetensors_header.h"

using namespace hybrid;

struct hyb_safetensors {
  std::string path;
  std::unique_ptr<InputFile> file;
  SafetensorsHeader header;
};

namespace {

const SafetensorsEntry& entry_of(const hyb_safetensors* file, int64_t index) {
  not_null(file, "file");
  require(index >= 0 && index < static_cast<int64_t>(file->header.entries.size()), HYB_OUT_OF_RANGE, file->path, ": entry ", index, " of ",
          file->header.entries.size());
  return file->header.entries[static_cast<size_t>(index)];
}

std::string utf8(const char* text, const char* path, const char* what) {
  std::string value = not_null(text, what);
  require(is_utf8(value), HYB_INVALID_ARGUMENT, path, ": ", what, " is not UTF-8");
  return value;
}

std::vector<std::pair<std::string, std::string>> pairs(const char* const* keys, const char* const* values, int64_t n, const char* path) {
  require(n >= 0, HYB_INVALID_ARGUMENT, "metadata: a negative count");
  std::vector<std::pair<std::string, std::string>> result;
  std::unordered_set<std::string> seen;
  for (int64_t i = 0; i < n; ++i) {
    result.emplace_back(utf8(not_null(keys, "metadata_keys")[i], path, "a metadata key"),
                        utf8(not_null(values, "metadata_values")[i], path, "a metadata value"));
    require(seen.insert(result.back().first).second, HYB_INVALID_ARGUMENT, path, ": metadata key '", result.back().first, "' stands twice");
  }
  return result;
}

}  // namespace

hyb_status hyb_safetensors_open(const char* path, hyb_safetensors** out) {
  return guard("safetensors_open", [&] {
    not_null(out, "out");
    auto opened = std::make_unique<hyb_safetensors>();
    opened->path = not_null(path, "path");
    opened->file = std::make_unique<InputFile>(opened->path);
    const auto& file = *opened->file;
    char length[8] = {};
    file.read(0, std::min<uint64_t>(sizeof length, file.size()), length);
    std::string front(safetensors_data_at(opened->path, length, file.size()), '\0');
    file.read(0, front.size(), front.data());
    opened->header = read_safetensors_header(opened->path, front.data(), file.size());
    *out = opened.release();
    ledger_add(1);
  });
}

void hyb_safetensors_free(hyb_safetensors* file) {
  if (file == nullptr) return;
  delete file;
  ledger_add(-1);
}

hyb_status hyb_safetensors_count(const hyb_safetensors* file, int64_t* out) {
  return guard("safetensors_count", [&] {
    not_null(out, "out");
    *out = static_cast<int64_t>(not_null(file, "file")->header.entries.size());
  });
}

hyb_status hyb_safetensors_name(const hyb_safetensors* file, int64_t index, const char** out) {
  return guard("safetensors_name", [&] {
    not_null(out, "out");
    *out = entry_of(file, index).name.c_str();
  });
}

hyb_status hyb_safetensors_entry(const hyb_safetensors* file, int64_t index, int32_t* dtype, int64_t* sizes, int32_t capacity,
                                 int32_t* ndim) {
  return guard("safetensors_entry", [&] {
    const auto& entry = entry_of(file, index);
    not_null(dtype, "dtype"), not_null(ndim, "ndim");
    require(capacity >= static_cast<int32_t>(entry.shape.size()), HYB_BUFFER_TOO_SMALL, "room for ", capacity, " sizes, '", entry.name,
            "' has ", entry.shape.size());
    if (!entry.shape.empty()) std::copy(entry.shape.begin(), entry.shape.end(), const_cast<int64_t*>(not_null(sizes, "sizes")));
    *dtype = entry.dtype;
    *ndim = static_cast<int32_t>(entry.shape.size());
  });
}

namespace {
// Straight from the file into fresh memory. That is touched here for the first time, so page faults cost as much as the bytes:
// threads share them, and huge pages, where the system grants them, make them few.
void read_into(const InputFile& file, uint64_t from, uint64_t bytes, char* to) {
  constexpr int64_t part = 4 << 20;
  constexpr uintptr_t huge_page = 2 << 20;
  const auto begin = (reinterpret_cast<uintptr_t>(to) + huge_page - 1) / huge_page * huge_page;
  const auto end = (reinterpret_cast<uintptr_t>(to) + bytes) / huge_page * huge_page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // advice: a refusal changes nothing
  const auto parts = static_cast<int64_t>((bytes + part - 1) / part);
  at::parallel_for(0, parts, 1, [&](int64_t first, int64_t last) {
    const uint64_t at = static_cast<uint64_t>(first * part), stop = std::min(bytes, static_cast<uint64_t>(last * part));
    file.read(from + at, stop - at, to + at);
  });
}

// On the way to another type or device a tensor passes through pieces, so that it is never in memory twice. On the host each
// thread has a piece of its own that stays in its cache; to a device go larger ones, one after the other.
void convert_into(const InputFile& file, uint64_t from, const at::TensorOptions& stored, const at::Tensor& to) {
  const auto flat = to.view({-1});
  const auto element = static_cast<int64_t>(stored.dtype().itemsize());
  const auto convert = [&](int64_t length, int64_t first, int64_t last, auto&& read) {
    const auto piece = at::empty({std::min(flat.numel(), length)}, stored);
    for (int64_t i = first; i < last; ++i) {
      const auto part = piece.narrow(0, 0, std::min(length, flat.numel() - i * length));
      read(file, from + static_cast<uint64_t>(i * length * element), part.nbytes(), static_cast<char*>(part.data_ptr()));
      flat.narrow(0, i * length, part.numel()).copy_(part);
    }
  };
  const int64_t length = (to.is_cpu() ? 1 << 20 : 16 << 20) / element, pieces = (flat.numel() + length - 1) / length;
  if (to.is_cpu()) {
    at::parallel_for(0, pieces, 1, [&](int64_t first, int64_t last) {
      convert(length, first, last, [](const InputFile& in, uint64_t at, uint64_t bytes, char* out) { in.read(at, bytes, out); });
    });
  } else {
    convert(length, 0, pieces, read_into);
  }
}
}  // namespace

hyb_status hyb_safetensors_read(const hyb_safetensors* file, int64_t index, int32_t dtype, int32_t device, hyb_tensor** out) {
  return guard("safetensors_read", [&] {
    not_null(out, "out");
    const auto& entry = entry_of(file, index);
    const auto stored = at::TensorOptions().dtype(scalar_type(entry.dtype));
    const auto wanted = at::TensorOptions().dtype(scalar_type(dtype)).device(device_of(device));
    auto tensor = at::empty(entry.shape, wanted);
    const uint64_t from = file->header.data_at + entry.begin, bytes = entry.end - entry.begin;
    if (wanted.device().is_cpu() && wanted.dtype() == stored.dtype()) {
      if (bytes > 0) read_into(*file->file, from, bytes, static_cast<char*>(tensor.data_ptr()));
    } else if (bytes > 0) {
      convert_into(*file->file, from, stored, tensor);
    }
    file->file->require_unchanged();
    *out = give(std::move(tensor));
  });
}

hyb_status hyb_safetensors_write(const char* path, const char* const* names, hyb_tensor* const* tensors, int64_t n,
                                 const char* const* metadata_keys, const char* const* metadata_values, int64_t metadata_n) {
  return guard("safetensors_write", [&] {
    not_null(path, "path");
    auto values = as_tensors(tensors, n, "tensors");
    std::vector<SafetensorsEntry> entries;
    std::unordered_set<std::string> seen;
    uint64_t at = 0;
    for (int64_t i = 0; i < n; ++i) {
      auto name = utf8(not_null(names, "names")[i], path, "a name");
      require(name != "__metadata__" && seen.insert(name).second, HYB_INVALID_ARGUMENT, path, ": name '", name,
              "' stands twice or is reserved");
      const auto& value = values[static_cast<size_t>(i)];
      require(value.dim() <= 8, HYB_INVALID_ARGUMENT, path, ": '", name, "' has ", value.dim(), " dimensions, 8 can be read back");
      entries.push_back({name, dtype_code(value.scalar_type()), value.sizes().vec(), at,
                         at + static_cast<uint64_t>(value.numel() * value.element_size())});
      at = entries.back().end;
    }
    auto header = write_safetensors_header(entries, pairs(metadata_keys, metadata_values, metadata_n, path));
    unsigned char length[8];
    for (int i = 0; i < 8; ++i) length[i] = static_cast<unsigned char>(static_cast<uint64_t>(header.size()) >> (8 * i));
    AtomicFile file(path);
    file.write(length, sizeof length);
    file.write(header.data(), header.size());
    for (const auto& value : values) {
      auto host = value.detach().to(at::kCPU).contiguous();
      file.write(host.data_ptr(), static_cast<size_t>(host.nbytes()));
    }
    file.commit();
  });
}
