/* A host that loads the library and computes with it finds its process as it was: the program compares what a host would notice. (The
 * three variables of docs/abi.md are set by the managed loader.) usage: host_state PATH_OF_LIBRARY */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hybrid/hybrid.h"

extern char** environ;

enum { length = 4096 };

struct state {
  char signal_lines[length]; /* blocked, ignored and caught, of /proc/self/status */
  char locale[length], folder[length], environment[8 * length];
  int rounding, output_flags, error_flags;
  uint32_t floating_point; /* denormals, exceptions */
  struct rlimit files, stack;
};

static void fail(const char* what) {
  fprintf(stderr, "host_state: %s\n", what);
  exit(1);
}

static void read_signals(char* text) {
  char line[256];
  FILE* file = fopen("/proc/self/status", "r");
  if (file == NULL) fail("/proc/self/status cannot be read");
  text[0] = '\0';
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0 || strncmp(line, "SigCgt", 6) == 0) strcat(text, line);
  fclose(file);
}

static void observe(struct state* now) {
  memset(now, 0, sizeof *now);
  read_signals(now->signal_lines);
  strncpy(now->locale, setlocale(LC_ALL, NULL), length - 1);
  if (getcwd(now->folder, length) == NULL) fail("no working folder");
  for (char** entry = environ; *entry != NULL; ++entry)
    strncat(now->environment, *entry, sizeof now->environment - strlen(now->environment) - 1);
  now->rounding = fegetround();
  now->output_flags = fcntl(1, F_GETFL);
  now->error_flags = fcntl(2, F_GETFL);
#if defined(__x86_64__)
  now->floating_point = __builtin_ia32_stmxcsr() & ~0x3fu; /* without the flags that any operation raises */
#endif
  getrlimit(RLIMIT_NOFILE, &now->files);
  getrlimit(RLIMIT_STACK, &now->stack);
}

static void expect_same(const void* before, const void* after, size_t size, const char* what) {
  if (memcmp(before, after, size) != 0) fail(what);
}

/* A pointer to a function, which C does not convert from one to data. */
#define FUNCTION(name)                                                                          \
  __extension__ __typeof__(&name) name##_ = (__typeof__(&name))(intptr_t)dlsym(library, #name); \
  if (name##_ == NULL) fail(#name " is missing")

static void compute(void* library) {
  FUNCTION(hyb_runtime_set_threads);
  FUNCTION(hyb_tensor_zeros);
  FUNCTION(hyb_tensor_set_requires_grad);
  FUNCTION(hyb_transformer_linear);
  FUNCTION(hyb_ops_sum);
  FUNCTION(hyb_autograd_grad);
  FUNCTION(hyb_optim_sgd_step);
  FUNCTION(hyb_tensor_free);
  FUNCTION(hyb_live_handles);
  const int64_t sizes[] = {64, 64};
  hyb_tensor *x = NULL, *weight = NULL, *y = NULL, *sum = NULL, *slope = NULL;
  hyb_status status = hyb_runtime_set_threads_(2);
  if (status == HYB_OK) status = hyb_tensor_zeros_(sizes, 2, HYB_F32, HYB_CPU, &x);
  if (status == HYB_OK) status = hyb_tensor_zeros_(sizes, 2, HYB_F32, HYB_CPU, &weight);
  if (status == HYB_OK) status = hyb_tensor_set_requires_grad_(weight, 1);
  if (status == HYB_OK) status = hyb_transformer_linear_(x, weight, NULL, 0, &y);
  if (status == HYB_OK) status = hyb_ops_sum_(y, &sum);
  if (status == HYB_OK) status = hyb_autograd_grad_(sum, NULL, &weight, 1, &slope);
  if (status == HYB_OK) status = hyb_optim_sgd_step_(&weight, NULL, &slope, NULL, 1, 0.1, 0);
  if (status != HYB_OK) fail("a call failed");
  hyb_tensor* all[] = {x, weight, y, sum, slope};
  for (int i = 0; i < 5; ++i) hyb_tensor_free_(all[i]);
  if (hyb_live_handles_() != 0) fail("handles are left");
}

static void* nothing(void* argument) { return argument; }

/* As any .NET program has: the C library takes a signal of its own when the first thread starts. */
static void start_a_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, nothing, NULL) != 0) fail("no thread can be started");
  pthread_join(thread, NULL);
}

int main(int count, char** arguments) {
  static struct state before, after;
  if (count != 2) fail("usage: host_state PATH_OF_LIBRARY");
  start_a_thread();
  observe(&before);
  void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fail(dlerror());
  compute(library);
  observe(&after);
  expect_same(before.signal_lines, after.signal_lines, sizeof before.signal_lines, "signal handling has changed");
  expect_same(before.locale, after.locale, sizeof before.locale, "the locale has changed");
  expect_same(before.folder, after.folder, sizeof before.folder, "the working folder has changed");
  expect_same(before.environment, after.environment, sizeof before.environment, "the environment has changed");
  expect_same(&before.rounding, &after.rounding, sizeof before.rounding, "the rounding mode has changed");
  expect_same(&before.floating_point, &after.floating_point, sizeof before.floating_point, "the treatment of denormals has changed");
  expect_same(&before.output_flags, &after.output_flags, sizeof before.output_flags, "standard output has changed");
  expect_same(&before.error_flags, &after.error_flags, sizeof before.error_flags, "standard error has changed");
  expect_same(&before.files, &after.files, sizeof before.files, "a limit has changed");
  expect_same(&before.stack, &after.stack, sizeof before.stack, "a limit has changed");
  return 0;
}
