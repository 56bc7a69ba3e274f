// Which instruction set's kernels are in use.
#pragma once

#include <string>

#include "cpu/kernels.h"

namespace hybrid::cpu {

template <class T>
const Kernels<T>& kernels();

const RoundedKernels& rounded_kernels();

const char* active_isa();

// "avx512_bf16", "avx512", "avx2", "baseline" or "auto"; throws Error where it is unknown or the CPU lacks it.
void select_isa(const std::string& name);

}  // namespace hybrid::cpu
