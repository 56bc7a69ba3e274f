// ThreadSanitizer cannot see how libgomp, which is not instrumented, orders the threads of a parallel region: what was written before the
// region happens before its tasks, and these before what comes after. This GOMP_parallel, which the program's own symbol makes everybody
// call, says so and leaves the work to libgomp's. Two tasks of one region stay unordered: a race between them is reported.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

namespace {

struct Region {
  void (*body)(void*);
  void* data;
  char begin, end;  // only their addresses matter
};

void run(void* argument) {
  auto* region = static_cast<Region*>(argument);
  __tsan_acquire(&region->begin);
  region->body(region->data);
  __tsan_release(&region->end);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags) {
  using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
  static const auto libgomps = reinterpret_cast<Parallel>(dlsym(RTLD_NEXT, "GOMP_parallel"));
  Region region{body, data, 0, 0};
  __tsan_release(&region.begin);
  libgomps(run, &region, threads, flags);
  __tsan_acquire(&region.end);
}
