/* The parts of a Llama, fused and differentiable, with hand-written backward passes.
 *
 * Sequences are packed: a batch of B sequences is T rows, sequence b owning rows offsets[b] .. offsets[b+1]-1
 * (host array of B + 1 rising numbers, offsets[0] = 0, offsets[B] = T). There is no padding to compute or mask.
 * Letters: D hidden, H heads, K key-value heads, E head dimension, F feed-forward, V vocabulary. */
#ifndef HYBRID_TRANSFORMER_H
#define HYBRID_TRANSFORMER_H

#include "hybrid/density.h"
#include "hybrid/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* weight [V,D], ids host array [T], each in 0 .. V-1: [T,D]. */
HYB_API hyb_status hyb_transformer_embedding(const hyb_tensor* weight, const int64_t* ids, int64_t n, hyb_tensor** out);

/* x [T,I] times weight [O,I] transposed: [T,O]. With a density accumulator (else null) backward adds the weight's
 * per-example gradient norms to `layer` instead of making the weight's gradient. */
HYB_API hyb_status hyb_transformer_linear(const hyb_tensor* x, const hyb_tensor* weight, hyb_density* density, int32_t layer,
                                          hyb_tensor** out);

/* x [T,D] / sqrt(mean over D of x^2 + epsilon) * weight [D]. density and layer as for linear. */
HYB_API hyb_status hyb_transformer_rms_norm(const hyb_tensor* x, const hyb_tensor* weight, double epsilon, hyb_density* density,
                                            int32_t layer, hyb_tensor** out);

/* Causal attention within each sequence, grouped heads, with rotary position embedding applied to q and k inside.
 * q [T,H*E], k and v [T,K*E]; inverse_frequency host array [E/2], position p of a sequence turns the pair
 * (j, j + E/2) by p * inverse_frequency[j]. H must be a multiple of K and E even. Result [T,H*E]. */
HYB_API hyb_status hyb_transformer_attention(const hyb_tensor* q, const hyb_tensor* k, const hyb_tensor* v, const int64_t* offsets,
                                             int64_t batch, int32_t heads, int32_t kv_heads, const double* inverse_frequency,
                                             hyb_tensor** out);

/* The same for sequences that go on, for generation: sequence b has past[b] (host array [B]) rows already, whose turned keys and
 * values are rows 0 .. past[b]-1 of keys[b] and values[b], both contiguous [B,capacity,K,E]. Its new rows stand at positions
 * past[b] .. of the sequence; their keys and values are written behind the others in place, and each new row sees all cached rows,
 * itself and the new ones before it. Everything is checked before anything is written. Nothing is recorded: a tensor that requires
 * gradients while the gradient mode is on is HYB_INVALID_ARGUMENT, a past below 0 or a sequence longer than capacity
 * HYB_OUT_OF_RANGE. Result [T,H*E]. */
HYB_API hyb_status hyb_transformer_cached_attention(const hyb_tensor* q, const hyb_tensor* k, const hyb_tensor* v, const int64_t* offsets,
                                                    int64_t batch, const int64_t* past, int32_t heads, int32_t kv_heads,
                                                    const double* inverse_frequency, hyb_tensor* keys, hyb_tensor* values,
                                                    hyb_tensor** out);

/* silu(gate) * up, both [T,F]: [T,F]. */
HYB_API hyb_status hyb_transformer_swiglu(const hyb_tensor* gate, const hyb_tensor* up, hyb_tensor** out);

/* Negative log-likelihood in nats of targets (host array [N], each in 0 .. V-1) under softmax(hidden weight^T):
 * hidden [N,D], weight [V,D]: [N]. Logits exist for chunk_rows
 * rows at a time, 1 <= chunk_rows; where that is all of them, they are kept for backward, else computed again. */
HYB_API hyb_status hyb_transformer_token_nll(const hyb_tensor* hidden, const hyb_tensor* weight, const int64_t* targets, int64_t n,
                                             int64_t chunk_rows, hyb_tensor** out);

#ifdef __cplusplus
}
#endif

#endif
