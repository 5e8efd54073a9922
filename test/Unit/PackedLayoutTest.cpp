//===- PackedLayoutTest.cpp -----------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/PackedLayout.h"

#include "Reference.h"

#include <gtest/gtest.h>

#include <utility>

using namespace sparse24;
using namespace sparse24::test;

namespace {

class PackedLayoutTypeTest : public testing::TestWithParam<ElementType> {};

INSTANTIATE_TEST_SUITE_P(All, PackedLayoutTypeTest,
                         testing::ValuesIn(kElementTypes),
                         [](const auto &info) {
                           return elementTypeName(info.param);
                         });

TEST(PackedLayoutTest, Sizes) {
  PackedLayout bf16{ElementType::BF16, 1536, 384};
  EXPECT_EQ(bf16.kBlock(), 64);
  EXPECT_EQ(bf16.valueBytes(), 1536 * 384);
  EXPECT_EQ(bf16.bytes(), 1536 * 384 * 2 * 9 / 16); // 56.25 % of dense
  PackedLayout s8{ElementType::S8, 1536, 384};
  EXPECT_EQ(s8.kBlock(), 128);
  EXPECT_EQ(s8.bytes(), 1536 * 384 * 5 / 8); // 62.5 %
  PackedLayout tf32{ElementType::TF32, 1536, 384};
  EXPECT_EQ(tf32.kBlock(), 32);
  EXPECT_EQ(tf32.bytes(), 1536 * 384 * 4 * 9 / 16);

  PackedLayout tails{ElementType::BF16, 17, 65};
  EXPECT_EQ(tails.paddedRows(), 32);
  EXPECT_EQ(tails.paddedK(), 128);
  EXPECT_EQ(tails.bytes(), 32 * 128 * 2 * 9 / 16);
}

TEST(PackedLayoutTest, TextAndHash) {
  PackedLayout layout{ElementType::BF16, 1536, 384};
  EXPECT_EQ(layout.text(), "mma_sp,bf16,rows=1536,k=384");
  EXPECT_EQ(layout.hash(), fnv1a64("mma_sp,bf16,rows=1536,k=384"));
  // Published vectors of FNV-1a: files and kernels outlive this code.
  EXPECT_EQ(fnv1a64(""), 0xCBF29CE484222325ull);
  EXPECT_EQ(fnv1a64("a"), 0xAF63DC4C8601EC8Cull);
  EXPECT_EQ(fnv1a64("foobar"), 0x85944171F73967E8ull);
}

TEST_P(PackedLayoutTypeTest, ParseRoundTrips) {
  PackedLayout layout{GetParam(), 123, 45678}, parsed;
  ASSERT_TRUE(PackedLayout::parse(layout.text(), parsed));
  EXPECT_TRUE(parsed == layout);
}

TEST(PackedLayoutTest, ParseRefusesWhatIsNotCanonical) {
  PackedLayout unused;
  for (const char *text :
       {"", "mma_sp", "mma_sp,", "mma_sp,bf16", "mma_sp,bf16,rows=1",
        "bf16,rows=1,k=4", "wgmma_sp,bf16,rows=1,k=4", "mma_sp,f32,rows=1,k=4",
        "mma_sp,bf16,rows=,k=4", "mma_sp,bf16,rows=1,k=",
        "mma_sp,bf16,rows=01,k=4", "mma_sp,bf16,rows=-1,k=4",
        "mma_sp,bf16,rows=1,k=4 ", "mma_sp,bf16, rows=1,k=4",
        "mma_sp,bf16,k=4,rows=1", "mma_sp,bf16,rows=1,k=99999999999999999999"})
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
  PackedLayout layout{ElementType::F16, rows, k};
  std::vector<uint16_t> packed(layout.bytes() / 2);
  packDense(layout, MatrixRef::rowMajor(weight.data(), rows, k), packed.data());

  auto at = [](int64_t r, int64_t c) { return uint16_t(64 * r + c + 1); };
  auto half = [&](int64_t offset) { return packed[offset / 2]; };
  // Lane 6 is g = 1, t = 2: registers (1, group 2), (9, 2), (1, 6), (9, 6).
  int64_t lane6 = layout.valueOffset(0, 0, 0, 6);
  EXPECT_EQ(lane6, 6 * 16);
  EXPECT_EQ(half(lane6), at(1, 8));
  EXPECT_EQ(half(lane6 + 2), at(1, 9));
  EXPECT_EQ(half(lane6 + 4), at(9, 8));
  EXPECT_EQ(half(lane6 + 8), at(1, 24));
  EXPECT_EQ(half(lane6 + 12), at(9, 24));
  // The second step's 32 columns.
  EXPECT_EQ(half(layout.valueOffset(0, 0, 1, 6)), at(1, 32 + 8));
  EXPECT_EQ(layout.metadataOffset(0, 0, 0, 0), rows * k);
  EXPECT_EQ(half(layout.metadataOffset(0, 0, 0, 31)), 0x4444);
}

TEST(PackedLayoutTest, PaddingIsZeroAndFour) {
  PackedLayout layout{ElementType::S8, 1, 1};
  int8_t weight = 5;
  Bytes packed(layout.bytes(), 0xFF);
  packDense(layout, MatrixRef::rowMajor(&weight, 1, 1), packed.data());
  Bytes expected(layout.bytes(), 0);
  std::fill(expected.begin() + layout.valueBytes(), expected.end(), 0x44);
  expected[0] = 5;
  EXPECT_EQ(packed, expected);
}

TEST_P(PackedLayoutTypeTest, PacksAsMmaSpSaysAndBack) {
  ElementType type = GetParam();
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
        PackedLayout layout{type, rows, k};

        // Word by word from MmaSp.h.
        Bytes expected(layout.bytes(), 0);
        int64_t keptColumns = valuesPerRow(type, k),
                groups = groupsPerRow(type, k);
        for (int64_t rb = 0; rb < layout.rowBlocks(); ++rb)
          for (int64_t kb = 0; kb < layout.kBlocks(); ++kb)
            for (int64_t step = 0; step < PackedLayout::kSteps; ++step)
              for (int lane = 0; lane < mma_sp::kLanes; ++lane) {
                int64_t instruction = kb * PackedLayout::kSteps + step;
                uint8_t *registers =
                    expected.data() + layout.valueOffset(rb, kb, step, lane);
                int slots = mma_sp::elementsPerRegister(type);
                for (int reg = 0; reg < mma_sp::kRegistersA; ++reg)
                  for (int slot = 0; slot < slots; ++slot) {
                    auto place = mma_sp::elementA(type, lane, reg, slot);
                    int64_t row = rb * 16 + place.row;
                    int64_t column =
                        instruction * mma_sp::shapeK(type) / 2 + place.column;
                    if (row < rows && column < keptColumns)
                      setBits(type, registers, reg * slots + slot,
                              getBits(type, small.values.data(),
                                      row * keptColumns + column));
                  }
                if (!mma_sp::suppliesMetadata(type, lane,
                                              layout.selector(step)))
                  continue;
                uint32_t word = 0;
                for (int n = 0; n < mma_sp::kNibbles; ++n) {
                  auto place = mma_sp::metadataGroup(type, lane, n);
                  int64_t row = rb * 16 + place.row;
                  int64_t group =
                      instruction * mma_sp::groupsPerRow(type) + place.group;
                  uint32_t nibble = 0x4;
                  if (row < rows && group < groups)
                    nibble = small.metadata[row * metadataWordsPerRow(type, k) +
                                            group / 4] >>
                                 4 * (group % 4) &
                             0xF;
                  word |= nibble << 4 * n;
                }
                std::memcpy(expected.data() +
                                layout.metadataOffset(rb, kb, step, lane),
                            &word, 4);
              }

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
