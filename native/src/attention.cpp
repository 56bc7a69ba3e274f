#include <cmath>
#include <limits>

#include "cpu/dispatch.h"
#include "rotary.h"
#include "transformer.h"
#include "typed.h"

namespace hybrid {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Shape {
  int64_t heads, kv_heads, E;
};

template <class T>
cpu::AttentionHead<T> head_of(const Segments& segments, const Shape& shape, int64_t b, int64_t kv, const at::Tensor& q, const at::Tensor& k,
                              const at::Tensor& v, const at::Tensor& cos, const at::Tensor& sin, at::Tensor& lse) {
  const int64_t group = shape.heads / shape.kv_heads, q_stride = shape.heads * shape.E, kv_stride = shape.kv_heads * shape.E;
  const int64_t begin = segments.begin(b), at_q = begin * q_stride + kv * group * shape.E, at_kv = begin * kv_stride + kv * shape.E;
  return {segments.length(b),
          shape.E,
          group,
          q_stride,
          kv_stride,
          elements<T>(q) + at_q,
          elements<T>(k) + at_kv,
          elements<T>(v) + at_kv,
          elements<cpu::Compute<T>>(cos),
          elements<cpu::Compute<T>>(sin),
          elements<cpu::Compute<T>>(lse) + begin * shape.heads + kv * group,
          shape.heads};
}

// One task a sequence and key-value head: body(sequence, kv head, scratch).
template <class T, class Body>
void for_each_head(const Segments& segments, const Shape& shape, int64_t scratch_size, const at::Tensor& like, const Body& body) {
  at::parallel_for(0, segments.count() * shape.kv_heads, 1, [&](int64_t first, int64_t last) {
    auto scratch = at::empty({scratch_size}, accumulation_options(like));
    for (int64_t task = first; task < last; ++task)
      if (segments.length(task / shape.kv_heads) > 0) body(task / shape.kv_heads, task % shape.kv_heads, elements<cpu::Compute<T>>(scratch));
  });
}

class FusedAttention : public torch::autograd::Function<FusedAttention> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q_in, const at::Tensor& k_in, const at::Tensor& v_in,
                            const c10::intrusive_ptr<Segments>& segments, int64_t heads, int64_t kv_heads,
                            const at::Tensor& inverse_frequency) {
    auto q = q_in.contiguous(), k = k_in.contiguous(), v = v_in.contiguous();
    Shape shape{heads, kv_heads, q.size(1) / heads};
    auto [cos, sin] = rotary_tables(at::arange(segments->longest()), inverse_frequency, accumulation_options(q));
    auto out = at::empty_like(q), lse = at::empty({q.size(0), heads}, accumulation_options(q));
    with_kernels(q, [&, cos = cos, sin = sin](auto zero) {
      using T = decltype(zero);
      for_each_head<T>(*segments, shape, cpu::attention_forward_scratch(segments->longest(), shape.E), q,
                       [&](int64_t b, int64_t kv, auto* scratch) {
                         auto head = head_of<T>(*segments, shape, b, kv, q, k, v, cos, sin, lse);
                         cpu::kernels<T>().attention_forward(head, elements<T>(out) + (head.q - elements<T>(q)), scratch);
                       });
    });
    context->save_for_backward({q, k, v, out});
    context->saved_data["lse"] = lse;
    context->saved_data["cos"] = cos;
    context->saved_data["sin"] = sin;
    context->saved_data["heads"] = heads;
    context->saved_data["kv_heads"] = kv_heads;
    context->saved_data["segments"] = c10::IValue::make_capsule(segments);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    const auto &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3];
    auto& data = context->saved_data;
    auto segments = c10::static_intrusive_pointer_cast<Segments>(data["segments"].toCapsule());
    Shape shape{data["heads"].toInt(), data["kv_heads"].toInt(), q.size(1) / data["heads"].toInt()};
    auto lse = data["lse"].toTensor(), cos = data["cos"].toTensor(), sin = data["sin"].toTensor(), grad = grads[0].contiguous();
    auto grad_q = at::empty_like(q), grad_k = at::empty_like(k), grad_v = at::empty_like(v);
    with_kernels(q, [&](auto zero) {
      using T = decltype(zero);
      for_each_head<T>(
          *segments, shape, cpu::attention_backward_scratch(segments->longest(), shape.E), q, [&](int64_t b, int64_t kv, auto* scratch) {
            auto head = head_of<T>(*segments, shape, b, kv, q, k, v, cos, sin, lse);
            int64_t at_q = head.q - elements<T>(q), at_kv = head.k - elements<T>(k);
            cpu::kernels<T>().attention_backward(head, elements<T>(out) + at_q, elements<T>(grad) + at_q, elements<T>(grad_q) + at_q,
                                                 elements<T>(grad_k) + at_kv, elements<T>(grad_v) + at_kv, scratch);
          });
    });
    return {grad_q, grad_k, grad_v, {}, {}, {}, {}};
  }
};

// Packed rows as a batch [B,S,..] of the longest length, and back. Rows are padded on the right: in causal attention no row
// sees what stands behind it, so the padding needs no mask.
class PaddedBatch {
 public:
  PaddedBatch(const Segments& segments, at::Device device) : B_(segments.count()), S_(segments.longest()) {
    if (segments.rows() == B_ * S_) return;
    std::vector<int64_t> places;
    places.reserve(static_cast<size_t>(segments.rows()));
    for (int64_t b = 0; b < B_; ++b)
      for (int64_t s = 0; s < segments.length(b); ++s) places.push_back(b * S_ + s);
    places_ = at::tensor(places, at::kLong).to(device);
  }

  int64_t length() const { return S_; }

  // x [T, heads*E] → [B, heads, S, E].
  at::Tensor heads_of(const at::Tensor& x, int64_t heads) const {
    auto rows = places_.defined() ? at::index_copy(at::zeros({B_ * S_, x.size(1)}, x.options()), 0, places_, x) : x;
    return rows.view({B_, S_, heads, -1}).transpose(1, 2);
  }

  // [B, heads, S, E] → [T, heads*E].
  at::Tensor packed(const at::Tensor& by_head) const {
    auto rows = by_head.transpose(1, 2).reshape({B_ * S_, -1});
    return places_.defined() ? rows.index_select(0, places_) : rows;
  }

 private:
  int64_t B_, S_;
  at::Tensor places_;  // of each packed row in the batch's rows [B*S]; undefined where all lengths are equal
};

// softmax(q kᵀ / √E) v over [B,heads,S,E], each row seeing itself and those before it.
at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
#if TORCH_VERSION_MAJOR >= 2
  return at::scaled_dot_product_attention(q, k, v, {}, 0.0, true);
#else
  const auto wide = accumulation_type(q);
  const int64_t S = q.size(2);
  auto scores = at::matmul(q.to(wide), k.to(wide).transpose(2, 3)) / std::sqrt(static_cast<double>(q.size(3)));
  auto future = at::ones({S, S}, scores.options().dtype(at::kBool)).triu(1);
  auto weights = at::softmax(scores.masked_fill(future, -std::numeric_limits<double>::infinity()), -1);
  return at::matmul(weights, v.to(wide)).to(q.scalar_type());
#endif
}

// The same from LibTorch's operations, all sequences at once; for float16 and other devices.
at::Tensor composed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& segments, const Shape& shape,
                              const at::Tensor& inverse_frequency) {
  // With no rows at all the empty result still depends on all three, as the fused operation's does.
  if (segments.rows() == 0) return q * (k.sum() + v.sum());
  const PaddedBatch batch(segments, q.device());
  const auto tables = rotary_tables(at::arange(batch.length()), inverse_frequency, accumulation_options(q));
  const int64_t group = shape.heads / shape.kv_heads;
  auto queries = turned(batch.heads_of(q, shape.heads), tables);
  auto keys = turned(batch.heads_of(k, shape.kv_heads), tables).repeat_interleave(group, 1);
  auto values = batch.heads_of(v, shape.kv_heads).repeat_interleave(group, 1);
  return batch.packed(causal_attention(queries, keys, values));
}

}  // namespace

void check_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads, int64_t kv_heads,
                     const at::Tensor& inverse_frequency) {
  require(heads >= 1 && kv_heads >= 1 && heads % kv_heads == 0, HYB_INVALID_ARGUMENT, heads, " heads over ", kv_heads,
          " key-value heads: the first must be a multiple of the second");
  require(q.dim() == 2 && q.size(1) > 0 && q.size(1) % heads == 0 && q.size(1) / heads % 2 == 0, HYB_INVALID_ARGUMENT, "q ", q.sizes(),
          " for ", heads, " heads: [T, heads * E] with even E of at least 2 is needed");
  const int64_t E = q.size(1) / heads;
  require(k.dim() == 2 && k.size(0) == q.size(0) && k.size(1) == kv_heads * E && k.sizes() == v.sizes(), HYB_INVALID_ARGUMENT, "k ",
          k.sizes(), " and v ", v.sizes(), " for q ", q.sizes(), ": [", q.size(0), ", ", kv_heads * E, "] is needed");
  require(q.scalar_type() == k.scalar_type() && q.scalar_type() == v.scalar_type() && q.device() == k.device() && q.device() == v.device(),
          HYB_TYPE_MISMATCH, "q, k and v differ in dtype or device");
  require(inverse_frequency.numel() == E / 2, HYB_INVALID_ARGUMENT, inverse_frequency.numel(), " inverse frequencies for a head of ", E);
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const c10::intrusive_ptr<Segments>& segments,
                     int64_t heads, int64_t kv_heads, const at::Tensor& inverse_frequency) {
  check_attention(q, k, v, heads, kv_heads, inverse_frequency);
  if (with_kernels(q, [](auto) {})) return FusedAttention::apply(q, k, v, segments, heads, kv_heads, inverse_frequency);
  return composed_attention(q.contiguous(), k.contiguous(), v.contiguous(), *segments, {heads, kv_heads, q.size(1) / heads},
                            inverse_frequency);
}

}  // namespace hybrid
