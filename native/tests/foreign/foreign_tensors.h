// Functions of libforeign_tensors.so; what they do stands with them.
#pragma once

#include <cstdint>

extern "C" {
void* foreign_new(const double* values, const int64_t* sizes, int32_t ndim, int8_t type, int32_t requires_grad);
void foreign_dispose(void* tensor);
void* foreign_undefined();
void* foreign_detach(const void* tensor);
void* foreign_transpose(const void* tensor);
void foreign_read(const void* tensor, double* values);
void foreign_fill(void* tensor, double value);
int64_t foreign_use_count(const void* tensor);
uint64_t foreign_address(const void* tensor);
int32_t foreign_requires_grad(const void* tensor);
void foreign_set_threads(int32_t threads);
int32_t foreign_threads();
int32_t foreign_threads_at_work();
}
