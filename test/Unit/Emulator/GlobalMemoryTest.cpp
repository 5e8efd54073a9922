// Races in global memory, between the threads of a CTA and between CTAs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Kernel.h"

#include <numeric>

using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {
class GlobalMemory : public testing::Test {
protected:
  GlobalMemory() : data(256) {
    launch = oneCta(64);
    launch.global = {allocation(data, "data")};
  }

  std::vector<uint32_t> data;
  Launch launch;
  Kernel kernel;
  Op load = kernel.op("ld.global.b32", 1);
  Op store = kernel.op("st.global.b32");
  Op sync = kernel.op("bar.sync");
};
} // namespace

TEST_F(GlobalMemory, BarriersOrderACta) {
  for (bool hasBarrier : {true, false}) {
    Report report = kernel.run(launch, [&] {
      uint32_t tid = kernel.tid();
      store(&data[tid], tid);
      if (hasBarrier)
        sync(0u, 0u);
      load(&data[63 - tid]);
    });
    if (hasBarrier) {
      EXPECT_EQ(describe(report), "");
      continue;
    }
    ASSERT_THAT(kinds(report),
                ElementsAre(FindingKind::race, FindingKind::race));
    EXPECT_THAT(report.findings[0].message, HasSubstr(" of data"));
  }
}

TEST_F(GlobalMemory, FindsTilesThatOverlap) {
  launch.grid = {4, 1, 1};
  for (uint32_t tile : {64, 63})
    for (unsigned threads : {1, 3}) {
      launch.threads = threads;
      Report report = kernel.run(launch, [&] {
        store(&data[tile * kernel.ctaid() + kernel.tid()], 1u);
      });
      if (tile == 64) {
        EXPECT_EQ(describe(report), "");
        continue;
      }
      ASSERT_THAT(kinds(report), ElementsAre(FindingKind::race));
      EXPECT_EQ(report.findings[0].count, 3u);
      EXPECT_THAT(report.findings[0].message, HasSubstr("of another CTA"));
    }
}

TEST_F(GlobalMemory, FindsWritesOfWhatOtherCtasRead) {
  launch.grid = {3, 1, 1};
  launch.threads = 1;
  Report report = kernel.run(launch, [&] {
    // All read the first word; the last CTA writes it.
    if (kernel.tid() == 0)
      load(&data[0]);
    sync(0u, 0u);
    if (kernel.tid() == 32 && kernel.ctaid() == 2)
      store(&data[0], 1u);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::race));
}

TEST_F(GlobalMemory, CtasMayReadTheSame) {
  launch.grid = {4, 1, 1};
  Report report = kernel.run(launch, [&] { load(&data[kernel.tid()]); });
  EXPECT_EQ(describe(report), "");
}

TEST_F(GlobalMemory, FlagsOrderCtas) {
  // Each CTA adds to what the one before has left, in turn.
  auto acquire = kernel.op("ld.acquire.gpu.global.b32", 1);
  auto release = kernel.op("st.release.gpu.global.b32");
  launch.grid = {8, 1, 1};
  for (unsigned threads : {1, 4}) {
    launch.threads = threads;
    std::fill(data.begin(), data.end(), 0);
    Report report = kernel.run(launch, [&] {
      uint32_t tid = kernel.tid(), cta = kernel.ctaid();
      if (tid == 0)
        while (acquire(&data[255]) != cta)
          ;
      sync(0u, 0u);
      store(&data[tid], load(&data[tid]) + 1 + cta);
      sync(0u, 0u);
      if (tid == 0)
        release(&data[255], cta + 1);
    });
    EXPECT_EQ(describe(report), "");
    EXPECT_EQ(data[0], 36u);
    EXPECT_EQ(data[63], 36u);
  }
}

TEST_F(GlobalMemory, FindsFlagsOfCtasThatComeLater) {
  auto acquire = kernel.op("ld.acquire.gpu.global.b32", 1);
  launch.grid = {2, 1, 1};
  launch.block = {32, 1, 1};
  launch.threads = 1;
  std::fill(data.begin(), data.end(), 0);
  Report report = kernel.run(launch, [&] {
    if (kernel.ctaid() == 0)
      while (!acquire(&data[0]))
        ;
    store(&data[1 + kernel.tid()], 1u);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::deadlock));
}

TEST_F(GlobalMemory, AtomicsDontRaceButPlainReadsDo) {
  auto add = kernel.op("red.global.add.u32");
  launch.grid = {4, 1, 1};
  Report report = kernel.run(launch, [&] { add(&data[0], 1u); });
  EXPECT_EQ(describe(report), "");
  report = kernel.run(launch, [&] {
    add(&data[0], 1u);
    sync(0u, 0u);
    load(&data[0]);
  });
  EXPECT_THAT(kinds(report), testing::Contains(FindingKind::race));
}
