//===- PackedLayoutTest.cpp -----------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/PackedLayout.h"

#include "Reference.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <utility>

using namespace sparse24;
using namespace sparse24::test;

namespace {

class PackedLayoutTypeTest
    : public testing::TestWithParam<std::tuple<PackedFamily, ElementType>> {
protected:
  PackedFamily family = std::get<0>(GetParam());
  ElementType type = std::get<1>(GetParam());
};

INSTANTIATE_TEST_SUITE_P(All, PackedLayoutTypeTest,
                         testing::Combine(testing::ValuesIn(kPackedFamilies),
                                          testing::ValuesIn(kElementTypes)),
                         [](const auto &info) {
                           return std::string(packedFamilyName(
                                      std::get<0>(info.param))) +
                                  "_" +
                                  elementTypeName(std::get<1>(info.param));
                         });

TEST(PackedLayoutTest, Sizes) {
  PackedLayout bf16{PackedFamily::MmaSp, ElementType::BF16, 1536, 384};
  EXPECT_EQ(bf16.kBlock(), 64);
  EXPECT_EQ(bf16.valueBytes(), 1536 * 384);
  EXPECT_EQ(bf16.bytes(), 1536 * 384 * 2 * 9 / 16); // 56.25 % of dense
  PackedLayout s8{PackedFamily::MmaSp, ElementType::S8, 1536, 384};
  EXPECT_EQ(s8.kBlock(), 128);
  EXPECT_EQ(s8.bytes(), 1536 * 384 * 5 / 8); // 62.5 %
  PackedLayout tf32{PackedFamily::MmaSp, ElementType::TF32, 1536, 384};
  EXPECT_EQ(tf32.kBlock(), 32);
  EXPECT_EQ(tf32.bytes(), 1536 * 384 * 4 * 9 / 16);

  PackedLayout tails{PackedFamily::MmaSp, ElementType::BF16, 17, 65};
  EXPECT_EQ(tails.paddedRows(), 32);
  EXPECT_EQ(tails.paddedK(), 128);
  EXPECT_EQ(tails.bytes(), 32 * 128 * 2 * 9 / 16);

  PackedLayout warpgroup{PackedFamily::WgmmaSp, ElementType::BF16, 65, 65};
  EXPECT_EQ(warpgroup.paddedRows(), 128);
  EXPECT_EQ(warpgroup.blockValueBytes(), 4096);
  EXPECT_EQ(warpgroup.blockMetadataBytes(), 512);
  EXPECT_EQ(warpgroup.bytes(), 128 * 128 * 2 * 9 / 16);
}

TEST(PackedLayoutTest, TextAndHash) {
  PackedLayout layout{PackedFamily::MmaSp, ElementType::BF16, 1536, 384};
  EXPECT_EQ(layout.text(), "mma_sp,bf16,rows=1536,k=384");
  EXPECT_EQ(layout.hash(), fnv1a64("mma_sp,bf16,rows=1536,k=384"));
  layout.family = PackedFamily::WgmmaSp;
  EXPECT_EQ(layout.text(), "wgmma_sp,bf16,rows=1536,k=384");
  // Published vectors of FNV-1a: files and kernels outlive this code.
  EXPECT_EQ(fnv1a64(""), 0xCBF29CE484222325ull);
  EXPECT_EQ(fnv1a64("a"), 0xAF63DC4C8601EC8Cull);
  EXPECT_EQ(fnv1a64("foobar"), 0x85944171F73967E8ull);
}

TEST_P(PackedLayoutTypeTest, ParseRoundTrips) {
  PackedLayout layout{family, type, 123, 45678}, parsed;
  ASSERT_TRUE(PackedLayout::parse(layout.text(), parsed));
  EXPECT_TRUE(parsed == layout);
}

TEST(PackedLayoutTest, ParseRefusesWhatIsNotCanonical) {
  PackedLayout unused;
  for (const char *text :
       {"", "mma_sp", "mma_sp,", "mma_sp,bf16", "mma_sp,bf16,rows=1",
        "bf16,rows=1,k=4", "wmma_sp,bf16,rows=1,k=4", "wgmma_spbf16,rows=1,k=4",
        "mma_sp,f32,rows=1,k=4", "mma_sp,bf16,rows=,k=4",
        "mma_sp,bf16,rows=1,k=", "mma_sp,bf16,rows=01,k=4",
        "mma_sp,bf16,rows=-1,k=4", "mma_sp,bf16,rows=1,k=4 ",
        "mma_sp,bf16, rows=1,k=4", "mma_sp,bf16,k=4,rows=1",
        "mma_sp,bf16,rows=1,k=99999999999999999999"})
    EXPECT_FALSE(PackedLayout::parse(text, unused)) << text;
}

TEST(PackedLayoutTest, FirstBytesOfABlock) {
  // W[r][c] = 64 r + c + 1 in columns 0 and 1 of each group, so groups keep
  // both.
  constexpr int64_t rows = 16, k = 64;
  std::vector<uint16_t> weight(rows * k);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < k; ++c)
      weight[r * k + c] = c % 4 < 2 ? 64 * r + c + 1 : 0;
  PackedLayout layout{PackedFamily::MmaSp, ElementType::F16, rows, k};
  std::vector<uint16_t> packed(layout.bytes() / 2);
  packDense(layout, MatrixRef::rowMajor(weight.data(), rows, k), packed.data());

  auto at = [](int64_t r, int64_t c) { return uint16_t(64 * r + c + 1); };
  auto half = [&](int64_t offset) { return packed[offset / 2]; };
  // Lane 6 is g = 1, t = 2: registers (1, group 2), (9, 2), (1, 6), (9, 6).
  int64_t lane6 = layout.laneOffset(0, 0, 0, 6);
  EXPECT_EQ(lane6, 6 * 16);
  EXPECT_EQ(half(lane6), at(1, 8));
  EXPECT_EQ(half(lane6 + 2), at(1, 9));
  EXPECT_EQ(half(lane6 + 4), at(9, 8));
  EXPECT_EQ(half(lane6 + 8), at(1, 24));
  EXPECT_EQ(half(lane6 + 12), at(9, 24));
  // The second step's 32 columns.
  EXPECT_EQ(half(layout.laneOffset(0, 0, 1, 6)), at(1, 32 + 8));
  EXPECT_EQ(layout.metadataOffset(0, 0, 0, 0), rows * k);
  EXPECT_EQ(half(layout.metadataOffset(0, 0, 0, 31)), 0x4444);
}

TEST(PackedLayoutTest, FirstBytesOfAWarpgroupBlock) {
  // As above: the kept elements of row r are 64 r + 1, 64 r + 2, 64 r + 5, …
  constexpr int64_t rows = 64, k = 64;
  std::vector<uint16_t> weight(rows * k);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < k; ++c)
      weight[r * k + c] = c % 4 < 2 ? 64 * r + c + 1 : 0;
  PackedLayout layout{PackedFamily::WgmmaSp, ElementType::F16, rows, k};
  std::vector<uint16_t> packed(layout.bytes() / 2);
  packDense(layout, MatrixRef::rowMajor(weight.data(), rows, k), packed.data());

  auto at = [](int64_t r, int64_t c) { return uint16_t(64 * r + c + 1); };
  // Eight kept elements (columns 0 to 13, 16 to 29, …) are a chunk; that of
  // columns 16 to 29 stands first in rows 2 and 3, third from there in row 6.
  EXPECT_EQ(packed[0], at(0, 0));
  EXPECT_EQ(packed[1], at(0, 1));
  EXPECT_EQ(packed[2], at(0, 4));
  EXPECT_EQ(packed[2 * 32], at(2, 16));
  EXPECT_EQ(packed[3 * 32 + 8], at(3, 0));
  EXPECT_EQ(packed[6 * 32 + 2 * 8], at(6, 16));
  EXPECT_EQ(packed[63 * 32 + 3 * 8], at(63, 0));
  EXPECT_EQ(packed[layout.valueBytes() / 2], 0x4444);
}

TEST(PackedLayoutTest, PaddingIsZeroAndFour) {
  PackedLayout layout{PackedFamily::MmaSp, ElementType::S8, 1, 1};
  int8_t weight = 5;
  Bytes packed(layout.bytes(), 0xFF);
  packDense(layout, MatrixRef::rowMajor(&weight, 1, 1), packed.data());
  Bytes expected(layout.bytes(), 0);
  std::fill(expected.begin() + layout.valueBytes(), expected.end(), 0x44);
  expected[0] = 5;
  EXPECT_EQ(packed, expected);
}

/// The nibble of a group; beyond the matrix it is padding.
uint32_t nibbleAt(const PackedLayout &layout, const Compressed &small,
                  int64_t row, int64_t group) {
  if (row >= layout.rows || group >= groupsPerRow(layout.elementType, layout.k))
    return 0x4;
  int64_t words = metadataWordsPerRow(layout.elementType, layout.k);
  return small.metadata[row * words + group / 4] >> 4 * (group % 4) & 0xF;
}

/// Packs element by element and nibble by nibble, from MmaSp.h and WgmmaSp.h.
Bytes referencePack(const PackedLayout &layout, const Compressed &small) {
  ElementType type = layout.elementType;
  bool isWarp = layout.family == PackedFamily::MmaSp;
  int64_t bytes = storageBytes(type),
          keptColumns = valuesPerRow(type, layout.k);
  Bytes packed(layout.bytes(), 0);

  // Element (row, column) of a row block and an instruction.
  auto put = [&](int64_t offset, int64_t row, int64_t instruction,
                 int64_t column) {
    column += instruction * mma_sp::shapeK(type) / 2;
    if (row < layout.rows && column < keptColumns)
      setBits(type, packed.data() + offset, 0,
              getBits(type, small.values.data(), row * keptColumns + column));
  };
  auto putStep = [&](int64_t rb, int64_t kb, int64_t step) {
    int64_t instruction = kb * PackedLayout::kSteps + step;
    int64_t firstRow = rb * layout.rowBlock();
    int slots = mma_sp::elementsPerRegister(type);
    for (int lane = 0; isWarp && lane < mma_sp::kLanes; ++lane)
      for (int reg = 0; reg < mma_sp::kRegistersA; ++reg)
        for (int slot = 0; slot < slots; ++slot) {
          auto place = mma_sp::elementA(type, lane, reg, slot);
          put(layout.laneOffset(rb, kb, step, lane) + 4 * reg + bytes * slot,
              firstRow + place.row, instruction, place.column);
        }
    for (int row = 0; !isWarp && row < wgmma_sp::kM; ++row)
      for (int column = 0; column < mma_sp::shapeK(type) / 2; ++column)
        put(layout.rowOffset(rb, kb, row, 32 * step + bytes * column),
            firstRow + row, instruction, column);
    for (int lane = 0; lane < layout.lanes(); ++lane) {
      if (!mma_sp::suppliesMetadata(type, lane, layout.selector(step)))
        continue;
      uint32_t word = 0;
      for (int n = 0; n < mma_sp::kNibbles; ++n) {
        auto place = isWarp ? mma_sp::metadataGroup(type, lane, n)
                            : wgmma_sp::metadataGroup(type, lane, n);
        int64_t group = instruction * mma_sp::groupsPerRow(type) + place.group;
        word |= nibbleAt(layout, small, firstRow + place.row, group) << 4 * n;
      }
      std::memcpy(packed.data() + layout.metadataOffset(rb, kb, step, lane),
                  &word, 4);
    }
  };
  for (int64_t rb = 0; rb < layout.rowBlocks(); ++rb)
    for (int64_t kb = 0; kb < layout.kBlocks(); ++kb)
      for (int64_t step = 0; step < PackedLayout::kSteps; ++step)
        putStep(rb, kb, step);
  return packed;
}

TEST_P(PackedLayoutTypeTest, PacksAsTheInstructionsSayAndBack) {
  const std::pair<int64_t, int64_t> shapes[] = {
      {1, 1},   {16, 64},  {15, 63},   {17, 65},   {64, 128},
      {65, 33}, {48, 257}, {130, 700}, {31, 4110}, {0, 64}};
  std::mt19937 random(11);
  for (auto [rows, k] : shapes)
    for (bool columnMajor : {false, true})
      for (Selection selection :
           {Selection::FirstNonzeros, Selection::Magnitude}) {
        SCOPED_TRACE(testing::Message() << rows << " × " << k);
        TestMatrix matrix(type, rows, k, columnMajor, 1);
        fillRandom(type, matrix.storage, random);
        Compressed small = referenceCompress(type, matrix.ref, selection);
        PackedLayout layout{family, type, rows, k};
        Bytes expected = referencePack(layout, small);

        for (int numThreads : {1, 4}) {
          Bytes packed(layout.bytes(), 0xCC), fused(layout.bytes(), 0xDD);
          pack(layout, small.values.data(), small.metadata.data(),
               packed.data(), numThreads);
          EXPECT_EQ(packed, expected);
          packDense(layout, matrix.ref, fused.data(), selection, numThreads);
          EXPECT_EQ(fused, expected);
          Compressed back(type, rows, k);
          unpack(layout, packed.data(), back.values.data(),
                 back.metadata.data(), numThreads);
          EXPECT_TRUE(back == small);
        }
      }
}

} // namespace
