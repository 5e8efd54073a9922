// Matrices for tests of matrix instructions, and their product written down
// plainly.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TEST_UNIT_EMULATOR_MATRICES_H
#define SPARSE24_TEST_UNIT_EMULATOR_MATRICES_H

#include "sparse24/Support/ElementType.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace sparse24::emulator::test {

/// rows × columns elements, as bits.
struct Matrix {
  ElementType type;
  int rows, columns;
  std::vector<uint32_t> bits;

  Matrix(ElementType type, int rows, int columns)
      : type(type), rows(rows), columns(columns), bits(rows * columns) {}

  uint32_t &at(int row, int column) { return bits[row * columns + column]; }
  uint32_t at(int row, int column) const {
    return bits[row * columns + column];
  }
  double value(int row, int column) const {
    float result;
    uint32_t word = at(row, column);
    convertToFloat(type, &word, &result, 1);
    return result;
  }
  /// All values of integers, and floats around 1 of both signs.
  void randomize(std::mt19937 &random) {
    std::normal_distribution<float> normal;
    for (uint32_t &word : bits) {
      float value = isInteger(type)
                        ? static_cast<float>(random() % 256) -
                              (type == ElementType::S8 ? 128.f : 0.f)
                        : normal(random);
      word = 0;
      convertFromFloat(type, &value, &word, 1);
    }
  }
};

/// The kept elements of a 2:4 (tf32: 1:2) matrix, and a nibble for each group.
struct SparseMatrix {
  Matrix kept;
  std::vector<uint32_t> nibbles;

  SparseMatrix(ElementType type, int rows, int k)
      : kept(type, rows, k / 2), nibbles(rows * k / groupSize(type)) {}

  int groups() const {
    return 2 * kept.columns / static_cast<int>(groupSize(kept.type));
  }
  uint32_t &nibble(int row, int group) {
    return nibbles[row * groups() + group];
  }
  /// The logical column of a kept element: a nibble has two indices of two
  /// bits, the low one for the first kept element; tf32 has pairs, of which 0x4
  /// keeps the first element and 0xE the second.
  int column(int row, int held) const {
    uint32_t n;
    if (kept.type == ElementType::TF32) {
      n = nibbles[row * groups() + held];
      return 2 * held + (n == 0xE);
    }
    n = nibbles[row * groups() + held / 2];
    return held / 2 * 4 + static_cast<int>(held % 2 ? n >> 2 : n & 3);
  }
  void randomize(std::mt19937 &random) {
    kept.randomize(random);
    constexpr uint32_t legal[] = {0x4, 0x8, 0xC, 0x9, 0xD, 0xE};
    for (uint32_t &n : nibbles)
      n = kept.type == ElementType::TF32 ? (random() % 2 ? 0x4 : 0xE)
                                         : legal[random() % 6];
  }
};

enum class Sum { F16, F32, S32 };

inline const char *sumName(Sum sum) {
  return sum == Sum::F16 ? "f16" : sum == Sum::F32 ? "f32" : "s32";
}

/// C and D.
struct Accumulators {
  Sum type;
  int rows, columns;
  std::vector<double> values;

  Accumulators(Sum type, int rows, int columns)
      : type(type), rows(rows), columns(columns), values(rows * columns) {}

  double &at(int row, int column) { return values[row * columns + column]; }
  uint32_t bits(int row, int column) {
    double value = at(row, column);
    if (type == Sum::S32)
      return static_cast<uint32_t>(static_cast<int32_t>(value));
    return type == Sum::F16 ? floatToF16(static_cast<float>(value))
                            : floatToBits(static_cast<float>(value));
  }
  void setBits(int row, int column, uint32_t word) {
    double &value = at(row, column);
    if (type == Sum::S32)
      value = static_cast<int32_t>(word);
    else if (type == Sum::F16)
      value = f16ToFloat(static_cast<uint16_t>(word));
    else
      value = bitsToFloat(word);
  }
  void randomize(std::mt19937 &random) {
    std::normal_distribution<float> normal;
    for (double &value : values) {
      value = normal(random);
      if (type == Sum::S32)
        value = static_cast<int32_t>(random()) / 2;
      if (type == Sum::F16)
        value = f16ToFloat(floatToF16(static_cast<float>(value)));
    }
  }
};

/// Compares `actual` with A·B + C. B is K × N. Integers must agree bit for bit;
/// floats as far as rounding the result and the order of summation may differ.
template <typename Column>
void expectProduct(Accumulators &actual, const Matrix &a, Column &&columnOfA,
                   const Matrix &b, Accumulators &c) {
  double rounding = actual.type == Sum::S32   ? 0
                    : actual.type == Sum::F16 ? 0x1p-11
                                              : 0x1p-24;
  for (int row = 0; row < actual.rows; ++row)
    for (int column = 0; column < actual.columns; ++column) {
      double sum = c.at(row, column), magnitude = std::abs(sum);
      for (int i = 0; i < a.columns; ++i) {
        double term = a.value(row, i) * b.value(columnOfA(row, i), column);
        sum += term;
        magnitude += std::abs(term);
      }
      double bound = rounding * std::abs(sum);
      if (rounding != 0)
        bound += a.columns * 0x1p-24 * magnitude;
      ASSERT_LE(std::abs(actual.at(row, column) - sum), bound)
          << "row " << row << ", column " << column << ": "
          << actual.at(row, column) << " instead of " << sum;
    }
}

/// Puts an element into slot `slot` of a register.
inline void putInto(uint32_t &word, ElementType type, int slot, uint32_t bits) {
  auto width = static_cast<int>(8 * storageBytes(type));
  word |= bits << slot * width;
}

/// Which nibble of a row's lane has a group's metadata.
struct Nibble {
  /// Lane of the row's four, for selector 0.
  int t;
  int nibble;
};

/// The tables of metadata, for a row below 8 of a warp's 16 or, `isUpper`,
/// above; `k` is the logical K of an instruction whose rows of A are 16 or 32
/// bytes.
inline Nibble metadataPlace(ElementType type, int k, bool isUpper, int group) {
  int shape = k * static_cast<int>(storageBytes(type));
  if (storageBytes(type) == 1) {
    if (shape == 32) // Lane 0 has row g, lane 1 row g + 8.
      return {isUpper ? 1 : 0, group};
    // Lanes 0 and 2 share row g, lanes 1 and 3 row g + 8.
    return {(isUpper ? 1 : 0) + (group < 8 ? 0 : 2), group % 8};
  }
  if (shape == 32) // One lane: halves for rows g and g + 8.
    return {0, group + (isUpper ? 4 : 0)};
  // Two lanes, the first of which has groups 0 to 3 of both rows.
  return {group < 4 ? 0 : 1, group % 4 + (isUpper ? 4 : 0)};
}

inline int numSelectors(ElementType type, int k) {
  int shape = k * static_cast<int>(storageBytes(type));
  if (storageBytes(type) == 1)
    return shape == 32 ? 2 : 1;
  return shape == 32 ? 4 : 2;
}

} // namespace sparse24::emulator::test

#endif // SPARSE24_TEST_UNIT_EMULATOR_MATRICES_H
