/* Plain differentiable tensor operations for losses and evaluation. Shapes broadcast as in PyTorch. */
#ifndef HYBRID_OPS_H
#define HYBRID_OPS_H

#include "hybrid/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

HYB_API hyb_status hyb_ops_add(const hyb_tensor* a, const hyb_tensor* b, hyb_tensor** out);
HYB_API hyb_status hyb_ops_sub(const hyb_tensor* a, const hyb_tensor* b, hyb_tensor** out);
HYB_API hyb_status hyb_ops_mul(const hyb_tensor* a, const hyb_tensor* b, hyb_tensor** out);
HYB_API hyb_status hyb_ops_div(const hyb_tensor* a, const hyb_tensor* b, hyb_tensor** out);

/* scale * a + shift, elementwise. */
HYB_API hyb_status hyb_ops_affine(const hyb_tensor* a, double scale, double shift, hyb_tensor** out);

HYB_API hyb_status hyb_ops_square(const hyb_tensor* a, hyb_tensor** out);
HYB_API hyb_status hyb_ops_abs(const hyb_tensor* a, hyb_tensor** out);
HYB_API hyb_status hyb_ops_exp(const hyb_tensor* a, hyb_tensor** out);

/* log(1 / (1 + exp(-a))), stable for large |a|. */
HYB_API hyb_status hyb_ops_log_sigmoid(const hyb_tensor* a, hyb_tensor** out);

/* Over one dimension. */
HYB_API hyb_status hyb_ops_softmax(const hyb_tensor* a, int32_t dim, hyb_tensor** out);
HYB_API hyb_status hyb_ops_log_softmax(const hyb_tensor* a, int32_t dim, hyb_tensor** out);

/* a [M,K] times b [K,N], or with transpose_b b [N,K]: [M,N]. */
HYB_API hyb_status hyb_ops_matmul(const hyb_tensor* a, const hyb_tensor* b, int32_t transpose_b, hyb_tensor** out);

/* All elements: a tensor of shape []. */
HYB_API hyb_status hyb_ops_sum(const hyb_tensor* a, hyb_tensor** out);
HYB_API hyb_status hyb_ops_mean(const hyb_tensor* a, hyb_tensor** out);

/* Over one dimension, which goes. */
HYB_API hyb_status hyb_ops_sum_dim(const hyb_tensor* a, int32_t dim, hyb_tensor** out);
HYB_API hyb_status hyb_ops_mean_dim(const hyb_tensor* a, int32_t dim, hyb_tensor** out);

/* Largest absolute element; of shape []. 0 for an empty tensor. Not differentiable. */
HYB_API hyb_status hyb_ops_abs_max(const hyb_tensor* a, hyb_tensor** out);

/* Index of the largest element along dim, the first of equals. I64. Not differentiable. */
HYB_API hyb_status hyb_ops_argmax(const hyb_tensor* a, int32_t dim, hyb_tensor** out);

/* Rows of a along dim at the given indices (host array, each in 0 .. size-1, repeats allowed). */
HYB_API hyb_status hyb_ops_index_select(const hyb_tensor* a, int32_t dim, const int64_t* indices, int64_t n, hyb_tensor** out);

/* values [N] summed over segments [offsets[i], offsets[i+1]): [segments]. offsets is a host array of
 * segments + 1 rising numbers from 0 to N. */
HYB_API hyb_status hyb_ops_segment_sum(const hyb_tensor* values, const int64_t* offsets, int64_t segments, hyb_tensor** out);

#ifdef __cplusplus
}
#endif

#endif
