// Rotary position embedding by LibTorch's operations, where no kernel of ours turns the rows itself.
#pragma once

#include "torch_headers.h"

namespace hybrid {

// cos and sin of position × inverse frequency, [positions, E/2] each.
struct RotaryTables {
  at::Tensor cos, sin;
};

// The angles are float64 until the end.
inline RotaryTables rotary_tables(const at::Tensor& positions, const at::Tensor& inverse_frequency, at::TensorOptions options) {
  auto angles = at::outer(positions.to(at::kDouble), inverse_frequency);
  return {at::cos(angles).to(options), at::sin(angles).to(options)};
}

// x [.., E], its halves turned as pairs by tables [.., E/2], which are of the type to compute in.
inline at::Tensor turned(const at::Tensor& x, const RotaryTables& tables) {
  auto halves = x.to(tables.cos.scalar_type()).chunk(2, -1);
  return at::cat({halves[0] * tables.cos - halves[1] * tables.sin, halves[1] * tables.cos + halves[0] * tables.sin}, -1)
      .to(x.scalar_type());
}

}  // namespace hybrid
