/* Compiled as strict C99 once for every public header alone (HYB_HEADER names it) and once with all of them. */
#ifdef HYB_HEADER
#include HYB_HEADER
#include HYB_HEADER
#else
#include "hybrid/transformer.h"
#include "hybrid/tensor.h"
#include "hybrid/optim.h"
#include "hybrid/ops.h"
#include "hybrid/memory.h"
#include "hybrid/io.h"
#include "hybrid/graft.h"
#include "hybrid/density.h"
#include "hybrid/base.h"
#include "hybrid/autograd.h"
#include "hybrid/hybrid.h"
#endif

/* C has no empty translation unit, and the width of a status is part of the ABI. */
#ifdef HYB_OK
typedef char hyb_status_has_four_bytes[sizeof(hyb_status) == 4 ? 1 : -1];
#else
#error "a public header that does not bring base.h along"
#endif
