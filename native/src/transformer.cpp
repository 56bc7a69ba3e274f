#include "hybrid/transformer.h"

#include "guard.h"
#include "handles.h"
#include "select_rows.h"
#include "transformer.h"

using namespace hybrid;

namespace {
DensityTarget target(hyb_density* density, int32_t layer) {
  if (density == nullptr) return {{}, 0};
  return {c10::intrusive_ptr<DensityState>::reclaim_copy(reinterpret_cast<DensityState*>(density)), layer};
}

at::Tensor frequencies_of(const double* inverse_frequency, const at::Tensor& query, int32_t heads) {
  require(query.dim() == 2 && heads >= 1, HYB_INVALID_ARGUMENT, "q has shape ", query.sizes(), " for ", heads, " heads");
  auto frequencies = at::empty({query.size(1) / heads / 2}, at::kDouble);
  std::copy_n(not_null(inverse_frequency, "inverse_frequency"), frequencies.numel(), frequencies.data_ptr<double>());
  return frequencies;
}
}  // namespace

hyb_status hyb_transformer_embedding(const hyb_tensor* weight, const int64_t* ids, int64_t n, hyb_tensor** out) {
  return guard("transformer_embedding", [&] {
    not_null(out, "out");
    const auto& table = as_tensor(weight, "weight");
    require(table.dim() == 2, HYB_INVALID_ARGUMENT, "weight has shape ", table.sizes(), ", [V,D] is needed");
    *out = give(select_rows(table, index_tensor(ids, n, table.size(0), "token id", table.device())));
  });
}

hyb_status hyb_transformer_linear(const hyb_tensor* x, const hyb_tensor* weight, hyb_density* density, int32_t layer, hyb_tensor** out) {
  return guard("transformer_linear", [&] {
    not_null(out, "out");
    *out = give(linear(as_tensor(x, "x"), as_tensor(weight, "weight"), target(density, layer)));
  });
}

hyb_status hyb_transformer_rms_norm(const hyb_tensor* x, const hyb_tensor* weight, double epsilon, hyb_density* density, int32_t layer,
                                    hyb_tensor** out) {
  return guard("transformer_rms_norm", [&] {
    not_null(out, "out");
    *out = give(rms_norm(as_tensor(x, "x"), as_tensor(weight, "weight"), epsilon, target(density, layer)));
  });
}

hyb_status hyb_transformer_attention(const hyb_tensor* q, const hyb_tensor* k, const hyb_tensor* v, const int64_t* offsets, int64_t batch,
                                     int32_t heads, int32_t kv_heads, const double* inverse_frequency, hyb_tensor** out) {
  return guard("transformer_attention", [&] {
    not_null(out, "out");
    const auto& query = as_tensor(q, "q");
    auto frequencies = frequencies_of(inverse_frequency, query, heads);
    *out = give(attention(query, as_tensor(k, "k"), as_tensor(v, "v"), Segments::make(offsets, batch, query.size(0)), heads, kv_heads,
                          frequencies));
  });
}

hyb_status hyb_transformer_cached_attention(const hyb_tensor* q, const hyb_tensor* k, const hyb_tensor* v, const int64_t* offsets,
                                            int64_t batch, const int64_t* past, int32_t heads, int32_t kv_heads,
                                            const double* inverse_frequency, hyb_tensor* keys, hyb_tensor* values, hyb_tensor** out) {
  return guard("transformer_cached_attention", [&] {
    not_null(out, "out");
    const auto& query = as_tensor(q, "q");
    auto frequencies = frequencies_of(inverse_frequency, query, heads);
    auto segments = Segments::make(offsets, batch, query.size(0));
    const std::vector<int64_t> before(not_null(past, "past"), past + batch);
    *out = give(cached_attention(query, as_tensor(k, "k"), as_tensor(v, "v"), segments, before, heads, kv_heads, frequencies,
                                 as_tensor(keys, "keys"), as_tensor(values, "values")));
  });
}

hyb_status hyb_transformer_swiglu(const hyb_tensor* gate, const hyb_tensor* up, hyb_tensor** out) {
  return guard("transformer_swiglu", [&] {
    not_null(out, "out");
    *out = give(swiglu(as_tensor(gate, "gate"), as_tensor(up, "up")));
  });
}

hyb_status hyb_transformer_token_nll(const hyb_tensor* hidden, const hyb_tensor* weight, const int64_t* targets, int64_t n,
                                     int64_t chunk_rows, hyb_tensor** out) {
  return guard("transformer_token_nll", [&] {
    not_null(out, "out");
    const auto& table = as_tensor(weight, "weight");
    require(table.dim() == 2, HYB_INVALID_ARGUMENT, "weight has shape ", table.sizes(), ", [V,D] is needed");
    auto target_ids = index_tensor(targets, n, table.size(0), "target", table.device());
    *out = give(token_nll(as_tensor(hidden, "hidden"), table, target_ids, chunk_rows));
  });
}
