// Matrix products of row-major matrices, by the fastest library there is for the operands. The result has the operands'
// type, or float32 where 16-bit operands are to be summed and kept wide.
#pragma once

#include "torch_headers.h"

namespace hybrid {

at::Tensor matmul_nt(const at::Tensor& a, const at::Tensor& b);       // a [M,K] b [N,K]: a bᵀ [M,N]
at::Tensor matmul_nt_wide(const at::Tensor& a, const at::Tensor& b);  // the same in accumulation_type
at::Tensor matmul_nn(const at::Tensor& a, const at::Tensor& b);       // a [M,K] b [K,N]: a b  [M,N]
at::Tensor matmul_tn(const at::Tensor& a, const at::Tensor& b);       // a [K,M] b [K,N]: aᵀ b [M,N]

// out [M,N] += aᵀ b, for gradients summed over chunks; out is of accumulation_type.
void add_matmul_tn(at::Tensor& out, const at::Tensor& a, const at::Tensor& b);

const char* matmul_backend();

}  // namespace hybrid
