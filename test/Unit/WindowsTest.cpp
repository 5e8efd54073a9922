//===- WindowsTest.cpp ----------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/Windows.h"

#include "Reference.h"

#include <gtest/gtest.h>

#include <numeric>

using namespace sparse24;
using namespace sparse24::test;

namespace {

/// Test parameter: an element type.
class WindowsTypeTest : public testing::TestWithParam<ElementType> {};

INSTANTIATE_TEST_SUITE_P(All, WindowsTypeTest, testing::ValuesIn(kElementTypes),
                         [](const auto &info) {
                           return elementTypeName(info.param);
                         });

/// A nonzero of that type that tells where it comes from, as well as its bits
/// allow.
uint32_t markedBits(ElementType type, int64_t position) {
  return type == ElementType::TF32 ? 0x3F800000u + position : 0x31u + position;
}

/// Spreads into memory that was poisoned, in the other storage order where
/// `flip` says so.
TestMatrix spreadMatrix(ElementType type, const Windows &windows,
                        const TestMatrix &matrix, bool columnMajor,
                        int numThreads = 1) {
  TestMatrix result(type, matrix.ref.rows, windows.spreadK(matrix.ref.k),
                    columnMajor, /*gap=*/3);
  std::fill(result.storage.begin(), result.storage.end(), 0xA5);
  spread(type, windows, matrix.ref, result.mutableRef(), numThreads);
  return result;
}

/// That every element is in exactly one window that covers it, bit by bit, that
/// all else is +0.0, and that the windows have the pattern of their unit.
void expectLossless(ElementType type, const Windows &windows,
                    const TestMatrix &matrix, const TestMatrix &result) {
  for (int64_t row = 0; row < matrix.ref.rows; ++row) {
    std::vector<int> copies(matrix.ref.k, 0);
    for (int64_t column = 0; column < result.ref.k; ++column) {
      int64_t source = windows.source(column);
      uint32_t bits = elementBits(type, result.ref, row, column);
      if (bits == 0)
        continue;
      ASSERT_LT(source, matrix.ref.k);
      ASSERT_EQ(bits, elementBits(type, matrix.ref, row, source));
      ++copies[source];
    }
    for (int64_t k = 0; k < matrix.ref.k; ++k)
      ASSERT_EQ(copies[k], elementBits(type, matrix.ref, row, k) != 0)
          << "row " << row << ", K = " << k;
    for (int64_t first = 0; first < result.ref.k;
         first += windows.windowSize()) {
      int nonzeros = 0;
      for (int64_t i = 0; i < windows.windowSize(); ++i)
        nonzeros +=
            !isZero(type, elementBits(type, result.ref, row, first + i));
      ASSERT_LE(nonzeros, windows.unit);
    }
  }
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

TEST(WindowsTest, SixOfEight) {
  Windows windows{/*unit=*/2, /*cells=*/4};
  EXPECT_EQ(windows.maxNonzeros(), 6);
  EXPECT_EQ(windows.blockSize(), 8);
  EXPECT_EQ(windows.spreadK(16), 24);
  EXPECT_EQ(windows.spreadK(17), 36);
  std::vector<int64_t> sources(24);
  for (size_t i = 0; i < sources.size(); ++i)
    sources[i] = windows.source(i);
  EXPECT_EQ(sources, (std::vector<int64_t>{0,  1,  2,  3,  2,  3,  4,  5,
                                           4,  5,  6,  7,  8,  9,  10, 11,
                                           10, 11, 12, 13, 12, 13, 14, 15}));
}

TEST(WindowsTest, TF32HasWindowsOfTwo) {
  Windows windows{/*unit=*/1, /*cells=*/3}; // 2:3
  EXPECT_EQ(windows.maxNonzeros(), 2);
  EXPECT_EQ(windows.blockSize(), 3);
  EXPECT_EQ(windows.spreadK(4), 8);
  for (int64_t column : {0, 1, 2, 3})
    EXPECT_EQ(windows.source(column), (column + 1) / 2);
}

//===----------------------------------------------------------------------===//
// Spreading
//===----------------------------------------------------------------------===//

/// Of each number of cells, every mask of a block, one a row: all that have
/// few enough nonzeros fit, and no others.
TEST_P(WindowsTypeTest, EveryMask) {
  ElementType type = GetParam();
  int64_t unit = keptPerGroup(type);
  for (int64_t cells = Windows::kMinCells; cells <= Windows::kMaxCells;
       ++cells) {
    Windows windows{unit, cells};
    std::vector<unsigned> fitting;
    int64_t others = 0;
    for (unsigned mask = 0; mask < 1u << windows.blockSize(); ++mask) {
      int nonzeros = 0;
      for (int64_t i = 0; i < windows.blockSize(); ++i)
        nonzeros += mask >> i & 1;
      if (nonzeros <= windows.maxNonzeros())
        fitting.push_back(mask);
      else
        ++others;
    }
    TestMatrix matrix(type, fitting.size(), windows.blockSize(), false);
    for (size_t row = 0; row < fitting.size(); ++row)
      for (int64_t i = 0; i < windows.blockSize(); ++i)
        setBits(type, matrix.storage.data(), row * windows.blockSize() + i,
                fitting[row] >> i & 1 ? markedBits(type, i) : 0);
    WindowsReport report = checkWindows(type, windows, matrix.ref);
    ASSERT_TRUE(report.conforms()) << cells;
    ASSERT_EQ(report.blocks, int64_t(fitting.size()));
    ASSERT_NO_FATAL_FAILURE(expectLossless(
        type, windows, matrix, spreadMatrix(type, windows, matrix, false)));
    // Fewer zeros than a unit has positions: none, or (of two) one somewhere.
    ASSERT_EQ(others, unit == 2 ? windows.blockSize() + 1 : 1);
  }
}

/// A row with as many nonzeros as its blocks may have, at random positions or
/// pressed to one end, and zeros of either sign between.
void fillBlocks(ElementType type, const Windows &windows, TestMatrix &matrix,
                std::mt19937 &random) {
  MutableMatrixRef ref = matrix.mutableRef();
  uint32_t minusZero = isInteger(type) ? 0 : 1u << (8 * storageBytes(type) - 1);
  for (int64_t row = 0; row < ref.rows; ++row)
    for (int64_t first = 0; first < ref.k; first += windows.blockSize()) {
      std::vector<int64_t> order(windows.blockSize());
      std::iota(order.begin(), order.end(), 0);
      if (row % 3 == 0)
        std::shuffle(order.begin(), order.end(), random);
      else if (row % 3 == 1)
        std::reverse(order.begin(), order.end());
      for (int64_t i = 0; i < windows.blockSize(); ++i) {
        int64_t k = first + order[i];
        if (k >= ref.k)
          continue;
        uint32_t bits = random() % 2 ? 0 : minusZero;
        while (i < windows.maxNonzeros() && isZero(type, bits))
          bits = random();
        setBits(type, ref.data, row * ref.rowStride + k * ref.kStride, bits);
      }
    }
}

/// Any bits (infinities and NaN among them), any K, either storage order.
TEST_P(WindowsTypeTest, FullBlocks) {
  ElementType type = GetParam();
  std::mt19937 random(1);
  int64_t unit = keptPerGroup(type);
  for (int64_t cells = Windows::kMinCells; cells <= Windows::kMaxCells; ++cells)
    for (int64_t k : {1, 5, 8, 12, 23, 60, 121})
      for (bool columnMajor : {false, true}) {
        Windows windows{unit, cells};
        TestMatrix matrix(type, 70, k, columnMajor, /*gap=*/1);
        fillBlocks(type, windows, matrix, random);
        ASSERT_TRUE(checkWindows(type, windows, matrix.ref).conforms());
        std::optional<Windows> found = findWindows(type, unit, matrix.ref);
        ASSERT_TRUE(found && found->cells <= cells);
        TestMatrix result = spreadMatrix(type, windows, matrix, !columnMajor);
        ASSERT_NO_FATAL_FAILURE(expectLossless(type, windows, matrix, result));
        EXPECT_TRUE(checkPattern(type, result.ref).conforms());
      }
}

/// A matrix of f32 that will be rounded to 16 bits has their windows.
TEST(WindowsTest, TheUnitMayBeAnotherTypes) {
  std::mt19937 random(2);
  Windows windows{/*unit=*/2, /*cells=*/4};
  TestMatrix matrix(ElementType::TF32, 9, 40, false);
  fillBlocks(ElementType::TF32, windows, matrix, random);
  EXPECT_EQ(findWindows(ElementType::TF32, 2, matrix.ref)->cells, 4);
  EXPECT_FALSE(findWindows(ElementType::TF32, 1, matrix.ref));
  expectLossless(ElementType::TF32, windows, matrix,
                 spreadMatrix(ElementType::TF32, windows, matrix, false));
}

TEST(WindowsTest, ManyThreadsDoTheSame) {
  ElementType type = ElementType::BF16;
  std::mt19937 random(3);
  Windows windows{/*unit=*/2, /*cells=*/5};
  TestMatrix matrix(type, 700, 1501, false);
  fillBlocks(type, windows, matrix, random);
  TestMatrix one = spreadMatrix(type, windows, matrix, false);
  EXPECT_EQ(one.storage, spreadMatrix(type, windows, matrix, false, 7).storage);
}

//===----------------------------------------------------------------------===//
// Looking for the pattern
//===----------------------------------------------------------------------===//

TEST(WindowsTest, TheFewestCellsThatFit) {
  // Five of the first six are nonzero: 4:6 is broken, 6:8 is not.
  std::vector<uint8_t> row = {1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1};
  auto matrix = MatrixRef::rowMajor(row.data(), 1, row.size());
  EXPECT_EQ(findWindows(ElementType::S8, 2, matrix)->cells, 4);
  // Seven of the first eight, nine of the first ten: only 10:12 is left.
  row = {1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 1};
  EXPECT_EQ(findWindows(ElementType::S8, 2, matrix)->cells, 6);
  row[10] = 1;
  EXPECT_FALSE(findWindows(ElementType::S8, 2, matrix));
}

TEST(WindowsTest, TheFirstViolationIsFirstInRowMajorOrder) {
  // Many panels and threads; violations come block by block.
  int64_t rows = 600, k = 4096;
  Bytes storage(rows * k, 0);
  auto matrix = MatrixRef::rowMajor(storage.data(), rows, k);
  auto fill = [&](int64_t row, int64_t block) {
    std::fill_n(storage.begin() + row * k + block * 8, 8, 1);
  };
  fill(70, 400);
  fill(71, 2);
  fill(599, 0);
  WindowsReport report =
      checkWindows(ElementType::S8, Windows{2, 4}, matrix, /*numThreads=*/5);
  EXPECT_EQ(report.blocks, rows * k / 8);
  EXPECT_EQ(report.violatingBlocks, 3);
  EXPECT_EQ(report.firstRow, 70);
  EXPECT_EQ(report.firstBlock, 400);
}

} // namespace
