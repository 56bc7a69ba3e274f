/* The block graft: parameters change places between two models, on one device without being copied. */
#ifndef HYBRID_GRAFT_H
#define HYBRID_GRAFT_H

#include "hybrid/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Exchanges the storage of a[i] and b[i] for every i, all or none: nothing is copied or allocated. The tensors of
 * a pair must be different leaf tensors of one shape, strides and dtype; no tensor may stand twice. Where one of a
 * pair is on the CPU and the other on a CUDA device they exchange their values instead: the host tensor keeps its
 * storage, the device tensor gets new storage there, and the call waits for the copies.
 * Handles, requires_grad and optimizer state stay where they are; autograd's version counters rise, so a graph
 * recorded before the exchange refuses to run backward through a stale weight. */
HYB_API hyb_status hyb_graft_exchange(hyb_tensor* const* a, hyb_tensor* const* b, int64_t n);

#ifdef __cplusplus
}
#endif

#endif
