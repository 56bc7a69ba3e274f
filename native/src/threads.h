// How many threads an operation uses: a count of each calling thread's own. The process's default, which threads that are yet to
// compute begin with, belongs to the host.
#pragma once

#include <omp.h>

#include <mutex>
#include <thread>

#include "torch_headers.h"

#if !AT_PARALLEL_OPENMP
#error "a LibTorch built with OpenMP is needed: others keep one thread count for the whole process"
#endif

namespace hybrid {

// LibTorch gives a thread the process's default at the first call that needs a count, even where the thread has set its own before.
// So that call is made first; the library's own copy of this inline function may count for itself.
inline int threads() {
  at::internal::lazy_init_num_threads();
  return at::get_num_threads();
}

// By LibTorch's setter, which makes the count the process's default, too; a fresh thread makes the default what it was. A thread of
// the host that computes for the first time in between begins with this count.
inline void set_threads_and_mend_default(int count) {
  static std::mutex gate;
  const std::lock_guard<std::mutex> one_at_a_time(gate);
  int before = 0;
  std::thread([&] { before = threads(); }).join();
  threads();
  at::set_num_threads(count);
  std::thread([&] {
    threads();
    at::set_num_threads(before);
  }).join();
}

// OpenMP's count is the calling thread's. MKL keeps another one, and a wheel's LibTorch may have brought an OpenMP of its own beside
// the one of the library's loops: those only LibTorch's setter reaches.
inline void set_threads(int count) {
  if (threads() == count) return;
  omp_set_num_threads(count);
  if (at::hasMKL() || at::get_num_threads() != count) set_threads_and_mend_default(count);
}

}  // namespace hybrid
