// What is promised about memory, counted: every tensor's storage passes through LibTorch's CPU allocator, and every other
// object through operator new.
#include <atomic>
#include <cstdlib>
#include <new>

#include "support.h"

using namespace hybrid::tests;

namespace {

std::atomic<int64_t> objects{0};

// LibTorch's allocator, counted while it stands in front of it. The signatures differ between LibTorch's versions by a
// const and by copy_data, so both are there and neither says override.
class CountingAllocator : public c10::Allocator {
 public:
  CountingAllocator() : inner_(c10::GetAllocator(c10::kCPU)) { c10::SetAllocator(c10::kCPU, this); }
  ~CountingAllocator() { c10::SetAllocator(c10::kCPU, inner_); }

  c10::DataPtr allocate(size_t n) const { return counted(n); }
  c10::DataPtr allocate(size_t n) { return counted(n); }
  void copy_data(void* to, const void* from, size_t n) const { std::memcpy(to, from, n); }

  // Starts a measurement from what is alive now.
  void restart() {
    count_ = 0;
    peak_ = live_.load();
    base_ = live_.load();
  }
  int64_t count() const { return count_; }
  int64_t peak() const { return peak_ - base_; }

 private:
  struct Block {
    c10::DataPtr memory;
    int64_t size;
    std::atomic<int64_t>* live;
  };

  c10::DataPtr counted(size_t n) const {
    auto* block = new Block{inner_->allocate(n), static_cast<int64_t>(n), &live_};
    ++count_;
    int64_t now = live_ += block->size, most = peak_;
    while (now > most && !peak_.compare_exchange_weak(most, now)) {
    }
    return {block->memory.get(), block,
            [](void* context) {
              auto* freed = static_cast<Block*>(context);
              *freed->live -= freed->size;
              delete freed;
            },
            c10::Device(c10::kCPU)};
  }

  c10::Allocator* inner_;
  mutable std::atomic<int64_t> count_{0}, peak_{0};
  int64_t base_ = 0;
  static std::atomic<int64_t> live_;  // outlives the allocator, as blocks may
};
std::atomic<int64_t> CountingAllocator::live_{0};

}  // namespace

#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // the compiler pairs inlined halves of what is replaced here
void* operator new(size_t n) {
  ++objects;
  if (void* memory = std::malloc(n > 0 ? n : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t n, const std::nothrow_t&) noexcept {
  ++objects;
  return std::malloc(n > 0 ? n : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

TEST(Memory, DensityNeedsNoneThatGrowsWithTheWeight) {
  // 1 MiB, 4 MiB and 16 MiB weights, 24 rows in three sequences.
  const Offsets offsets{0, 7, 16, 24};
  for (auto type : {at::kFloat, at::kBFloat16}) {
    for (int64_t width : {512, 1024, 2048}) {
      auto x = leaf(randn({24, width}), type), weight = leaf(randn({width, width}), type);
      const int64_t activation = 24 * width * static_cast<int64_t>(c10::elementSize(type));
      const int64_t weight_bytes = width * width * static_cast<int64_t>(c10::elementSize(type));
      hyb_density* density = nullptr;
      ok(hyb_density_new(offsets.data(), 3, 1, &density));
      CountingAllocator allocator;
      auto measured = weigh(ours::linear(x, weight, density, 0));
      allocator.restart();
      gradients(measured, {x});
      EXPECT_GT(allocator.peak(), activation / 2) << "the input's gradient alone";
      // Gradients of activations in their own type and, by weigh, in float64; and scratch for each thread.
      EXPECT_LT(allocator.peak(), 24 * activation + (1 << 18)) << width;
      if (width == 2048) {
        EXPECT_LT(allocator.peak(), weight_bytes / 4);
      }
      auto plain = weigh(ours::linear(x, weight));
      allocator.restart();
      gradients(plain, {weight});
      EXPECT_GT(allocator.peak(), weight_bytes / 2) << "what a gradient of the weight would take";
      hyb_density_free(density);
    }
  }
}

TEST(Memory, AGraftAllocatesNothing) {
  // The nine tensors of a layer, and four times as many: a block of four layers.
  for (int64_t n : {9, 36}) {
    Tensors a, b;
    for (int64_t i = 0; i < n; ++i) a.push_back(leaf(randn({64, 64}))), b.push_back(leaf(randn({64, 64})));
    auto first = lend_all(a), second = lend_all(b);
    CountingAllocator allocator;
    allocator.restart();
    int64_t before = objects;
    ok(hyb_graft_exchange(first.data(), second.data(), n));
    EXPECT_EQ(allocator.count(), 0);
    EXPECT_EQ(objects, before);
  }
}
