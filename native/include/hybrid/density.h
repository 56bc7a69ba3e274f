/* Knowledge density: per-example, per-layer L1 norm of the gradient (KUnBR, equations 2 and 3), reduced inside
 * the backward pass of one batch. No gradient of a parameter's size is ever allocated. */
#ifndef HYBRID_DENSITY_H
#define HYBRID_DENSITY_H

#include "hybrid/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hyb_density hyb_density;

/* An accumulator for one batch of packed sequences: example b owns rows offsets[b] .. offsets[b+1]-1 of every
 * activation; layers sums are kept per example. Linear and RMSNorm operations that are given it add, in
 * backward, the L1 norm of their weight's gradient of each example to the layer they name. */
HYB_API hyb_status hyb_density_new(const int64_t* offsets, int64_t examples, int32_t layers, hyb_density** out);

/* Graphs recorded with it keep what they need alive. Null is allowed. */
HYB_API void hyb_density_free(hyb_density* density);

/* The sums so far, row-major [examples, layers]; count must be examples * layers. */
HYB_API hyb_status hyb_density_values(const hyb_density* density, double* values, int64_t count);

#ifdef __cplusplus
}
#endif

#endif
