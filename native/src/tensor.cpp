#include "hybrid/tensor.h"

#include <algorithm>
#include <cstring>

#include "guard.h"
#include "handles.h"
#include "loaded_libtorch.h"

namespace hybrid {

at::ScalarType scalar_type(int32_t dtype) {
  switch (dtype) {
    case HYB_F32:
      return at::kFloat;
    case HYB_F64:
      return at::kDouble;
    case HYB_BF16:
      return at::kBFloat16;
    case HYB_F16:
      return at::kHalf;
    case HYB_I64:
      return at::kLong;
    case HYB_I32:
      return at::kInt;
    case HYB_U8:
      return at::kByte;
    case HYB_BOOL:
      return at::kBool;
    default:
      fail(HYB_INVALID_ARGUMENT, "dtype ", dtype, " is not one of the HYB_ element types");
  }
}

int32_t dtype_code(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return HYB_F32;
    case at::kDouble:
      return HYB_F64;
    case at::kBFloat16:
      return HYB_BF16;
    case at::kHalf:
      return HYB_F16;
    case at::kLong:
      return HYB_I64;
    case at::kInt:
      return HYB_I32;
    case at::kByte:
      return HYB_U8;
    case at::kBool:
      return HYB_BOOL;
    default:
      fail(HYB_NOT_IMPLEMENTED, "element type ", c10::toString(type), " has no HYB_ code");
  }
}

at::Device device_of(int32_t device) {
  if (device == HYB_CPU) return at::Device(at::kCPU);
  require(device >= 0 && device < hyb_runtime_cuda_devices(), HYB_DEVICE, "CUDA device ", device, " asked for, ",
          hyb_runtime_cuda_devices(), " present");
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device));
}

int32_t device_code(at::Device device) {
  if (device.is_cpu()) return HYB_CPU;
  require(device.is_cuda(), HYB_NOT_IMPLEMENTED, "device ", device.str());
  return device.index();
}

std::vector<int64_t> shape_of(const int64_t* sizes, int32_t ndim) {
  require(ndim >= 0 && ndim <= most_dimensions, HYB_INVALID_ARGUMENT, "ndim is ", ndim, ", 0 to ", most_dimensions, " are allowed");
  if (ndim > 0) not_null(sizes, "sizes");
  return std::vector<int64_t>(sizes, sizes + ndim);
}

namespace {
// Bytes of a contiguous tensor.
int64_t byte_count(const std::vector<int64_t>& shape, int32_t dtype) {
  auto bytes = static_cast<int64_t>(c10::elementSize(scalar_type(dtype)));
  for (int64_t size : shape) {
    require(size >= 0, HYB_INVALID_ARGUMENT, "shape ", c10::IntArrayRef(shape), " has a size of ", size);
    require(!__builtin_mul_overflow(bytes, size, &bytes), HYB_INVALID_ARGUMENT, "the size of shape ", c10::IntArrayRef(shape),
            " overflows");
  }
  return bytes;
}

// Whether a shape, in which one size may be -1, is one of count elements. LibTorch 1.13 throws no error of its own here.
bool holds(const std::vector<int64_t>& shape, int64_t count) {
  int64_t known = 1, open = 0;
  for (int64_t size : shape) {
    if (size == -1)
      ++open;
    else if (size < 0 || __builtin_mul_overflow(known, size, &known))
      return false;
  }
  return open == 0 ? known == count : open == 1 && known > 0 && count % known == 0;
}

at::TensorOptions options(int32_t dtype, int32_t device) { return at::TensorOptions().dtype(scalar_type(dtype)).device(device_of(device)); }
}  // namespace
}  // namespace hybrid

using namespace hybrid;

void hyb_tensor_free(hyb_tensor* tensor) {
  if (tensor == nullptr) return;
  delete reinterpret_cast<at::Tensor*>(tensor);
  ledger_add(-1);
}

hyb_status hyb_tensor_zeros(const int64_t* sizes, int32_t ndim, int32_t dtype, int32_t device, hyb_tensor** out) {
  return guard("tensor_zeros", [&] {
    not_null(out, "out");
    auto shape = shape_of(sizes, ndim);
    byte_count(shape, dtype);
    *out = give(at::zeros(shape, options(dtype, device)));
  });
}

hyb_status hyb_tensor_from_data(const void* data, int64_t bytes, const int64_t* sizes, int32_t ndim, int32_t dtype, int32_t device,
                                hyb_tensor** out) {
  return guard("tensor_from_data", [&] {
    not_null(out, "out");
    auto shape = shape_of(sizes, ndim);
    int64_t expected = byte_count(shape, dtype);
    require(bytes == expected, HYB_INVALID_ARGUMENT, bytes, " bytes given, shape ", c10::IntArrayRef(shape), " needs ", expected);
    auto tensor = at::empty(shape, options(dtype, HYB_CPU));
    if (bytes > 0) std::memcpy(tensor.data_ptr(), not_null(data, "data"), static_cast<size_t>(bytes));
    *out = give(tensor.to(device_of(device)));
  });
}

hyb_status hyb_tensor_copy_to(const hyb_tensor* tensor, void* buffer, int64_t bytes) {
  return guard("tensor_copy_to", [&] {
    auto host = as_tensor(tensor).detach().to(at::kCPU).contiguous();
    int64_t expected = static_cast<int64_t>(host.nbytes());
    require(bytes == expected, HYB_BUFFER_TOO_SMALL, "a buffer of ", bytes, " bytes for a tensor of ", expected);
    if (bytes > 0) std::memcpy(const_cast<void*>(not_null(buffer, "buffer")), host.data_ptr(), static_cast<size_t>(bytes));
  });
}

hyb_status hyb_tensor_sizes(const hyb_tensor* tensor, int64_t* sizes, int32_t capacity, int32_t* ndim) {
  return guard("tensor_sizes", [&] {
    not_null(ndim, "ndim");
    auto shape = as_tensor(tensor).sizes();
    require(capacity >= static_cast<int32_t>(shape.size()), HYB_BUFFER_TOO_SMALL, "room for ", capacity, " sizes, the tensor has ",
            shape.size());
    if (!shape.empty()) not_null(sizes, "sizes");
    std::copy(shape.begin(), shape.end(), sizes);
    *ndim = static_cast<int32_t>(shape.size());
  });
}

hyb_status hyb_tensor_info(const hyb_tensor* tensor, int32_t* dtype, int32_t* device, int32_t* requires_grad) {
  return guard("tensor_info", [&] {
    const auto& t = as_tensor(tensor);
    not_null(dtype, "dtype"), not_null(device, "device"), not_null(requires_grad, "requires_grad");
    int32_t type = dtype_code(t.scalar_type());
    int32_t place = device_code(t.device());
    *dtype = type, *device = place, *requires_grad = t.requires_grad() ? 1 : 0;
  });
}

hyb_status hyb_tensor_address(const hyb_tensor* tensor, uint64_t* address) {
  return guard("tensor_address", [&] {
    not_null(address, "address");
    *address = reinterpret_cast<uint64_t>(as_tensor(tensor).data_ptr());
  });
}

hyb_status hyb_tensor_alias(const hyb_tensor* tensor, hyb_tensor** out) {
  return guard("tensor_alias", [&] {
    not_null(out, "out");
    *out = give(as_tensor(tensor));
  });
}

hyb_status hyb_tensor_from_at(const void* at_tensor, hyb_tensor** out) {
  return guard("tensor_from_at", [&] {
    not_null(out, "out");
    not_null(at_tensor, "at_tensor");
    require_one_libtorch();  // before the first look: another LibTorch's tensor may be laid out otherwise
    const auto& t = *static_cast<const at::Tensor*>(at_tensor);
    require(t.defined(), HYB_INVALID_ARGUMENT, "the tensor is undefined");
    require(t.layout() == at::kStrided, HYB_NOT_IMPLEMENTED, "layout ", t.layout(), ", only strided tensors can be shared");
    require(t.dim() <= most_dimensions, HYB_NOT_IMPLEMENTED, t.dim(), " dimensions, 0 to ", most_dimensions, " can be shared");
    dtype_code(t.scalar_type());
    device_code(t.device());
    // Kernels here read the elements as they lie in memory, and a graft raises the version that inference tensors lack.
    require(!t.is_neg(), HYB_INVALID_ARGUMENT, "the tensor is a negated view of another; resolve_neg() gives one of its own");
    require(!t.is_inference(), HYB_INVALID_ARGUMENT, "the tensor was made in inference mode; a clone made outside of it can be shared");
    *out = give(t);
  });
}

hyb_status hyb_tensor_to_at(const hyb_tensor* tensor, void** at_tensor) {
  return guard("tensor_to_at", [&] {
    not_null(at_tensor, "at_tensor");
    require_one_libtorch();
    *at_tensor = new at::Tensor(as_tensor(tensor));
  });
}

hyb_status hyb_tensor_clone(const hyb_tensor* tensor, hyb_tensor** out) {
  return guard("tensor_clone", [&] {
    not_null(out, "out");
    *out = give(as_tensor(tensor).detach().clone(at::MemoryFormat::Contiguous));
  });
}

hyb_status hyb_tensor_detach(const hyb_tensor* tensor, hyb_tensor** out) {
  return guard("tensor_detach", [&] {
    not_null(out, "out");
    *out = give(as_tensor(tensor).detach());
  });
}

hyb_status hyb_tensor_to(const hyb_tensor* tensor, int32_t dtype, int32_t device, hyb_tensor** out) {
  return guard("tensor_to", [&] {
    not_null(out, "out");
    *out = give(as_tensor(tensor).to(device_of(device), scalar_type(dtype)));
  });
}

hyb_status hyb_tensor_copy_inplace(hyb_tensor* destination, const hyb_tensor* source) {
  return guard("tensor_copy_inplace", [&] {
    auto& to = as_tensor(destination, "destination");
    const auto& from = as_tensor(source, "source");
    require(to.sizes() == from.sizes(), HYB_INVALID_ARGUMENT, "destination ", to.sizes(), " and source ", from.sizes(), " differ");
    at::NoGradGuard no_grad;
    to.copy_(from);
  });
}

hyb_status hyb_tensor_set_requires_grad(hyb_tensor* tensor, int32_t requires_grad) {
  return guard("tensor_set_requires_grad", [&] {
    auto& t = as_tensor(tensor);
    require(t.is_leaf(), HYB_INVALID_ARGUMENT, "only a leaf tensor can start or stop requiring gradients");
    t.set_requires_grad(requires_grad != 0);
  });
}

hyb_status hyb_tensor_reshape(const hyb_tensor* tensor, const int64_t* sizes, int32_t ndim, hyb_tensor** out) {
  return guard("tensor_reshape", [&] {
    not_null(out, "out");
    auto shape = shape_of(sizes, ndim);
    const auto& t = as_tensor(tensor);
    require(holds(shape, t.numel()), HYB_INVALID_ARGUMENT, "a tensor of shape ", t.sizes(), " cannot have shape ", c10::IntArrayRef(shape));
    *out = give(t.reshape(shape));
  });
}

hyb_status hyb_tensor_narrow(const hyb_tensor* tensor, int32_t dim, int64_t start, int64_t length, hyb_tensor** out) {
  return guard("tensor_narrow", [&] {
    not_null(out, "out");
    const auto& t = as_tensor(tensor);
    require(dim >= 0 && dim < t.dim(), HYB_OUT_OF_RANGE, "dimension ", dim, " of a tensor with ", t.dim());
    require(start >= 0 && length >= 0 && start <= t.size(dim) - length, HYB_OUT_OF_RANGE, length, " rows from ", start, " of ",
            t.size(dim));
    *out = give(t.narrow(dim, start, length));
  });
}

hyb_status hyb_tensor_cat(hyb_tensor* const* tensors, int64_t n, int32_t dim, hyb_tensor** out) {
  return guard("tensor_cat", [&] {
    not_null(out, "out");
    require(n >= 1, HYB_INVALID_ARGUMENT, "no tensors");
    *out = give(at::cat(as_tensors(tensors, n, "tensors"), dim));
  });
}

hyb_status hyb_tensor_count_different(const hyb_tensor* a, const hyb_tensor* b, int64_t* out) {
  return guard("tensor_count_different", [&] {
    not_null(out, "out");
    auto x = as_tensor(a, "a").detach().contiguous(), y = as_tensor(b, "b").detach().contiguous();
    require(x.sizes() == y.sizes() && x.scalar_type() == y.scalar_type(), HYB_INVALID_ARGUMENT, "a is ", x.scalar_type(), " ", x.sizes(),
            ", b is ", y.scalar_type(), " ", y.sizes());
    auto bits = x.element_size() == 8 ? at::kLong : x.element_size() == 4 ? at::kInt : x.element_size() == 2 ? at::kShort : at::kByte;
    // In parts: the masks and counts of a whole tensor would take several times its memory.
    constexpr int64_t part = int64_t{1} << 20;
    auto left = x.view(bits).view({-1}), right = y.view(bits).view({-1});
    int64_t different = 0;
    for (int64_t first = 0; first < left.numel(); first += part) {
      const int64_t count = std::min(part, left.numel() - first);
      different += left.narrow(0, first, count).ne(right.narrow(0, first, count)).sum().item<int64_t>();
    }
    *out = different;
  });
}
