// Handles: a hyb_tensor* is an at::Tensor*, counted in a ledger while it lives.
#pragma once

#include <memory>
#include <vector>

#include "error.h"
#include "hybrid/tensor.h"
#include "torch_headers.h"

namespace hybrid {

constexpr int32_t most_dimensions = 8;

void ledger_add(int64_t count);

inline at::Tensor& as_tensor(hyb_tensor* handle, const char* name = "tensor") {
  not_null(handle, name);
  return *reinterpret_cast<at::Tensor*>(handle);
}

inline const at::Tensor& as_tensor(const hyb_tensor* handle, const char* name = "tensor") {
  not_null(handle, name);
  return *reinterpret_cast<const at::Tensor*>(handle);
}

inline hyb_tensor* give(at::Tensor tensor) {
  auto* handle = reinterpret_cast<hyb_tensor*>(new at::Tensor(std::move(tensor)));
  ledger_add(1);
  return handle;
}

inline std::vector<at::Tensor> as_tensors(hyb_tensor* const* handles, int64_t n, const char* name) {
  require(n >= 0, HYB_INVALID_ARGUMENT, name, ": a negative count");
  if (n > 0) not_null(handles, name);
  std::vector<at::Tensor> tensors;
  tensors.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) tensors.push_back(as_tensor(handles[i], name));
  return tensors;
}

at::ScalarType scalar_type(int32_t dtype);
int32_t dtype_code(at::ScalarType type);
at::Device device_of(int32_t device);
int32_t device_code(at::Device device);
std::vector<int64_t> shape_of(const int64_t* sizes, int32_t ndim);

}  // namespace hybrid
