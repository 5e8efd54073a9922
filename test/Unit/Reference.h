//===- Reference.h - The 2:4 pattern written down plainly -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A second implementation of the rules in docs/Formats.md, one element at a
// time and as obvious as possible, for the fast one to be compared with.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_TEST_UNIT_REFERENCE_H
#define SPARSE24_TEST_UNIT_REFERENCE_H

#include "sparse24/Support/Pattern.h"

#include <algorithm>
#include <random>
#include <vector>

namespace sparse24::test {

using Bytes = std::vector<uint8_t>;

/// Element `index` of an array, as bits.
inline uint32_t getBits(ElementType type, const void *data, int64_t index) {
  uint32_t bits = 0;
  std::memcpy(&bits,
              static_cast<const uint8_t *>(data) + index * storageBytes(type),
              storageBytes(type));
  return bits;
}

inline void setBits(ElementType type, void *data, int64_t index,
                    uint32_t bits) {
  std::memcpy(static_cast<uint8_t *>(data) + index * storageBytes(type), &bits,
              storageBytes(type));
}

/// Element (row, k); beyond k it is +0.0.
template <typename Pointer>
uint32_t elementBits(ElementType type, const MatrixRefBase<Pointer> &matrix,
                     int64_t row, int64_t k) {
  return k < matrix.k ? getBits(type, matrix.data,
                                row * matrix.rowStride + k * matrix.kStride)
                      : 0;
}

/// The order in which elements are kept: larger first.
inline double referenceRank(ElementType type, uint32_t bits) {
  switch (type) {
  case ElementType::S8:
    return std::abs(double(static_cast<int8_t>(bits)));
  case ElementType::U8:
    return bits;
  default:
    break;
  }
  // The bits of a float without its sign, as a number.
  unsigned signBit = 8 * storageBytes(type) - 1;
  return bits & ~(1u << signBit);
}

/// The positions of a group that are kept, in order.
inline std::vector<int> referenceKept(ElementType type, const MatrixRef &matrix,
                                      int64_t row, int64_t group,
                                      Selection selection) {
  std::vector<int> positions;
  std::vector<double> ranks;
  for (int i = 0; i < groupSize(type); ++i) {
    positions.push_back(i);
    double rank = referenceRank(
        type, elementBits(type, matrix, row, group * groupSize(type) + i));
    ranks.push_back(selection == Selection::Magnitude ? rank : rank != 0);
  }
  // Stable: of equals, the lower index comes first.
  std::stable_sort(positions.begin(), positions.end(),
                   [&](int a, int b) { return ranks[a] > ranks[b]; });
  positions.resize(keptPerGroup(type));
  std::sort(positions.begin(), positions.end());
  return positions;
}

struct Compressed {
  Bytes values;
  std::vector<uint16_t> metadata;

  Compressed(ElementType type, int64_t rows, int64_t k)
      : values(rows * valuesPerRow(type, k) * storageBytes(type), 0xAB),
        metadata(rows * metadataWordsPerRow(type, k), 0xABAB) {}
  bool operator==(const Compressed &other) const {
    return values == other.values && metadata == other.metadata;
  }
};

inline Compressed referenceCompress(ElementType type, const MatrixRef &matrix,
                                    Selection selection) {
  Compressed result(type, matrix.rows, matrix.k);
  std::fill(result.metadata.begin(), result.metadata.end(), 0x4444);
  int64_t value = 0;
  for (int64_t row = 0; row < matrix.rows; ++row)
    for (int64_t g = 0; g < groupsPerRow(type, matrix.k); ++g) {
      std::vector<int> kept = referenceKept(type, matrix, row, g, selection);
      for (int position : kept)
        setBits(type, result.values.data(), value++,
                elementBits(type, matrix, row, g * groupSize(type) + position));
      unsigned nibble = type == ElementType::TF32 ? (kept[0] == 0 ? 0x4 : 0xE)
                                                  : kept[0] | kept[1] << 2;
      uint16_t &word =
          result.metadata[row * metadataWordsPerRow(type, matrix.k) + g / 4];
      word = (word & ~(0xF << 4 * (g % 4))) | nibble << 4 * (g % 4);
    }
  return result;
}

/// A matrix with its memory: row-major or column-major, with a stride that
/// leaves a gap.
struct TestMatrix {
  Bytes storage;
  MatrixRef ref;

  TestMatrix(ElementType type, int64_t rows, int64_t k, bool columnMajor,
             int64_t gap = 0)
      : storage((columnMajor ? (rows + gap) * k : rows * (k + gap)) *
                storageBytes(type)),
        ref(columnMajor
                ? MatrixRef::columnMajor(storage.data(), rows, k, rows + gap)
                : MatrixRef::rowMajor(storage.data(), rows, k, k + gap)) {}
  TestMatrix(const TestMatrix &other) : storage(other.storage), ref(other.ref) {
    ref.data = storage.data();
  }

  MutableMatrixRef mutableRef() {
    return {storage.data(), ref.rows, ref.k, ref.rowStride, ref.kStride};
  }
};

/// Fills memory with random bits, of which about half are zeros of either sign:
/// every special value of the small types comes up, and ties are frequent.
inline void fillRandom(ElementType type, Bytes &storage, std::mt19937 &random) {
  unsigned signBit = 8 * storageBytes(type) - 1;
  int64_t count = storage.size() / storageBytes(type);
  uint32_t previous = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits = random();
    switch (random() % 8) {
    case 0:
    case 1:
    case 2:
      bits = 0;
      break;
    case 3:
      bits = isInteger(type) ? 0 : 1u << signBit;
      break;
    case 4:
      bits = previous;
      break;
    default:
      break;
    }
    setBits(type, storage.data(), i, bits);
    previous = bits;
  }
}

/// A value that every type represents, so that products and sums are exact.
inline float smallValue(ElementType type, std::mt19937 &random) {
  const float values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12};
  float value = values[random() % 11];
  return type != ElementType::U8 && random() % 2 ? -value : value;
}

/// Fills memory with small values.
inline void fillSmall(ElementType type, TestMatrix &matrix,
                      std::mt19937 &random) {
  for (int64_t i = 0; i < int64_t(matrix.storage.size()) / storageBytes(type);
       ++i) {
    float value = smallValue(type, random);
    convertFromFloat(type, &value,
                     matrix.storage.data() + i * storageBytes(type), 1);
  }
}

/// Element (row, k) as a number.
inline double valueAt(ElementType type, const MatrixRef &matrix, int64_t row,
                      int64_t k) {
  uint32_t bits = elementBits(type, matrix, row, k);
  float value;
  convertToFloat(type, &bits, &value, 1);
  return value;
}

} // namespace sparse24::test

#endif // SPARSE24_TEST_UNIT_REFERENCE_H
