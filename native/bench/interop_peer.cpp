// The smallest tensor operation without a crossing: LibTorch called from C++.
#include <ATen/ATen.h>

extern "C" __attribute__((visibility("default"))) void peer_add(const void* a, const void* b, int64_t times) {
  const auto &x = *static_cast<const at::Tensor*>(a), &y = *static_cast<const at::Tensor*>(b);
  for (int64_t i = 0; i < times; ++i) at::add(x, y);
}
