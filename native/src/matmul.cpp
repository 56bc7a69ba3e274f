#include "matmul.h"

#include "error.h"

#ifdef HYBRID_WITH_DNNL
#include <dnnl.h>
#endif

namespace hybrid {
namespace {

// LibTorch 1.13 sends float32 products to BLAS, which on Debian may be the reference one or an OpenBLAS that does
// not know the CPU; oneDNN's own sgemm runs at the CPU's peak on the shapes of small and large models alike.
// Returns false where it does not apply.
bool multiply_by_dnnl([[maybe_unused]] at::Tensor& out, [[maybe_unused]] const at::Tensor& a, [[maybe_unused]] bool transpose_a,
                      [[maybe_unused]] const at::Tensor& b, [[maybe_unused]] bool transpose_b, [[maybe_unused]] float beta) {
#ifdef HYBRID_WITH_DNNL
  if (!a.is_cpu() || a.scalar_type() != at::kFloat) return false;
  at::get_num_threads();  // gives this thread LibTorch's thread count, which OpenMP keeps per thread
  const float* left = a.data_ptr<float>();
  const float* right = b.data_ptr<float>();
  int64_t m = out.size(0), n = out.size(1), k = a.size(transpose_a ? 0 : 1);
  if (m == 0 || n == 0) return true;
  if (k == 0) {
    if (beta == 0) out.zero_();
    return true;
  }
  auto status = dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1.0f, left, a.size(1), right, b.size(1), beta,
                           out.data_ptr<float>(), n);
  require(status == dnnl_success, HYB_INTERNAL, "dnnl_sgemm answered ", static_cast<int>(status));
  return true;
#else
  return false;
#endif
}

at::Tensor multiply(const at::Tensor& a, bool transpose_a, const at::Tensor& b, bool transpose_b) {
  auto left = a.contiguous(), right = b.contiguous();
  auto out = at::empty({left.size(transpose_a ? 1 : 0), right.size(transpose_b ? 0 : 1)}, left.options());
  if (!multiply_by_dnnl(out, left, transpose_a, right, transpose_b, 0.0f))
    at::mm_out(out, transpose_a ? left.t() : left, transpose_b ? right.t() : right);
  return out;
}

}  // namespace

at::Tensor matmul_nt(const at::Tensor& a, const at::Tensor& b) { return multiply(a, false, b, true); }

at::Tensor matmul_nn(const at::Tensor& a, const at::Tensor& b) { return multiply(a, false, b, false); }

at::Tensor matmul_tn(const at::Tensor& a, const at::Tensor& b) { return multiply(a, true, b, false); }

void add_matmul_tn(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  auto left = a.contiguous(), right = b.contiguous();
  if (!multiply_by_dnnl(out, left, true, right, false, 1.0f)) out.addmm_(left.t(), right);
}

const char* matmul_backend() {
#ifdef HYBRID_WITH_DNNL
  return "oneDNN (float32) and LibTorch";
#else
  return "LibTorch";
#endif
}

}  // namespace hybrid
