/* Everything. */
#ifndef HYBRID_HYBRID_H
#define HYBRID_HYBRID_H

#include "hybrid/autograd.h"
#include "hybrid/base.h"
#include "hybrid/density.h"
#include "hybrid/graft.h"
#include "hybrid/io.h"
#include "hybrid/memory.h"
#include "hybrid/ops.h"
#include "hybrid/optim.h"
#include "hybrid/tensor.h"
#include "hybrid/transformer.h"

#endif
