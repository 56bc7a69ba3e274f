// Attention of new rows over the keys and values of all rows before them, for generation; nothing is recorded for backward. A few new
// rows on the CPU have a kernel of their own, whole sequences the attention of training; the rest is LibTorch's operations.
#include <cmath>
#include <limits>

#include "cached_attention_kernel.h"
#include "rotary.h"
#include "transformer.h"
#include "typed.h"

namespace hybrid {
namespace {

// Scores exist for so many new rows of a sequence at a time.
constexpr int64_t rows_at_once = 128;

// Every new row's own position, [T].
at::Tensor positions_of(const Segments& segments, const std::vector<int64_t>& past) {
  std::vector<int64_t> positions;
  positions.reserve(static_cast<size_t>(segments.rows()));
  for (int64_t b = 0; b < segments.count(); ++b)
    for (int64_t s = 0; s < segments.length(b); ++s) positions.push_back(past[static_cast<size_t>(b)] + s);
  return at::tensor(positions, at::kLong);
}

// x [T, heads*E] turned by tables [T, E/2] of the type to compute in: [T, heads, E].
at::Tensor turned_rows(const at::Tensor& x, int64_t heads, const RotaryTables& tables) {
  return turned(x.reshape({x.size(0), heads, -1}), {tables.cos.unsqueeze(1), tables.sin.unsqueeze(1)});
}

// New queries [n,H,E] of one sequence over its keys and values [S,K,E], of which the last n are the queries' own; key-value
// heads first .. last-1 and the query heads that they serve. Everything is a view but, in 16 bits, what is widened. [n,heads,E].
at::Tensor attended(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values, int64_t first, int64_t last) {
  const auto wide = accumulation_type(q);
  const int64_t n = q.size(0), E = q.size(2), S = keys.size(0), count = last - first, group = q.size(1) / keys.size(1);
  auto queries = q.narrow(1, first * group, count * group).to(wide).view({n, count, group, E}).permute({1, 2, 0, 3});
  auto by_head = [&](const at::Tensor& cached) { return cached.narrow(1, first, count).transpose(0, 1).to(wide); };
  auto scores = at::bmm(queries.reshape({count, group * n, E}), by_head(keys).transpose(1, 2)).div_(std::sqrt(static_cast<double>(E)));
  if (n > 1) {
    auto future = at::ones({n, S}, scores.options().dtype(at::kBool)).triu(S - n + 1);
    scores.view({count, group, n, S}).masked_fill_(future, -std::numeric_limits<double>::infinity());
  }
  auto out = at::bmm(at::softmax(scores, -1), by_head(values)).view({count, group, n, E});
  return out.permute({2, 0, 1, 3}).reshape({n, count * group, E}).to(q.scalar_type());
}

void check(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& segments, const std::vector<int64_t>& past,
           int64_t kv_heads, const at::Tensor& keys, const at::Tensor& values) {
  const int64_t E = k.size(1) / kv_heads;
  for (const auto* cache : {&keys, &values}) {
    require(cache->dim() == 4 && cache->size(0) == segments.count() && cache->size(2) == kv_heads && cache->size(3) == E &&
                cache->sizes() == keys.sizes() && cache->is_contiguous(),
            HYB_INVALID_ARGUMENT, "cached keys ", keys.sizes(), " and values ", values.sizes(), ": both must be contiguous [",
            segments.count(), ", capacity, ", kv_heads, ", ", E, "]");
    require(cache->scalar_type() == q.scalar_type() && cache->device() == q.device(), HYB_TYPE_MISMATCH,
            "q and the cache differ in dtype or device");
  }
  require(keys.numel() == 0 || keys.data_ptr() != values.data_ptr(), HYB_INVALID_ARGUMENT, "cached keys and values are one tensor");
  for (int64_t b = 0; b < segments.count(); ++b) {
    const int64_t before = past[static_cast<size_t>(b)], room = keys.size(1);
    require(before >= 0, HYB_OUT_OF_RANGE, "sequence ", b, " has a past of ", before, " rows");
    require(before <= room && segments.length(b) <= room - before, HYB_OUT_OF_RANGE, "sequence ", b, " has ", before, " cached rows and ",
            segments.length(b), " new ones, the cache has room for ", room);
  }
  for (const auto* tensor : {&q, &k, &v, &keys, &values})
    require(!(at::GradMode::is_enabled() && tensor->requires_grad()), HYB_INVALID_ARGUMENT,
            "a tensor requires gradients, which are not recorded here: switch the gradient mode off");
}

}  // namespace

at::Tensor cached_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const c10::intrusive_ptr<Segments>& segments,
                            const std::vector<int64_t>& past, int64_t heads, int64_t kv_heads, const at::Tensor& inverse_frequency,
                            const at::Tensor& keys, const at::Tensor& values) {
  check_attention(q, k, v, heads, kv_heads, inverse_frequency);
  check(q, k, v, *segments, past, kv_heads, keys, values);
  const at::NoGradGuard nothing_recorded;
  const int64_t T = q.size(0), capacity = keys.size(1), E = q.size(1) / heads;
  if (T == 0) return at::empty_like(q);
  const bool continues = std::any_of(past.begin(), past.end(), [](int64_t before) { return before > 0; });
  if (continues) {
    const CachedCall call{*segments, past, heads, kv_heads, E, capacity};
    if (auto out = cached_attention_by_kernel(call, q, k, v, inverse_frequency, keys, values); out.defined()) return out;
  }

  const auto positions = positions_of(*segments, past);
  const auto tables = rotary_tables(positions, inverse_frequency, accumulation_options(q));
  std::vector<at::Tensor> first_row;  // of each sequence in the cache's rows [B*capacity], for each of its new rows
  for (int64_t b = 0; b < segments->count(); ++b) first_row.push_back(at::full({segments->length(b)}, b * capacity, at::kLong));
  const auto places = (at::cat(first_row) + positions).to(q.device());
  auto rows_of = [&](const at::Tensor& cache) { return cache.detach().view({-1, kv_heads, E}); };
  rows_of(keys).index_copy_(0, places, turned_rows(k, kv_heads, tables));
  rows_of(values).index_copy_(0, places, v.reshape({T, kv_heads, E}));

  // Where nothing came before, this is the attention of whole sequences.
  if (!continues) return attention(q, k, v, segments, heads, kv_heads, inverse_frequency);

  const auto queries = turned_rows(q, heads, tables);
  auto out = at::empty({T, heads, E}, q.options());
  const int64_t group = heads / kv_heads;
  auto attend = [&](int64_t b, int64_t first, int64_t last) {
    const at::NoGradGuard nothing_recorded_on_this_thread;
    const int64_t n = segments->length(b), before = past[static_cast<size_t>(b)];
    for (int64_t row = 0; row < n; row += rows_at_once) {
      const int64_t count = std::min(rows_at_once, n - row), begin = segments->begin(b) + row;
      auto cached = [&](const at::Tensor& cache) { return cache.select(0, b).narrow(0, 0, before + row + count); };
      out.narrow(0, begin, count)
          .narrow(1, first * group, (last - first) * group)
          .copy_(attended(queries.narrow(0, begin, count), cached(keys), cached(values), first, last));
    }
  };
  if (q.is_cpu()) {  // one task a sequence and key-value head, as in the attention of whole sequences
    at::parallel_for(0, segments->count() * kv_heads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) attend(task / kv_heads, task % kv_heads, task % kv_heads + 1);
    });
  } else {
    for (int64_t b = 0; b < segments->count(); ++b) attend(b, 0, kv_heads);
  }
  return out.view({T, heads * E});
}

}  // namespace hybrid
