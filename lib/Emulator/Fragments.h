//===- Fragments.h - Which lane holds which element -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The fragments of all matrix instructions follow one scheme, which
// sparse24/Support/MmaSp.h describes for the largest sparse shapes: lane (g,
// t), with g = lane / 4 and t = lane % 4, holds rows g and g + 8 of A and
// column g of B, and four lanes take neighbouring registers. Smaller shapes
// have fewer registers; a dense A is held as a compressed A of as many elements
// is; and a warpgroup's A and D are those of four warps, one below the other.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_FRAGMENTS_H
#define SPARSE24_LIB_EMULATOR_FRAGMENTS_H

#include "sparse24/Support/MmaSp.h"

namespace sparse24::emulator {

/// Rows of A, C and D that a warp has.
inline constexpr int kWarpRows = 16;

using mma_sp::Coordinate;

/// A (rows × elements held) and B (K × columns): slot `slot` of register `reg`.
using mma_sp::elementA;
using mma_sp::elementB;

/// C and D: element `index` of the lane. Columns beyond the eighth (wgmma)
/// repeat the scheme.
constexpr Coordinate<> elementD(int lane, int index) {
  Coordinate<> place = mma_sp::elementC(lane, index % 4);
  return {place.row, place.column + 8 * (index / 4)};
}

/// Values that the sparsity selector may take where a row has `groups` groups:
/// 16 rows of nibbles fill 2·groups words, and each selects as many of the 32.
constexpr int numSelectors(int groups) { return 16 / groups; }

/// Whether the metadata word of `lane` is used.
constexpr bool suppliesMetadata(int groups, int lane, int selector) {
  return lane % 4 / (groups / 4) == selector;
}

/// The group that nibble `nibble` of the word of `lane` describes. Words of
/// 8-bit types are of one row, odd t of row g + 8; others have row g in their
/// low half and row g + 8 in the high one.
constexpr mma_sp::GroupCoordinate metadataGroup(ElementType type, int groups,
                                                int lane, int nibble) {
  int g = lane / 4, t = lane % 4;
  if (storageBytes(type) == 1)
    return {g + 8 * (t % 2), (groups == 16 ? 8 * (t / 2) : 0) + nibble};
  return {g + 8 * (nibble / 4), 4 * (t % (groups / 4)) + nibble % 4};
}

/// ldmatrix and stmatrix: the element of an 8 × 8 matrix in half `slot` of the
/// lane's register; `.trans` swaps row and column.
constexpr Coordinate<> elementOf8x8(int lane, int slot, bool isTransposed) {
  int outer = lane / 4, inner = 2 * (lane % 4) + slot;
  return isTransposed ? Coordinate<>{inner, outer} : Coordinate<>{outer, inner};
}

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_FRAGMENTS_H
