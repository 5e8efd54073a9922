//===- MmaSpTest.cpp ------------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emulates the instruction from MmaSp.h's maps alone and feeds it packed bytes,
// as a kernel does: so maps, packer and pattern are checked against each other
// and against a plain product.
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/MmaSp.h"

#include "Reference.h"
#include "sparse24/Support/PackedLayout.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

using namespace sparse24;
using namespace sparse24::test;

namespace {

class MmaSpTest : public testing::TestWithParam<ElementType> {};

INSTANTIATE_TEST_SUITE_P(All, MmaSpTest, testing::ValuesIn(kElementTypes),
                         [](const auto &info) {
                           return elementTypeName(info.param);
                         });

using Place = std::pair<int, int>;

//===----------------------------------------------------------------------===//
// The maps
//===----------------------------------------------------------------------===//

TEST(MmaSpTest, Shapes) {
  EXPECT_EQ(mma_sp::shapeK(ElementType::F16), 32);
  EXPECT_EQ(mma_sp::shapeK(ElementType::BF16), 32);
  EXPECT_EQ(mma_sp::shapeK(ElementType::TF32), 16);
  EXPECT_EQ(mma_sp::shapeK(ElementType::S8), 64);
  EXPECT_EQ(mma_sp::shapeK(ElementType::E4M3), 64);
}

TEST_P(MmaSpTest, EveryElementIsHeldOnce) {
  ElementType type = GetParam();
  std::set<Place> a, b, c;
  for (int lane = 0; lane < mma_sp::kLanes; ++lane)
    for (int reg = 0; reg < 4; ++reg) {
      for (int slot = 0; slot < mma_sp::elementsPerRegister(type); ++slot) {
        mma_sp::Coordinate<> inA = mma_sp::elementA(type, lane, reg, slot);
        mma_sp::Coordinate<> inB = mma_sp::elementB(type, lane, reg, slot);
        a.emplace(inA.row, inA.column);
        b.emplace(inB.row, inB.column);
        EXPECT_LT(inA.row, mma_sp::kM);
        EXPECT_LT(inA.column, mma_sp::shapeK(type) / 2);
        EXPECT_LT(inB.row, mma_sp::shapeK(type));
        EXPECT_LT(inB.column, mma_sp::kN);
      }
      mma_sp::Coordinate<> inC = mma_sp::elementC(lane, reg);
      c.emplace(inC.row, inC.column);
    }
  EXPECT_EQ(a.size(), size_t(mma_sp::kM * mma_sp::shapeK(type) / 2));
  EXPECT_EQ(b.size(), size_t(mma_sp::kN * mma_sp::shapeK(type)));
  EXPECT_EQ(c.size(), size_t(mma_sp::kM * mma_sp::kN));
}

TEST_P(MmaSpTest, EverySelectorCoversEveryGroupOnce) {
  ElementType type = GetParam();
  for (int selector = 0; selector < mma_sp::numSelectors(type); ++selector) {
    std::set<Place> groups;
    int words = 0;
    for (int lane = 0; lane < mma_sp::kLanes; ++lane) {
      if (!mma_sp::suppliesMetadata(type, lane, selector))
        continue;
      ++words;
      for (int nibble = 0; nibble < mma_sp::kNibbles; ++nibble) {
        mma_sp::GroupCoordinate group =
            mma_sp::metadataGroup(type, lane, nibble);
        groups.emplace(group.row, group.group);
      }
    }
    EXPECT_EQ(groups.size(), size_t(mma_sp::kM * mma_sp::groupsPerRow(type)));
    EXPECT_EQ(words, int(groups.size()) / mma_sp::kNibbles);
  }
}

// Fragments and metadata words as the tables of the PTX manual put them, with
// g = groupID and t = threadID_in_group. The emulation below can't see a
// mistake that packer and emulator share; these literal numbers can.

void expectAt(mma_sp::Coordinate<> place, int row, int column) {
  EXPECT_EQ(place.row, row);
  EXPECT_EQ(place.column, column);
}

TEST(MmaSpTest, FragmentsOf16Bit) {
  for (ElementType type : {ElementType::F16, ElementType::BF16})
    for (int g = 0; g < 8; ++g)
      for (int t = 0; t < 4; ++t)
        for (int i = 0; i < 8; ++i) { // a0 … a7, b0 … b7
          SCOPED_TRACE(testing::Message()
                       << "g " << g << ", t " << t << ", i " << i);
          int lane = 4 * g + t;
          bool upper = i == 2 || i == 3 || i == 6 || i == 7;
          expectAt(mma_sp::elementA(type, lane, i / 2, i % 2),
                   upper ? g + 8 : g, 2 * t + i % 2 + (i < 4 ? 0 : 8));
          int firstK[] = {0, 0, 8, 8, 16, 16, 24, 24};
          expectAt(mma_sp::elementB(type, lane, i / 2, i % 2),
                   2 * t + i % 2 + firstK[i], g);
        }
}

TEST(MmaSpTest, FragmentsOf8Bit) {
  for (ElementType type :
       {ElementType::S8, ElementType::U8, ElementType::E4M3, ElementType::E5M2})
    for (int g = 0; g < 8; ++g)
      for (int t = 0; t < 4; ++t)
        for (int i = 0; i < 16; ++i) { // a0 … a15, b0 … b15
          SCOPED_TRACE(testing::Message()
                       << "g " << g << ", t " << t << ", i " << i);
          int lane = 4 * g + t;
          bool upper = (i >= 4 && i < 8) || i >= 12;
          expectAt(mma_sp::elementA(type, lane, i / 4, i % 4),
                   upper ? g + 8 : g, 4 * t + i % 4 + (i < 8 ? 0 : 16));
          int firstK[] = {0, 16, 32, 48};
          expectAt(mma_sp::elementB(type, lane, i / 4, i % 4),
                   4 * t + i % 4 + firstK[i / 4], g);
        }
}

TEST(MmaSpTest, FragmentsOfTF32) {
  for (int g = 0; g < 8; ++g)
    for (int t = 0; t < 4; ++t) {
      int lane = 4 * g + t;
      expectAt(mma_sp::elementA(ElementType::TF32, lane, 0, 0), g, t);
      expectAt(mma_sp::elementA(ElementType::TF32, lane, 1, 0), g + 8, t);
      expectAt(mma_sp::elementA(ElementType::TF32, lane, 2, 0), g, t + 4);
      expectAt(mma_sp::elementA(ElementType::TF32, lane, 3, 0), g + 8, t + 4);
      for (int i = 0; i < 4; ++i)
        expectAt(mma_sp::elementB(ElementType::TF32, lane, i, 0), t + 4 * i, g);
    }
}

TEST(MmaSpTest, FragmentOfAccumulators) {
  for (int g = 0; g < 8; ++g)
    for (int t = 0; t < 4; ++t) {
      int lane = 4 * g + t;
      expectAt(mma_sp::elementC(lane, 0), g, 2 * t);
      expectAt(mma_sp::elementC(lane, 1), g, 2 * t + 1);
      expectAt(mma_sp::elementC(lane, 2), g + 8, 2 * t);
      expectAt(mma_sp::elementC(lane, 3), g + 8, 2 * t + 1);
    }
}

TEST(MmaSpTest, MetadataOf16BitAndTF32) {
  for (ElementType type :
       {ElementType::F16, ElementType::BF16, ElementType::TF32}) {
    EXPECT_EQ(mma_sp::numSelectors(type), 2);
    // "k 16p to 16p + 15", for tf32 "8p to 8p + 7": four groups.
    int columns = type == ElementType::TF32 ? 8 : 16;
    for (int selector = 0; selector < 2; ++selector)
      for (int g = 0; g < 8; ++g)
        for (int t = 0; t < 4; ++t) {
          int lane = 4 * g + t;
          bool supplies = t == 2 * selector || t == 2 * selector + 1;
          EXPECT_EQ(mma_sp::suppliesMetadata(type, lane, selector), supplies);
          int p = t % 2;
          for (int nibble = 0; supplies && nibble < 8; ++nibble) {
            mma_sp::GroupCoordinate group =
                mma_sp::metadataGroup(type, lane, nibble);
            EXPECT_EQ(group.row, nibble < 4 ? g : g + 8);
            EXPECT_EQ(group.group * groupSize(type),
                      columns * p + nibble % 4 * groupSize(type));
          }
        }
  }
}

TEST(MmaSpTest, MetadataOf8Bit) {
  for (ElementType type : {ElementType::S8, ElementType::U8, ElementType::E4M3,
                           ElementType::E5M2}) {
    EXPECT_EQ(mma_sp::numSelectors(type), 1);
    for (int g = 0; g < 8; ++g)
      for (int t = 0; t < 4; ++t) {
        int lane = 4 * g + t;
        EXPECT_TRUE(mma_sp::suppliesMetadata(type, lane, 0));
        for (int nibble = 0; nibble < 8; ++nibble) {
          mma_sp::GroupCoordinate group =
              mma_sp::metadataGroup(type, lane, nibble);
          EXPECT_EQ(group.row, g + 8 * (t % 2));
          EXPECT_EQ(group.group * 4, 32 * (t / 2) + 4 * nibble);
        }
      }
  }
}

//===----------------------------------------------------------------------===//
// The instruction, emulated
//===----------------------------------------------------------------------===//

/// What the lanes of a warp hold.
struct WarpOperands {
  uint32_t a[mma_sp::kLanes][mma_sp::kRegistersA];
  uint32_t b[mma_sp::kLanes][mma_sp::kRegistersB];
  uint32_t metadata[mma_sp::kLanes];
};

using Accumulators = double[mma_sp::kLanes][mma_sp::kRegistersC];

double slotValue(ElementType type, const uint32_t *registers, int reg,
                 int slot) {
  float value;
  auto *bytes = reinterpret_cast<const uint8_t *>(registers + reg);
  convertToFloat(type, bytes + slot * storageBytes(type), &value, 1);
  return value;
}

/// D = A·B + D, in double.
void emulateMmaSp(ElementType type, const WarpOperands &operands, int selector,
                  Accumulators &accumulators) {
  constexpr int maxK = 64;
  int k = mma_sp::shapeK(type);
  int slots = mma_sp::elementsPerRegister(type);

  unsigned nibbles[mma_sp::kM][maxK / 2] = {};
  for (int lane = 0; lane < mma_sp::kLanes; ++lane)
    for (int n = 0; n < mma_sp::kNibbles; ++n) {
      if (!mma_sp::suppliesMetadata(type, lane, selector))
        continue;
      mma_sp::GroupCoordinate group = mma_sp::metadataGroup(type, lane, n);
      nibbles[group.row][group.group] = operands.metadata[lane] >> 4 * n & 0xF;
    }

  double b[maxK][mma_sp::kN], product[mma_sp::kM][mma_sp::kN] = {};
  for (int lane = 0; lane < mma_sp::kLanes; ++lane)
    for (int reg = 0; reg < mma_sp::kRegistersB; ++reg)
      for (int slot = 0; slot < slots; ++slot) {
        mma_sp::Coordinate<> place = mma_sp::elementB(type, lane, reg, slot);
        b[place.row][place.column] =
            slotValue(type, operands.b[lane], reg, slot);
      }

  int kept = keptPerGroup(type);
  for (int lane = 0; lane < mma_sp::kLanes; ++lane)
    for (int reg = 0; reg < mma_sp::kRegistersA; ++reg)
      for (int slot = 0; slot < slots; ++slot) {
        mma_sp::Coordinate<> place = mma_sp::elementA(type, lane, reg, slot);
        int group = place.column / kept;
        unsigned nibble = nibbles[place.row][group];
        ASSERT_TRUE(isLegalNibble(type, nibble));
        int position = type == ElementType::TF32  ? nibble == 0xE
                       : place.column % kept == 0 ? nibble & 3
                                                  : nibble >> 2;
        int column = group * int(groupSize(type)) + position;
        ASSERT_LT(column, k);
        double value = slotValue(type, operands.a[lane], reg, slot);
        for (int n = 0; n < mma_sp::kN; ++n)
          product[place.row][n] += value * b[column][n];
      }

  for (int lane = 0; lane < mma_sp::kLanes; ++lane)
    for (int i = 0; i < mma_sp::kRegistersC; ++i) {
      mma_sp::Coordinate<> place = mma_sp::elementC(lane, i);
      accumulators[lane][i] += product[place.row][place.column];
    }
}

/// W (rows × k, packed) times B (given as 8 × k) the way a kernel does it: one
/// warp a row block, one instruction after the other along k.
void checkProduct(ElementType type, int64_t rows, int64_t k) {
  SCOPED_TRACE(testing::Message() << rows << " × " << k);
  std::mt19937 random(rows * 1000 + k);
  TestMatrix weight(type, rows, k, false), dense(type, mma_sp::kN, k, false);
  fillSmall(type, weight, random);
  fillSmall(type, dense, random);

  PackedLayout layout{PackedFamily::MmaSp, type, rows, k};
  Bytes packed(layout.bytes(), 0xFF);
  packDense(layout, weight.ref, packed.data(), Selection::Magnitude);
  TestMatrix pruned = weight;
  prune(type, weight.ref, pruned.mutableRef());

  for (int64_t rowBlock = 0; rowBlock < layout.rowBlocks(); ++rowBlock) {
    Accumulators accumulators = {};
    for (int64_t kBlock = 0; kBlock < layout.kBlocks(); ++kBlock)
      for (int64_t step = 0; step < PackedLayout::kSteps; ++step) {
        int64_t firstK = kBlock * layout.kBlock() + step * mma_sp::shapeK(type);
        WarpOperands operands = {};
        for (int lane = 0; lane < mma_sp::kLanes; ++lane) {
          std::memcpy(operands.a[lane],
                      packed.data() +
                          layout.laneOffset(rowBlock, kBlock, step, lane),
                      sizeof(operands.a[lane]));
          std::memcpy(&operands.metadata[lane],
                      packed.data() +
                          layout.metadataOffset(rowBlock, kBlock, step, lane),
                      4);
          for (int reg = 0; reg < mma_sp::kRegistersB; ++reg)
            for (int slot = 0; slot < mma_sp::elementsPerRegister(type);
                 ++slot) {
              mma_sp::Coordinate<> place =
                  mma_sp::elementB(type, lane, reg, slot);
              setBits(type, &operands.b[lane][reg], slot,
                      elementBits(type, dense.ref, place.column,
                                  firstK + place.row));
            }
        }
        emulateMmaSp(type, operands, layout.selector(step), accumulators);
      }

    for (int lane = 0; lane < mma_sp::kLanes; ++lane)
      for (int i = 0; i < mma_sp::kRegistersC; ++i) {
        mma_sp::Coordinate<> place = mma_sp::elementC(lane, i);
        int64_t row = rowBlock * mma_sp::kM + place.row;
        double expected = 0;
        for (int64_t kk = 0; row < rows && kk < k; ++kk)
          expected += valueAt(type, pruned.ref, row, kk) *
                      valueAt(type, dense.ref, place.column, kk);
        ASSERT_EQ(accumulators[lane][i], expected)
            << "row " << row << ", column " << place.column;
      }
  }
}

TEST_P(MmaSpTest, OneInstruction) {
  checkProduct(GetParam(), mma_sp::kM, mma_sp::shapeK(GetParam()));
}

TEST_P(MmaSpTest, ManyBlocksWithTails) {
  int64_t block = 2 * mma_sp::shapeK(GetParam());
  checkProduct(GetParam(), 1, 1);
  checkProduct(GetParam(), 16, block);
  checkProduct(GetParam(), 33, 3 * block + 7);
  checkProduct(GetParam(), 64, 2 * block - 1);
}

} // namespace
