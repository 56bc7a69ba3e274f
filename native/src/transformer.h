// The fused operations as differentiable functions of tensors; transformer.cpp puts the C ABI in front of them.
// Most have kernels of our own for float32, float64 and bfloat16 on the CPU, and for float32 and bfloat16 on CUDA devices; the
// rest is LibTorch's composed operations.
#pragma once

#include "density_state.h"
#include "segments.h"
#include "torch_headers.h"

namespace hybrid {

struct DensityTarget {
  c10::intrusive_ptr<DensityState> state;  // null: no accumulator
  int32_t layer;
};

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const DensityTarget& density);
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon, const DensityTarget& density);
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const c10::intrusive_ptr<Segments>& segments,
                     int64_t heads, int64_t kv_heads, const at::Tensor& inverse_frequency);
void check_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads, int64_t kv_heads,
                     const at::Tensor& inverse_frequency);
// keys and values [B,capacity,K,E] are written to; past [B].
at::Tensor cached_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const c10::intrusive_ptr<Segments>& segments,
                            const std::vector<int64_t>& past, int64_t heads, int64_t kv_heads, const at::Tensor& inverse_frequency,
                            const at::Tensor& keys, const at::Tensor& values);
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);
at::Tensor token_nll(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& targets, int64_t chunk_rows);

}  // namespace hybrid
