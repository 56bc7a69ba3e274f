// A few rows times a weight's rows, x wᵀ: what a step of generation does with every matrix. The weight is read once, as it lies, and
// each output has a vector of sums in a register; a tile has as many outputs as a vector has lanes, which turns their totals into one.
#include "cpu/kernels/kernel_list.h"
#include "cpu/kernels/tile.h"

namespace hybrid::cpu::HYBRID_ISA {
namespace {

template <class C>
inline Vector<C> load_wide(const C* from) {
  return load(from);
}

inline Vector<float> load_wide(const bf16* from) {
  typedef uint16_t Halves __attribute__((vector_size(vector_bytes / 2), aligned(2), may_alias));
  typedef uint32_t Words __attribute__((vector_size(vector_bytes)));
  return reinterpret_cast<Vector<float>>(__builtin_convertvector(*reinterpret_cast<const Halves*>(from), Words) << 16);
}

// out [rows, outs] = x [rows, W] times outs rows of the weight. x ends with the vector that belongs to the last lanes of I.
template <int rows, class T, class C = Compute<T>>
inline void multiply_outputs(const C* x, int64_t W, const T* weight, int64_t I, C (&out)[lanes<C>]) {
  constexpr int64_t outs = lanes<C> / rows;
  Vector<C> sums[lanes<C>] = {};
  auto add = [&](int64_t from, int64_t at) __attribute__((always_inline)) {
    Vector<C> left[rows];
#pragma GCC unroll 4
    for (int64_t r = 0; r < rows; ++r) left[r] = load(x + r * W + from);
#pragma GCC unroll 16
    for (int64_t o = 0; o < outs; ++o) {
      const Vector<C> right = load_wide(weight + o * I + at);
#pragma GCC unroll 4
      for (int64_t r = 0; r < rows; ++r) sums[r * outs + o] += left[r] * right;
    }
  };
  int64_t i = 0;
  for (; i + lanes<C> <= I; i += lanes<C>) add(i, i);
  if (i < I) add(i, I - lanes<C>);
  total_lanes<C>(sums);
  store(out, sums[0]);
}

// A tile that would stand over the end of the weight stands at its end instead, and what another one has made is left alone.
template <int rows, class T, class C = Compute<T>>
inline void multiply_few(const C* x, int64_t W, const T* weight, int64_t I, int64_t first, int64_t last, int64_t O, T* out, C* wide_out) {
  constexpr int64_t outs = lanes<C> / rows;
  for (int64_t o = first; o < last; o += outs) {
    const int64_t at = o + outs <= O ? o : O - outs, end = o + outs <= last ? o + outs : last;
    C sums[lanes<C>];
    multiply_outputs<rows>(x, W, weight + at * I, I, sums);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t to = o; to < end; ++to) {
        const C sum = sums[r * outs + to - at];
        if (wide_out != nullptr)
          wide_out[r * O + to] = sum;
        else
          out[r * O + to] = narrow<T>(sum);
      }
  }
}

}  // namespace

template <class T>
void few_rows_widen(const T* x, int64_t rows, int64_t I, Compute<T>* to) {
  using C = Compute<T>;
  const int64_t W = padded(I), whole = I / lanes<C> * lanes<C>, missing = whole + lanes<C> - I;
  for (int64_t r = 0; r < rows; ++r, x += I, to += W) {
#pragma omp simd
    for (int64_t i = 0; i < whole; ++i) to[i] = wide(x[i]);
    if (whole < I)
      for (int64_t l = 0; l < lanes<C>; ++l) to[whole + l] = l < missing ? C(0) : C(wide(x[whole + l - missing]));
  }
}

template <class T>
void few_rows_product(const Compute<T>* x, int64_t rows, const T* weight, int64_t I, int64_t first, int64_t last, int64_t O, T* out,
                      Compute<T>* wide_out) {
  using C = Compute<T>;
  const int64_t W = padded(I);
  // So many outputs at a time that their weights stay in the first-level cache for every row.
  const int64_t size = static_cast<int64_t>(sizeof(T)), fit = 16384 / (I * size) / lanes<C> * lanes<C>,
                step = fit < lanes<C> ? lanes<C> : fit;
  for (int64_t from = first; from < last; from += step) {
    const int64_t to = from + step < last ? from + step : last;
    int64_t r = 0;
    auto there = [&](auto* all) { return all == nullptr ? nullptr : all + r * O; };
    if constexpr (lanes<C> >= 16)
      for (; r + 4 <= rows; r += 4) multiply_few<4>(x + r * W, W, weight, I, from, to, O, there(out), there(wide_out));
    if constexpr (lanes<C> >= 8)
      for (; r + 2 <= rows; r += 2) multiply_few<2>(x + r * W, W, weight, I, from, to, O, there(out), there(wide_out));
    for (; r < rows; ++r) multiply_few<1>(x + r * W, W, weight, I, from, to, O, there(out), there(wide_out));
  }
}

#define HYBRID_INSTANTIATE(T)                                            \
  template void few_rows_widen(const T*, int64_t, int64_t, Compute<T>*); \
  template void few_rows_product(const Compute<T>*, int64_t, const T*, int64_t, int64_t, int64_t, int64_t, T*, Compute<T>*);
HYBRID_INSTANTIATE(float)
HYBRID_INSTANTIATE(double)
HYBRID_INSTANTIATE(bf16)
#undef HYBRID_INSTANTIATE

}  // namespace hybrid::cpu::HYBRID_ISA
