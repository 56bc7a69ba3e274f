// Another library's tensors, for the tests: at::Tensor objects on the heap, made, read and ended as TorchSharp's native part does. It
// knows LibTorch and nothing of libhybrid. The second half is a host that sets LibTorch's thread counts.
#include "foreign_tensors.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cstring>

#define extern "C" __attribute__((visibility("default")))

// float64 values, row-major, as a leaf of the given element type (LibTorch's numbers: 6 is float32, 7 float64, 15 bfloat16).
void* foreign_new(const double* values, const int64_t* sizes, int32_t ndim, int8_t type, int32_t requires_grad) {
  auto tensor = at::empty(at::IntArrayRef(sizes, static_cast<size_t>(ndim)), at::kDouble);
  std::memcpy(tensor.data_ptr(), values, tensor.nbytes());
  return new at::Tensor(tensor.to(static_cast<at::ScalarType>(type)).set_requires_grad(requires_grad != 0));
}

void foreign_dispose(void* tensor) { delete static_cast<at::Tensor*>(tensor); }

void* foreign_undefined() { return new at::Tensor(); }

// A view that records nothing: another tensor on the storage of today.
void* foreign_detach(const void* tensor) { return new at::Tensor(static_cast<const at::Tensor*>(tensor)->detach()); }

// Rows for columns, on the same storage.
void* foreign_transpose(const void* tensor) { return new at::Tensor(static_cast<const at::Tensor*>(tensor)->detach().t()); }

// The elements as float64, row-major.
void foreign_read(const void* tensor, double* values) {
  auto host = static_cast<const at::Tensor*>(tensor)->detach().to(at::kDouble).contiguous();
  std::memcpy(values, host.data_ptr(), host.nbytes());
}

void foreign_fill(void* tensor, double value) { static_cast<at::Tensor*>(tensor)->detach().fill_(value); }

int64_t foreign_use_count(const void* tensor) { return static_cast<int64_t>(static_cast<const at::Tensor*>(tensor)->use_count()); }

uint64_t foreign_address(const void* tensor) { return reinterpret_cast<uint64_t>(static_cast<const at::Tensor*>(tensor)->data_ptr()); }

int32_t foreign_requires_grad(const void* tensor) { return static_cast<const at::Tensor*>(tensor)->requires_grad() ? 1 : 0; }

// As torch.set_num_threads in a host: LibTorch's own setter, which threads that are yet to compute follow.
void foreign_set_threads(int32_t threads) { at::set_num_threads(threads); }

int32_t foreign_threads() { return at::get_num_threads(); }

// Threads that at::parallel_for splits a large piece of work over, seen from inside.
int32_t foreign_threads_at_work() {
  constexpr int64_t tasks = 64;
  std::array<int, tasks> worker{};
  at::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) worker[static_cast<size_t>(i)] = at::get_thread_num();
  });
  return *std::max_element(worker.begin(), worker.end()) + 1;
}
