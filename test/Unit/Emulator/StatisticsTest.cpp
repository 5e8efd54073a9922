// What a run counts.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Kernel.h"

using namespace sparse24::emulator;
using namespace sparse24::emulator::test;

TEST(Statistics, CountsInstructionsOfWarps) {
  Kernel kernel;
  auto store = kernel.op("st.shared.b32");
  auto sync = kernel.op("bar.sync");
  Report report = kernel.run(oneCta(64), [&] {
    for (uint32_t i = 0; i < 3; ++i)
      sync(0u, 0u);
    // One warp, then half of each.
    if (kernel.tid() < 32)
      store(uint64_t(4 * kernel.tid()), 1u);
    if (kernel.tid() % 2)
      sync(1u, 0u);
    else
      sync(1u, 0u);
  });
  EXPECT_EQ(report.statistics.instructions.at("st.shared.b32"), 1u);
  EXPECT_EQ(report.statistics.instructions.at("bar.sync"), 8u);
  EXPECT_EQ(report.statistics.sharedWrittenBytes, 128u);
}

/// Clocks of one access by a warp, each lane at `address(lane)`.
static Statistics access(std::string opcode, uint32_t words,
                         const std::function<uint32_t(uint32_t)> &address) {
  Kernel kernel;
  auto store = kernel.op(std::move(opcode));
  Report report = kernel.run(oneCta(32, 65536), [&] {
    Words data(words);
    std::fill(data.begin(), data.end(), 0);
    store(uint64_t(address(kernel.tid())), data);
  });
  return report.statistics;
}

TEST(Statistics, CountsBankConflicts) {
  struct Case {
    const char *opcode;
    uint32_t words, stride;
    uint64_t ideal, actual;
  };
  for (const Case &test :
       std::initializer_list<Case>{{"st.shared.b32", 1, 4, 1, 1},
                                   {"st.shared.b32", 1, 8, 1, 2},
                                   {"st.shared.b32", 1, 128, 1, 32},
                                   {"st.shared.b32", 1, 132, 1, 1},
                                   {"st.shared.b32", 1, 0, 1, 1},
                                   {"st.shared.b16", 1, 2, 1, 1},
                                   {"st.shared.b16", 1, 64, 1, 16},
                                   {"st.shared.v2.b32", 2, 8, 2, 2},
                                   {"st.shared.v2.b32", 2, 16, 2, 4},
                                   {"st.shared.v4.b32", 4, 16, 4, 4},
                                   {"st.shared.v4.b32", 4, 128, 4, 32},
                                   {"st.shared.v4.b32", 4, 144, 4, 4}}) {
    Statistics statistics = access(test.opcode, test.words, [&](uint32_t lane) {
      return lane * test.stride;
    });
    EXPECT_EQ(statistics.sharedAccesses, 1u);
    EXPECT_EQ(statistics.sharedIdealClocks, test.ideal)
        << test.opcode << " " << test.stride;
    EXPECT_EQ(statistics.sharedClocks, test.actual)
        << test.opcode << " " << test.stride;
  }
}

TEST(Statistics, GroupsLanesThatRunAhead) {
  // Each lane runs the whole loop before the next one does.
  Kernel kernel;
  auto store = kernel.op("st.shared.b32");
  Report report = kernel.run(oneCta(64), [&] {
    for (uint32_t i = 0; i < 4; ++i)
      store(uint64_t(4 * kernel.tid()), i);
  });
  EXPECT_EQ(report.statistics.sharedAccesses, 8u);
  EXPECT_EQ(report.statistics.sharedClocks, 8u);
}

TEST(Statistics, SaysItInWords) {
  Statistics statistics;
  statistics.instructions["bar.sync"] = 3;
  statistics.mathClocks = 100;
  statistics.copyClocks = 200;
  statistics.totalClocks = 250;
  EXPECT_DOUBLE_EQ(statistics.overlap(), 0.5);
  std::string text = statistics.text();
  EXPECT_THAT(text, testing::HasSubstr("3  bar.sync\n"));
  EXPECT_THAT(text, testing::HasSubstr("50% of the shorter overlaps"));
}
