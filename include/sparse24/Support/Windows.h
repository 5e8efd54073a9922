//===- Windows.h - N:M patterns spread over 2:4 windows ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A matrix that has more than two nonzeros in four, but not many more, becomes
// 2:4 without loss by becoming wider (SlideSparse, arXiv 2603.05232). A group
// of the pattern has two halves of u positions and keeps u of them (u = 2, for
// tf32 1). Along K, take blocks of L·u positions of which at most (L − 1)·u are
// nonzero: with u = 2 these are the patterns 4:6, 6:8, 8:10 and 10:12 for
// L = 3 to 6. L − 1 windows of one group each, u positions apart, cover a
// block:
//
//   position   0 1 2 3 4 5 6 7      L = 4: 6:8
//   window 0   └─────┘
//   window 1       └─────┘
//   window 2           └─────┘
//
// Every element goes into one window that covers it, such that no window has
// more than u nonzeros; the windows side by side are groups of a 2:4 matrix
// with 2·(L − 1)·u columns for each block. Its product with the elements of the
// other operand that the windows cover, twice those that two cover, is that of
// the matrix itself: 2:4's two-fold speed becomes L / (L − 1).
//
// That the elements always fit: from left to right, let each window take what
// it can. What is left of cell i (positions i·u to i·u + u − 1) when window i
// comes is at most u, so that window i, which covers cells i and i + 1, takes
// all of it, and then as much of cell i + 1 as there is room for. With c_i
// nonzeros in cell i, the rest that is left for the next window is
//
//   r_0 = c_0,   r_(i+1) = max(0, r_i + c_(i+1) − u)
//
// and unrolled, r_(L−1) is the largest of 0, the sums of c_j − u over the cells
// from j to L − 1, for j ≥ 1, and c_0 + … + c_(L−1) − (L − 1)·u. The sums are
// at most 0 as no cell has more than u; the last is at most 0 by what is asked
// of the block. So nothing is left for a window L − 1, which doesn't exist. As
// L − 1 windows can't hold more than (L − 1)·u nonzeros, no other blocks fit.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_SUPPORT_WINDOWS_H
#define SPARSE24_SUPPORT_WINDOWS_H

#include "sparse24/Support/Pattern.h"

#include <optional>

namespace sparse24 {

/// How a block is covered.
struct Windows {
  /// u, the nonzeros that a group of the 2:4 pattern keeps.
  int64_t unit = 2;
  /// L, the cells of a block.
  int64_t cells = 4;

  static constexpr int64_t kMinCells = 3;
  static constexpr int64_t kMaxCells = 6;

  constexpr int64_t count() const { return cells - 1; }
  /// Positions of a block, and how many of them may be nonzero: M and N of N:M.
  constexpr int64_t blockSize() const { return cells * unit; }
  constexpr int64_t maxNonzeros() const { return count() * unit; }
  constexpr int64_t windowSize() const { return 2 * unit; }
  /// Columns of the windows of a block.
  constexpr int64_t spreadSize() const { return count() * windowSize(); }

  constexpr int64_t blocks(int64_t k) const { return ceilDiv(k, blockSize()); }
  /// Columns of a row of k elements when it is spread.
  constexpr int64_t spreadK(int64_t k) const {
    return blocks(k) * spreadSize();
  }
  /// The column that a window has at `column` of the spread matrix. May be
  /// beyond K: there are zeros.
  /// `Index` is an integer, or builds the code for one.
  template <typename Index>
  constexpr Index source(Index column) const {
    return column / spreadSize() * blockSize() +
           column % spreadSize() / windowSize() * unit + column % windowSize();
  }
};

/// What checkWindows() found.
struct WindowsReport {
  int64_t blocks = 0;
  /// Blocks with too many nonzeros, and where the first one (in row-major
  /// order) is; −1 if there is none.
  int64_t violatingBlocks = 0;
  int64_t firstRow = -1;
  int64_t firstBlock = -1;

  bool conforms() const { return violatingBlocks == 0; }
};

/// Counts the blocks that don't fit into the windows. Here and below, `type` is
/// that of the elements in memory; the unit may be another type's, for a matrix
/// of f32 (read as tf32) that will be rounded to 16 bits.
WindowsReport checkWindows(ElementType type, const Windows &windows,
                           const MatrixRef &matrix, int numThreads = 0);

/// The windows of fewest cells that the matrix fits into, which multiply
/// fastest; none if it has too many nonzeros for all.
std::optional<Windows> findWindows(ElementType type, int64_t unit,
                                   const MatrixRef &matrix, int numThreads = 0);

/// Writes the windows side by side: rows × windows.spreadK(k). Each element,
/// zeros with their sign, is in the first window that covers it and has room;
/// what no element went to is +0.0. The matrix fits into the windows.
void spread(ElementType type, const Windows &windows, const MatrixRef &matrix,
            const MutableMatrixRef &result, int numThreads = 0);

} // namespace sparse24

#endif // SPARSE24_SUPPORT_WINDOWS_H
