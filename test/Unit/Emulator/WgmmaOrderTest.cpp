//===- WgmmaOrderTest.cpp -------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// wgmma is asynchronous: fences before it and waits after it, and what is found
// where one is missing.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

using namespace sparse24;
using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

/// A product with A in registers.
class WgmmaOrderTest : public testing::Test {
protected:
  WarpgroupOperands operands{
      {ElementType::BF16, ElementType::BF16, Sum::F32, 16, /*isSparse=*/true}};
  WarpgroupKernel kernel{operands};
  Op storeMatrix = kernel.op("stmatrix.sync.aligned.m8n8.x4.shared.b16");

  void SetUp() override {
    operands.randomize(1);
    operands.place();
  }
  Words zeros() const {
    Words words(kernel.numD);
    std::fill(words.begin(), words.end(), 0);
    return words;
  }
  /// Uses accumulators: stores the first four words of each lane.
  void use(const Words &d) const {
    storeMatrix(uint64_t(16 * kernel.tid()), d[0], d[1], d[2], d[3]);
  }
  /// Overwrites a byte of B.
  void overwrite() const {
    if (kernel.tid() == 127)
      kernel.store(uint64_t(2048), 0u, 0u, 0u, 0u);
  }
};

TEST_F(WgmmaOrderTest, ResultsOfAChain) {
  // Two products into the same accumulators need no wait between them.
  std::vector<float> once(128 * 8), twice(128 * 8);
  Report report = kernel.run([&] {
    kernel.prepare();
    for (int count : {1, 2}) {
      Words d = zeros();
      kernel.fence();
      for (int i = 0; i < count; ++i)
        d = kernel.multiply(d);
      kernel.commit();
      d = kernel.wait(0u, d);
      for (int i = 0; i < 8; ++i)
        (count == 1 ? once : twice)[8 * kernel.tid() + i] = bitsToFloat(d[i]);
    }
  });
  EXPECT_EQ(describe(report), "");
  for (size_t i = 0; i < once.size(); ++i)
    EXPECT_NEAR(twice[i], 2 * once[i], 1e-5) << i;
}

TEST_F(WgmmaOrderTest, WaitsForOldGroups) {
  // With one group left in flight, the first is there and the second isn't.
  Report report = kernel.run([&] {
    kernel.prepare();
    Words first = kernel.multiply(zeros());
    kernel.commit();
    Words second = kernel.multiply(zeros());
    kernel.commit();
    Words settled = kernel.wait(1u, first), pending = kernel.wait(1u, second);
    for (int i = 0; i < 8; ++i) {
      EXPECT_NE(settled[i], first[i]);
      EXPECT_EQ(pending[i], second[i]);
    }
    Words later = kernel.wait(0u, pending);
    for (int i = 0; i < 8; ++i)
      EXPECT_EQ(later[i], settled[i]);
  });
  EXPECT_EQ(describe(report), "");
}

TEST_F(WgmmaOrderTest, UseBeforeTheWait) {
  Report report = kernel.run([&] {
    kernel.prepare();
    Words d = kernel.multiply(zeros());
    kernel.commit();
    kernel.barrier(0, 0);
    use(d);
    kernel.wait(0u, d);
  });
  ASSERT_THAT(kinds(report), Contains(FindingKind::missingWait));
  EXPECT_EQ(report.findings[0].site.opcode,
            "stmatrix.sync.aligned.m8n8.x4.shared.b16");
}

TEST_F(WgmmaOrderTest, UseAfterAWaitForTooFew) {
  Report report = kernel.run([&] {
    kernel.prepare();
    Words d = kernel.multiply(zeros());
    kernel.commit();
    d = kernel.wait(1u, d);
    use(d);
    kernel.wait(0u, d);
  });
  EXPECT_THAT(kinds(report), Contains(FindingKind::missingWait));
}

TEST_F(WgmmaOrderTest, UncommittedIsNotWaitedFor) {
  Report report = kernel.run([&] {
    kernel.prepare();
    Words d = kernel.multiply(zeros());
    d = kernel.wait(0u, d);
    use(d);
  });
  EXPECT_THAT(kinds(report), Contains(FindingKind::missingWait));
}

TEST_F(WgmmaOrderTest, ResultsNeverWaitedFor) {
  Report report = kernel.run([&] {
    kernel.prepare();
    kernel.multiply(zeros());
    kernel.commit();
    kernel.plainWait(0u);
  });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::missingWait));
  EXPECT_EQ(report.findings[0].site.opcode, operands.form.opcode());
}

TEST_F(WgmmaOrderTest, FirstProductNeedsAFence) {
  Report report = kernel.run([&] {
    kernel.writeOperands();
    kernel.makeVisible();
    Words d = kernel.multiply(zeros());
    kernel.commit();
    kernel.wait(0u, d);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingFence));
}

TEST_F(WgmmaOrderTest, WrittenAccumulatorsNeedAFence) {
  for (bool writes : {false, true}) {
    Report report = kernel.run([&] {
      kernel.prepare();
      Words d = kernel.multiply(zeros());
      kernel.commit();
      d = kernel.wait(0u, d);
      if (writes)
        d[5] = 0;
      d = kernel.multiply(d);
      kernel.commit();
      kernel.wait(0u, d);
    });
    if (writes)
      EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingFence));
    else
      EXPECT_EQ(describe(report), "");
  }
}

TEST_F(WgmmaOrderTest, OperandsOverwrittenInFlight) {
  Report report = kernel.run([&] {
    kernel.prepare();
    Words d = kernel.multiply(zeros());
    kernel.commit();
    overwrite();
    kernel.wait(0u, d);
  });
  EXPECT_THAT(kinds(report), Contains(FindingKind::missingWait));
}

TEST_F(WgmmaOrderTest, OperandsOverwrittenAfterTheWait) {
  // A wait by one warp is one for the warpgroup, but others must hear of it.
  for (bool synchronizes : {false, true}) {
    Report report = kernel.run([&] {
      kernel.prepare();
      Words d = kernel.multiply(zeros());
      kernel.commit();
      if (kernel.tid() < 32)
        d = kernel.wait(0u, d);
      if (synchronizes)
        kernel.barrier(0, 0);
      overwrite();
      if (kernel.tid() >= 32)
        kernel.wait(0u, d);
    });
    if (synchronizes)
      EXPECT_EQ(describe(report), "");
    else
      EXPECT_THAT(kinds(report), Contains(FindingKind::missingWait));
  }
}

TEST_F(WgmmaOrderTest, OperandsNeedAProxyFence) {
  Report report = kernel.run([&] {
    kernel.writeOperands();
    kernel.barrier(0, 0);
    kernel.fence();
    Words d = kernel.multiply(zeros());
    kernel.commit();
    kernel.wait(0u, d);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingFence));
}

TEST_F(WgmmaOrderTest, ProxyFenceBeforeTheWriteDoesNotCount) {
  Report report = kernel.run([&] {
    kernel.proxyFence();
    kernel.writeOperands();
    kernel.barrier(0, 0);
    kernel.fence();
    Words d = kernel.multiply(zeros());
    kernel.commit();
    kernel.wait(0u, d);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::missingFence));
}

TEST_F(WgmmaOrderTest, OperandsNeedABarrier) {
  Report report = kernel.run([&] {
    kernel.writeOperands();
    kernel.proxyFence();
    kernel.fence();
    Words d = kernel.multiply(zeros());
    kernel.commit();
    kernel.wait(0u, d);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::race));
}

TEST_F(WgmmaOrderTest, UnwrittenColumnsGiveNonsense) {
  // Whoever stores them sees it.
  std::vector<float> results(128 * 8);
  Report report = kernel.run([&] {
    kernel.fence();
    Words d = kernel.multiply(zeros());
    kernel.commit();
    d = kernel.wait(0u, d);
    for (int i = 0; i < 8; ++i)
      results[8 * kernel.tid() + i] = bitsToFloat(d[i]);
  });
  EXPECT_EQ(describe(report), "");
  for (float result : results)
    EXPECT_GT(std::abs(result), 1e3);
}

TEST(WgmmaUnwrittenTest, RowsOfAMustBeThere) {
  WarpgroupOperands operands{{ElementType::BF16, ElementType::BF16, Sum::F32,
                              16, /*isSparse=*/true,
                              /*hasDescriptorA=*/true}};
  operands.randomize(1);
  operands.place();
  WarpgroupKernel kernel{operands};
  Report report = kernel.run([&] {
    Words d(kernel.numD);
    std::fill(d.begin(), d.end(), 0);
    kernel.fence();
    d = kernel.multiply(d);
    kernel.commit();
    kernel.wait(0u, d);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::uninitializedRead));
}

TEST_F(WgmmaOrderTest, NeedsFourWarps) {
  Report report = kernel.run(
      [&] {
        kernel.fence();
        kernel.multiply(zeros());
      },
      /*threads=*/64);
  EXPECT_THAT(kinds(report), Contains(FindingKind::divergence));
}

TEST_F(WgmmaOrderTest, AMissingWarpIsADeadlock) {
  Report report = kernel.run([&] {
    kernel.prepare();
    if (kernel.tid() < 96)
      kernel.multiply(zeros());
  });
  EXPECT_THAT(kinds(report), Contains(FindingKind::deadlock));
}

} // namespace
