//===- MmaSp.h - The mma.sp instructions ------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one description of the warp-wide sparse instructions
//
//   mma.sp::ordered_metadata.sync.aligned.m16n8k<K>   D = A·B + C
//
// A is 16 × K, 2:4 sparse along K and held compressed (16 × K/2); B is a dense
// K × 8, C and D are 16 × 8. The 32 lanes of a warp hold the operands in 32-bit
// registers. The functions here say which element each lane's register slots
// hold and for which groups it supplies metadata. Kernels, packer, reference
// and emulator use nothing else.
//
// With g = lane / 4 and t = lane % 4 all types follow one scheme: lane (g, t)
// holds rows g and g + 8 of A, column g of B, and within a row four lanes take
// neighbouring registers. Only the number of elements in a register differs.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_SUPPORT_MMASP_H
#define SPARSE24_SUPPORT_MMASP_H

#include "sparse24/Support/ElementType.h"

namespace sparse24::mma_sp {

inline constexpr int kLanes = 32;
inline constexpr int kM = 16;
inline constexpr int kN = 8;
/// 32-bit registers a lane holds of compressed A, of B and, with 32-bit
/// accumulators, of C and D.
inline constexpr int kRegistersA = 4;
inline constexpr int kRegistersB = 4;
inline constexpr int kRegistersC = 4;
/// Nibbles in a lane's 32-bit metadata word.
inline constexpr int kNibbles = 8;

/// Logical K of one instruction: 32 for 16-bit types, 64 for 8-bit, 16 for
/// tf32. It is always 64 bytes.
constexpr int shapeK(ElementType type) {
  return static_cast<int>(64 / storageBytes(type));
}

/// Elements in one 32-bit register.
constexpr int elementsPerRegister(ElementType type) {
  return static_cast<int>(4 / storageBytes(type));
}

/// Groups in one row of A.
constexpr int groupsPerRow(ElementType type) {
  return static_cast<int>(shapeK(type) / groupSize(type));
}

/// A place in a matrix. `Int` is an integer, or a class with an integer's
/// operators: the kernel generator passes the lane as a value of its IR and
/// gets the code that computes the place.
template <typename Int = int>
struct Coordinate {
  Int row;
  Int column;
};

/// The element of compressed A (16 × K/2) in slot `slot` (0 is the least
/// significant) of register `reg` of `lane`: (row, compressed column).
constexpr Coordinate<> elementA(ElementType type, int lane, int reg, int slot) {
  int perRegister = elementsPerRegister(type);
  return {lane / 4 + 8 * (reg % 2),
          perRegister * (lane % 4) + slot + 4 * perRegister * (reg / 2)};
}

/// The element of B (K × 8): (k, n).
constexpr Coordinate<> elementB(ElementType type, int lane, int reg, int slot) {
  int perRegister = elementsPerRegister(type);
  return {perRegister * (lane % 4) + slot + 4 * perRegister * reg, lane / 4};
}

/// The element of C and D (16 × 8) for 32-bit accumulators: (row, column). With
/// 16-bit accumulators element `index` is in slot index % 2 of register index
/// / 2.
template <typename Int>
constexpr Coordinate<Int> elementC(Int lane, int index) {
  return {lane / 4 + 8 * (index / 2), 2 * (lane % 4) + index % 2};
}

/// A group of A's row `row`: logical columns group·groupSize and on.
struct GroupCoordinate {
  int row;
  int group;
};

/// Values that the sparsity selector may take: two for 16-bit types and tf32,
/// where half of the lanes supply metadata, one for 8-bit types, where all do.
constexpr int numSelectors(ElementType type) {
  return storageBytes(type) == 1 ? 1 : 2;
}

/// Whether the instruction with that selector reads the metadata word of
/// `lane`.
constexpr bool suppliesMetadata(ElementType type, int lane, int selector) {
  return storageBytes(type) == 1 || lane % 4 / 2 == selector;
}

/// The group that nibble `nibble` (0 is the least significant) of the metadata
/// word of `lane` describes, where the lane supplies one.
///   16-bit, tf32: the low half is row g, the high half row g + 8; the two
///                 lanes of a pair split the row's 8 groups.
///   8-bit:        one row a lane; even t row g, odd t row g + 8.
constexpr GroupCoordinate metadataGroup(ElementType type, int lane,
                                        int nibble) {
  int g = lane / 4, t = lane % 4;
  if (storageBytes(type) == 1)
    return {g + 8 * (t % 2), 8 * (t / 2) + nibble};
  return {g + 8 * (nibble / 4), 4 * (t % 2) + nibble % 4};
}

} // namespace sparse24::mma_sp

#endif // SPARSE24_SUPPORT_MMASP_H
