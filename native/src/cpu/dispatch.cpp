#include "cpu/dispatch.h"

#include <atomic>
#include <iterator>

#include "error.h"

namespace hybrid::cpu {

#define HYBRID_DECLARE(isa)             \
  namespace isa {                       \
  extern const Kernels<float> floats;   \
  extern const Kernels<double> doubles; \
  extern const Kernels<bf16> halves;    \
  extern const RoundedKernels rounded;  \
  }
HYBRID_DECLARE(baseline)
HYBRID_DECLARE(avx2)
HYBRID_DECLARE(avx512)
HYBRID_DECLARE(avx512_bf16)
#undef HYBRID_DECLARE

namespace {

struct Isa {
  const char* name;
  const Kernels<float>* floats;
  const Kernels<double>* doubles;
  const Kernels<bf16>* halves;
  const RoundedKernels* rounded;
  bool (*supported)();
};

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}

// Best first.
const Isa isas[] = {
    {"avx512_bf16", &avx512_bf16::floats, &avx512_bf16::doubles, &avx512_bf16::halves, &avx512_bf16::rounded,
     [] { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }},
    {"avx512", &avx512::floats, &avx512::doubles, &avx512::halves, &avx512::rounded, has_avx512},
    {"avx2", &avx2::floats, &avx2::doubles, &avx2::halves, &avx2::rounded,
     [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
    {"baseline", &baseline::floats, &baseline::doubles, &baseline::halves, &baseline::rounded, [] { return true; }},
};

const Isa* best() {
  for (const Isa& isa : isas)
    if (isa.supported()) return &isa;
  return &isas[std::size(isas) - 1];
}

std::atomic<const Isa*>& active() {
  static std::atomic<const Isa*> isa{best()};
  return isa;
}

}  // namespace

template <>
const Kernels<float>& kernels<float>() {
  return *active().load(std::memory_order_relaxed)->floats;
}

template <>
const Kernels<double>& kernels<double>() {
  return *active().load(std::memory_order_relaxed)->doubles;
}

template <>
const Kernels<bf16>& kernels<bf16>() {
  return *active().load(std::memory_order_relaxed)->halves;
}

const RoundedKernels& rounded_kernels() { return *active().load(std::memory_order_relaxed)->rounded; }

const char* active_isa() { return active().load()->name; }

void select_isa(const std::string& name) {
  if (name == "auto") {
    active().store(best());
    return;
  }
  for (const Isa& isa : isas) {
    if (name != isa.name) continue;
    require(isa.supported(), HYB_NOT_IMPLEMENTED, "this CPU lacks ", name);
    active().store(&isa);
    return;
  }
  fail(HYB_INVALID_ARGUMENT, "instruction set '", name, "' is not avx512_bf16, avx512, avx2, baseline or auto");
}

}  // namespace hybrid::cpu
