//===- Transposable.h - Masks that are 2:4 both ways ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A mask that is 2:4 along rows and along columns serves a weight and its
// transpose, the forward and the backward pass of training (Hubara et al.,
// "Accelerated Sparse Neural Training: A Provable and Efficient Method to Find
// N:M Transposable Masks", arXiv 2102.08124). It consists of tiles of 4 × 4
// with two kept elements in each row and each column: 90 patterns. (tf32: 2 × 2
// with one, two patterns.) The best is the one that keeps most magnitude; this
// is the optimum, which greedy choices only come near to.
//
// The search is written once, for numbers on the CPU and for code that a
// compiler generates: it halves the patterns. The upper two rows of a pattern
// leave to each column 0, 1 or 2 elements for the lower two, which is all that
// the halves have to know of each other; there are 19 such fits.
//
// What is compared are scores, sums of f32 in this order: (row 0 + row 1) +
// (row 2 + row 3), a row being the sum of its two kept elements. An element
// counts with its magnitude, as f32, but
//   * finite magnitudes with no more than kFiniteScore,
//   * infinity with kInfinityScore, more than eight of those together,
//   * NaN with kNaNScore, more than eight infinities.
// Of upper halves with the same score the first counts, likewise of lower
// halves and of fits, in the order below.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_SUPPORT_TRANSPOSABLE_H
#define SPARSE24_SUPPORT_TRANSPOSABLE_H

#include <array>
#include <cstdint>

namespace sparse24::transposable {

inline constexpr float kFiniteScore = 0x1p116F;
inline constexpr float kInfinityScore = 0x1p120F;
inline constexpr float kNaNScore = 0x1p124F;

/// The pairs of columns that a row may keep, as masks.
inline constexpr int kPairs = 6;
inline constexpr std::array<std::array<int, 2>, kPairs> kPairColumns = {
    {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}};

/// Half h keeps pair h / kPairs of its first row and h % kPairs of its second.
inline constexpr int kHalves = kPairs * kPairs;

/// The mask of a half: bit 4·row + column.
constexpr uint32_t halfMask(int half) {
  uint32_t mask = 0;
  for (int row = 0; row < 2; ++row)
    for (int column : kPairColumns[row == 0 ? half / kPairs : half % kPairs])
      mask |= 1u << (4 * row + column);
  return mask;
}

/// Halves that go together: each upper one with each lower one.
struct Fit {
  std::array<int, kPairs> upper{}, lower{};
  int numUpper = 0, numLower = 0;
};

inline constexpr int kFits = 19;

/// How many elements a half has in each column, as digits to base 3.
constexpr int columnCounts(int half) {
  uint32_t mask = halfMask(half);
  int counts = 0;
  for (int column = 3; column >= 0; --column)
    counts = 3 * counts + static_cast<int>((mask >> column & 1) +
                                           (mask >> (4 + column) & 1));
  return counts;
}

constexpr std::array<Fit, kFits> makeFits() {
  // Two in each column.
  constexpr int all = 2 * (1 + 3 + 9 + 27);
  std::array<Fit, kFits> fits{};
  int numFits = 0;
  for (int upper = 0; upper < kHalves; ++upper) {
    int number = 0;
    while (number < numFits &&
           columnCounts(fits[number].upper[0]) != columnCounts(upper))
      ++number;
    Fit &fit = fits[number];
    if (number == numFits) {
      ++numFits;
      for (int lower = 0; lower < kHalves; ++lower)
        if (columnCounts(upper) + columnCounts(lower) == all)
          fit.lower[fit.numLower++] = lower;
    }
    fit.upper[fit.numUpper++] = upper;
  }
  return fits;
}

inline constexpr std::array<Fit, kFits> kAllFits = makeFits();

constexpr std::array<uint32_t, kHalves> makeHalfMasks() {
  std::array<uint32_t, kHalves> masks{};
  for (int half = 0; half < kHalves; ++half)
    masks[half] = halfMask(half);
  return masks;
}

inline constexpr std::array<uint32_t, kHalves> kHalfMasks = makeHalfMasks();

/// The mask of the best pattern, bit 4·row + column, of scores[row][column].
/// `Arithmetic` has types Score and Mask and functions
///   Score add(Score, Score);  Mask constant(uint32_t);  Mask join(Mask, Mask);
///   bool-like isLess(Score, Score);  T select(bool-like, T, T), for both
///   types.
template <typename Arithmetic>
auto selectTile(
    Arithmetic &a,
    const std::array<std::array<typename Arithmetic::Score, 4>, 4> &scores) {
  using Score = typename Arithmetic::Score;
  using Mask = typename Arithmetic::Mask;
  struct Choice {
    Score score;
    Mask mask;
  };
  auto better = [&](const Choice &first, const Choice &second) {
    auto isLess = a.isLess(first.score, second.score);
    return Choice{a.select(isLess, second.score, first.score),
                  a.select(isLess, second.mask, first.mask)};
  };
  std::array<std::array<Score, kPairs>, 4> rows;
  for (int row = 0; row < 4; ++row)
    for (int pair = 0; pair < kPairs; ++pair)
      rows[row][pair] = a.add(scores[row][kPairColumns[pair][0]],
                              scores[row][kPairColumns[pair][1]]);
  auto getBest = [&](const std::array<int, kPairs> &halves, int number,
                     int firstRow) {
    auto getHalf = [&](int half) {
      return Choice{a.add(rows[firstRow][half / kPairs],
                          rows[firstRow + 1][half % kPairs]),
                    a.constant(kHalfMasks[half] << (4 * firstRow))};
    };
    Choice best = getHalf(halves[0]);
    for (int i = 1; i < number; ++i)
      best = better(best, getHalf(halves[i]));
    return best;
  };
  auto getFit = [&](const Fit &fit) {
    Choice upper = getBest(fit.upper, fit.numUpper, 0);
    Choice lower = getBest(fit.lower, fit.numLower, 2);
    return Choice{a.add(upper.score, lower.score),
                  a.join(upper.mask, lower.mask)};
  };
  Choice best = getFit(kAllFits[0]);
  for (int i = 1; i < kFits; ++i)
    best = better(best, getFit(kAllFits[i]));
  return best.mask;
}

/// The same of tf32: the mask of 2 × 2, bit 4·row + column; the diagonal if
/// both are as good.
template <typename Arithmetic>
auto selectPairTile(
    Arithmetic &a,
    const std::array<std::array<typename Arithmetic::Score, 4>, 4> &scores) {
  auto isLess = a.isLess(a.add(scores[0][0], scores[1][1]),
                         a.add(scores[0][1], scores[1][0]));
  return a.select(isLess, a.constant(0x12), a.constant(0x21));
}

} // namespace sparse24::transposable

#endif // SPARSE24_SUPPORT_TRANSPOSABLE_H
