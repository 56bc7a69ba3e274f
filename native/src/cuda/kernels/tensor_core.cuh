// The two instructions of the tensor cores (compute capability 8.0 and later) that are used, as the PTX manual has them.
#pragma once

#include "cuda/kernels.h"

namespace hybrid::cuda {

// Four 8×8 matrices from shared memory, transposed on the way. Lane l names row l % 8 of matrix l / 8, eight elements at an
// address of 16 bytes; it gets, of each matrix, the elements of column l / 4 in rows 2 (l % 4) and one further.
__device__ inline void load_transposed(uint32_t (&fragments)[4], const bf16* row) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(fragments[0]), "=r"(fragments[1]), "=r"(fragments[2]), "=r"(fragments[3])
               : "r"(address)
               : "memory");
}

// sums [16,8] += left [16,16] right [16,8]. With g = lane / 4 and t = lane % 4, a lane holds of
//   left   rows g, g + 8, g, g + 8 in columns 2t, 2t, 2t + 8, 2t + 8, each with the column behind it,
//   right  rows 2t and 2t + 8 in column g, each with the row below it,
//   sums   rows g, g, g + 8, g + 8 in columns 2t, 2t + 1, 2t, 2t + 1.
__device__ inline void multiply_add(float (&sums)[4], const uint32_t (&left)[4], const uint32_t* right) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]));
}

}  // namespace hybrid::cuda
