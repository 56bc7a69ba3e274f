// The bounds of packed sequences, and host index lists checked before use.
#pragma once

#include <memory>
#include <vector>

#include "error.h"
#include "torch_headers.h"

namespace hybrid {

// A CustomClassHolder so that an autograd context can keep it.
class Segments : public torch::CustomClassHolder {
 public:
  // offsets holds count + 1 rising numbers from 0 to rows.
  static c10::intrusive_ptr<Segments> make(const int64_t* offsets, int64_t count, int64_t rows) {
    require(count >= 0, HYB_INVALID_ARGUMENT, "a negative number of sequences");
    not_null(offsets, "offsets");
    auto segments = c10::make_intrusive<Segments>();
    segments->offsets_.assign(offsets, offsets + count + 1);
    require(offsets[0] == 0, HYB_INVALID_ARGUMENT, "offsets begin at ", offsets[0], ", not 0");
    for (int64_t i = 0; i < count; ++i)
      require(offsets[i] <= offsets[i + 1], HYB_INVALID_ARGUMENT, "offsets fall from ", offsets[i], " to ", offsets[i + 1], " at ", i + 1);
    require(offsets[count] == rows, HYB_INVALID_ARGUMENT, "offsets end at ", offsets[count], ", the tensor has ", rows, " rows");
    return segments;
  }

  int64_t count() const { return static_cast<int64_t>(offsets_.size()) - 1; }
  int64_t begin(int64_t i) const { return offsets_[static_cast<size_t>(i)]; }
  int64_t end(int64_t i) const { return offsets_[static_cast<size_t>(i) + 1]; }
  int64_t length(int64_t i) const { return end(i) - begin(i); }
  int64_t rows() const { return offsets_.back(); }
  const std::vector<int64_t>& offsets() const { return offsets_; }
  int64_t longest() const {
    int64_t most = 0;
    for (int64_t i = 0; i < count(); ++i) most = std::max(most, length(i));
    return most;
  }

 private:
  std::vector<int64_t> offsets_;
};

// A copy of indices as an int64 tensor on device; every one must lie in 0 .. size-1.
inline at::Tensor index_tensor(const int64_t* indices, int64_t n, int64_t size, const char* what, at::Device device) {
  require(n >= 0, HYB_INVALID_ARGUMENT, "a negative number of indices");
  if (n > 0) not_null(indices, what);
  for (int64_t i = 0; i < n; ++i)
    require(indices[i] >= 0 && indices[i] < size, HYB_OUT_OF_RANGE, what, " ", indices[i], " at position ", i, " is outside 0 to ",
            size - 1);
  auto tensor = at::empty({n}, at::kLong);
  std::copy(indices, indices + n, tensor.data_ptr<int64_t>());
  return tensor.to(device);
}

}  // namespace hybrid
