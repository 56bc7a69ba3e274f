#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "error.h"

namespace hybrid {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& path) {
  int cause = errno;
  fail(HYB_IO, "cannot ", what, " ", path, ": ", std::strerror(cause));
}

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
};

}  // namespace

InputFile::InputFile(const std::string& path) : path_(path) {
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0) refuse("open", path);
  if (fstat(file.value, &opened_) != 0) refuse("examine", path);
  if (!S_ISREG(opened_.st_mode)) fail(HYB_IO, "cannot read ", path, ": not a regular file");
  std::swap(descriptor_, file.value);
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void InputFile::read(uint64_t at, uint64_t bytes, char* to) const {
  while (bytes > 0) {
    ssize_t done = pread(descriptor_, to, std::min<uint64_t>(bytes, uint64_t{1} << 30), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) refuse("read", path_);
    if (done == 0) fail(HYB_IO, path_, ": was cut off at byte ", at, " of ", size(), " while it was in use");
    at += static_cast<uint64_t>(done);
    to += done;
    bytes -= static_cast<uint64_t>(done);
  }
}

void InputFile::require_unchanged() const {
  struct stat now;
  if (fstat(descriptor_, &now) != 0) refuse("examine", path_);
  if (now.st_size != opened_.st_size || now.st_mtim.tv_sec != opened_.st_mtim.tv_sec || now.st_mtim.tv_nsec != opened_.st_mtim.tv_nsec)
    fail(HYB_IO, path_, ": was written to while it was in use");
}

AtomicFile::AtomicFile(const std::string& path) : path_(path) {
  static std::atomic<uint64_t> files{0};  // two threads may write one path at a time: each needs a file of its own
  temporary_ = path + ".tmp." + std::to_string(getpid()) + "." + std::to_string(files.fetch_add(1));
  descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) refuse("create", temporary_);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) {
    close(descriptor_);
    unlink(temporary_.c_str());
  }
}

void AtomicFile::write(const void* data, size_t bytes) {
  const char* from = static_cast<const char*>(data);
  while (bytes > 0) {
    ssize_t done = ::write(descriptor_, from, std::min<size_t>(bytes, size_t{1} << 30));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) refuse("write", temporary_);
    from += done;
    bytes -= static_cast<size_t>(done);
  }
}

void AtomicFile::commit() {
  if (fsync(descriptor_) != 0) refuse("flush", temporary_);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) refuse("replace", path_);
  close(descriptor_);
  descriptor_ = -1;
  // The rename itself must reach the disk too.
  auto slash = path_.find_last_of('/');
  std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
  Descriptor directory{open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  // The file is in place by now; a file system that cannot flush a folder is no reason to call the write failed.
  bool flushed = directory.value >= 0 && fsync(directory.value) == 0;
  if (!flushed && errno != EINVAL && errno != ENOTSUP && errno != EACCES) refuse("flush", folder);
}

}  // namespace hybrid
