// The library's own exception: a status and the text that explains it.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "hybrid/base.h"

namespace hybrid {

class Error : public std::runtime_error {
 public:
  Error(hyb_status status, const std::string& text) : std::runtime_error(text), status_(status) {}
  hyb_status status() const { return status_; }

 private:
  hyb_status status_;
};

template <class... Parts>
[[noreturn]] void fail(hyb_status status, const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Error(status, text.str());
}

template <class... Parts>
void require(bool condition, hyb_status status, const Parts&... parts) {
  if (!condition) fail(status, parts...);
}

template <class T>
const T* not_null(const T* pointer, const char* name) {
  if (pointer == nullptr) fail(HYB_INVALID_ARGUMENT, name, " is null");
  return pointer;
}

}  // namespace hybrid
