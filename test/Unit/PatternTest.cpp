//===- PatternTest.cpp ----------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/Pattern.h"

#include "Reference.h"

#include <gtest/gtest.h>

#include <limits>
#include <utility>

using namespace sparse24;
using namespace sparse24::test;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Compressed compressed(ElementType type, const MatrixRef &matrix,
                      Selection selection, int numThreads = 1) {
  Compressed result(type, matrix.rows, matrix.k);
  compress(type, matrix, result.values.data(), result.metadata.data(),
           selection, numThreads);
  return result;
}

/// Compresses one row of bf16.
struct BF16Row {
  std::vector<float> values;
  std::vector<uint16_t> metadata;

  BF16Row(const std::vector<float> &row, Selection selection) {
    std::vector<uint16_t> bits(row.size());
    convertFromFloat(ElementType::BF16, row.data(), bits.data(), row.size());
    MatrixRef matrix = MatrixRef::rowMajor(bits.data(), 1, row.size());
    Compressed result = compressed(ElementType::BF16, matrix, selection);
    values.resize(valuesPerRow(ElementType::BF16, row.size()));
    convertToFloat(ElementType::BF16, result.values.data(), values.data(),
                   values.size());
    metadata = result.metadata;
  }
};

/// Test parameter: an element type.
class PatternTypeTest : public testing::TestWithParam<ElementType> {};

INSTANTIATE_TEST_SUITE_P(All, PatternTypeTest, testing::ValuesIn(kElementTypes),
                         [](const auto &info) {
                           return elementTypeName(info.param);
                         });

//===----------------------------------------------------------------------===//
// Rules of the format, each by an example
//===----------------------------------------------------------------------===//

TEST(PatternTest, Sizes) {
  EXPECT_EQ(valuesPerRow(ElementType::BF16, 64), 32);
  EXPECT_EQ(metadataWordsPerRow(ElementType::BF16, 64), 4);
  EXPECT_EQ(valuesPerRow(ElementType::BF16, 17), 10);
  EXPECT_EQ(metadataWordsPerRow(ElementType::BF16, 17), 2);
  EXPECT_EQ(valuesPerRow(ElementType::TF32, 9), 5);
  EXPECT_EQ(metadataWordsPerRow(ElementType::TF32, 9), 2);
  EXPECT_EQ(valuesPerRow(ElementType::S8, 0), 0);
}

TEST(PatternTest, ExampleRow) {
  BF16Row row({0, 5, 0, 6, 7, 0, 0, 8}, Selection::FirstNonzeros);
  EXPECT_EQ(row.values, (std::vector<float>{5, 6, 7, 8}));
  EXPECT_EQ(row.metadata, (std::vector<uint16_t>{0x44CD}));
}

TEST(PatternTest, FillersAreTheFirstZeros) {
  BF16Row row({0, 0, 0, 0, 0, 0, 9, 0, 9, 0, 0, 0, 0, 9, 0, 0},
              Selection::FirstNonzeros);
  EXPECT_EQ(row.values, (std::vector<float>{0, 0, 0, 9, 9, 0, 0, 9}));
  EXPECT_EQ(row.metadata, (std::vector<uint16_t>{0x4484}));
}

TEST(PatternTest, NegativeZeroIsZeroButStaysNegative) {
  BF16Row row({-0.0f, 1, -0.0f, 2, 3, -0.0f, -0.0f, 0},
              Selection::FirstNonzeros);
  EXPECT_EQ(row.values, (std::vector<float>{1, 2, 3, 0}));
  EXPECT_TRUE(std::signbit(row.values[3]));
  EXPECT_EQ(row.metadata, (std::vector<uint16_t>{0x444D}));
}

TEST(PatternTest, TiesKeepTheLowerIndex) {
  BF16Row row({1, -1, 1, -1, 1, 2, 1, 1, 0, 1, 2, 1}, Selection::Magnitude);
  EXPECT_EQ(row.values, (std::vector<float>{1, -1, 1, 2, 1, 2}));
  EXPECT_EQ(row.metadata, (std::vector<uint16_t>{0x4944}));
}

TEST(PatternTest, NaNRanksAboveInfinityAboveFinite) {
  BF16Row row(
      {3e38f, -kInfinity, 1, kNaN, kInfinity, kInfinity, -kInfinity, 3e38f},
      Selection::Magnitude);
  EXPECT_EQ(row.values[0], -kInfinity);
  EXPECT_TRUE(std::isnan(row.values[1]));
  EXPECT_EQ(row.values[2], kInfinity);
  EXPECT_EQ(row.values[3], kInfinity);
  EXPECT_EQ(row.metadata, (std::vector<uint16_t>{0x444D}));
}

TEST(PatternTest, SubnormalsAreNonzero) {
  uint16_t row[] = {0, 0x8000, 0x0001, 0x8001}; // f16: 0, −0, ±2^-24
  Compressed result =
      compressed(ElementType::F16, MatrixRef::rowMajor(row, 1, 4),
                 Selection::FirstNonzeros);
  EXPECT_EQ(getBits(ElementType::F16, result.values.data(), 0), 0x0001u);
  EXPECT_EQ(getBits(ElementType::F16, result.values.data(), 1), 0x8001u);
  EXPECT_EQ(result.metadata[0], 0x444E);
}

TEST(PatternTest, TheLowestInt8HasTheLargestMagnitude) {
  int8_t row[] = {127, -127, -128, 126};
  Compressed result = compressed(
      ElementType::S8, MatrixRef::rowMajor(row, 1, 4), Selection::Magnitude);
  EXPECT_EQ(static_cast<int8_t>(result.values[0]), 127);
  EXPECT_EQ(static_cast<int8_t>(result.values[1]), -128);
  EXPECT_EQ(magnitudeRank(ElementType::S8, 0x80), 128u);
}

TEST(PatternTest, TF32KeepsOneOfTwo) {
  float row[] = {1, -2, -3, 3, 0, -0.0f, -0.0f, 4, 5};
  Compressed result = compressed(
      ElementType::TF32, MatrixRef::rowMajor(row, 1, 9), Selection::Magnitude);
  std::vector<float> values(5);
  convertToFloat(ElementType::TF32, result.values.data(), values.data(), 5);
  EXPECT_EQ(values, (std::vector<float>{-2, -3, 0, 4, 5}));
  EXPECT_EQ(result.metadata, (std::vector<uint16_t>{0xE44E, 0x4444}));
}

TEST(PatternTest, ZeroTest) {
  for (ElementType type : kElementTypes) {
    uint32_t topBit = 1u << (8 * storageBytes(type) - 1);
    EXPECT_TRUE(isZero(type, 0));
    EXPECT_EQ(isZero(type, topBit), !isInteger(type));
    EXPECT_FALSE(isZero(type, 1));
  }
}

//===----------------------------------------------------------------------===//
// Every nibble, every order
//===----------------------------------------------------------------------===//

TEST(PatternTest, LegalNibbles) {
  std::vector<unsigned> legal, legalTF32;
  for (unsigned nibble = 0; nibble < 16; ++nibble) {
    if (isLegalNibble(ElementType::F16, nibble))
      legal.push_back(nibble);
    if (isLegalNibble(ElementType::TF32, nibble))
      legalTF32.push_back(nibble);
  }
  EXPECT_EQ(legal, (std::vector<unsigned>{0x4, 0x8, 0x9, 0xC, 0xD, 0xE}));
  EXPECT_EQ(legalTF32, (std::vector<unsigned>{0x4, 0xE}));
}

TEST_P(PatternTypeTest, EveryLegalNibbleDecompresses) {
  ElementType type = GetParam();
  for (unsigned nibble = 0; nibble < 16; ++nibble) {
    if (!isLegalNibble(type, nibble))
      continue;
    Bytes values(2 * storageBytes(type));
    setBits(type, values.data(), 0, 0x11);
    if (type != ElementType::TF32)
      setBits(type, values.data(), 1, 0x22);
    uint16_t metadata = 0x4440 | nibble;
    TestMatrix dense(type, 1, groupSize(type), false);
    decompress(type, values.data(), &metadata, dense.mutableRef());
    for (unsigned i = 0; i < groupSize(type); ++i) {
      uint32_t expected;
      if (type == ElementType::TF32)
        expected = (nibble == 0xE) == (i == 1) ? 0x11 : 0;
      else
        expected = i == (nibble & 3) ? 0x11 : i == nibble >> 2 ? 0x22 : 0;
      EXPECT_EQ(elementBits(type, dense.ref, 0, i), expected)
          << "nibble " << nibble << ", position " << i;
    }
  }
}

// All groups that can be made of values which differ in every way that counts.
TEST_P(PatternTypeTest, EveryGroupOfSpecialValues) {
  ElementType type = GetParam();
  std::vector<uint32_t> specials;
  if (isInteger(type)) {
    specials = {0x00, 0x01, 0x02, 0x7F, 0x80, 0x81, 0xFE, 0xFF};
  } else {
    std::vector<float> floats = {0.0f,  -0.0f,     1.0f, -1.0f,
                                 -2.0f, kInfinity, kNaN, -kInfinity};
    Bytes codes(floats.size() * storageBytes(type));
    convertFromFloat(type, floats.data(), codes.data(), floats.size());
    for (size_t i = 0; i < floats.size(); ++i)
      specials.push_back(getBits(type, codes.data(), i));
    specials.push_back(1); // the smallest subnormal
  }
  int64_t n = specials.size(), groups = n * n * n * n;
  TestMatrix matrix(type, groups, 4, false);
  for (int64_t i = 0; i < groups; ++i)
    for (int64_t j = 0, rest = i; j < 4; ++j, rest /= n)
      setBits(type, matrix.storage.data(), 4 * i + j, specials[rest % n]);
  for (Selection selection : {Selection::FirstNonzeros, Selection::Magnitude})
    EXPECT_TRUE(compressed(type, matrix.ref, selection) ==
                referenceCompress(type, matrix.ref, selection));
}

//===----------------------------------------------------------------------===//
// Any shape, any stride
//===----------------------------------------------------------------------===//

const std::pair<int64_t, int64_t> kShapes[] = {
    {1, 1},    {3, 2},    {2, 3},     {16, 4},  {17, 5},   {15, 15},
    {16, 16},  {33, 17},  {64, 63},   {65, 64}, {130, 65}, {5, 129},
    {2, 1030}, {70, 515}, {66, 4100}, {0, 8}};

/// Calls body(matrix) for random matrices of many shapes, in both orders.
template <typename Body>
void forRandomMatrices(ElementType type, Body body) {
  std::mt19937 random(7);
  for (auto [rows, k] : kShapes)
    for (bool columnMajor : {false, true})
      for (int64_t gap : {0, 3}) {
        SCOPED_TRACE(testing::Message() << rows << " × " << k
                                        << (columnMajor ? " columns" : " rows")
                                        << ", gap " << gap);
        TestMatrix matrix(type, rows, k, columnMajor, gap);
        fillRandom(type, matrix.storage, random);
        body(matrix);
      }
}

TEST_P(PatternTypeTest, CompressAgreesWithTheReference) {
  forRandomMatrices(GetParam(), [&](const TestMatrix &matrix) {
    for (Selection selection :
         {Selection::FirstNonzeros, Selection::Magnitude}) {
      Compressed expected =
          referenceCompress(GetParam(), matrix.ref, selection);
      EXPECT_TRUE(compressed(GetParam(), matrix.ref, selection) == expected);
      EXPECT_TRUE(compressed(GetParam(), matrix.ref, selection, 4) == expected);
      std::string error;
      EXPECT_TRUE(verifyMetadata(GetParam(), expected.metadata.data(),
                                 matrix.ref.rows, matrix.ref.k, error))
          << error;
    }
  });
}

TEST_P(PatternTypeTest, PruneIsCompressThenDecompress) {
  ElementType type = GetParam();
  forRandomMatrices(type, [&](const TestMatrix &matrix) {
    Compressed small =
        referenceCompress(type, matrix.ref, Selection::Magnitude);
    // The gap of the result must stay as it is, so start from the matrix.
    TestMatrix expected = matrix;
    decompress(type, small.values.data(), small.metadata.data(),
               expected.mutableRef());
    for (int64_t row = 0; row < matrix.ref.rows; ++row)
      for (int64_t k = 0; k < matrix.ref.k; ++k) {
        std::vector<int> kept = referenceKept(
            type, matrix.ref, row, k / groupSize(type), Selection::Magnitude);
        bool isKept =
            std::count(kept.begin(), kept.end(), int(k % groupSize(type))) != 0;
        ASSERT_EQ(elementBits(type, expected.ref, row, k),
                  isKept ? elementBits(type, matrix.ref, row, k) : 0u);
      }

    TestMatrix pruned = matrix;
    prune(type, matrix.ref, pruned.mutableRef());
    EXPECT_EQ(pruned.storage, expected.storage);
    TestMatrix inPlace = matrix;
    prune(type, inPlace.ref, inPlace.mutableRef());
    EXPECT_EQ(inPlace.storage, expected.storage);

    EXPECT_TRUE(checkPattern(type, pruned.ref).conforms());
    // What has the pattern is compressed alike by both selections.
    EXPECT_TRUE(compressed(type, pruned.ref, Selection::FirstNonzeros) ==
                compressed(type, pruned.ref, Selection::Magnitude));
  });
}

/// What tiles keep is 2:4 both ways, in whichever order the matrix lies, and
/// compressed in one pass as in two. (Which it is, test_pattern_ops.py says.)
TEST_P(PatternTypeTest, PrunesTiles) {
  ElementType type = GetParam();
  forRandomMatrices(type, [&](const TestMatrix &matrix) {
    TestMatrix pruned = matrix;
    prune(type, matrix.ref, pruned.mutableRef(), Selection::Transposable);
    MatrixRef transposed = pruned.ref;
    std::swap(transposed.rows, transposed.k);
    std::swap(transposed.rowStride, transposed.kStride);
    EXPECT_TRUE(checkPattern(type, pruned.ref).conforms());
    EXPECT_TRUE(checkPattern(type, transposed).conforms());
    for (int64_t row = 0; row < matrix.ref.rows; ++row)
      for (int64_t k = 0; k < matrix.ref.k; ++k) {
        uint32_t bits = elementBits(type, pruned.ref, row, k);
        ASSERT_TRUE(bits == 0 ||
                    bits == elementBits(type, matrix.ref, row, k));
      }
    TestMatrix again = matrix;
    prune(type, again.ref, again.mutableRef(), Selection::Transposable, 3);
    EXPECT_EQ(again.storage, pruned.storage);
    EXPECT_TRUE(compressed(type, matrix.ref, Selection::Transposable) ==
                compressed(type, pruned.ref, Selection::FirstNonzeros));
    EXPECT_LE(keptSquaredNorm(type, matrix.ref, Selection::Transposable),
              1.0);
  });
}

TEST_P(PatternTypeTest, CheckPatternCountsAndFindsTheFirst) {
  ElementType type = GetParam();
  forRandomMatrices(type, [&](const TestMatrix &matrix) {
    PatternReport expected;
    for (int64_t row = 0; row < matrix.ref.rows; ++row)
      for (int64_t g = 0; g < groupsPerRow(type, matrix.ref.k); ++g) {
        int64_t nonzeros = 0;
        for (int64_t i = 0; i < groupSize(type); ++i)
          nonzeros += !isZero(type, elementBits(type, matrix.ref, row,
                                                g * groupSize(type) + i));
        ++expected.groups;
        if (nonzeros <= keptPerGroup(type))
          continue;
        if (expected.violatingGroups++ == 0) {
          expected.firstRow = row;
          expected.firstGroup = g;
        }
      }
    for (int numThreads : {1, 3}) {
      PatternReport report = checkPattern(type, matrix.ref, numThreads);
      EXPECT_EQ(report.groups, expected.groups);
      EXPECT_EQ(report.violatingGroups, expected.violatingGroups);
      EXPECT_EQ(report.firstRow, expected.firstRow);
      EXPECT_EQ(report.firstGroup, expected.firstGroup);
    }
  });
}

TEST(PatternTest, TheFirstViolationIsFirstInRowMajorOrder) {
  // Wide rows are handled in chunks; the violation in row 0 lies in a later
  // one.
  TestMatrix matrix(ElementType::S8, 4, 16384, false);
  for (int64_t k = 0; k < 3; ++k) {
    matrix.storage[1 * 16384 + 8 + k] = 1;
    matrix.storage[0 * 16384 + 16000 + k] = 1;
  }
  PatternReport report = checkPattern(ElementType::S8, matrix.ref);
  EXPECT_EQ(report.violatingGroups, 2);
  EXPECT_EQ(report.firstRow, 0);
  EXPECT_EQ(report.firstGroup, 4000);
}

//===----------------------------------------------------------------------===//
// Norms and verification
//===----------------------------------------------------------------------===//

double keptNorm(const std::vector<float> &row) {
  std::vector<uint16_t> bits(row.size());
  convertFromFloat(ElementType::BF16, row.data(), bits.data(), row.size());
  return keptSquaredNorm(ElementType::BF16,
                         MatrixRef::rowMajor(bits.data(), 1, row.size()));
}

TEST(PatternTest, KeptSquaredNorm) {
  EXPECT_DOUBLE_EQ(keptNorm({1, 1, 1, 1}), 0.5);
  EXPECT_DOUBLE_EQ(keptNorm({1, 2, 3, 4}), 25.0 / 30.0);
  EXPECT_DOUBLE_EQ(keptNorm({0, 3, 0, -4}), 1.0);
  EXPECT_DOUBLE_EQ(keptNorm({0, -0.0f, 0, 0}), 1.0);
  EXPECT_DOUBLE_EQ(keptNorm({kNaN, 3, 4, 0}), 16.0 / 25.0);
  EXPECT_DOUBLE_EQ(keptNorm({kInfinity, -kInfinity}), 1.0);
}

TEST(PatternTest, KeptSquaredNormIgnoresTheNumberOfThreads) {
  TestMatrix matrix(ElementType::F16, 700, 1000, false);
  std::mt19937 random(3);
  fillRandom(ElementType::F16, matrix.storage, random);
  EXPECT_EQ(
      keptSquaredNorm(ElementType::F16, matrix.ref, Selection::Magnitude, 1),
      keptSquaredNorm(ElementType::F16, matrix.ref, Selection::Magnitude, 5));
}

TEST(PatternTest, VerifyMetadataNamesTheGroup) {
  std::string error;
  std::vector<uint16_t> metadata = {0x4E9D, 0x4448, 0x4444, 0x4404};
  EXPECT_FALSE(
      verifyMetadata(ElementType::BF16, metadata.data(), 2, 24, error));
  EXPECT_EQ(error,
            "metadata of row 1, group 5 is 0x0, not a legal nibble of bf16");
  metadata[3] = 0x4844;
  EXPECT_FALSE(
      verifyMetadata(ElementType::BF16, metadata.data(), 2, 24, error));
  EXPECT_EQ(error,
            "metadata of row 1, group 6 is 0x8, but padding must be 0x4");
  metadata[3] = 0x4444;
  EXPECT_TRUE(verifyMetadata(ElementType::BF16, metadata.data(), 2, 24, error));
  EXPECT_FALSE(
      verifyMetadata(ElementType::TF32, metadata.data(), 2, 12, error));
}

} // namespace
