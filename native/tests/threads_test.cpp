// The C ABI called from several threads at once. What is asserted holds in every build; in one with ThreadSanitizer, two threads that
// touch a byte of ours in no order fail the program, too.
#include "threads.h"

#include <atomic>
#include <thread>

#include "files.h"
#include "foreign_tensors.h"

using namespace hybrid::tests;

namespace {

// Runs body(0) … body(count − 1) at once, each on a thread of its own whose operations begin with one thread.
template <class Body>
void at_once(int count, const Body& body) {
  std::atomic<int> missing{count};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        ok(hyb_runtime_set_threads(1));
        --missing;
        while (missing > 0) std::this_thread::yield();
        body(i);
      } catch (const std::exception& error) {
        ADD_FAILURE() << "thread " << i << ": " << error.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

template <class Body>
void on_a_fresh_thread(const Body& body) {
  std::thread(body).join();
}

// What a thread of the host begins with that has not computed yet: the process's default.
int32_t count_of_a_fresh_thread() {
  int32_t count = 0;
  on_a_fresh_thread([&] { count = foreign_threads(); });
  return count;
}

hyb_tensor* pair_of(double first, double second) {
  const double values[] = {first, second};
  const int64_t size = 2;
  hyb_tensor* tensor = nullptr;
  ok(hyb_tensor_from_data(values, sizeof values, &size, 1, HYB_F64, HYB_CPU, &tensor));
  return tensor;
}

double sum_of(const hyb_tensor* tensor) {
  double values[2] = {};
  ok(hyb_tensor_copy_to(tensor, values, sizeof values));
  return values[0] + values[1];
}

// Numbers that need no generator, which the threads would share.
at::Tensor waves(at::IntArrayRef shape, double phase) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return at::sin(at::arange(count, at::kDouble) * 1.3 + phase).reshape(shape);
}

// Ten steps of a small model's parts, forward, backward and update; the trained weight.
at::Tensor trained() {
  const int64_t D = 16, rows = 12;
  const Offsets offsets{0, 5, rows};
  auto heads = heads_of(2, 1, D / 2);
  auto x = waves({rows, D}, 0.1), weight = leaf(waves({D, D}, 0.2)), scale = leaf(waves({D}, 0.3)), table = leaf(waves({20, D}, 0.4));
  const std::vector<int64_t> targets{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  for (int step = 0; step < 10; ++step) {
    hyb_density* density = nullptr;
    ok(hyb_density_new(offsets.data(), 2, 1, &density));
    auto q = ours::linear(ours::rms_norm(x, scale, 1e-5), weight, density), k = q.narrow(1, 0, D / 2).contiguous();
    auto hidden = ours::swiglu(ours::attention(q, k, k, offsets, heads), q);
    auto loss = ours::token_nll(hidden, table, targets, 5).mean();
    Tensors trained{weight, scale, table};
    auto grads = gradients(loss, trained);
    auto parameters = lend_all(trained), slopes = lend_all(grads);
    ok(hyb_optim_sgd_step(parameters.data(), nullptr, slopes.data(), nullptr, 3, 0.1, 0));
    double sums[2] = {};
    ok(hyb_density_values(density, sums, 2));
    EXPECT_GT(sums[0], 0);
    EXPECT_GT(sums[1], 0);
    hyb_density_free(density);
  }
  return weight.detach();
}

}  // namespace

TEST(Threads, HandlesAreMadeUsedAndFreed) {
  const int64_t before = hyb_live_handles();
  at_once(4, [](int i) {
    for (int round = 0; round < 200; ++round) {
      auto *a = pair_of(i, round), *b = pair_of(1, 2);
      hyb_tensor *sum = nullptr, *alias = nullptr;
      ok(hyb_ops_add(a, b, &sum));
      ok(hyb_tensor_alias(sum, &alias));
      hyb_tensor_free(sum);
      EXPECT_EQ(sum_of(alias), i + round + 3);
      for (auto* tensor : {a, b, alias}) hyb_tensor_free(tensor);
    }
  });
  EXPECT_EQ(hyb_live_handles(), before);
}

TEST(Threads, AHandleMayBeHandedOver) {
  std::atomic<hyb_tensor*> hands[2] = {nullptr, nullptr};
  const int rounds = 500;
  at_once(4, [&](int i) {
    auto& hand = hands[i / 2];
    for (int round = 0; round < rounds; ++round) {
      if (i % 2 == 0) {
        auto* made = pair_of(round, i);
        while (hand.load() != nullptr) std::this_thread::yield();
        hand = made;
      } else {
        hyb_tensor* taken = nullptr;
        while ((taken = hand.exchange(nullptr)) == nullptr) std::this_thread::yield();
        EXPECT_EQ(sum_of(taken), round + i - 1);
        hyb_tensor_free(taken);
      }
    }
  });
}

TEST(Threads, TrainingSideBySideGivesTheSameBits) {
  auto expected = trained();
  at_once(4, [&](int) { expect_same_bits(trained(), expected); });
}

// Each caller's operations are split over two threads of LibTorch's pool.
TEST(Threads, SplitWorkSideBySide) {
  auto x = waves({3000, 64}, 0.5), weight = waves({64}, 0.6);
  auto expected = ours::rms_norm(x, weight, 1e-5);
  at_once(3, [&](int) {
    ok(hyb_runtime_set_threads(2));
    for (int round = 0; round < 5; ++round) {
      auto mine = leaf(x), scale = leaf(weight);
      auto out = ours::rms_norm(mine, scale, 1e-5);
      expect_same_bits(out, expected);
      EXPECT_TRUE(gradients(weigh(out), {mine, scale})[1].defined());
    }
  });
}

TEST(Threads, ErrorTextsDoNotMix) {
  at_once(4, [](int i) {
    const int32_t wrong = -100 - i;
    for (int round = 0; round < 500; ++round) {
      expect_refused(HYB_INVALID_ARGUMENT, "runtime_set_threads", hyb_runtime_set_threads(wrong), "threads is " + std::to_string(wrong));
      EXPECT_NE(std::string(hyb_build_info()), "");
    }
  });
}

TEST(Threads, CountsAndGradientModeAreEachThreadsOwn) {
  at_once(4, [](int i) {
    int32_t previous = -1;
    ok(hyb_runtime_set_threads(1 + i));
    ok(hyb_autograd_set_enabled(i % 2, &previous));
    for (int round = 0; round < 200; ++round) {
      EXPECT_EQ(hyb_runtime_threads(), 1 + i);
      EXPECT_EQ(hyb_autograd_enabled(), i % 2);
    }
  });
}

TEST(Threads, ACountConcernsNoOtherThread) {
  const int32_t fresh = count_of_a_fresh_thread();
  const int32_t another = fresh + 2;
  ok(hyb_runtime_set_threads(another));
  EXPECT_EQ(foreign_threads(), another) << "LibTorch's own operations on this thread follow";
  EXPECT_EQ(count_of_a_fresh_thread(), fresh);
  on_a_fresh_thread([&] {
    ok(hyb_runtime_set_threads(another + 1));  // the first call of a thread that has not computed yet
    EXPECT_EQ(foreign_threads(), another + 1);
    EXPECT_EQ(foreign_threads_at_work(), another + 1);
  });
  EXPECT_EQ(hyb_runtime_threads(), another);
  EXPECT_EQ(foreign_threads_at_work(), another);
  EXPECT_EQ(count_of_a_fresh_thread(), fresh);
  ok(hyb_runtime_set_threads(1));
}

TEST(Threads, EachKeepsItsCountWhileOthersWork) {
  at_once(3, [](int i) {
    ok(hyb_runtime_set_threads(1 + i));
    for (int round = 0; round < 50; ++round) {
      EXPECT_EQ(foreign_threads_at_work(), 1 + i);
      ok(hyb_runtime_set_threads(5));
      ok(hyb_runtime_set_threads(1 + i));
    }
  });
}

TEST(Threads, TheHostsDefaultIsFollowedAndLeftAlone) {
  const int32_t fresh = count_of_a_fresh_thread();
  const int32_t hosts = fresh + 2;
  on_a_fresh_thread([&] { foreign_set_threads(hosts); });
  EXPECT_EQ(hyb_runtime_threads(), 1) << "a thread that has set its count keeps it";
  ok(hyb_runtime_set_threads(hosts + 1));
  EXPECT_EQ(count_of_a_fresh_thread(), hosts);
  on_a_fresh_thread([&] { EXPECT_EQ(hyb_runtime_threads(), hosts); });
  ok(hyb_runtime_set_threads(1));
  on_a_fresh_thread([&] { foreign_set_threads(fresh); });
  EXPECT_EQ(count_of_a_fresh_thread(), fresh);
}

// How it is done where LibTorch has MKL, whose count only LibTorch's setter reaches.
TEST(Threads, LibTorchsSetterLeavesTheDefaultAsItWas) {
  const int32_t fresh = count_of_a_fresh_thread();
  const int32_t another = fresh + 2;
  hybrid::set_threads_and_mend_default(another);
  EXPECT_EQ(hyb_runtime_threads(), another);
  EXPECT_EQ(foreign_threads_at_work(), another);
  EXPECT_EQ(count_of_a_fresh_thread(), fresh);
  at_once(4, [](int i) {
    for (int round = 0; round < 20; ++round) {
      hybrid::set_threads_and_mend_default(1 + i);
      EXPECT_EQ(hyb_runtime_threads(), 1 + i);
    }
  });
  EXPECT_EQ(count_of_a_fresh_thread(), fresh);
  ok(hyb_runtime_set_threads(1));
}

TEST(Threads, AMeterIsReadWhileItCounts) {
  hyb_memory_meter* meters[2] = {nullptr, nullptr};
  std::atomic<int> started{0}, read{0};
  at_once(4, [&](int i) {
    const int pair = i / 2;
    if (i % 2 == 0) {
      ok(hyb_memory_meter_start(&meters[pair]));
      ++started;
      while (read < 2) {
        auto block = at::empty({1024}, at::kByte);
        std::this_thread::yield();
      }
      ok(hyb_memory_meter_stop(meters[pair]));
    } else {
      while (started < 2) std::this_thread::yield();
      for (int round = 0; round < 500; ++round) {
        int64_t live = -1, peak = -1;
        ok(hyb_memory_meter_live(meters[pair], HYB_CPU, &live));
        ok(hyb_memory_meter_peak(meters[pair], HYB_CPU, &peak));
        EXPECT_TRUE(live == 0 || live == 1024) << live;
        EXPECT_TRUE(peak == 0 || peak == 1024) << peak;
        if (round % 50 == 0) ok(hyb_memory_meter_restart_peak(meters[pair]));
      }
      ++read;
    }
  });
  for (auto* meter : meters) hyb_memory_meter_free(meter);
}

TEST(Threads, TheInstructionSetChangesUnderWork) {
  auto gate = waves({64, 32}, 0.7), up = waves({64, 32}, 0.8);
  auto expected = ours::swiglu(gate, up);
  std::atomic<int> working{3};
  at_once(4, [&](int i) {
    if (i == 0) {
      for (int round = 0; working > 0; ++round) {
        auto status = hyb_runtime_set_isa(round % 2 == 0 ? "baseline" : "auto");
        EXPECT_EQ(status, HYB_OK) << hyb_last_error();
        std::this_thread::yield();
      }
    } else {
      for (int round = 0; round < 200; ++round) expect_close(ours::swiglu(gate, up), expected, 1e-13);
      --working;
    }
  });
  ok(hyb_runtime_set_isa("auto"));
}

class ThreadsFiles : public InFolder {};

TEST_F(ThreadsFiles, OnePathIsWrittenAndReadByAll) {
  ok(write(path("one"), {"x"}, {at::zeros({64}, at::kDouble)}));
  at_once(4, [&](int i) {
    for (int round = 0; round < 20; ++round) {
      ok(write(path("one"), {"x"}, {at::full({64}, i, at::kDouble)}));
      auto read = OpenFile(path("one")).read(0);
      expect_same_bits(read, read[0].expand({64}), "one writer's file, whole");
    }
  });
  EXPECT_EQ(listing(), std::vector<std::string>{"one"}) << "temporary files were left";
}
