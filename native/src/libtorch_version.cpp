#include <torch/version.h>

namespace hybrid {
// The LibTorch that this library was compiled for, in a section of its own: the managed loader reads it from the file when the library
// cannot be loaded, since a wheel's libraries have no version in their names.
extern const char libtorch_version[];
__attribute__((section(".hybrid.libtorch"), used)) const char libtorch_version[] = TORCH_VERSION;
}  // namespace hybrid
