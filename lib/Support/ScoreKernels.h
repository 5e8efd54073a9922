//===- ScoreKernels.h - Pruning a panel by scores ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_SUPPORT_SCOREKERNELS_H
#define SPARSE24_LIB_SUPPORT_SCOREKERNELS_H

#include "sparse24/Support/Pattern.h"

namespace sparse24::detail {

/// Prunes columns of the rows of a panel in place by a selection that has
/// scores. `scores` are those of the panel's first element, `scoresStride`
/// leads to the next row's (0 if all rows have the same).
void pruneByScores(ElementType type, unsigned char *panel, int64_t rowBytes,
                   int64_t rows, int64_t columns, Selection::Kind kind,
                   const float *scores, int64_t scoresStride);

} // namespace sparse24::detail

#endif // SPARSE24_LIB_SUPPORT_SCOREKERNELS_H
