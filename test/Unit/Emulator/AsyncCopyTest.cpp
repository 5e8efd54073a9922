// cp.async: what arrives, when, and what is wrong without a wait.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Kernel.h"

#include <numeric>

using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::ElementsAre;

namespace {
/// A kernel that copies words to shared memory.
class AsyncCopy : public testing::Test {
protected:
  AsyncCopy() : source(256) {
    std::iota(source.begin(), source.end(), 1000);
    launch.global = {allocation(source)};
  }

  /// Copies 16 bytes: the words from 4 * `index`.
  void copyRow(uint32_t index, uint32_t sourceSize = 16) const {
    copy(uint64_t(16 * index), &source[4 * index], 16u, sourceSize);
  }

  std::vector<uint32_t> source;
  Launch launch = oneCta(64, 4096);
  Kernel kernel;
  Op copy = kernel.op("cp.async.cg.shared.global");
  Op commit = kernel.op("cp.async.commit_group");
  Op wait = kernel.op("cp.async.wait_group");
  Op waitAll = kernel.op("cp.async.wait_all");
  Op sync = kernel.op("bar.sync");
  Op load = kernel.op("ld.shared.b32", 1);
  Op store = kernel.op("st.shared.b32");
};
} // namespace

TEST_F(AsyncCopy, ArrivesAtTheWait) {
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid();
    copyRow(tid);
    commit();
    wait(0u);
    sync(0u, 0u);
    EXPECT_EQ(load(uint64_t(4 * tid)), 1000 + tid);
    EXPECT_EQ(load(uint64_t(1023 - 3 - 4 * tid)), 1255 - tid);
  });
  EXPECT_EQ(describe(report), "");
  EXPECT_EQ(report.statistics.globalReadBytes, 1024u);
  EXPECT_EQ(report.statistics.sharedWrittenBytes, 1024u);
  EXPECT_EQ(report.statistics.copyClocks, 64);
}

TEST_F(AsyncCopy, FillsInZeros) {
  auto copy8 = kernel.op("cp.async.ca.shared.global");
  auto load2 = kernel.op("ld.shared.v4.b32", 4);
  launch.block = {1, 1, 1};
  Report report = kernel.run(launch, [&] {
    copyRow(0, 6);
    copyRow(1, 0);
    copy8(uint64_t(32), &source[8], 8u, 4u);
    copy8(uint64_t(40), &source[10], 4u, 4u);
    copy8(uint64_t(44), source.data() + 1000, 4u, 0u);
    waitAll();
    EXPECT_THAT(load2(uint64_t(0)), ElementsAre(1000, 1001, 0, 0));
    EXPECT_THAT(load2(uint64_t(16)), ElementsAre(0, 0, 0, 0));
    EXPECT_THAT(load2(uint64_t(32)), ElementsAre(1008, 0, 1010, 0));
  });
  EXPECT_EQ(describe(report), "");
}

TEST_F(AsyncCopy, WaitsLeaveTheLastGroupsInFlight) {
  launch.block = {1, 1, 1};
  Report report = kernel.run(launch, [&] {
    for (uint32_t i = 0; i < 4; ++i) {
      copyRow(i);
      commit();
    }
    wait(1u);
    EXPECT_EQ(load(uint64_t(32)), 1008u);
  });
  EXPECT_EQ(describe(report), "");
  report = kernel.run(launch, [&] {
    for (uint32_t i = 0; i < 4; ++i) {
      copyRow(i);
      commit();
    }
    wait(1u);
    load(uint64_t(48));
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingWait));
}

TEST_F(AsyncCopy, FindsAMissingWait) {
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid();
    copyRow(tid);
    commit();
    sync(0u, 0u);
    EXPECT_EQ(load(uint64_t(4 * tid)), 0xCDCDCDCDu);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingWait));
}

TEST_F(AsyncCopy, FindsAMissingCommit) {
  launch.block = {1, 1, 1};
  Report report = kernel.run(launch, [&] {
    copyRow(0);
    wait(0u);
    load(uint64_t(0));
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingWait));
}

TEST_F(AsyncCopy, FindsAMissingBarrier) {
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid();
    copyRow(tid);
    waitAll();
    if (tid == 33)
      load(uint64_t(0));
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::race));
}

TEST_F(AsyncCopy, FindsCopiesOverWhatIsStillRead) {
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid();
    copyRow(tid);
    waitAll();
    sync(0u, 0u);
    load(uint64_t(16 * (63 - tid)));
    copyRow(tid);
    waitAll();
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::race, FindingKind::race));
}

TEST_F(AsyncCopy, FindsWritesIntoItsDestination) {
  launch.block = {1, 1, 1};
  Report report = kernel.run(launch, [&] {
    copyRow(0);
    store(uint64_t(4), 1u);
    waitAll();
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingWait));
}

TEST_F(AsyncCopy, FindsWrongOperands) {
  auto all = kernel.op("cp.async.ca.shared.global");
  launch.block = {1, 1, 1};
  Report report =
      kernel.run(launch, [&] { copy(uint64_t(0), &source[0], 8u, 8u); });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand));
  report = kernel.run(launch, [&] { all(uint64_t(0), &source[0], 4u, 5u); });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand));
  report = kernel.run(launch, [&] { copy(uint64_t(8), &source[0], 16u, 16u); });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::misaligned));
  report =
      kernel.run(launch, [&] { copy(uint64_t(4096), &source[0], 16u, 16u); });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::outOfBounds));
  // The off-by-one tail: 16 bytes where 12 are left.
  report = kernel.run(launch, [&] {
    copy(uint64_t(0), source.data() + 252, 16u, 16u);
    copy(uint64_t(16), source.data() + 256, 16u, 4u);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::outOfBounds));
}

TEST_F(AsyncCopy, ArrivesAtAnMBarrier) {
  auto init = kernel.op("mbarrier.init.shared.b64");
  auto arrive = kernel.op("cp.async.mbarrier.arrive.noinc.shared.b64");
  auto tryWait = kernel.op("mbarrier.try_wait.parity.shared.b64", 1);
  for (bool hasWait : {true, false}) {
    Report report = kernel.run(launch, [&] {
      uint32_t tid = kernel.tid();
      if (tid == 0)
        init(uint64_t(2048), 32u);
      sync(0u, 0u);
      if (tid < 32) {
        copyRow(tid);
        arrive(uint64_t(2048));
      } else if (hasWait) {
        while (!tryWait(uint64_t(2048), 0u))
          ;
        EXPECT_EQ(load(uint64_t(4 * tid)), 1000 + tid);
      } else {
        load(uint64_t(4 * tid));
      }
    });
    if (hasWait)
      EXPECT_EQ(describe(report), "");
    else
      EXPECT_THAT(kinds(report), testing::Contains(FindingKind::race));
  }
}
