/* A libhybrid.so that counts: each function adds one to its counter and jumps to the function of the same name in the real library,
 * registers, stack and return address as they came. For x86-64. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

#if !defined(__x86_64__)
#error "the jumps are written for x86-64"
#endif

/* A line of assembler each. */
/* clang-format off */
#define CALL(name)                                                             \
  __attribute__((used)) static uint64_t count_##name;                          \
  __attribute__((used)) static void* real_##name;                              \
  __asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name ":\n" \
          "  lock incq count_" #name "(%rip)\n"                                \
          "  jmp *real_" #name "(%rip)\n"                                      \
          ".size " #name ", .-" #name "\n");
/* clang-format on */
#include "calls.inc"
#undef CALL

struct call {
  const char* name;
  uint64_t* count;
  void** real;
};

#define CALL(name) {#name, &count_##name, &real_##name},
static const struct call calls[] = {
#include "calls.inc"
};
#undef CALL

enum { number_of_calls = sizeof calls / sizeof calls[0] };

/* Loaded on its own, not linked: what the library calls of itself must stay its own, and not be counted. */
__attribute__((constructor)) static void find_functions(void) {
  void* library = dlopen(COUNTED_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  for (int i = 0; i < number_of_calls; ++i) {
    *calls[i].real = library ? dlsym(library, calls[i].name) : NULL;
    if (*calls[i].real == NULL) {
      fprintf(stderr, "%s: %s\n", calls[i].name, dlerror());
      abort();
    }
  }
}

EXPORT int32_t counted_functions(void);
EXPORT const char* counted_name(int32_t index);
EXPORT uint64_t counted_calls(int32_t index);

int32_t counted_functions(void) { return number_of_calls; }

const char* counted_name(int32_t index) { return calls[index].name; }

uint64_t counted_calls(int32_t index) { return __atomic_load_n(calls[index].count, __ATOMIC_RELAXED); }
