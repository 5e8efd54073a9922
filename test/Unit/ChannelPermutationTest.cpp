//===- ChannelPermutationTest.cpp -----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/ChannelPermutation.h"

#include "Reference.h"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

using namespace sparse24;
using namespace sparse24::test;

namespace {

/// Test parameter: an element type.
class ChannelPermutationTypeTest : public testing::TestWithParam<ElementType> {
};

INSTANTIATE_TEST_SUITE_P(All, ChannelPermutationTypeTest,
                         testing::ValuesIn(kElementTypes),
                         [](const auto &info) {
                           return elementTypeName(info.param);
                         });

/// The matrix with its columns in that order.
TestMatrix permute(ElementType type, const TestMatrix &matrix,
                   const std::vector<int64_t> &permutation) {
  TestMatrix result(type, matrix.ref.rows, matrix.ref.k, false);
  for (int64_t row = 0; row < matrix.ref.rows; ++row)
    for (int64_t k = 0; k < matrix.ref.k; ++k)
      setBits(type, result.storage.data(), row * matrix.ref.k + k,
              elementBits(type, matrix.ref, row, permutation[k]));
  return result;
}

double keptAfter(ElementType type, const TestMatrix &matrix,
                 const std::vector<int64_t> &permutation) {
  return keptSquaredNorm(type, permute(type, matrix, permutation).ref);
}

std::vector<int64_t> identity(int64_t k) {
  std::vector<int64_t> result(k);
  std::iota(result.begin(), result.end(), 0);
  return result;
}

/// That every channel comes once.
void expectPermutation(std::vector<int64_t> permutation, int64_t k) {
  std::sort(permutation.begin(), permutation.end());
  EXPECT_EQ(permutation, identity(k));
}

/// A matrix that has the pattern, in a random order of its columns.
TestMatrix plant(ElementType type, int64_t rows, int64_t k,
                 std::mt19937 &random) {
  TestMatrix matrix(type, rows, k, false);
  std::vector<int64_t> order = identity(k);
  std::shuffle(order.begin(), order.end(), random);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t group = 0; group < k; group += groupSize(type)) {
      std::vector<int64_t> inGroup = identity(groupSize(type));
      std::shuffle(inGroup.begin(), inGroup.end(), random);
      for (int64_t i = 0; i < keptPerGroup(type); ++i) {
        float value = 0;
        while (value == 0)
          value = smallValue(type, random);
        convertFromFloat(type, &value,
                         matrix.storage.data() +
                             (row * k + order[group + inGroup[i]]) *
                                 storageBytes(type),
                         1);
      }
    }
  return matrix;
}

//===----------------------------------------------------------------------===//
// What it finds
//===----------------------------------------------------------------------===//

TEST_P(ChannelPermutationTypeTest, FindsAPlantedOrder) {
  ElementType type = GetParam();
  std::mt19937 random(1);
  TestMatrix matrix = plant(type, 256, 128, random);
  PermutationBounds bounds;
  bounds.sweeps = 20;
  std::vector<int64_t> found = findChannelPermutation(type, matrix.ref, bounds);
  expectPermutation(found, 128);
  EXPECT_LT(keptSquaredNorm(type, matrix.ref), 0.97);
  EXPECT_EQ(keptAfter(type, matrix, found), 1.0);
}

/// Two groups: the best of all orders, by trying them.
TEST(ChannelPermutationTest, TwoGroupsAreOptimal) {
  ElementType type = ElementType::BF16;
  std::mt19937 random(2);
  for (int repetition = 0; repetition < 5; ++repetition) {
    TestMatrix matrix(type, 5, 8, repetition % 2);
    fillSmall(type, matrix, random);
    double best = 0;
    std::vector<int64_t> order = identity(8);
    do
      best = std::max(best, keptAfter(type, matrix, order));
    while (std::next_permutation(order.begin(), order.end()));
    EXPECT_NEAR(
        keptAfter(type, matrix, findChannelPermutation(type, matrix.ref)), best,
        1e-6);
  }
}

/// Any bits, any number of channels: never worse, and what is missing in the
/// last group isn't filled.
TEST_P(ChannelPermutationTypeTest, NeverWorse) {
  ElementType type = GetParam();
  std::mt19937 random(3);
  for (int64_t k : {1, 2, 3, 4, 5, 7, 9, 18, 30, 63, 100})
    for (int64_t rows : {1, 3, 40}) {
      TestMatrix matrix(type, rows, k, rows == 3, /*gap=*/1);
      fillSmall(type, matrix, random);
      std::vector<int64_t> found = findChannelPermutation(type, matrix.ref);
      expectPermutation(found, k);
      EXPECT_GE(keptAfter(type, matrix, found) + 1e-6,
                keptSquaredNorm(type, matrix.ref));
    }
}

TEST(ChannelPermutationTest, MoreSweepsKeepMore) {
  ElementType type = ElementType::F16;
  std::mt19937 random(4);
  TestMatrix matrix(type, 64, 200, false);
  fillSmall(type, matrix, random);
  double last = keptSquaredNorm(type, matrix.ref);
  for (int sweeps : {1, 2, 4}) {
    PermutationBounds bounds;
    bounds.sweeps = sweeps;
    double kept = keptAfter(type, matrix,
                            findChannelPermutation(type, matrix.ref, bounds));
    EXPECT_GT(kept, last);
    last = kept;
  }
}

//===----------------------------------------------------------------------===//
// Where there is nothing to do
//===----------------------------------------------------------------------===//

TEST_P(ChannelPermutationTypeTest, KeepsTheOrderOfWhatHasThePattern) {
  ElementType type = GetParam();
  std::mt19937 random(5);
  TestMatrix matrix(type, 20, 41, true);
  fillSmall(type, matrix, random);
  prune(type, matrix.ref, matrix.mutableRef());
  EXPECT_EQ(findChannelPermutation(type, matrix.ref), identity(41));
}

TEST(ChannelPermutationTest, NoSweepsNoRowsNoChannels) {
  ElementType type = ElementType::BF16;
  std::mt19937 random(6);
  TestMatrix matrix(type, 8, 16, false);
  fillSmall(type, matrix, random);
  PermutationBounds bounds;
  bounds.sweeps = 0;
  EXPECT_EQ(findChannelPermutation(type, matrix.ref, bounds), identity(16));
  EXPECT_EQ(findChannelPermutation(type, MatrixRef::rowMajor(nullptr, 0, 16)),
            identity(16));
  EXPECT_TRUE(
      findChannelPermutation(type, MatrixRef::rowMajor(nullptr, 4, 0)).empty());
}

TEST(ChannelPermutationTest, InfinitiesAndHugeNumbers) {
  ElementType type = ElementType::BF16;
  std::vector<float> values(4 * 32);
  std::mt19937 random(7);
  for (float &value : values)
    value = smallValue(type, random) * 0x1p120f;
  values[5] = std::numeric_limits<float>::infinity();
  values[70] = std::numeric_limits<float>::quiet_NaN();
  TestMatrix matrix(type, 4, 32, false);
  convertFromFloat(type, values.data(), matrix.storage.data(), values.size());
  std::vector<int64_t> found = findChannelPermutation(type, matrix.ref);
  expectPermutation(found, 32);
  EXPECT_GT(keptAfter(type, matrix, found), keptSquaredNorm(type, matrix.ref));
}

//===----------------------------------------------------------------------===//
// Threads and samples
//===----------------------------------------------------------------------===//

TEST(ChannelPermutationTest, IgnoresTheNumberOfThreads) {
  ElementType type = ElementType::BF16;
  std::mt19937 random(8);
  // An odd number of groups, and rows enough for several threads.
  TestMatrix matrix(type, 2100, 149, false);
  fillSmall(type, matrix, random);
  std::vector<int64_t> one = findChannelPermutation(type, matrix.ref, {}, 1);
  EXPECT_NE(one, identity(149));
  EXPECT_EQ(findChannelPermutation(type, matrix.ref, {}, 2), one);
  EXPECT_EQ(findChannelPermutation(type, matrix.ref, {}, 13), one);
}

TEST(ChannelPermutationTest, SamplesRows) {
  ElementType type = ElementType::BF16;
  PermutationBounds bounds;
  EXPECT_EQ(bounds.searchedRows(type, 384, 1536), 384);
  EXPECT_EQ(bounds.searchedRows(type, 4096, 4096), 2050);
  EXPECT_EQ(bounds.searchedRows(type, 4096, 65536), 256);
  EXPECT_EQ(bounds.searchedRows(type, 100, 65536), 100);
  EXPECT_EQ(bounds.searchedRows(type, 100, 4), 100);

  // Rows that are all alike: a sample says it all.
  std::mt19937 random(9);
  std::vector<float> row(64);
  for (float &value : row)
    value = smallValue(type, random);
  TestMatrix matrix(type, 1000, 64, false);
  for (int64_t i = 0; i < 1000; ++i)
    convertFromFloat(type, row.data(), matrix.storage.data() + i * 64 * 2, 64);
  std::vector<int64_t> all = findChannelPermutation(type, matrix.ref);
  bounds.workPerSweep = 1;
  EXPECT_EQ(bounds.searchedRows(type, 1000, 64), 256);
  EXPECT_GT(keptAfter(type, matrix, all), keptSquaredNorm(type, matrix.ref));
  EXPECT_EQ(findChannelPermutation(type, matrix.ref, bounds), all);
}

} // namespace
