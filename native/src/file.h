// Files of the operating system, owned: one that is read, and one that is written whole or not at all.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace hybrid {

// A file that stays the one it was when it was opened. It is read and not mapped: where others cut it off meanwhile, a read
// is refused, while touching a page of a map that lies beyond the file's end would kill the process.
class InputFile {
 public:
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  uint64_t size() const { return static_cast<uint64_t>(opened_.st_size); }

  // All of the bytes from `at` on. May be called from several threads at a time.
  void read(uint64_t at, uint64_t bytes, char* to) const;

  // Refuses a file that was written to since it was opened. One that another was renamed over, or that was deleted, is as it was.
  void require_unchanged() const;

 private:
  std::string path_;
  int descriptor_ = -1;
  struct stat opened_;
};

// Writes to a temporary file beside path; commit() flushes it to disk and renames it over path. Without commit() the
// temporary file is removed and path is as it was.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  void commit();

 private:
  std::string path_, temporary_;
  int descriptor_ = -1;
};

}  // namespace hybrid
