//===- MatrixTest.cpp -----------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ldmatrix and stmatrix.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::Contains;
using testing::ElementsAre;

namespace {

/// Rows of matrices lie this far apart: 16 bytes and a gap.
constexpr uint32_t kRowStride = 48;
constexpr uint32_t kMatrixStride = 8 * kRowStride + 16;

uint64_t rowAddress(uint32_t matrix, uint32_t row) {
  return matrix * kMatrixStride + row * kRowStride;
}

/// Of matrix, row and column: all different.
uint16_t element(uint32_t matrix, uint32_t row, uint32_t column) {
  return static_cast<uint16_t>(0x4000 + 0x100 * matrix + 0x10 * row + column);
}

/// Two elements as the manual's table has them in the register of a lane:
/// 0-based row lane / 4 and columns 2·(lane % 4) and one more.
uint32_t expectedRegister(uint32_t matrix, uint32_t lane, bool isTransposed) {
  uint32_t outer = lane / 4, inner = 2 * (lane % 4);
  uint32_t low = isTransposed ? element(matrix, inner, outer)
                              : element(matrix, outer, inner);
  uint32_t high = isTransposed ? element(matrix, inner + 1, outer)
                               : element(matrix, outer, inner + 1);
  return low | high << 16;
}

std::string opcode(const char *name, uint32_t count, bool isTransposed,
                   const char *space = "shared") {
  return std::string(name) + ".sync.aligned.m8n8.x" + std::to_string(count) +
         (isTransposed ? ".trans." : ".") + space + ".b16";
}

/// Lanes that give no address give one that mustn't be used.
uint64_t addressOfLane(uint32_t count, uint32_t lane) {
  return lane < 8 * count ? rowAddress(lane / 8, lane % 8) : 0xFFFF1;
}

TEST(MatrixTest, Load) {
  for (uint32_t count : {1u, 2u, 4u})
    for (bool isTransposed : {false, true}) {
      Kernel kernel;
      Op store = kernel.op("st.shared.b16"), wait = kernel.op("bar.sync");
      Op load = kernel.op(opcode("ldmatrix", count, isTransposed), count);
      SCOPED_TRACE(opcode("ldmatrix", count, isTransposed));
      Report report = kernel.run(oneCta(32, 2048), [&] {
        uint32_t lane = kernel.tid();
        for (uint32_t column = 0; lane < 8 * count && column < 8; ++column)
          store(addressOfLane(count, lane) + 2 * column,
                uint32_t(element(lane / 8, lane % 8, column)));
        wait(0, 0);
        Words words = load(addressOfLane(count, lane));
        for (uint32_t i = 0; i < count; ++i)
          EXPECT_EQ(words[i], expectedRegister(i, lane, isTransposed))
              << "lane " << lane << ", matrix " << i;
      });
      EXPECT_EQ(describe(report), "");
    }
}

TEST(MatrixTest, Store) {
  for (uint32_t count : {1u, 2u, 4u})
    for (bool isTransposed : {false, true}) {
      Kernel kernel;
      Op wait = kernel.op("bar.sync"), load = kernel.op("ld.shared.b16", 1);
      Op store = kernel.op(opcode("stmatrix", count, isTransposed));
      SCOPED_TRACE(opcode("stmatrix", count, isTransposed));
      Report report = kernel.run(oneCta(32, 2048), [&] {
        uint32_t lane = kernel.tid();
        Words words;
        for (uint32_t i = 0; i < count; ++i)
          words.add(expectedRegister(i, lane, isTransposed));
        store(addressOfLane(count, lane), words);
        wait(0, 0);
        for (uint32_t column = 0; lane < 8 * count && column < 8; ++column)
          EXPECT_EQ(load(addressOfLane(count, lane) + 2 * column),
                    element(lane / 8, lane % 8, column))
              << "row " << lane << ", column " << column;
      });
      EXPECT_EQ(describe(report), "");
    }
}

/// Runs a load of one matrix that the lanes have written, at these addresses.
Report loadAt(uint64_t (*address)(uint32_t lane), bool waits = true) {
  Kernel kernel;
  Op store = kernel.op("st.shared.v4.b32"), wait = kernel.op("bar.sync");
  Op load = kernel.op(opcode("ldmatrix", 1, false, "shared::cta"), 1);
  return kernel.run(oneCta(32, 512), [&] {
    store(uint64_t(16 * kernel.tid()), 1u, 2u, 3u, 4u);
    if (waits)
      wait(0, 0);
    load(address(kernel.tid()));
  });
}

TEST(MatrixTest, Findings) {
  EXPECT_EQ(
      describe(loadAt([](uint32_t lane) -> uint64_t { return 16 * lane; })),
      "");
  EXPECT_THAT(kinds(loadAt([](uint32_t lane) -> uint64_t {
                return 16 * lane + 8 * (lane == 3);
              })),
              ElementsAre(FindingKind::misaligned));
  EXPECT_THAT(kinds(loadAt([](uint32_t lane) -> uint64_t {
                return lane == 7 ? 512 : 16 * lane;
              })),
              ElementsAre(FindingKind::outOfBounds));
  EXPECT_THAT(
      kinds(loadAt([](uint32_t lane) -> uint64_t { return 16 * (lane ^ 1); },
                   /*waits=*/false)),
      ElementsAre(FindingKind::race));
}

TEST(MatrixTest, ReadsWhatNothingWrote) {
  Kernel kernel;
  Op load = kernel.op(opcode("ldmatrix", 4, false), 4);
  Report report =
      kernel.run(oneCta(32, 512), [&] { load(uint64_t(16 * kernel.tid())); });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::uninitializedRead));
}

TEST(MatrixTest, BankConflicts) {
  // Rows 128 bytes apart begin in the same bank, rows 16 bytes apart don't.
  for (auto [stride, clocks] : {std::pair(128u, 32u), std::pair(16u, 4u)}) {
    Kernel kernel;
    Op store = kernel.op(opcode("stmatrix", 4, false));
    Report report = kernel.run(oneCta(32, 4096), [&, stride = stride] {
      store(uint64_t(stride * kernel.tid()), 1u, 2u, 3u, 4u);
    });
    EXPECT_EQ(describe(report), "");
    EXPECT_EQ(report.statistics.sharedIdealClocks, 4u);
    EXPECT_EQ(report.statistics.sharedClocks, clocks);
    EXPECT_EQ(report.statistics.sharedWrittenBytes, 512u);
  }
}

TEST(MatrixTest, UnknownForms) {
  for (const char *opcode : {"ldmatrix.sync.aligned.m16n16.x1.trans.shared.b8",
                             "stmatrix.sync.aligned.m16n8.x1.trans.shared.b8",
                             "ldmatrix.sync.aligned.m8n8.x3.shared.b16"}) {
    Kernel kernel;
    Op op = kernel.op(opcode, 4);
    Report report =
        kernel.run(oneCta(32), [&] { op(uint64_t(0), 0u, 0u, 0u, 0u); });
    EXPECT_THAT(kinds(report), ElementsAre(FindingKind::unsupported)) << opcode;
  }
}

} // namespace
