//===- WgmmaSpTest.cpp ----------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emulates the instruction from WgmmaSp.h's maps and PTX's rules for matrices
// in shared memory, and feeds it packed bytes, as a kernel does.
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/WgmmaSp.h"

#include "Reference.h"
#include "sparse24/Support/PackedLayout.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

using namespace sparse24;
using namespace sparse24::test;

namespace {

class WgmmaSpTest : public testing::TestWithParam<ElementType> {};

INSTANTIATE_TEST_SUITE_P(All, WgmmaSpTest, testing::ValuesIn(kElementTypes),
                         [](const auto &info) {
                           return elementTypeName(info.param);
                         });

using Place = std::pair<int, int>;

TEST(WgmmaSpTest, EveryElementOfDIsHeldOnce) {
  for (int n : {8, 24, 256}) {
    std::set<Place> places;
    for (int lane = 0; lane < wgmma_sp::kLanes; ++lane)
      for (int i = 0; i < wgmma_sp::registersD(n); ++i) {
        auto [row, column] = wgmma_sp::elementD(lane, i);
        EXPECT_LT(row, 64);
        EXPECT_LT(column, n);
        places.emplace(row, column);
      }
    EXPECT_EQ(places.size(), size_t(64 * n));
  }
}

TEST(WgmmaSpTest, ElementsOfD) {
  // PTX ISA, figure "WGMMA .m64nNk16 register fragment layout for accumulator
  // matrix D": thread 37 is lane 5 of warp 1.
  const Place places[] = {{17, 2}, {17, 3}, {25, 2}, {25, 3}, {17, 10}};
  for (int i = 0; i < 5; ++i) {
    auto [row, column] = wgmma_sp::elementD(37, i);
    EXPECT_EQ(Place(row, column), places[i]);
  }
}

TEST(WgmmaSpTest, Descriptors) {
  // The fields of PTX ISA, "Matrix Descriptor Format": address, leading and
  // stride offsets in units of 16 bytes from bits 0, 16 and 32, the swizzle
  // from bit 62.
  EXPECT_EQ(wgmma_sp::descriptorA(0x20400),
            uint64_t(2) << 62 | uint64_t(32) << 32 | 1 << 16 | 0x2040);
  EXPECT_EQ(wgmma_sp::descriptorB(0x400),
            uint64_t(1) << 62 | uint64_t(64) << 32 | 1 << 16 | 0x40);
  EXPECT_EQ(wgmma_sp::matrixDescriptor(0x80, 256, 128, wgmma_sp::Swizzle::None),
            uint64_t(8) << 32 | 16 << 16 | 8);
  EXPECT_EQ(wgmma_sp::matrixDescriptor(0, 16, 256, wgmma_sp::Swizzle::Bytes32),
            uint64_t(3) << 62 | uint64_t(16) << 32 | 1 << 16);
}

//===----------------------------------------------------------------------===//
// The instruction, emulated
//===----------------------------------------------------------------------===//

/// Where the matrix that a descriptor describes has byte `byte` of row `row`:
/// eight rows are together, and the bits of the address from 7 on flip those
/// from 4 on, as many as the swizzle has chunks.
uint32_t sharedAddress(uint64_t descriptor, int row, int byte) {
  const int widths[] = {16, 128, 64, 32};
  uint32_t width = widths[descriptor >> 62];
  uint32_t start = (descriptor & 0x3FFF) * 16;
  uint32_t stride = (descriptor >> 32 & 0x3FFF) * 16;
  uint32_t address = start + row / 8 * stride + row % 8 * width + byte;
  return address ^ (address >> 7 & (width / 16 - 1)) << 4;
}

constexpr int kColumns = 24;

using Accumulators = double[wgmma_sp::kLanes][kColumns / 2];

/// D = A·B + D, in double.
void emulateWgmmaSp(ElementType type, const Bytes &shared, uint64_t a,
                    uint64_t b, const uint32_t (&metadata)[wgmma_sp::kLanes],
                    int selector, Accumulators &accumulators) {
  int bytes = storageBytes(type), kept = keptPerGroup(type);
  auto load = [&](uint64_t descriptor, int row, int column) {
    float value;
    convertToFloat(
        type, shared.data() + sharedAddress(descriptor, row, column * bytes),
        &value, 1);
    return value;
  };

  double product[wgmma_sp::kM][kColumns] = {};
  int groups = 0;
  for (int lane = 0; lane < wgmma_sp::kLanes; ++lane)
    for (int n = 0; n < mma_sp::kNibbles; ++n) {
      if (!wgmma_sp::suppliesMetadata(type, lane, selector))
        continue;
      auto [row, group] = wgmma_sp::metadataGroup(type, lane, n);
      unsigned nibble = metadata[lane] >> 4 * n & 0xF;
      ASSERT_TRUE(isLegalNibble(type, nibble));
      ++groups;
      for (int i = 0; i < kept; ++i) {
        int position =
            type == ElementType::TF32 ? nibble == 0xE : nibble >> 2 * i & 3;
        for (int column = 0; column < kColumns; ++column)
          product[row][column] +=
              load(a, row, group * kept + i) *
              load(b, column, group * int(groupSize(type)) + position);
      }
    }
  ASSERT_EQ(groups, wgmma_sp::kM * wgmma_sp::groupsPerRow(type));

  for (int lane = 0; lane < wgmma_sp::kLanes; ++lane)
    for (int i = 0; i < wgmma_sp::registersD(kColumns); ++i) {
      auto [row, column] = wgmma_sp::elementD(lane, i);
      accumulators[lane][i] += product[row][column];
    }
}

/// W (rows × k, packed) times B (given as 24 × k) the way a kernel does it: a
/// block of W is copied to shared memory as it is, B as TMA does it.
void checkProduct(ElementType type, int64_t rows, int64_t k) {
  SCOPED_TRACE(testing::Message() << rows << " × " << k);
  std::mt19937 random(rows * 1000 + k);
  TestMatrix weight(type, rows, k, false), dense(type, kColumns, k, false);
  fillSmall(type, weight, random);
  fillSmall(type, dense, random);

  PackedLayout layout{PackedFamily::WgmmaSp, type, rows, k};
  Bytes packed(layout.bytes(), 0xFF);
  packDense(layout, weight.ref, packed.data(), Selection::Magnitude);
  TestMatrix pruned = weight;
  prune(type, weight.ref, pruned.mutableRef());

  constexpr int64_t startA = 0x1200, startB = 0x2400;
  Bytes shared(0x4000);
  uint64_t a = wgmma_sp::descriptorA(startA), b = wgmma_sp::descriptorB(startB);
  auto fillShared = [&](int64_t rowBlock, int64_t kBlock) {
    std::copy_n(packed.data() + layout.blockOffset(rowBlock, kBlock),
                layout.blockValueBytes(), shared.data() + startA);
    for (int row = 0; row < kColumns; ++row)
      for (int i = 0; i < layout.kBlock(); ++i) {
        uint32_t bits =
            elementBits(type, dense.ref, row, kBlock * layout.kBlock() + i);
        int byte = i * int(storageBytes(type));
        setBits(type, shared.data() + sharedAddress(b, row, byte), 0, bits);
      }
  };

  for (int64_t rowBlock = 0; rowBlock < layout.rowBlocks(); ++rowBlock) {
    Accumulators accumulators = {};
    for (int64_t kBlock = 0; kBlock < layout.kBlocks(); ++kBlock) {
      fillShared(rowBlock, kBlock);
      for (int64_t step = 0; step < PackedLayout::kSteps; ++step) {
        uint32_t metadata[wgmma_sp::kLanes];
        for (int lane = 0; lane < wgmma_sp::kLanes; ++lane)
          std::memcpy(&metadata[lane],
                      packed.data() +
                          layout.metadataOffset(rowBlock, kBlock, step, lane),
                      4);
        emulateWgmmaSp(type, shared, a + step * 32 / wgmma_sp::kDescriptorUnit,
                       b + step * 64 / wgmma_sp::kDescriptorUnit, metadata,
                       layout.selector(step), accumulators);
      }
    }
    for (int lane = 0; lane < wgmma_sp::kLanes; ++lane)
      for (int i = 0; i < wgmma_sp::registersD(kColumns); ++i) {
        auto [inBlock, column] = wgmma_sp::elementD(lane, i);
        int64_t row = rowBlock * wgmma_sp::kM + inBlock;
        double expected = 0;
        for (int64_t kk = 0; row < rows && kk < k; ++kk)
          expected += valueAt(type, pruned.ref, row, kk) *
                      valueAt(type, dense.ref, column, kk);
        ASSERT_EQ(accumulators[lane][i], expected)
            << "row " << row << ", column " << column;
      }
  }
}

TEST_P(WgmmaSpTest, OneBlock) {
  checkProduct(GetParam(), wgmma_sp::kM, 2 * wgmma_sp::shapeK(GetParam()));
}

TEST_P(WgmmaSpTest, ManyBlocksWithTails) {
  int64_t block = 2 * wgmma_sp::shapeK(GetParam());
  checkProduct(GetParam(), 1, 1);
  checkProduct(GetParam(), 65, 3 * block + 7);
  checkProduct(GetParam(), 128, 2 * block - 1);
}

} // namespace
