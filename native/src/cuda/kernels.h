// The hand-written CUDA kernels behind plain functions over raw row-major memory of the current device. Each starts its
// work on a stream, a cudaStream_t, and returns; what a launch answers other than success is a std::runtime_error that
// begins with "CUDA error". T is float or bf16, and what is computed, summed or kept as a statistic is float.
// Letters as in cpu/kernels.h: D hidden, V vocabulary, S sequence, I and O a linear layer's in and out.
#pragma once

#include <cstdint>

namespace hybrid::cuda {

// A bfloat16 as it lies in memory: the upper half of a float.
struct bf16 {
  uint16_t bits;
};

// x and out [rows,D].
template <class T>
void rms_norm_forward(const T* x, const T* weight, float epsilon, int64_t rows, int64_t D, T* out, float* inverse_rms, void* stream);
template <class T>
void rms_norm_grad_x(const T* x, const T* weight, const float* inverse_rms, const T* grad, int64_t rows, int64_t D, T* grad_x,
                     void* stream);
// partial [parts,D]: the weight's gradient from each of 1 <= parts <= 65535 equal ranges of rows.
template <class T>
void rms_norm_grad_weight(const T* x, const float* inverse_rms, const T* grad, int64_t rows, int64_t D, int64_t parts, float* partial,
                          void* stream);

template <class T>
void swiglu_forward(const T* gate, const T* up, int64_t n, T* out, void* stream);
template <class T>
void swiglu_backward(const T* gate, const T* up, const T* grad, int64_t n, T* grad_gate, T* grad_up, void* stream);

// logits [rows,V] → nll and log-denominators.
void nll_forward(const float* logits, const int64_t* targets, int64_t rows, int64_t V, float* nll, float* lse, void* stream);
// d loss / d logits; grad_logits may be logits.
template <class T>
void nll_backward(const float* logits, const int64_t* targets, const float* lse, const float* grad, int64_t rows, int64_t V, T* grad_logits,
                  void* stream);

// Where the sums of one layer are: example b owns rows offsets[b] .. offsets[b+1]-1 and adds to sums[b * stride].
struct ExampleSums {
  const int64_t* offsets;
  int64_t examples;
  double* sums;
  int64_t stride;
};

// Adds Σ |G_bᵀ A_b| of every example b: grad [T,O], input [T,I].
template <class T>
void gradient_l1(const T* grad, int64_t O, const T* input, int64_t I, const ExampleSums& to, void* stream);
// Adds Σ |Σ_s grad ∘ x · inverse_rms| of every example: grad and x [T,D].
template <class T>
void norm_gradient_l1(const T* grad, const T* x, const float* inverse_rms, int64_t D, const ExampleSums& to, void* stream);

// weight is the float master copy, of which parameter is a rounding; where parameters are float, it is the parameter.
struct LionTensor {
  void* parameter;
  const void* gradient;
  float *weight, *momentum;
  int64_t size;
};
struct LionRates {
  float rate, beta1, beta2, decay;
};
// tensors lies on the host; parameters and gradients are of T.
template <class T>
void lion(const LionTensor* tensors, int64_t count, const LionRates& rates, void* stream);

// bfloat16 throughout; weights and momenta are rounded stochastically by noise (stochastic_rounding.h), to the CPU kernels' bits.
struct RoundedLionTensor {
  bf16* parameter;
  const bf16* gradient;
  bf16* momentum;
  int64_t size;
  uint64_t noise;
};
void rounded_lion(const RoundedLionTensor* tensors, int64_t count, const LionRates& rates, void* stream);

}  // namespace hybrid::cuda
