//===- SharedMatrix.h - Operands of wgmma in shared memory ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA, 9.7.15.5.1.2: shared memory matrix layout. A descriptor names an
// operand; it says where in memory each 16 bytes of a row are. Rows here are
// those of memory: they run along K ("K-major"), or along M or N ("MN-major").
//
// Eight rows are a unit, one after another in memory, each as wide as the
// swizzle says (16 bytes without one). Units repeat at the leading byte offset
// along the rows and at the stride byte offset across them; MN-major without a
// swizzle it's the other way round. (Checked on an H100, with the base offset
// and with rows longer than a unit.)
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_SHAREDMATRIX_H
#define SPARSE24_LIB_EMULATOR_SHAREDMATRIX_H

#include <cstdint>

namespace sparse24::emulator {

/// Moves the 16-byte pieces of a row of 32, 64 or 128 bytes about, so that the
/// same piece of neighbouring rows lies in other banks. `address` is that in
/// shared memory; rows are counted from the one that `firstRow` (0 to 7) says,
/// in steps of 128 bytes. A width of 16 moves nothing.
constexpr uint32_t swizzle(uint32_t address, uint32_t width,
                           uint32_t firstRow = 0) {
  uint32_t row = (address >> 7) - firstRow;
  return address ^ ((row & (width / 16 - 1)) << 4);
}

/// A matrix descriptor, decoded.
struct MatrixDescriptor {
  /// In bytes.
  uint32_t start, leading, stride;
  /// Of a row in a unit: 16 (no swizzle), 32, 64 or 128 bytes.
  uint32_t width;
  /// Where the swizzle's pattern begins, if not at a multiple of itself.
  uint32_t baseOffset;
  /// Whether the bits that must be zero are.
  bool isValid;

  explicit MatrixDescriptor(uint64_t bits);

  /// Where piece `piece` (16 bytes) of row `row` is.
  uint32_t address(bool isKMajor, uint32_t row, uint32_t piece) const;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_SHAREDMATRIX_H
