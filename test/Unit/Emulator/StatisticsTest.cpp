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

/// Steps of a pipeline: each copies 4 KiB and multiplies, and waits for copies
/// of `depth` steps before.
static Statistics pipeline(uint32_t depth) {
  Kernel kernel;
  auto copy = kernel.op("cp.async.cg.shared.global");
  auto commit = kernel.op("cp.async.commit_group");
  auto wait = kernel.op("cp.async.wait_group");
  auto sync = kernel.op("bar.sync");
  auto mma =
      kernel.op("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", 4);
  std::vector<uint32_t> source(1024);
  Launch launch = oneCta(128, 4096 * (depth + 1));
  launch.global = {allocation(source)};
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid();
    Words zeros(10);
    std::fill(zeros.begin(), zeros.end(), 0);
    for (uint32_t step = 0; step < 64; ++step) {
      for (uint32_t i = 0; i < 2; ++i)
        copy(uint64_t(4096 * (step % (depth + 1)) + 16 * (tid + 128 * i)),
             &source[4 * (tid + 128 * i)], 16u, 16u);
      commit();
      wait(depth);
      sync(0u, 0u);
      for (uint32_t i = 0; i < 64; ++i)
        mma(zeros);
      sync(0u, 0u);
    }
  });
  EXPECT_EQ(report.findings.size(), 0u);
  return report.statistics;
}

TEST(Statistics, OverlapsCopiesAndMath) {
  Statistics serial = pipeline(0), deep = pipeline(3);
  // 64 steps with 4 KiB at 16 bytes a clock; 4 warps' 64 products of 1 clock at
  // a warpgroup's rate, of which a warp reaches 64 %.
  EXPECT_EQ(serial.copyClocks, 64 * 256);
  EXPECT_DOUBLE_EQ(serial.mathClocks, 64 * 256 / 0.64);
  EXPECT_EQ(serial.overlap(), 0);
  EXPECT_GE(serial.totalClocks, 64 * (256 + 600 + 400));
  EXPECT_GT(deep.overlap(), 0.8);
}
