//===- Transposable.cpp - Masks that are 2:4 both ways --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/Transposable.h"

#include "Transposable.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace sparse24::detail {

namespace {
/// Arithmetic of transposable::selectTile().
struct FloatArithmetic {
  using Score = float;
  using Mask = uint32_t;
  static float add(float x, float y) { return x + y; }
  static uint32_t constant(uint32_t mask) { return mask; }
  static uint32_t join(uint32_t x, uint32_t y) { return x | y; }
  static bool isLess(float x, float y) { return x < y; }
  template <typename T>
  static T select(bool condition, T yes, T no) {
    return condition ? yes : no;
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

void pruneTiles(ElementType type, unsigned char *panel, int64_t rowBytes,
                int64_t rows, int64_t columns) {
  int64_t size = groupSize(type), bytes = storageBytes(type);
  for (int64_t row = 0; row < rows; row += size)
    for (int64_t column = 0; column < columns; column += size) {
      unsigned char *tile = panel + row * rowBytes + column * bytes;
      std::array<std::array<float, 4>, 4> scores{};
      for (int64_t r = 0; r < size; ++r) {
        unsigned char raw[16];
        std::memcpy(raw, tile + r * rowBytes, size * bytes);
        // tf32's last bits count, too: what is compared are all bits.
        if (type == ElementType::TF32)
          std::memcpy(scores[r].data(), raw, size * bytes);
        else
          convertToFloat(type, raw, scores[r].data(), size);
        for (float &score : scores[r])
          score = getScore(score);
      }
      FloatArithmetic arithmetic;
      uint32_t mask = size == 4
                          ? transposable::selectTile(arithmetic, scores)
                          : transposable::selectPairTile(arithmetic, scores);
      for (int64_t r = 0; r < size; ++r)
        for (int64_t c = 0; c < size; ++c)
          if (!(mask >> (4 * r + c) & 1))
            std::memset(tile + r * rowBytes + c * bytes, 0, bytes);
    }
}

} // namespace sparse24::detail
