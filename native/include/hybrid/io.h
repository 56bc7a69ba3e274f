/* safetensors files: read a tensor at a time, written atomically. */
#ifndef HYBRID_IO_H
#define HYBRID_IO_H

#include "hybrid/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hyb_safetensors hyb_safetensors;

/* Opens and checks the whole header before anything is used: its length, JSON, names (unique), dtypes, shapes,
 * and offsets, which must cover the data without overlap or gap. HYB_IO where the file cannot be read,
 * HYB_BAD_FORMAT where it is malformed or truncated. */
HYB_API hyb_status hyb_safetensors_open(const char* path, hyb_safetensors** out);

/* Closes; tensors read from it stay valid. Null is allowed. */
HYB_API void hyb_safetensors_free(hyb_safetensors* file);

HYB_API hyb_status hyb_safetensors_count(const hyb_safetensors* file, int64_t* out);

/* Name of entry index in the file's order. UTF-8, valid until the file is freed. */
HYB_API hyb_status hyb_safetensors_name(const hyb_safetensors* file, int64_t index, const char** out);

/* dtype and shape of entry index, without touching its data. */
HYB_API hyb_status hyb_safetensors_entry(const hyb_safetensors* file, int64_t index, int32_t* dtype, int64_t* sizes, int32_t capacity,
                                         int32_t* ndim);

/* Entry index, read straight from the file into a new tensor of the given dtype on the given device. HYB_IO where the file was
 * cut off or written to since it was opened; one that was deleted or replaced by another is still read as it was. */
HYB_API hyb_status hyb_safetensors_read(const hyb_safetensors* file, int64_t index, int32_t dtype, int32_t device, hyb_tensor** out);

/* Writes n tensors under their names (UTF-8, unique) with metadata_n pairs of metadata, to a temporary file beside path
 * that is flushed to disk and then renamed over it: path holds the old content or the new, never a part. */
HYB_API hyb_status hyb_safetensors_write(const char* path, const char* const* names, hyb_tensor* const* tensors, int64_t n,
                                         const char* const* metadata_keys, const char* const* metadata_values, int64_t metadata_n);

#ifdef __cplusplus
}
#endif

#endif
