//===- TileKernels.h - Pruning tiles of a panel -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_SUPPORT_TILEKERNELS_H
#define SPARSE24_LIB_SUPPORT_TILEKERNELS_H

#include "sparse24/Support/ElementType.h"

namespace sparse24::detail {

/// Prunes a panel in place, as sparse24/Support/Transposable.h says: `rows` and
/// `columns` are filled up with zeros to whole tiles.
void pruneTiles(ElementType type, unsigned char *panel, int64_t rowBytes,
                int64_t rows, int64_t columns);

} // namespace sparse24::detail

#endif // SPARSE24_LIB_SUPPORT_TILEKERNELS_H
