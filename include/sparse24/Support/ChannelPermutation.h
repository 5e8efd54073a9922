//===- ChannelPermutation.h - Channels in a better order --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Pruning keeps two of four neighbours, whichever they are. In another order of
// the columns (the channels along K) other elements are neighbours, and more of
// the norm may be kept (Pool and Yu, Channel Permutations for N:M Sparsity,
// NeurIPS 2021).
//
// The search takes groups two at a time and tries all ways to share out their
// eight channels among them: 35, as the order within a group and which is which
// make no difference (tf32: 3 ways for four channels). What is best for all
// rows is taken at once. In a sweep every two groups meet once, in rounds as of
// a tournament: pairs of a round have no group in common, so that they run in
// parallel and the result doesn't depend on how many threads there are. Sweeps
// follow one another until none gains or the bound is reached. Norms only grow,
// so that the result is never worse than what it started from, for the rows
// that were looked at.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_SUPPORT_CHANNELPERMUTATION_H
#define SPARSE24_SUPPORT_CHANNELPERMUTATION_H

#include "sparse24/Support/Pattern.h"

#include <vector>

namespace sparse24 {

/// What bounds a search.
struct PermutationBounds {
  /// The largest number of sweeps.
  int sweeps = 4;
  /// The largest number of rows times pairs of groups in a sweep. Where there
  /// are more, rows at even distances stand for all (but never fewer than 256).
  /// 2^30 takes some 20 seconds of one core that has AVX2.
  int64_t workPerSweep = int64_t(1) << 30;

  /// The rows that are looked at in a rows × k matrix.
  int64_t searchedRows(ElementType type, int64_t rows, int64_t k) const;
};

/// Looks for an order of the matrix's columns in which magnitude pruning keeps
/// more of the squared norm; element i of the result is the column that comes
/// to position i. Infinities and NaN count as zero. Within groups columns
/// ascend, and so do the first ones of groups: a matrix that can't gain keeps
/// its order.
std::vector<int64_t>
findChannelPermutation(ElementType type, const MatrixRef &matrix,
                       const PermutationBounds &bounds = {},
                       int numThreads = 0);

} // namespace sparse24

#endif // SPARSE24_SUPPORT_CHANNELPERMUTATION_H
