#include "matmul.h"

#include "cpu/dispatch.h"
#include "error.h"
#include "typed.h"

#ifdef HYBRID_WITH_DNNL
#include <dnnl.hpp>
#endif

namespace hybrid {
namespace {

// out = op(left) op(right), or out += where add is set. All contiguous.
struct Product {
  at::Tensor& out;
  const at::Tensor& left;
  bool transpose_left;
  const at::Tensor& right;
  bool transpose_right;
  bool add;

  int64_t m() const { return out.size(0); }
  int64_t n() const { return out.size(1); }
  int64_t k() const { return left.size(transpose_left ? 0 : 1); }
};

#ifdef HYBRID_WITH_DNNL
// oneDNN packs operands and compiles kernels in memory of its own, which may not be there either.
void require_done(dnnl_status_t status, const Product& p) {
  if (status == dnnl_success) return;
  const bool memory = status == dnnl_out_of_memory;
  fail(memory ? HYB_OUT_OF_MEMORY : HYB_INTERNAL, "oneDNN ", memory ? "ran out of memory" : "failed", " (status ", static_cast<int>(status), ") at a product of [", p.m(),
       ",", p.k(), "] and [", p.k(), ",", p.n(), "]");
}

// LibTorch 1.13 sends float32 products to BLAS, which on Debian may be the reference one or an OpenBLAS that does not
// know the CPU; oneDNN's own sgemm runs at the CPU's peak on the shapes of small and large models alike.
void multiply_floats(const Product& p) {
  auto status = dnnl_sgemm(p.transpose_left ? 'T' : 'N', p.transpose_right ? 'T' : 'N', p.m(), p.n(), p.k(), 1.0f, p.left.data_ptr<float>(),
                           p.left.size(1), p.right.data_ptr<float>(), p.right.size(1), p.add ? 1.0f : 0.0f, p.out.data_ptr<float>(), p.n());
  require_done(status, p);
}

// Whether the CPU multiplies bfloat16 itself; oneDNN's emulation is slower than float32.
bool has_bf16_products() {
  static const bool has = (dnnl::get_effective_cpu_isa() == dnnl::cpu_isa::avx512_core_bf16 ||
                           static_cast<int>(dnnl::get_effective_cpu_isa()) > static_cast<int>(dnnl::cpu_isa::avx512_core_bf16));
  return has;
}

// Products of bfloat16 summed in float32, on AVX512-BF16 or AMX. oneDNN keeps the compiled primitives.
void multiply_halves(const Product& p) {
  using dnnl::memory;
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  auto describe = [](int64_t rows, int64_t columns, bool transposed, memory::data_type type) {
    return memory::desc({rows, columns}, type, transposed ? memory::format_tag::ba : memory::format_tag::ab);
  };
  const auto out_type = p.out.scalar_type() == at::kFloat ? memory::data_type::f32 : memory::data_type::bf16;
  const auto left = describe(p.m(), p.k(), p.transpose_left, memory::data_type::bf16);
  const auto right = describe(p.k(), p.n(), p.transpose_right, memory::data_type::bf16);
  const auto out = describe(p.m(), p.n(), false, out_type);
  dnnl::primitive_attr attributes;
  if (p.add) {
    dnnl::post_ops sum;
    sum.append_sum();
    attributes.set_post_ops(sum);
  }
  const dnnl::matmul product(dnnl::matmul::primitive_desc(dnnl::matmul::desc(left, right, out), attributes, engine));
  dnnl::stream stream(engine);
  product.execute(stream, {{DNNL_ARG_SRC, memory(left, engine, p.left.data_ptr())},
                           {DNNL_ARG_WEIGHTS, memory(right, engine, p.right.data_ptr())},
                           {DNNL_ARG_DST, memory(out, engine, p.out.data_ptr())}});
  stream.wait();
}
#endif

// Returns false where oneDNN is not there or not the better choice.
bool multiply_by_dnnl([[maybe_unused]] const Product& p) {
#ifdef HYBRID_WITH_DNNL
  const bool floats = p.left.is_cpu() && p.left.scalar_type() == at::kFloat && p.out.scalar_type() == at::kFloat;
  const bool halves = p.left.is_cpu() && p.left.scalar_type() == at::kBFloat16 && has_bf16_products();
  if (!floats && !halves) return false;
  if (p.m() == 0 || p.n() == 0) return true;
  if (p.k() == 0) {
    if (!p.add) p.out.zero_();
    return true;
  }
  at::get_num_threads();  // gives this thread LibTorch's thread count, which OpenMP keeps per thread
  try {
    floats ? multiply_floats(p) : multiply_halves(p);
  } catch (const dnnl::error& error) {
    require_done(error.status, p);
  }
  return true;
#else
  return false;
#endif
}

void multiply_by_libtorch(const Product& p) {
  auto left = p.transpose_left ? p.left.t() : p.left, right = p.transpose_right ? p.right.t() : p.right;
  if (p.out.scalar_type() != left.scalar_type() || (left.is_cpu() && left.scalar_type() == at::kBFloat16)) {
    // Sums of 16-bit products belong in float32; and without a CPU that multiplies bfloat16, float32 is faster as well.
    auto wide = accumulation_type(left);
    auto product = at::mm(left.to(wide), right.to(wide));
    if (p.add)
      p.out.add_(product);
    else
      p.out.copy_(product);
  } else if (p.add) {
    p.out.addmm_(left, right);
  } else {
    at::mm_out(p.out, left, right);
  }
}

// Up to so many rows the kernel for a few is faster than any library: oneDNN's sgemm packs the weight first, which costs as much as
// 32 rows save, but not where rows are short; its bfloat16 primitives take 3 µs to call, and multiply twice as fast as float32.
int64_t few_rows(const Product& p) {
  constexpr int64_t most = 32;
#ifdef HYBRID_WITH_DNNL
  constexpr int64_t most_of_halves = 4, least_width = 256;
  if (p.left.scalar_type() == at::kBFloat16 && has_bf16_products()) return most_of_halves;
  if (p.left.scalar_type() == at::kFloat && p.k() < least_width) return 0;
#endif
  return most;
}

// Returns false where the kernel does not cover the product, or a library is the better choice.
bool multiply_few_rows(const Product& p) {
  const int64_t m = p.m(), n = p.n(), k = p.k(), least = cpu::few_rows_least;
  if (p.transpose_left || !p.transpose_right || p.add || m == 0 || m > few_rows(p) || n < least || k < least) return false;
  return with_kernels(p.left, [&](auto zero) {
    using T = decltype(zero);
    using C = cpu::Compute<T>;
    const bool narrow = p.out.scalar_type() == p.left.scalar_type();
    const auto x = at::empty({cpu::few_rows_width(m, k)}, accumulation_options(p.left));
    cpu::kernels<T>().few_rows_widen(elements<T>(p.left), m, k, elements<C>(x));
    at::parallel_for(0, (n + least - 1) / least, row_grain(least * k), [&](int64_t first, int64_t last) {
      cpu::kernels<T>().few_rows_product(elements<C>(x), m, elements<T>(p.right), k, first * least, std::min(n, last * least), n,
                                         narrow ? elements<T>(p.out) : nullptr, narrow ? nullptr : elements<C>(p.out));
    });
  });
}

void multiply(const Product& p) {
  if (!multiply_few_rows(p) && !multiply_by_dnnl(p)) multiply_by_libtorch(p);
}

at::Tensor multiply(const at::Tensor& a, bool transpose_a, const at::Tensor& b, bool transpose_b, at::ScalarType type) {
  auto left = a.contiguous(), right = b.contiguous();
  auto out = at::empty({left.size(transpose_a ? 1 : 0), right.size(transpose_b ? 0 : 1)}, left.options().dtype(type));
  multiply({out, left, transpose_a, right, transpose_b, false});
  return out;
}

}  // namespace

at::Tensor matmul_nt(const at::Tensor& a, const at::Tensor& b) { return multiply(a, false, b, true, a.scalar_type()); }

at::Tensor matmul_nt_wide(const at::Tensor& a, const at::Tensor& b) { return multiply(a, false, b, true, accumulation_type(a)); }

at::Tensor matmul_nn(const at::Tensor& a, const at::Tensor& b) { return multiply(a, false, b, false, a.scalar_type()); }

at::Tensor matmul_tn(const at::Tensor& a, const at::Tensor& b) { return multiply(a, true, b, false, a.scalar_type()); }

void add_matmul_tn(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  auto left = a.contiguous(), right = b.contiguous();
  multiply({out, left, true, right, false, true});
}

const char* matmul_backend() {
#ifdef HYBRID_WITH_DNNL
  return has_bf16_products() ? "oneDNN (float32, bfloat16) and LibTorch" : "oneDNN (float32) and LibTorch";
#else
  return "LibTorch";
#endif
}

}  // namespace hybrid
