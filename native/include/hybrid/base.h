/* Status codes, errors, versions and process-wide runtime facts. docs/abi.md holds the rules in full. */
#ifndef HYBRID_BASE_H
#define HYBRID_BASE_H

#include <stddef.h>
#include <stdint.h>

/* The binding generator warns about visibility attributes, so it defines HYB_BINDINGS. */
#if defined(HYB_BINDINGS)
#define HYB_API
#else
#define HYB_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a function changes its meaning or its parameters. */
#define HYB_ABI_VERSION 3

/* What every function that can fail returns: HYB_OK or one of the negative codes below.
 * On failure no output parameter has been written and nothing needs to be freed. */
typedef int32_t hyb_status;

#define HYB_OK 0
#define HYB_INVALID_ARGUMENT (-1) /* a null, a shape, or a combination that has no meaning */
#define HYB_OUT_OF_RANGE (-2)     /* an index, id or length outside its bounds */
#define HYB_TYPE_MISMATCH (-3)    /* dtypes or devices that do not belong together */
#define HYB_NOT_IMPLEMENTED (-4)
#define HYB_OUT_OF_MEMORY (-5)
#define HYB_IO (-6)         /* the operating system refused a read or a write */
#define HYB_BAD_FORMAT (-7) /* a file does not say what its format demands */
#define HYB_BUFFER_TOO_SMALL (-8)
#define HYB_DEVICE (-9)    /* the device asked for is absent or failed */
#define HYB_INTERNAL (-10) /* a defect of this library or of LibTorch */

/* Element types. */
#define HYB_F32 0
#define HYB_F64 1
#define HYB_BF16 2
#define HYB_F16 3
#define HYB_I64 4
#define HYB_I32 5
#define HYB_U8 6
#define HYB_BOOL 7

/* Devices: HYB_CPU, or the ordinal (0, 1, ...) of a CUDA device. */
#define HYB_CPU (-1)

/* Text of the calling thread's last failure: operation, operands, cause. UTF-8, never null, valid until
 * this thread's next failing call. Only the status says whether a call failed. */
HYB_API const char* hyb_last_error(void);

/* HYB_ABI_VERSION of the built library. */
HYB_API int32_t hyb_abi_version(void);

/* Lower-case hexadecimal SHA-256 of the public headers the library was built from: hybrid.h excluded,
 * the others' bytes joined in the order of their names. */
HYB_API const char* hyb_abi_hash(void);

/* One line: LibTorch version, matrix-product backend, instruction set in use, CUDA or not. */
HYB_API const char* hyb_build_info(void);

/* Number of handles given out by this library and not yet freed, of all kinds, in this process. */
HYB_API int64_t hyb_live_handles(void);

/* Threads used by one operation that the calling thread makes. 1 <= threads. Other threads keep theirs, and threads that have not
 * computed yet begin with LibTorch's default, as before. (In a LibTorch with MKL, one that computes for the first time during this
 * very call may begin with this count.) */
HYB_API hyb_status hyb_runtime_set_threads(int32_t threads);
HYB_API int32_t hyb_runtime_threads(void);

/* Paths of the LibTorch libraries (libtorch_cpu) that the process has loaded, one a line: one, or tensors cannot be shared with what
 * uses another. UTF-8, never null, valid until this thread's next call. */
HYB_API const char* hyb_runtime_libtorch(void);

/* Number of CUDA devices that this build can use; 0 in a CPU build. */
HYB_API int32_t hyb_runtime_cuda_devices(void);

/* Bytes of a device that can still be allocated, and that it has. CUDA: what the driver calls free, and what LibTorch has
 * reserved without using it (in pieces, perhaps). HYB_CPU: Linux's MemAvailable and MemTotal, both within the limits of the
 * control groups (version 2) that the process is in. HYB_DEVICE where the device is absent or the library was built without
 * CUDA. */
HYB_API hyb_status hyb_runtime_memory(int32_t device, int64_t* free, int64_t* total);

/* Selects the instruction set of the hand-written CPU kernels: "avx512_bf16", "avx512", "avx2", "baseline", or
 * "auto" for the best this CPU has (the default). HYB_NOT_IMPLEMENTED where the CPU lacks it. For tests and for
 * reproducing another machine's rounding. Holds for the whole process: of this library's kernels, not of LibTorch's. */
HYB_API hyb_status hyb_runtime_set_isa(const char* isa);

#ifdef __cplusplus
}
#endif

#endif
