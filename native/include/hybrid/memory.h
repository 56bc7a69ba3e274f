/* How much memory tensors take while something runs: a meter counts, for each device, the bytes that LibTorch's allocators
 * give to the thread that started it, and to the backward passes which that thread starts.
 *
 * A block counts from its allocation, if that happened while the meter ran, until it is freed there. So what was allocated
 * before the meter started is never counted, and freeing it takes nothing off: live begins at 0 and cannot be negative. A
 * block that another thread frees stays counted until its address is given out again. Sizes are the allocator's: on CUDA
 * devices multiples of 512 bytes. Memory that does not come from an allocator of tensors (scratch of products, files) is not
 * seen, nor is what an operation's own worker threads allocate.
 *
 * Meters nest: what an inner one counts, the outer ones count, too. They stop in the opposite order of their start. While one
 * runs, LibTorch may log "Memory block of unknown size" about what it frees and has not seen allocated. */
#ifndef HYBRID_MEMORY_H
#define HYBRID_MEMORY_H

#include "hybrid/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hyb_memory_meter hyb_memory_meter;

HYB_API hyb_status hyb_memory_meter_start(hyb_memory_meter** out);

/* Ends the counting; what was counted can still be read. HYB_INVALID_ARGUMENT, and the meter goes on, on another thread than
 * the one that started it, and while a meter or a profiler that was started later still runs. */
HYB_API hyb_status hyb_memory_meter_stop(hyb_memory_meter* meter);

/* Frees the handle, from any thread. A meter that still runs counts no more, and is in no other meter's way. Null is allowed. */
HYB_API void hyb_memory_meter_free(hyb_memory_meter* meter);

/* Bytes counted and not yet freed, and the most that this was at any time since the start or the latest restart. Any thread
 * may ask at any time. */
HYB_API hyb_status hyb_memory_meter_live(const hyb_memory_meter* meter, int32_t device, int64_t* bytes);
HYB_API hyb_status hyb_memory_meter_peak(const hyb_memory_meter* meter, int32_t device, int64_t* bytes);

/* From here on the peak, of every device, is looked for anew: it is what is live now. Other meters' are not touched. */
HYB_API hyb_status hyb_memory_meter_restart_peak(hyb_memory_meter* meter);

#ifdef __cplusplus
}
#endif

#endif
