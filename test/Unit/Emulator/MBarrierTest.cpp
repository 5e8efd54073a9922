// mbarriers: phases, transactions, and waits that go wrong.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Kernel.h"

using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {
class MBarrier : public testing::Test {
protected:
  void waitFor(uint64_t barrier, uint32_t parity) const {
    while (!tryWait(barrier, parity))
      ;
  }

  /// The mbarrier of most tests.
  static constexpr uint64_t kBarrier = 512;

  Kernel kernel;
  Op init = kernel.op("mbarrier.init.shared::cta.b64");
  Op inval = kernel.op("mbarrier.inval.shared.b64");
  Op arrive = kernel.op("mbarrier.arrive.shared.b64", 2);
  Op expect = kernel.op("mbarrier.expect_tx.relaxed.cta.shared.b64");
  Op complete = kernel.op("mbarrier.complete_tx.relaxed.cta.shared.b64");
  Op arriveExpect = kernel.op("mbarrier.arrive.expect_tx.shared.b64", 2);
  Op drop = kernel.op("mbarrier.arrive_drop.shared.b64", 2);
  Op testWait = kernel.op("mbarrier.test_wait.shared.b64", 1);
  Op tryWait = kernel.op("mbarrier.try_wait.parity.shared.b64", 1);
  Op count = kernel.op("mbarrier.pending_count.b64", 1);
  Op sync = kernel.op("bar.sync");
  Op load = kernel.op("ld.shared.b32", 1);
  Op store = kernel.op("st.shared.b32");
};
} // namespace

TEST_F(MBarrier, CompletesPhases) {
  Report report = kernel.run(oneCta(1), [&] {
    init(kBarrier, 2u);
    // Before a phase completes, the one before it has: parity 1.
    EXPECT_EQ(tryWait(kBarrier, 1u), 1u);
    EXPECT_EQ(tryWait(kBarrier, 0u), 0u);
    Words first = arrive(kBarrier, 1u);
    EXPECT_EQ(count(first.wide()), 2u);
    EXPECT_EQ(testWait(kBarrier, first.wide()), 0u);
    Words second = arrive(kBarrier, 1u);
    EXPECT_EQ(count(second.wide()), 1u);
    EXPECT_EQ(testWait(kBarrier, first.wide()), 1u);
    EXPECT_EQ(tryWait(kBarrier, 0u), 1u);
    EXPECT_EQ(tryWait(kBarrier, 1u), 0u);
    // Two arrivals at once end the next.
    Words third = arrive(kBarrier, 2u);
    EXPECT_EQ(testWait(kBarrier, third.wide()), 1u);
    EXPECT_EQ(tryWait(kBarrier, 1u), 1u);
  });
  EXPECT_EQ(describe(report), "");
}

TEST_F(MBarrier, CountsTransactions) {
  Report report = kernel.run(oneCta(1), [&] {
    init(kBarrier, 1u);
    arriveExpect(kBarrier, 96u);
    EXPECT_EQ(tryWait(kBarrier, 0u), 0u);
    complete(kBarrier, 64u);
    EXPECT_EQ(tryWait(kBarrier, 0u), 0u);
    complete(kBarrier, 32u);
    EXPECT_EQ(tryWait(kBarrier, 0u), 1u);
    // The copy may be faster than what expects it.
    complete(kBarrier, 16u);
    expect(kBarrier, 16u);
    EXPECT_EQ(tryWait(kBarrier, 1u), 0u);
    arrive(kBarrier, 1u);
    EXPECT_EQ(tryWait(kBarrier, 1u), 1u);
  });
  EXPECT_EQ(describe(report), "");
}

TEST_F(MBarrier, ForgetsThoseThatDropOut) {
  Report report = kernel.run(oneCta(1), [&] {
    init(kBarrier, 2u);
    drop(kBarrier, 1u);
    arrive(kBarrier, 1u);
    EXPECT_EQ(tryWait(kBarrier, 0u), 1u);
    arrive(kBarrier, 1u);
    EXPECT_EQ(tryWait(kBarrier, 1u), 1u);
  });
  EXPECT_EQ(describe(report), "");
}

TEST_F(MBarrier, OrdersAPipeline) {
  constexpr uint64_t kFull = 512, kEmpty = 520;
  constexpr uint32_t kSteps = 20;
  for (uint64_t seed : {0, 7}) {
    Launch launch = oneCta(64);
    launch.seed = seed;
    Report report = kernel.run(launch, [&] {
      uint32_t tid = kernel.tid();
      if (tid == 0) {
        init(kFull, 32u);
        init(kEmpty, 32u);
      }
      sync(0u, 0u);
      for (uint32_t i = 0; i < kSteps; ++i) {
        if (tid < 32) {
          waitFor(kEmpty, (i & 1) ^ 1);
          store(uint64_t(4 * tid), 100 * i + tid);
          arrive(kFull, 1u);
        } else {
          waitFor(kFull, i & 1);
          EXPECT_EQ(load(uint64_t(4 * (63 - tid))), 100 * i + 63 - tid);
          arrive(kEmpty, 1u);
        }
      }
    });
    EXPECT_EQ(describe(report), "");
  }
}

TEST_F(MBarrier, FindsAConsumerThatReleasesTooEarly) {
  constexpr uint64_t kFull = 512, kEmpty = 520;
  Report report = kernel.run(oneCta(64), [&] {
    uint32_t tid = kernel.tid();
    if (tid == 0) {
      init(kFull, 32u);
      init(kEmpty, 32u);
    }
    sync(0u, 0u);
    for (uint32_t i = 0; i < 4; ++i) {
      if (tid < 32) {
        waitFor(kEmpty, (i & 1) ^ 1);
        store(uint64_t(4 * tid), i);
        arrive(kFull, 1u);
      } else {
        waitFor(kFull, i & 1);
        arrive(kEmpty, 1u);
        load(uint64_t(4 * (63 - tid)));
      }
    }
  });
  EXPECT_THAT(kinds(report), testing::Contains(FindingKind::race));
}

TEST_F(MBarrier, FindsTheWrongPhase) {
  // A producer that waits for the first phase of 'empty', not for the one
  // before.
  Report report = kernel.run(oneCta(32), [&] {
    if (kernel.tid() == 0) {
      init(kBarrier, 1u);
      waitFor(kBarrier, 0);
    }
  });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::deadlock));
  EXPECT_THAT(report.findings[0].message,
              HasSubstr("waits for the phase of parity 0 of the mbarrier at "
                        "byte 512 (0 phases complete, 1 of 1 arrivals and 0 "
                        "bytes pending)"));
  // A consumer that takes the phase before for its own.
  report = kernel.run(oneCta(64), [&] {
    uint32_t tid = kernel.tid();
    if (tid == 0)
      init(kBarrier, 32u);
    sync(0u, 0u);
    if (tid < 32) {
      store(uint64_t(4 * tid), tid);
      arrive(kBarrier, 1u);
    } else {
      waitFor(kBarrier, 1);
      load(uint64_t(4 * (tid - 32)));
    }
  });
  EXPECT_THAT(kinds(report), testing::Contains(FindingKind::race));
}

TEST_F(MBarrier, FindsShortExpectations) {
  for (uint32_t bytes : {64u, 160u}) {
    Report report = kernel.run(oneCta(1), [&] {
      init(kBarrier, 1u);
      arriveExpect(kBarrier, bytes);
      complete(kBarrier, 96u);
      waitFor(kBarrier, 0);
    });
    ASSERT_THAT(kinds(report), ElementsAre(FindingKind::deadlock));
    EXPECT_THAT(report.findings[0].message,
                HasSubstr(std::to_string(int(bytes) - 96) + " bytes pending"));
  }
}

TEST_F(MBarrier, FindsUseWithoutInitialization) {
  Report report = kernel.run(oneCta(1), [&] {
    arrive(kBarrier, 1u);
    init(kBarrier, 1u);
    arrive(kBarrier, 1u);
    inval(kBarrier);
    init(kBarrier, 1u);
    init(kBarrier, 1u);
    init(uint64_t(516), 1u);
    init(uint64_t(8), 0u);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand,
                                         FindingKind::invalidOperand,
                                         FindingKind::misaligned));
  EXPECT_EQ(report.findings[1].count, 2u);
  // Nothing orders the other warp after the initialization.
  report = kernel.run(oneCta(64), [&] {
    if (kernel.tid() == 0)
      init(kBarrier, 1u);
    if (kernel.tid() == 32)
      arrive(kBarrier, 1u);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::race));
}

TEST_F(MBarrier, FindsTooManyArrivals) {
  Report report = kernel.run(oneCta(1), [&] {
    init(kBarrier, 2u);
    arrive(kBarrier, 3u);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand));
}

TEST_F(MBarrier, RemoteArrivals) {
  auto mapa = kernel.op("mapa.shared::cluster.u64", 2);
  auto remote =
      kernel.op("mbarrier.arrive.release.cluster.shared::cluster.b64");
  auto remoteStore = kernel.op("st.shared::cluster.b32");
  auto clusterArrive = kernel.op("barrier.cluster.arrive.aligned");
  auto clusterWait = kernel.op("barrier.cluster.wait.aligned");
  auto acquire =
      kernel.op("mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64", 1);
  Launch launch = oneCta(32);
  launch.grid = launch.cluster = {2, 1, 1};
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid();
    if (tid == 0)
      init(kBarrier, 32u);
    clusterArrive();
    clusterWait();
    if (kernel.ctaid() == 1) {
      remoteStore(mapa(uint64_t(4 * tid), 0u).wide(), 7 * tid);
      remote(mapa(kBarrier, 0u).wide(), 1u);
      return;
    }
    while (!acquire(kBarrier, 0u))
      ;
    EXPECT_EQ(load(uint64_t(4 * (31 - tid))), 7 * (31 - tid));
  });
  EXPECT_EQ(describe(report), "");
}
