/* Gradients by reverse differentiation. */
#ifndef HYBRID_AUTOGRAD_H
#define HYBRID_AUTOGRAD_H

#include "hybrid/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Turns recording on (1) or off (0) for the calling thread, and reports what it was. */
HYB_API hyb_status hyb_autograd_set_enabled(int32_t enabled, int32_t* previous);

/* grads[i] = d loss / d inputs[i] for a loss of one element; null where the loss does not depend on inputs[i].
 * The graph is freed. No .grad field is touched. Also runs what hangs on the graph: density accumulators. */
HYB_API hyb_status hyb_autograd_grad(const hyb_tensor* loss, hyb_tensor* const* inputs, int64_t n, hyb_tensor** grads);

#ifdef __cplusplus
}
#endif

#endif
