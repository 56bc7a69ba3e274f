// Attention of a few new rows to cached ones by the kernels of cpu/kernels/cached_attention.cpp.
#pragma once

#include "segments.h"
#include "torch_headers.h"

namespace hybrid {

// The sizes of a call, whose operands are checked, and how many rows of each sequence the cache has before it.
struct CachedCall {
  const Segments& segments;
  const std::vector<int64_t>& past;
  int64_t heads, kv_heads, E, capacity;

  int64_t group() const { return heads / kv_heads; }
  int64_t before(int64_t b) const { return past[static_cast<size_t>(b)]; }
  int64_t after(int64_t b) const { return before(b) + segments.length(b); }
};

// Writes the new keys and values behind the others and returns [T, heads*E]. Undefined, and nothing written, where the kernels do not
// cover device and type, or a sequence has more new rows than a few.
at::Tensor cached_attention_by_kernel(const CachedCall& call, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                      const at::Tensor& inverse_frequency, const at::Tensor& keys, const at::Tensor& values);

}  // namespace hybrid
