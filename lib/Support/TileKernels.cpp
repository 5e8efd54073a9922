//===- TileKernels.cpp - Pruning tiles of a panel -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/Transposable.h"

#include "TileKernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace sparse24::detail {

namespace {

/// Tiles that are searched side by side, in vectors as GCC and Clang have them
/// and of a size that every processor has. (Of arrays they make scalar code.)
constexpr int kLanes = 4;
typedef float Scores __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t Masks __attribute__((vector_size(kLanes * sizeof(int32_t))));

/// Arithmetic of transposable::selectTile() on as many tiles.
struct LanesArithmetic {
  using Score = Scores;
  using Mask = Masks;

  static Scores add(Scores x, Scores y) { return x + y; }
  static Masks constant(uint32_t mask) {
    return Masks{} + static_cast<int32_t>(mask);
  }
  static Masks join(Masks x, Masks y) { return x | y; }
  /// All ones where it is.
  static Masks isLess(Scores x, Scores y) { return x < y; }
  static Masks select(Masks condition, Masks yes, Masks no) {
    return (condition & yes) | (~condition & no);
  }
  static Scores select(Masks condition, Scores yes, Scores no) {
    return reinterpret_cast<Scores>(select(
        condition, reinterpret_cast<Masks>(yes), reinterpret_cast<Masks>(no)));
  }
};

} // namespace

static float getScore(float value) {
  float magnitude = std::fabs(value);
  if (std::isnan(magnitude))
    return transposable::kNaNScore;
  if (std::isinf(magnitude))
    return transposable::kInfinityScore;
  return std::min(magnitude, transposable::kFiniteScore);
}

/// The scores of as many columns of a row as kLanes tiles have, beyond
/// `columns` those of zeros: element c of tile i at [c][i].
template <int size>
static std::array<Scores, 4>
loadScores(ElementType type, const unsigned char *row, int64_t columns) {
  float values[size * kLanes] = {};
  // All bits of an f32 count, also those that tf32 doesn't have.
  if (type == ElementType::TF32)
    std::memcpy(values, row, columns * sizeof(float));
  else
    convertToFloat(type, row, values, columns);
  std::array<Scores, 4> scores{};
  for (int i = 0; i < kLanes; ++i)
    for (int c = 0; c < size; ++c)
      scores[c][i] = getScore(values[size * i + c]);
  return scores;
}

template <typename Element, int size>
static void pruneTilesOf(ElementType type, unsigned char *panel,
                         int64_t rowBytes, int64_t rows, int64_t columns) {
  LanesArithmetic arithmetic;
  for (int64_t row = 0; row < rows; row += size)
    for (int64_t column = 0; column < columns; column += size * kLanes) {
      int64_t width = std::min<int64_t>(size * kLanes, columns - column);
      auto rowAt = [&](int64_t r) {
        return panel + (row + r) * rowBytes + column * sizeof(Element);
      };
      std::array<std::array<Scores, 4>, 4> scores{};
      for (int r = 0; r < size; ++r)
        scores[r] = loadScores<size>(type, rowAt(r), width);
      Masks masks = size == 4
                        ? transposable::selectTile(arithmetic, scores)
                        : transposable::selectPairTile(arithmetic, scores);
      for (int r = 0; r < size; ++r) {
        Element elements[size * kLanes] = {};
        std::memcpy(elements, rowAt(r), width * sizeof(Element));
        for (int i = 0; i < kLanes; ++i)
          for (int c = 0; c < size; ++c)
            if (!(masks[i] >> (4 * r + c) & 1))
              elements[size * i + c] = 0;
        std::memcpy(rowAt(r), elements, width * sizeof(Element));
      }
    }
}

void pruneTiles(ElementType type, unsigned char *panel, int64_t rowBytes,
                int64_t rows, int64_t columns) {
  if (type == ElementType::TF32)
    return pruneTilesOf<uint32_t, 2>(type, panel, rowBytes, rows, columns);
  if (storageBytes(type) == 2)
    return pruneTilesOf<uint16_t, 4>(type, panel, rowBytes, rows, columns);
  pruneTilesOf<uint8_t, 4>(type, panel, rowBytes, rows, columns);
}

} // namespace sparse24::detail
