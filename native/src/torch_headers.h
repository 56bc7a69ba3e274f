// What the library uses of LibTorch; also its precompiled header.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/version.h>

#if AT_PARALLEL_OPENMP && !defined(_OPENMP)
#error "LibTorch's at::parallel_for is serial without OpenMP: compile with -fopenmp"
#endif
