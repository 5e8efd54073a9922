//===- Pattern.h - The 2:4 pattern and its logical format -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The arithmetic of 2:4 sparsity, and the logical compressed format (written
// out in docs/Formats.md). Each row of a rows × k matrix falls into groups of
// four neighbours (tf32: two), of which at most two (one) may be nonzero.
//
//   values    rows × 2·⌈k/4⌉ elements (tf32: rows × ⌈k/2⌉): the kept elements
//   of
//             each group in order of their position
//   metadata  rows × ⌈groups/4⌉ words of 16 bits: group g of a row is nibble g
//   % 4
//             of word g / 4; its low two bits are the position of the first
//             kept element, its high two bits that of the second. Legal
//             nibbles: 0x4 0x8 0xC 0x9 0xD 0xE (tf32: 0x4 keeps the first, 0xE
//             the second).
//
// Rules that make the result unique:
//   * −0.0 is zero.
//   * Positions at or beyond k read as +0.0, and nibbles of groups at or beyond
//     ⌈groups of a row⌉ in the last word are 0x4.
//   * A group with fewer nonzeros than it may keep also keeps its lowest-index
//     zeros, verbatim (a kept −0.0 stays −0.0).
//   * Pruning keeps the largest magnitudes; ties keep the lower index. A
//   float's
//     magnitude is its bit pattern without the sign, read as an integer: so NaN
//     ranks above infinity above every finite value. |−128| of s8 is 128.
//
// A dropped position contributes nothing to a product, not even 0 × infinity.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_SUPPORT_PATTERN_H
#define SPARSE24_SUPPORT_PATTERN_H

#include "sparse24/Support/ElementType.h"

#include <cstdint>
#include <string>

namespace sparse24 {

//===----------------------------------------------------------------------===//
// Sizes of the logical format
//===----------------------------------------------------------------------===//

constexpr int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// ⌈k/4⌉, for tf32 ⌈k/2⌉.
constexpr int64_t groupsPerRow(ElementType type, int64_t k) {
  return ceilDiv(k, groupSize(type));
}

/// Elements in a row of `values`.
constexpr int64_t valuesPerRow(ElementType type, int64_t k) {
  return groupsPerRow(type, k) * keptPerGroup(type);
}

/// 16-bit words in a row of `metadata`.
constexpr int64_t metadataWordsPerRow(ElementType type, int64_t k) {
  return ceilDiv(groupsPerRow(type, k), kGroupsPerMetadataWord);
}

/// The nibble of a group that keeps its first two (tf32: its first) elements,
/// and four of them: metadata of padding.
inline constexpr uint8_t kFirstKeptNibble = 0x4;
inline constexpr uint16_t kPaddingMetadataWord = 0x4444;

/// Whether a group of that type may have that nibble.
constexpr bool isLegalNibble(ElementType type, unsigned nibble) {
  unsigned first = nibble & 3, second = nibble >> 2 & 3;
  return type == ElementType::TF32 ? nibble == 0x4 || nibble == 0xE
                                   : nibble < 16 && first < second;
}

//===----------------------------------------------------------------------===//
// Dense matrices
//===----------------------------------------------------------------------===//

/// A rows × k matrix in memory that somebody else owns: element (row, k) is
/// element row·rowStride + k·kStride of `data`. Its groups run along k, so the
/// weight of X·W, stored K × N row-major, is a `columnMajor` matrix with N
/// rows.
template <typename Pointer>
struct MatrixRefBase {
  Pointer data;
  int64_t rows;
  int64_t k;
  int64_t rowStride;
  int64_t kStride;

  /// Element (row, k) at row·stride + k; stride 0 means contiguous.
  static MatrixRefBase rowMajor(Pointer data, int64_t rows, int64_t k,
                                int64_t stride = 0) {
    return {data, rows, k, stride ? stride : k, 1};
  }
  /// Element (row, k) at k·stride + row; stride 0 means contiguous.
  static MatrixRefBase columnMajor(Pointer data, int64_t rows, int64_t k,
                                   int64_t stride = 0) {
    return {data, rows, k, 1, stride ? stride : rows};
  }
};

using MatrixRef = MatrixRefBase<const void *>;
using MutableMatrixRef = MatrixRefBase<void *>;

//===----------------------------------------------------------------------===//
// Looking at the pattern
//===----------------------------------------------------------------------===//

/// Whether an element with those bits counts as zero.
bool isZero(ElementType type, uint32_t bits);

/// The rank of an element in magnitude pruning: larger is kept first.
uint32_t magnitudeRank(ElementType type, uint32_t bits);

/// The rank of the largest number that the type has, infinity included: what
/// ranks above it is NaN.
uint32_t largestNumberRank(ElementType type);

/// What checkPattern() found.
struct PatternReport {
  int64_t groups = 0;
  /// Groups with more nonzeros than the pattern allows, and where the first one
  /// (in row-major order) is; −1 if there is none.
  int64_t violatingGroups = 0;
  int64_t firstRow = -1;
  int64_t firstGroup = -1;
  /// Elements that are NaN.
  int64_t nans = 0;

  bool conforms() const { return violatingGroups == 0; }
};

/// Counts the groups that break the pattern, and NaN. `numThreads` here and below: 0
/// means one for each core.
PatternReport checkPattern(ElementType type, const MatrixRef &matrix,
                           int numThreads = 0);

//===----------------------------------------------------------------------===//
// Dense to compressed and back
//===----------------------------------------------------------------------===//

/// How a group with more nonzeros than allowed is brought to the pattern, and
/// the scores that this takes.
struct Selection {
  enum Kind : uint8_t {
    /// Keeps the first nonzeros. For matrices that already have the pattern,
    /// where it loses nothing.
    FirstNonzeros,
    /// Keeps the largest magnitudes.
    Magnitude,
    /// Keeps in each tile of 4 × 4 (tf32: 2 × 2) two of each row and column, so
    /// that the transposed matrix has the pattern, too: those with the largest
    /// sum of magnitudes (Transposable.h). What is missing at the edges counts
    /// as zero.
    Transposable,
    /// Keeps the largest scores: NaN before infinity before finite ones; ties
    /// keep the lower index, and both zeros are equal. The elements themselves
    /// don't count.
    Importance,
    /// Keeps the largest |element| · |score of its column|, rounded to f32, in
    /// that order (Sun et al., arXiv 2306.11695, where scores are the norms of
    /// the activations that the column is multiplied with). A zero has product
    /// 0 whatever the score.
    Wanda,
  };

  Selection(Kind kind, const float *scores = nullptr)
      : kind(kind), scores(scores) {}
  operator Kind() const { return kind; }
  /// Whether elements are compared with others than their neighbours in the
  /// row, or by more than themselves.
  bool isOfPanels() const { return kind >= Transposable; }

  Kind kind;
  /// Importance: rows × k, row-major and contiguous. Wanda: k.
  const float *scores;
};

/// Writes the matrix with every position that pruning drops set to +0.0.
/// `result` may be `matrix` itself.
void prune(ElementType type, const MatrixRef &matrix,
           const MutableMatrixRef &result,
           Selection selection = Selection::Magnitude, int numThreads = 0);

/// The share of the squared Frobenius norm that pruning keeps: of magnitude
/// pruning at least a half. Infinities and NaN are left out of both sums (they
/// outrank finite values, so a matrix with them may keep less); a matrix
/// without a finite nonzero keeps everything: 1.
double keptSquaredNorm(ElementType type, const MatrixRef &matrix,
                       Selection selection = Selection::Magnitude,
                       int numThreads = 0);

/// Compresses into contiguous row-major `values` and `metadata`; other than
/// with Selection::FirstNonzeros this is prune and compress in one pass.
void compress(ElementType type, const MatrixRef &matrix, void *values,
              uint16_t *metadata,
              Selection selection = Selection::FirstNonzeros,
              int numThreads = 0);

/// Writes the dense matrix, dropped positions as +0.0. The metadata must be
/// legal.
void decompress(ElementType type, const void *values, const uint16_t *metadata,
                const MutableMatrixRef &result, int numThreads = 0);

/// Checks that all nibbles are legal and those of padding are 0x4. If not,
/// returns false and says in `error` which one isn't.
bool verifyMetadata(ElementType type, const uint16_t *metadata, int64_t rows,
                    int64_t k, std::string &error);

} // namespace sparse24

#endif // SPARSE24_SUPPORT_PATTERN_H
