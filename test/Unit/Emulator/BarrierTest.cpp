// Barriers: who waits for whom, and what they order.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Kernel.h"

using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::ElementsAre;
using testing::HasSubstr;

/// Each thread writes a word, and reads that of the thread `distance` further,
/// with `sync` between.
static Report pass(Kernel &kernel, const Launch &launch, uint32_t distance,
                   const std::function<void()> &sync, bool isOrdered = true) {
  auto store = kernel.op("st.shared.b32"), load = kernel.op("ld.shared.b32", 1);
  return kernel.run(launch, [&] {
    uint32_t tid = kernel.tid(), from = (tid + distance) % launch.block.x;
    store(uint64_t(4 * tid), tid);
    sync();
    uint32_t value = load(uint64_t(4 * from));
    if (isOrdered) {
      EXPECT_EQ(value, from);
    }
  });
}

TEST(Barrier, OrdersAllThreads) {
  for (uint64_t seed : {0, 1, 2}) {
    Kernel kernel;
    auto bar = kernel.op("bar.sync");
    Launch launch = oneCta(128);
    launch.seed = seed;
    Report report = pass(kernel, launch, 64, [&] { bar(0u, 0u); });
    EXPECT_EQ(describe(report), "");
  }
}

TEST(Barrier, OfAWarpOrdersTheWarpOnly) {
  Kernel kernel;
  auto bar = kernel.op("bar.warp.sync");
  auto sync = [&] { bar(0xFFFFFFFFu); };
  EXPECT_EQ(describe(pass(kernel, oneCta(32), 5, sync)), "");
  EXPECT_THAT(kinds(pass(kernel, oneCta(64), 32, sync, false)),
              testing::Contains(FindingKind::race));
}

TEST(Barrier, NamedOnesCountThreads) {
  Kernel kernel;
  auto store = kernel.op("st.shared.b32"), load = kernel.op("ld.shared.b32", 1);
  auto sync = kernel.op("bar.sync"), arrive = kernel.op("bar.arrive");
  // Warp 0 produces for warp 2; warp 1 has a barrier of its own.
  Report report = kernel.run(oneCta(96), [&] {
    uint32_t tid = kernel.tid();
    if (tid < 32) {
      store(uint64_t(4 * tid), tid);
      arrive(3u, 64u);
    } else if (tid < 64) {
      sync(4u, 32u);
    } else {
      sync(3u, 64u);
      EXPECT_EQ(load(uint64_t(4 * (tid - 64))), tid - 64);
    }
  });
  EXPECT_EQ(describe(report), "");
}

TEST(Barrier, ArrivingOrdersNothingForOneself) {
  Kernel kernel;
  auto store = kernel.op("st.shared.b32"), load = kernel.op("ld.shared.b32", 1);
  auto sync = kernel.op("bar.sync"), arrive = kernel.op("bar.arrive");
  Report report = kernel.run(oneCta(64), [&] {
    uint32_t tid = kernel.tid();
    store(uint64_t(4 * tid), tid);
    if (tid < 32)
      sync(1u, 64u);
    else
      arrive(1u, 64u);
    load(uint64_t(4 * (63 - tid)));
  });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::race));
  EXPECT_GE(report.findings[0].thread.x, 32u);
}

TEST(Barrier, Reduces) {
  Kernel kernel;
  auto count = kernel.op("bar.red.popc.u32", 1);
  auto all = kernel.op("bar.red.and.pred", 1);
  auto any = kernel.op("barrier.cta.red.or.pred", 1);
  Report report = kernel.run(oneCta(64), [&] {
    uint32_t tid = kernel.tid();
    EXPECT_EQ(count(0u, 0u, uint32_t(tid < 40)), 40u);
    EXPECT_EQ(all(0u, 0u, uint32_t(tid < 40)), 0u);
    EXPECT_EQ(all(0u, 0u, 1u), 1u);
    EXPECT_EQ(any(0u, 0u, uint32_t(tid == 40)), 1u);
    EXPECT_EQ(any(0u, 0u, 0u), 0u);
  });
  EXPECT_EQ(describe(report), "");
}

TEST(Barrier, DoesntWaitForThreadsThatHaveEnded) {
  Kernel kernel;
  auto sync = kernel.op("bar.sync"), warpSync = kernel.op("bar.warp.sync");
  auto exit = kernel.op("exit");
  Report report = kernel.run(oneCta(96), [&] {
    if (kernel.tid() >= 40)
      exit();
    sync(0u, 0u);
    warpSync(0xFFFFFFFFu);
  });
  EXPECT_EQ(describe(report), "");
}

TEST(Barrier, FindsDeadlocks) {
  Kernel kernel;
  auto sync = kernel.op("bar.sync");
  Report report = kernel.run(oneCta(64), [&] {
    if (kernel.tid() < 32)
      sync(1u, 64u);
    else
      sync(2u, 64u);
  });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::deadlock));
  EXPECT_THAT(report.findings[0].message,
              HasSubstr("barrier 1, which 32 of 64 threads have reached"));
}

TEST(Barrier, FindsDivergence) {
  Kernel kernel;
  auto here = kernel.op("bar.sync"), there = kernel.op("bar.sync");
  Report report = kernel.run(oneCta(32), [&] {
    if (kernel.tid() < 16)
      here(0u, 0u);
    else
      there(0u, 0u);
  });
  ASSERT_THAT(kinds(report),
              ElementsAre(FindingKind::divergence, FindingKind::divergence));
  EXPECT_THAT(report.findings[0].message,
              HasSubstr("waits for the lanes 0xffff0000 of its warp"));
  EXPECT_THAT(report.findings[0].message,
              HasSubstr("lane 16 is at bar.sync (op:3)"));
}

TEST(Barrier, FindsLanesThatAreNotInTheirMask) {
  Kernel kernel;
  auto sync = kernel.op("bar.warp.sync");
  Report report = kernel.run(oneCta(32), [&] { sync(0x7FFFFFFFu); });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::divergence));
  EXPECT_EQ(report.findings[0].thread.x, 31u);
}

TEST(Barrier, FindsWrongOperands) {
  Kernel kernel;
  auto sync = kernel.op("bar.sync"), other = kernel.op("bar.sync");
  Report report =
      kernel.run(oneCta(32), [&] { sync(16u, 0u), other(0u, 33u); });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand,
                                         FindingKind::invalidOperand));
  report =
      kernel.run(oneCta(64), [&] { sync(0u, kernel.tid() < 32 ? 64u : 0u); });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::operandMismatch));
}

TEST(Barrier, OfAClusterOrdersItsCtas) {
  Kernel kernel;
  auto store = kernel.op("st.shared::cluster.b32");
  auto load = kernel.op("ld.shared.b32", 1);
  auto mapa = kernel.op("mapa.shared::cluster.u64", 2);
  auto rank = kernel.op("mov.u32.%cluster_ctarank", 1);
  auto arrive = kernel.op("barrier.cluster.arrive.release.aligned");
  auto relaxed = kernel.op("barrier.cluster.arrive.relaxed.aligned");
  auto wait = kernel.op("barrier.cluster.wait.acquire.aligned");
  auto run = [&](const Op &arrival) {
    Launch launch = oneCta(32);
    launch.grid = {4, 1, 1};
    launch.cluster = {2, 1, 1};
    return kernel.run(launch, [&] {
      uint32_t tid = kernel.tid(), peer = 1 - rank();
      store(mapa(uint64_t(4 * tid), peer).wide(), 100 * peer + tid);
      arrival();
      wait();
      EXPECT_EQ(load(uint64_t(4 * tid)), 100 * rank() + tid);
    });
  };
  EXPECT_EQ(describe(run(arrive)), "");
  EXPECT_THAT(kinds(run(relaxed)), ElementsAre(FindingKind::race));
}

TEST(Barrier, ClusterWaitsFollowArrivals) {
  Kernel kernel;
  auto arrive = kernel.op("barrier.cluster.arrive.aligned");
  auto wait = kernel.op("barrier.cluster.wait.aligned");
  Report report = kernel.run(oneCta(32), [&] { wait(), arrive(), arrive(); });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand,
                                         FindingKind::invalidOperand));
}
