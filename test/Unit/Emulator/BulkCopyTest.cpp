// cp.async.bulk: what arrives, and what is wrong without waits and fences.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BulkCopy.h"

using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {
class BulkCopy : public BulkCopyFixture {
protected:
  Op copy = kernel.op(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes");
  Op multicast =
      kernel.op("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::"
                "bytes.multicast::cluster");
  Op toGlobal = kernel.op("cp.async.bulk.global.shared::cta.bulk_group");
  Op toPeer = kernel.op("cp.async.bulk.shared::cluster.shared::cta.mbarrier::"
                        "complete_tx::bytes");
};
} // namespace

TEST_F(BulkCopy, ArrivesWithThePhase) {
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid();
    start();
    for (uint32_t phase = 0; phase < 4; ++phase) {
      if (tid == 0) {
        expect(kBarrier, 128u);
        copy(uint64_t(0), &source[32 * phase], 64u, kBarrier);
        copy(uint64_t(64), &source[32 * phase + 16], 64u, kBarrier);
      }
      waitFor(phase & 1);
      EXPECT_EQ(load(uint64_t(4 * tid)), 1000 + 32 * phase + tid);
      sync(0u, 0u);
    }
  });
  EXPECT_EQ(describe(report), "");
  EXPECT_EQ(report.statistics.globalReadBytes, 512u);
}

TEST_F(BulkCopy, FindsAMissingWait) {
  Report report = kernel.run(launch, [&] {
    start();
    if (kernel.tid() == 0) {
      expect(kBarrier, 64u);
      copy(uint64_t(0), &source[0], 64u, kBarrier);
    }
    sync(0u, 0u);
    load(uint64_t(4 * (kernel.tid() % 16)));
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingWait));
  // The data isn't there before the phase completes.
  report = kernel.run(launch, [&] {
    start();
    if (kernel.tid() == 0) {
      copy(uint64_t(0), &source[0], 64u, kBarrier);
      EXPECT_EQ(load(uint64_t(0)), 0xCDCDCDCDu);
      expect(kBarrier, 64u);
      waitFor(0);
      EXPECT_EQ(load(uint64_t(0)), 1000u);
    }
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingWait));
}

/// What a copy reads may be written by whoever has seen it arrive.
TEST_F(BulkCopy, FindsAGlobalSourceThatIsWrittenTooEarly) {
  auto storeGlobal = kernel.op("st.global.b32");
  for (bool hasWait : {true, false}) {
    Report report = kernel.run(launch, [&] {
      start();
      if (kernel.tid() == 0) {
        expect(kBarrier, 64u);
        copy(uint64_t(0), &source[0], 64u, kBarrier);
      }
      if (kernel.tid() != 31)
        return;
      if (hasWait)
        waitFor(0);
      storeGlobal(&source[0], 1u);
    });
    if (hasWait)
      EXPECT_EQ(describe(report), "");
    else
      EXPECT_THAT(kinds(report), testing::Contains(FindingKind::race));
    source[0] = 1000;
  }
}

TEST_F(BulkCopy, WaitsForOneStageDontCoverAnother) {
  constexpr uint64_t kOther = kBarrier + 8;
  Report report = kernel.run(launch, [&] {
    if (kernel.tid() == 0)
      init(kOther, 1u);
    start();
    if (kernel.tid() == 0) {
      expect(kBarrier, 64u);
      expect(kOther, 64u);
      copy(uint64_t(0), &source[0], 64u, kBarrier);
      copy(uint64_t(64), &source[0], 64u, kOther);
    }
    while (!tryWait(kOther, 0u))
      ;
    load(uint64_t(64));
    load(uint64_t(0));
  });
  // The other mbarrier was initialized before the fence of `start`, too.
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::missingWait));
  EXPECT_THAT(report.findings[0].message, HasSubstr("at byte 0 "));
}

TEST_F(BulkCopy, FindsShortExpectations) {
  for (uint32_t bytes : {48u, 80u}) {
    Report report = kernel.run(launch, [&] {
      start();
      if (kernel.tid() == 0) {
        expect(kBarrier, bytes);
        copy(uint64_t(0), &source[0], 64u, kBarrier);
      }
      waitFor(0);
    });
    EXPECT_THAT(kinds(report), ElementsAre(FindingKind::deadlock));
  }
}

TEST_F(BulkCopy, FindsOverwritesOfWhatIsStillRead) {
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid();
    start();
    for (uint32_t phase = 0; phase < 2; ++phase) {
      if (tid == 0) {
        expect(kBarrier, 128u);
        copy(uint64_t(0), &source[0], 128u, kBarrier);
      }
      waitFor(phase);
      load(uint64_t(4 * tid));
    }
  });
  // Overwritten after others' reads, or before them.
  EXPECT_THAT(kinds(report), Contains(testing::AnyOf(
                                 FindingKind::race, FindingKind::missingWait)));
}

TEST_F(BulkCopy, FindsUnfencedMBarriers) {
  for (bool hasFence : {true, false}) {
    Report report = kernel.run(launch, [&] {
      if (kernel.tid() != 0)
        return;
      init(kBarrier, 1u);
      if (hasFence)
        fence();
      expect(kBarrier, 64u);
      copy(uint64_t(0), &source[0], 64u, kBarrier);
      waitFor(0);
    });
    if (hasFence)
      EXPECT_EQ(describe(report), "");
    else
      EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingFence));
  }
}

TEST_F(BulkCopy, FindsUnfencedOverwrites) {
  Report report = kernel.run(launch, [&] {
    start();
    if (kernel.tid() == 0) {
      store(uint64_t(0), 0u);
      expect(kBarrier, 64u);
      copy(uint64_t(0), &source[0], 64u, kBarrier);
    }
  });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::missingFence));
  EXPECT_THAT(report.findings[0].message, HasSubstr("overwrites"));
}

TEST_F(BulkCopy, StoresToGlobalMemory) {
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid();
    for (uint32_t i = 0; i < 3; ++i) {
      store(uint64_t(4 * tid), 100 * i + tid);
      fence();
      sync(0u, 0u);
      if (tid == 0) {
        toGlobal(&result[32 * i], uint64_t(0), 128u);
        commit();
        waitRead(0u);
      }
      sync(0u, 0u);
    }
    if (tid == 0)
      wait(0u);
  });
  EXPECT_EQ(describe(report), "");
  for (uint32_t i = 0; i < 96; ++i)
    EXPECT_EQ(result[i], 100 * (i / 32) + i % 32);
}

TEST_F(BulkCopy, FindsUnfencedStores) {
  // The fence may come on either side of the barrier.
  enum Where { before, after, nowhere };
  for (Where where : {before, after, nowhere}) {
    Report report = kernel.run(launch, [&] {
      uint32_t tid = kernel.tid();
      store(uint64_t(4 * tid), tid);
      if (where == before)
        fence();
      sync(0u, 0u);
      if (tid != 0)
        return;
      if (where == after)
        fence();
      toGlobal(&result[0], uint64_t(0), 128u);
      commit();
      wait(0u);
    });
    if (where != nowhere)
      EXPECT_EQ(describe(report), "");
    else
      EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingFence));
  }
}

TEST_F(BulkCopy, FindsASourceThatIsReusedTooEarly) {
  Report report = kernel.run(launch, [&] {
    if (kernel.tid() != 0)
      return;
    for (uint32_t i = 0; i < 2; ++i) {
      for (uint32_t word = 0; word < 4; ++word)
        store(uint64_t(4 * word), word);
      fence();
      toGlobal(&result[0], uint64_t(0), 16u);
      commit();
      waitRead(1u);
    }
    wait(0u);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingWait));
}

TEST_F(BulkCopy, FindsAThreadThatEndsTooEarly) {
  for (bool hasCommit : {true, false}) {
    Report report = kernel.run(launch, [&] {
      if (kernel.tid() != 0)
        return;
      for (uint32_t word = 0; word < 4; ++word)
        store(uint64_t(4 * word), word);
      fence();
      toGlobal(&result[0], uint64_t(0), 16u);
      // What isn't committed isn't waited for.
      if (hasCommit)
        commit();
      else
        wait(0u);
    });
    EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingWait));
  }
}

TEST_F(BulkCopy, FindsWrongOperands) {
  struct Case {
    uint64_t destination;
    uint32_t first, bytes;
    FindingKind kind;
  };
  for (const Case &test :
       std::initializer_list<Case>{{0, 0, 24, FindingKind::invalidOperand},
                                   {8, 0, 16, FindingKind::misaligned},
                                   {0, 2, 16, FindingKind::misaligned},
                                   {8192 - 16, 0, 64, FindingKind::outOfBounds},
                                   {0, 1020, 32, FindingKind::outOfBounds}}) {
    Report report = kernel.run(launch, [&] {
      start();
      if (kernel.tid() == 0)
        copy(test.destination, &source[test.first], test.bytes, kBarrier);
    });
    EXPECT_THAT(kinds(report), ElementsAre(test.kind));
  }
}

//===----------------------------------------------------------------------===//
// Clusters
//===----------------------------------------------------------------------===//

TEST_F(BulkCopy, MulticastsToTheCluster) {
  launch.grid = {4, 1, 1};
  launch.cluster = {4, 1, 1};
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid(), cta = kernel.ctaid();
    start();
    syncCluster();
    if (tid == 0) {
      // To all by CTA 0; to 1 and 3 by CTA 2.
      expect(kBarrier, cta % 2 ? 128u : 64u);
      if (cta == 0)
        multicast(uint64_t(0), &source[0], 64u, kBarrier, 0xFu);
      if (cta == 2)
        multicast(uint64_t(64), &source[16], 64u, kBarrier, 0xAu);
    }
    waitFor(0);
    if (tid < 16 || cta % 2) {
      EXPECT_EQ(load(uint64_t(4 * tid)), 1000 + tid);
    }
    syncCluster();
  });
  EXPECT_EQ(describe(report), "");
}

/// Two rounds of a multicast by CTA 0, with the peer's release between or not.
TEST_F(BulkCopy, FindsMulticastsThatThePeerHasntReleased) {
  auto release =
      kernel.op("mbarrier.arrive.release.cluster.shared::cluster.b64");
  auto acquire =
      kernel.op("mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64", 1);
  constexpr uint64_t kEmpty = kBarrier + 8;
  launch.grid = launch.cluster = {2, 1, 1};
  for (bool waits : {true, false}) {
    Report report = kernel.run(launch, [&] {
      uint32_t tid = kernel.tid(), cta = kernel.ctaid();
      if (tid == 0)
        init(kEmpty, 64u);
      start();
      syncCluster();
      for (uint32_t i = 0; i < 2; ++i) {
        if (tid == 0) {
          if (waits && cta == 0)
            while (!acquire(kEmpty, (i & 1) ^ 1))
              ;
          expect(kBarrier, 128u);
          if (cta == 0)
            multicast(uint64_t(0), &source[0], 128u, kBarrier, 3u);
        }
        waitFor(i);
        load(uint64_t(4 * tid));
        release(mapa(kEmpty, 0u).wide(), 1u);
      }
      syncCluster();
    });
    if (waits) {
      EXPECT_EQ(describe(report), "");
      continue;
    }
    // Overwritten after the peer's read, or before it.
    EXPECT_THAT(
        kinds(report),
        Contains(testing::AnyOf(FindingKind::race, FindingKind::missingWait)));
  }
}

TEST_F(BulkCopy, CopiesBetweenCtas) {
  launch.grid = launch.cluster = {2, 1, 1};
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid(), cta = kernel.ctaid();
    start();
    store(uint64_t(4 * tid), 100 * cta + tid);
    fence();
    syncCluster();
    if (tid == 0) {
      expect(kBarrier, 128u);
      toPeer(mapa(uint64_t(1024), 1 - cta).wide(), uint64_t(0), 128u,
             mapa(kBarrier, 1 - cta).wide());
    }
    waitFor(0);
    EXPECT_EQ(load(uint64_t(1024 + 4 * tid)), 100 * (1 - cta) + tid);
    syncCluster();
  });
  EXPECT_EQ(describe(report), "");
}

TEST_F(BulkCopy, FindsMasksAndBarriersOfNoCta) {
  launch.grid = launch.cluster = {2, 1, 1};
  Report report = kernel.run(launch, [&] {
    start();
    syncCluster();
    if (kernel.tid() == 0 && kernel.ctaid() == 0) {
      expect(kBarrier, 16u);
      multicast(uint64_t(0), &source[0], 16u, kBarrier, 5u);
      copy(uint64_t(16), &source[0], 16u, mapa(kBarrier, 1u).wide());
    }
    syncCluster();
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand,
                                         FindingKind::invalidOperand));
}

TEST_F(BulkCopy, FindsAccessesToCtasThatHaveEnded) {
  launch.grid = launch.cluster = {2, 1, 1};
  Report report = kernel.run(launch, [&] {
    syncCluster();
    if (kernel.ctaid() == 1)
      return;
    sync(0u, 0u);
    store(mapa(uint64_t(4 * kernel.tid()), 1u).wide(), 1u);
  });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::outOfBounds));
  EXPECT_THAT(report.findings[0].message, HasSubstr("has ended"));
}
