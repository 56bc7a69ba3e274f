// Matrix products of row-major matrices, by the fastest library there is for the operands.
#pragma once

#include "torch_headers.h"

namespace hybrid {

at::Tensor matmul_nt(const at::Tensor& a, const at::Tensor& b);  // a [M,K] b [N,K]: a bᵀ [M,N]
at::Tensor matmul_nn(const at::Tensor& a, const at::Tensor& b);  // a [M,K] b [K,N]: a b  [M,N]
at::Tensor matmul_tn(const at::Tensor& a, const at::Tensor& b);  // a [K,M] b [K,N]: aᵀ b [M,N]

// out [M,N] += aᵀ b, for gradients summed over chunks.
void add_matmul_tn(at::Tensor& out, const at::Tensor& a, const at::Tensor& b);

const char* matmul_backend();

}  // namespace hybrid
