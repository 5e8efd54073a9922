//===- ScoreKernels.cpp - Pruning a panel by scores -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ScoreKernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace sparse24::detail {

/// Keys are integers whose order is that of what is kept first; a NaN's is the
/// largest.
static constexpr int32_t kNaNKey = std::numeric_limits<int32_t>::max();

/// The order of numbers; both zeros are equal.
static int32_t orderKey(float score) {
  if (std::isnan(score))
    return kNaNKey;
  float magnitude = std::fabs(score);
  int32_t bits;
  std::memcpy(&bits, &magnitude, sizeof(bits));
  return std::signbit(score) ? -bits : bits;
}

/// Zero weights have the lowest key there is here, even if the score is
/// infinite.
static int32_t productKey(float weight, float score) {
  return weight == 0 ? 0 : orderKey(std::fabs(weight) * std::fabs(score));
}

template <typename Element, int size>
static void pruneRow(const int32_t *keys, Element *elements, int64_t columns) {
  for (int64_t begin = 0; begin < columns; begin += size) {
    int64_t width = std::min<int64_t>(size, columns - begin);
    bool isDropped[size];
    for (int64_t i = 0; i < width; ++i) {
      int before = 0;
      for (int64_t j = 0; j < width; ++j)
        before += j < i ? keys[begin + j] >= keys[begin + i]
                        : keys[begin + j] > keys[begin + i];
      isDropped[i] = before >= size / 2;
    }
    for (int64_t i = 0; i < width; ++i)
      if (isDropped[i])
        elements[begin + i] = 0;
  }
}

void pruneByScores(ElementType type, unsigned char *panel, int64_t rowBytes,
                   int64_t rows, int64_t columns, Selection::Kind kind,
                   const float *scores, int64_t scoresStride) {
  std::vector<float> values(columns);
  std::vector<int32_t> keys(columns);
  for (int64_t row = 0; row < rows; ++row) {
    unsigned char *elements = panel + row * rowBytes;
    const float *rowScores = scores + row * scoresStride;
    if (kind == Selection::Wanda) {
      // All bits of an f32 count, also those that tf32 doesn't have.
      if (type == ElementType::TF32)
        std::memcpy(values.data(), elements, columns * sizeof(float));
      else
        convertToFloat(type, elements, values.data(), columns);
      for (int64_t i = 0; i < columns; ++i)
        keys[i] = productKey(values[i], rowScores[i]);
    } else {
      for (int64_t i = 0; i < columns; ++i)
        keys[i] = orderKey(rowScores[i]);
    }
    if (type == ElementType::TF32)
      pruneRow<uint32_t, 2>(keys.data(), reinterpret_cast<uint32_t *>(elements),
                            columns);
    else if (storageBytes(type) == 2)
      pruneRow<uint16_t, 4>(keys.data(), reinterpret_cast<uint16_t *>(elements),
                            columns);
    else
      pruneRow<uint8_t, 4>(keys.data(), elements, columns);
  }
}

} // namespace sparse24::detail
