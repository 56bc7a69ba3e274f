// Any bytes at all as a safetensors file: it is read and what was read is sound, or it is refused on one line.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "safetensors_soundness.h"

// Call stacks of allocations and a long quarantine cost more than half of the speed; a replay by hand can have them back with
// ASAN_OPTIONS, which is asked after this.
extern "C" const char* __asan_default_options() {
  return "malloc_context_size=0:quarantine_size_mb=8:detect_stack_use_after_return=0";
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  const std::string fault = hybrid::tests::fault_of_reading(reinterpret_cast<const char*>(data), size);
  if (fault.empty()) return 0;
  std::fprintf(stderr, "unsound: %s\n", fault.c_str());
  std::abort();
}
