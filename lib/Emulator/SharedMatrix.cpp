//===- SharedMatrix.cpp - Operands of wgmma in shared memory --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SharedMatrix.h"

using namespace sparse24::emulator;

// Addresses and offsets are 18 bits, of which a descriptor has the upper 14.
static uint32_t decode(uint64_t bits, unsigned first) {
  return static_cast<uint32_t>(bits >> first & 0x3FFF) << 4;
}

// Bits 0–13 start, 16–29 leading, 32–45 stride, 49–51 base offset, 62–63
// swizzle.
MatrixDescriptor::MatrixDescriptor(uint64_t bits)
    : start(decode(bits, 0)), leading(decode(bits, 16)),
      stride(decode(bits, 32)), baseOffset(bits >> 49 & 7) {
  constexpr uint32_t widths[] = {16, 128, 64, 32};
  width = widths[bits >> 62];
  constexpr uint64_t unused = 0x3FF1C000C000C000;
  isValid = (bits & unused) == 0;
}

uint32_t MatrixDescriptor::address(bool isKMajor, uint32_t row,
                                   uint32_t piece) const {
  uint32_t pieces = width / 16;
  bool isSwapped = !isKMajor && pieces == 1;
  uint32_t along = isSwapped ? stride : leading;
  uint32_t across = isSwapped ? leading : stride;
  uint32_t at = start + row / 8 * across + row % 8 * width +
                piece / pieces * along + piece % pieces * 16;
  return swizzle(at, width, baseOffset);
}
