// The fused operations written out with LibTorch's own, one formula a line: what ours must agree with.
#pragma once

#include "support.h"

namespace hybrid::tests::reference {

inline at::Tensor linear(const at::Tensor& x, const at::Tensor& weight) { return at::matmul(x, weight.t()); }

inline at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  return x / at::sqrt(x.pow(2).mean(1, true) + epsilon) * weight;
}

inline at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) { return gate * at::sigmoid(gate) * up; }

inline at::Tensor token_nll(const at::Tensor& hidden, const at::Tensor& weight, const std::vector<int64_t>& targets) {
  auto index = at::tensor(targets, at::kLong).unsqueeze(1);
  return -at::log_softmax(at::matmul(hidden, weight.t()), 1).gather(1, index).squeeze(1);
}

// One head's rows [S,E] turned to their positions: the pair (j, j + E/2) is a complex number times e^(i p f_j).
inline at::Tensor rotate(const at::Tensor& x, const std::vector<double>& inverse_frequency) {
  const int64_t half = x.size(1) / 2;
  auto positions = at::arange(x.size(0), at::kDouble).unsqueeze(1);
  auto angles = positions * at::tensor(inverse_frequency, at::kDouble).unsqueeze(0);
  auto turned = at::complex(x.slice(1, 0, half), x.slice(1, half)) * at::complex(at::cos(angles), at::sin(angles));
  return at::cat({at::real(turned), at::imag(turned)}, 1);
}

// Head by head and sequence by sequence; float64 only.
inline at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Offsets& offsets, const Heads& heads) {
  const int64_t E = q.size(1) / heads.query, group = heads.query / heads.key_value;
  Tensors sequences;
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    const int64_t begin = offsets[b], S = offsets[b + 1] - begin;
    auto rows = [&](const at::Tensor& t, int64_t head) { return t.narrow(0, begin, S).narrow(1, head * E, E); };
    auto future = at::ones({S, S}, at::kBool).triu(1);
    Tensors outs;
    for (int64_t h = 0; h < heads.query; ++h) {
      auto query = rotate(rows(q, h), heads.inverse_frequency), key = rotate(rows(k, h / group), heads.inverse_frequency);
      auto scores = at::matmul(query, key.t()) / std::sqrt(static_cast<double>(E));
      auto weights = at::softmax(scores.masked_fill(future, -std::numeric_limits<double>::infinity()), 1);
      outs.push_back(at::matmul(weights, rows(v, h / group)));
    }
    sequences.push_back(at::cat(outs, 1));
  }
  return at::cat(sequences, 0);
}

}  // namespace hybrid::tests::reference
