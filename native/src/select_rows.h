// Rows of a matrix by index, with a backward pass that adds each row's gradients once: embedding tables and the rows of
// hidden states that predict a scored token.
#pragma once

#include "torch_headers.h"

namespace hybrid {

// table [R,D], indices [N] int64 on its device, each in 0 .. R-1: [N,D].
at::Tensor select_rows(const at::Tensor& table, const at::Tensor& indices);

}  // namespace hybrid
