// The sums behind a hyb_density handle, shared with every graph recorded under it.
#pragma once

#include "cuda/kernels.h"
#include "segments.h"
#include "torch_headers.h"

namespace hybrid {

class DensityState : public torch::CustomClassHolder {
 public:
  DensityState(c10::intrusive_ptr<Segments> segments, int32_t layers);

  // Adds, for every example b, Σ|G_bᵀ A_b| to layer: grad [T,O], input [T,I].
  void add_linear(const at::Tensor& grad, const at::Tensor& input, int32_t layer);

  // Adds, for every example b, Σ|Σ_rows grad ∘ x̂| to layer, x̂ = x · inverse_rms: grad and x [T,D], inverse_rms [T].
  void add_norm(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& inverse_rms, int32_t layer);

  void check(int64_t rows, int32_t layer) const;
  const at::Tensor& sums() const { return sums_; }

 private:
  void add(int64_t example, int32_t layer, double l1);
  void add(int64_t example, int32_t layer, const at::Tensor& l1);
  void move_to(at::Device device);
  cuda::ExampleSums on_cuda(at::Device device, int32_t layer);

  c10::intrusive_ptr<Segments> segments_;
  at::Tensor offsets_;  // the segments' bounds, [examples + 1], on the device of the latest gradient, as are
  at::Tensor sums_;     // [examples, layers], float64
};

}  // namespace hybrid
