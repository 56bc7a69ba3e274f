// The only catch in the library: turns whatever a call throws into a status and the thread's error text.
#pragma once

#include <exception>
#include <new>
#include <string>

#include "error.h"
#include "torch_headers.h"

namespace hybrid {

void set_last_error(const char* operation, const std::string& cause);

// Host memory exhaustion reaches us as a plain c10::Error whose text says so.
inline bool is_out_of_memory(const std::string& text) {
  return text.find("can't allocate memory") != std::string::npos || text.find("out of memory") != std::string::npos;
}

// So does, up to LibTorch 2.0, an element type that an operation has no kernel for.
inline bool is_not_implemented(const std::string& text) { return text.find(" not implemented for '") != std::string::npos; }

inline bool is_device_failure(const std::string& text) {
  return text.rfind("CUDA error", 0) == 0 || text.rfind("CUDA driver", 0) == 0 || text.rfind("cuDNN error", 0) == 0;
}

inline hyb_status status_of(const c10::Error& error) {
  if (is_device_failure(error.what_without_backtrace())) return HYB_DEVICE;
  if (is_out_of_memory(error.what_without_backtrace())) return HYB_OUT_OF_MEMORY;
  if (is_not_implemented(error.what_without_backtrace())) return HYB_NOT_IMPLEMENTED;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error)) return HYB_OUT_OF_MEMORY;
  if (dynamic_cast<const c10::IndexError*>(&error)) return HYB_OUT_OF_RANGE;
  if (dynamic_cast<const c10::TypeError*>(&error)) return HYB_TYPE_MISMATCH;
  if (dynamic_cast<const c10::NotImplementedError*>(&error)) return HYB_NOT_IMPLEMENTED;
  return HYB_INVALID_ARGUMENT;
}

template <class Body>
hyb_status guard(const char* operation, Body&& body) noexcept {
  try {
    body();
    return HYB_OK;
  } catch (const Error& error) {
    set_last_error(operation, error.what());
    return error.status();
  } catch (const c10::Error& error) {
    set_last_error(operation, error.what_without_backtrace());
    return status_of(error);
  } catch (const std::bad_alloc&) {
    set_last_error(operation, "out of memory");
    return HYB_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    set_last_error(operation, error.what());
    return is_device_failure(error.what()) ? HYB_DEVICE : HYB_INTERNAL;
  } catch (...) {
    set_last_error(operation, "an exception of unknown type");
    return HYB_INTERNAL;
  }
}

}  // namespace hybrid
