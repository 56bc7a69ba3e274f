/* Tensors: creation, facts, copies, views. A hyb_tensor is an at::Tensor on the heap. */
#ifndef HYBRID_TENSOR_H
#define HYBRID_TENSOR_H

#include "hybrid/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hyb_tensor hyb_tensor;

/* Frees the handle; the storage goes when its last tensor does. Null is allowed. Cannot fail. */
HYB_API void hyb_tensor_free(hyb_tensor* tensor);

/* A tensor of zeros, shape sizes[0..ndim). */
HYB_API hyb_status hyb_tensor_zeros(const int64_t* sizes, int32_t ndim, int32_t dtype, int32_t device, hyb_tensor** out);

/* A tensor holding a copy of data (row-major, bytes must be the shape's size times the element size). */
HYB_API hyb_status hyb_tensor_from_data(const void* data, int64_t bytes, const int64_t* sizes, int32_t ndim, int32_t dtype, int32_t device,
                                        hyb_tensor** out);

/* Copies the elements, row-major, into buffer, whose size must be exactly the tensor's. Waits for the device. */
HYB_API hyb_status hyb_tensor_copy_to(const hyb_tensor* tensor, void* buffer, int64_t bytes);

/* Facts. sizes is written when capacity >= *ndim, else HYB_BUFFER_TOO_SMALL. */
HYB_API hyb_status hyb_tensor_sizes(const hyb_tensor* tensor, int64_t* sizes, int32_t capacity, int32_t* ndim);
HYB_API hyb_status hyb_tensor_info(const hyb_tensor* tensor, int32_t* dtype, int32_t* device, int32_t* requires_grad);

/* Address of the first element: for tests that storage was or was not exchanged. 0 for an empty tensor. */
HYB_API hyb_status hyb_tensor_address(const hyb_tensor* tensor, uint64_t* address);

/* A new handle on the same tensor (storage, autograd state and all). */
HYB_API hyb_status hyb_tensor_alias(const hyb_tensor* tensor, hyb_tensor** out);

/* A new handle on somebody else's tensor: at_tensor points to an at::Tensor of the same LibTorch, and stays its owner's. Storage,
 * autograd state and the rest are shared, as with hyb_tensor_alias. HYB_INVALID_ARGUMENT for an undefined tensor, one made in inference
 * mode, a negated view, or where the process has loaded two LibTorches; HYB_NOT_IMPLEMENTED for an element type or device without
 * a code here, for sparse and other layouts, and for more than 8 dimensions. */
HYB_API hyb_status hyb_tensor_from_at(const void* at_tensor, hyb_tensor** out);

/* The other way round: a new at::Tensor on the same tensor, for somebody else, who owns it and ends it with C++'s delete. It is no
 * handle of this library and not counted. HYB_INVALID_ARGUMENT where the process has loaded two LibTorches. */
HYB_API hyb_status hyb_tensor_to_at(const hyb_tensor* tensor, void** at_tensor);

/* Same values, own storage, no autograd history. */
HYB_API hyb_status hyb_tensor_clone(const hyb_tensor* tensor, hyb_tensor** out);

/* Same storage, no autograd history. */
HYB_API hyb_status hyb_tensor_detach(const hyb_tensor* tensor, hyb_tensor** out);

/* In the given dtype and on the given device; the same storage where nothing changes. Differentiable. */
HYB_API hyb_status hyb_tensor_to(const hyb_tensor* tensor, int32_t dtype, int32_t device, hyb_tensor** out);

/* destination's elements become source's (same shape; dtype and device may differ). Not recorded by autograd. */
HYB_API hyb_status hyb_tensor_copy_inplace(hyb_tensor* destination, const hyb_tensor* source);

/* Turns recording of gradients for this leaf tensor on (1) or off (0). */
HYB_API hyb_status hyb_tensor_set_requires_grad(hyb_tensor* tensor, int32_t requires_grad);

/* Same elements in another shape; one size may be -1. */
HYB_API hyb_status hyb_tensor_reshape(const hyb_tensor* tensor, const int64_t* sizes, int32_t ndim, hyb_tensor** out);

/* Rows [start, start + length) along dim, sharing storage. */
HYB_API hyb_status hyb_tensor_narrow(const hyb_tensor* tensor, int32_t dim, int64_t start, int64_t length, hyb_tensor** out);

/* The n tensors joined along dim. 1 <= n. */
HYB_API hyb_status hyb_tensor_cat(hyb_tensor* const* tensors, int64_t n, int32_t dim, hyb_tensor** out);

/* Number of elements whose bits differ (+0 and -0 differ, equal NaNs do not). Same shape and dtype. */
HYB_API hyb_status hyb_tensor_count_different(const hyb_tensor* a, const hyb_tensor* b, int64_t* out);

#ifdef __cplusplus
}
#endif

#endif
