#include "cached_attention_kernel.h"

#include <algorithm>
#include <cmath>

#include "cpu/dispatch.h"
#include "typed.h"

namespace hybrid {
namespace {

// More new rows of a sequence than these keep LibTorch's matrix products busy, and go to them.
constexpr int64_t few_rows = 32;

// A task of the kernels is so many rows of one sequence's cache. Fixed, so that neither threads nor timing have a say in the sums.
constexpr int64_t piece_rows = 512;

// cos and sin of the angles of the positions that occur, each once: sequences of a batch often stand at the same one.
template <class C>
class Angles {
 public:
  Angles(const CachedCall& call, const at::Tensor& inverse_frequency) : half_(inverse_frequency.numel()) {
    for (int64_t b = 0; b < call.segments.count(); ++b)
      for (int64_t position = call.before(b); position < call.after(b); ++position) positions_.push_back(position);
    std::sort(positions_.begin(), positions_.end());
    positions_.erase(std::unique(positions_.begin(), positions_.end()), positions_.end());
    const auto* frequency = inverse_frequency.data_ptr<double>();
    for (int64_t position : positions_)
      for (int64_t j = 0; j < half_; ++j) {
        const double angle = static_cast<double>(position) * frequency[j];
        cos_.push_back(static_cast<C>(std::cos(angle)));
        sin_.push_back(static_cast<C>(std::sin(angle)));
      }
  }

  // [E/2] at a position; those of the positions after it follow, as far as they occur.
  const C* cos(int64_t position) const { return cos_.data() + place(position); }
  const C* sin(int64_t position) const { return sin_.data() + place(position); }

 private:
  int64_t place(int64_t position) const {
    return (std::lower_bound(positions_.begin(), positions_.end(), position) - positions_.begin()) * half_;
  }

  std::vector<int64_t> positions_;
  int64_t half_;
  std::vector<C> cos_, sin_;
};

template <class T>
void append(const CachedCall& call, const Angles<cpu::Compute<T>>& angles, const at::Tensor& k, const at::Tensor& v, const at::Tensor& keys,
            const at::Tensor& values) {
  const int64_t width = call.kv_heads * call.E;
  at::parallel_for(0, call.segments.count(), row_grain(call.segments.longest() * width), [&](int64_t first, int64_t last) {
    for (int64_t b = first; b < last; ++b)
      for (int64_t s = 0; s < call.segments.length(b); ++s) {
        const int64_t position = call.before(b) + s, from = (call.segments.begin(b) + s) * width,
                      to = (b * call.capacity + position) * width;
        cpu::kernels<T>().cache_row(elements<T>(k) + from, elements<T>(v) + from, angles.cos(position), angles.sin(position), call.kv_heads,
                                    call.E, elements<T>(keys) + to, elements<T>(values) + to);
      }
  });
}

// One task a sequence, key-value head and piece of the cache; then the pieces are joined.
template <class T>
at::Tensor attend(const CachedCall& call, const Angles<cpu::Compute<T>>& angles, const at::Tensor& q, const at::Tensor& keys,
                  const at::Tensor& values) {
  using C = cpu::Compute<T>;
  const int64_t E = call.E, K = call.kv_heads, group = call.group();
  auto head_of = [&](int64_t b, int64_t kv) -> cpu::CachedHead<T> {
    const int64_t at_q = call.segments.begin(b) * call.heads * E + kv * group * E, at_cache = (b * call.capacity * K + kv) * E;
    return {call.before(b),
            call.segments.length(b),
            E,
            group,
            call.heads * E,
            K * E,
            elements<T>(q) + at_q,
            elements<T>(keys) + at_cache,
            elements<T>(values) + at_cache,
            angles.cos(call.before(b)),
            angles.sin(call.before(b))};
  };
  struct Task {
    int64_t b, kv, first, pieces, partial;  // the first row of its piece; for a head's first piece, how many there are
  };
  std::vector<Task> tasks, heads;
  int64_t partials = 0, cached = 0, most_rows = call.segments.longest() * group;
  for (int64_t b = 0; b < call.segments.count(); ++b) {
    if (call.segments.length(b) == 0) continue;
    const int64_t pieces = (call.after(b) + piece_rows - 1) / piece_rows;
    for (int64_t kv = 0; kv < K; ++kv) {
      heads.push_back({b, kv, 0, pieces, partials});
      for (int64_t p = 0; p < pieces; ++p, partials += cpu::cached_attention_partial(call.segments.length(b) * group, E))
        tasks.push_back({b, kv, p * piece_rows, pieces, partials});
    }
    cached += call.after(b) * K;
  }
  auto out = at::empty_like(q), sums = at::empty({partials}, accumulation_options(q));
  const auto count = static_cast<int64_t>(tasks.size());
  at::parallel_for(0, count, row_grain(cached * E / std::max<int64_t>(1, count)), [&](int64_t first, int64_t last) {
    std::vector<C> scratch(static_cast<size_t>(cpu::cached_attention_scratch(most_rows, E)));
    for (int64_t i = first; i < last; ++i) {
      const Task& task = tasks[static_cast<size_t>(i)];
      cpu::kernels<T>().cached_attention_piece(head_of(task.b, task.kv), task.first, std::min(task.first + piece_rows, call.after(task.b)),
                                               elements<C>(sums) + task.partial, scratch.data());
    }
  });
  at::parallel_for(0, static_cast<int64_t>(heads.size()), row_grain(most_rows * E), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const Task& task = heads[static_cast<size_t>(i)];
      const auto head = head_of(task.b, task.kv);
      cpu::kernels<T>().cached_attention_join(head, elements<C>(sums) + task.partial, task.pieces,
                                              elements<T>(out) + (head.q - elements<T>(q)));
    }
  });
  return out;
}

}  // namespace

at::Tensor cached_attention_by_kernel(const CachedCall& call, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                      const at::Tensor& inverse_frequency, const at::Tensor& keys, const at::Tensor& values) {
  at::Tensor out;
  if (call.segments.longest() > few_rows) return out;
  with_kernels(q, [&](auto zero) {
    using T = decltype(zero);
    const Angles<cpu::Compute<T>> angles(call, inverse_frequency);
    append<T>(call, angles, k.contiguous(), v.contiguous(), keys, values);
    out = attend<T>(call, angles, q.contiguous(), keys, values);
  });
  return out;
}

}  // namespace hybrid
