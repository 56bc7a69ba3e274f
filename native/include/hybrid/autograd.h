/* Gradients by reverse differentiation. */
#ifndef HYBRID_AUTOGRAD_H
#define HYBRID_AUTOGRAD_H

#include "hybrid/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Turns recording on (1) or off (0) for the calling thread, and reports what it was. */
HYB_API hyb_status hyb_autograd_set_enabled(int32_t enabled, int32_t* previous);

/* Whether the calling thread records (1) or not (0). */
HYB_API int32_t hyb_autograd_enabled(void);

/* grads[i] = d result / d inputs[i], weighed with gradient: what a loss above has as its gradient with respect to result, of
 * result's shape, dtype and device. gradient may be null where result has one element, the loss itself, and counts as 1.
 * null where result does not depend on inputs[i]. The graph is freed. No .grad field is touched. Also runs what hangs on the
 * graph: density accumulators. */
HYB_API hyb_status hyb_autograd_grad(const hyb_tensor* result, const hyb_tensor* gradient, hyb_tensor* const* inputs, int64_t n,
                                     hyb_tensor** grads);

#ifdef __cplusplus
}
#endif

#endif
