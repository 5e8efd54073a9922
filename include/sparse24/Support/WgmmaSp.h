//===- WgmmaSp.h - The wgmma.mma_async.sp instructions ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one description of Hopper's sparse instructions
//
//   wgmma.mma_async.sp.sync.aligned.m64n<N>k<K>   D = A·B + D
//
// A is 64 × K, 2:4 sparse along K and held compressed (64 × K/2); B is a dense
// K × N, D is 64 × N. The four warps of a warpgroup have 16 rows of A and D
// each, one below the other, and within them every lane has what it has in
// mma.sp: MmaSp.h says which K, which metadata and which elements of D. Here is
// what is added: the warp's rows, N beyond 8, and operands in shared memory.
//
// A lane is numbered in the warpgroup: 32·warp + lane of the warp.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_SUPPORT_WGMMASP_H
#define SPARSE24_SUPPORT_WGMMASP_H

#include "sparse24/Support/MmaSp.h"

namespace sparse24::wgmma_sp {

inline constexpr int kWarps = 4;
inline constexpr int kLanes = kWarps * mma_sp::kLanes;
inline constexpr int kM = kWarps * mma_sp::kM;
/// N is a multiple of kN, up to kMaxN; of integers beyond kMaxOddN, of 2·kN.
inline constexpr int kN = mma_sp::kN;
inline constexpr int kMaxN = 256;
inline constexpr int kMaxOddN = 32;
constexpr bool isN(int64_t n, bool isInteger) {
  int64_t unit = isInteger && n > kMaxOddN ? 2 * kN : kN;
  return n >= kN && n <= kMaxN && n % unit == 0;
}

using mma_sp::groupsPerRow;
using mma_sp::numSelectors;
using mma_sp::shapeK;
using mma_sp::suppliesMetadata;

/// Elements of D that a lane holds.
constexpr int registersD(int n) { return n / 2; }

/// The element of D in register `index` of `lane`. (`Int` as in
/// mma_sp::Coordinate.)
template <typename Int>
constexpr mma_sp::Coordinate<Int> elementD(Int lane, int index) {
  auto [row, column] =
      mma_sp::elementC(lane % mma_sp::kLanes, index % mma_sp::kRegistersC);
  return {lane / mma_sp::kLanes * mma_sp::kM + row,
          column + index / mma_sp::kRegistersC * mma_sp::kN};
}

/// The group that nibble `nibble` of the metadata word of `lane` describes,
/// where the lane supplies one.
constexpr mma_sp::GroupCoordinate metadataGroup(ElementType type, int lane,
                                                int nibble) {
  mma_sp::GroupCoordinate group =
      mma_sp::metadataGroup(type, lane % mma_sp::kLanes, nibble);
  return {lane / mma_sp::kLanes * mma_sp::kM + group.row, group.group};
}

//===----------------------------------------------------------------------===//
// Operands in shared memory
//
// PTX ISA, "Shared Memory Matrix Layout": eight rows of 32, 64 or 128 bytes
// stand one after the other, the 16-byte chunks of a row permuted ("swizzled"),
// so that the same chunk of neighbouring rows is in other banks.
//===----------------------------------------------------------------------===//

/// How wide the rows are within which chunks are permuted, as a descriptor says
/// it.
enum class Swizzle : uint8_t {
  None = 0,
  Bytes128 = 1,
  Bytes64 = 2,
  Bytes32 = 3
};

/// Rows after which a swizzle repeats.
inline constexpr int kSwizzleRows = 8;
/// Bytes of the chunks that a swizzle permutes.
inline constexpr int kChunkBytes = 16;

/// Bytes of a row of A, for the two steps of a k block: the width of its
/// swizzle.
inline constexpr int kRowBytesA = 64;
inline constexpr Swizzle kSwizzleA = Swizzle::Bytes64;
/// Bytes from one eight rows of A to the next.
inline constexpr int kStrideBytesA = kSwizzleRows * kRowBytesA;
/// The same of a B that is stored with K contiguous (N × K).
inline constexpr int kRowBytesB = 128;
inline constexpr Swizzle kSwizzleB = Swizzle::Bytes128;
inline constexpr int kStrideBytesB = kSwizzleRows * kRowBytesB;

/// Where byte `byte` of row `row` of A (rows of 64 bytes) is, from a multiple
/// of 512 bytes.
constexpr int64_t swizzledOffsetA(int64_t row, int64_t byte) {
  int64_t chunk = byte / kChunkBytes ^ row / 2 % 4;
  return row * kRowBytesA + chunk * kChunkBytes + byte % kChunkBytes;
}

/// What swizzled matrices in shared memory are aligned to, and so its
/// beginning: the swizzle of 128 bytes permutes the 16-byte pieces of eight
/// rows.
inline constexpr int kSwizzleAlignment = kStrideBytesB;

/// A descriptor's unit of addresses and offsets, and the addresses that fit:
/// those within a CTA. Beyond them an address says which CTA of the cluster.
inline constexpr int kDescriptorUnit = 16;
inline constexpr int kDescriptorAddresses = 1 << 18;

/// The descriptor of a matrix in shared memory. `address` (a multiple of 16) is
/// that of its first element; a step along contiguous K adds the step's bytes /
/// kDescriptorUnit to the descriptor. `strideBytes` lie between one eight rows
/// and the next; `leadingBytes` between pieces of as many bytes of a row as the
/// swizzle is wide, and count only where rows are longer.
constexpr uint64_t matrixDescriptor(uint64_t address, uint64_t leadingBytes,
                                    uint64_t strideBytes, Swizzle swizzle) {
  constexpr uint64_t mask = kDescriptorAddresses / kDescriptorUnit - 1;
  return (address / kDescriptorUnit & mask) |
         (leadingBytes / kDescriptorUnit & mask) << 16 |
         (strideBytes / kDescriptorUnit & mask) << 32 |
         static_cast<uint64_t>(swizzle) << 62;
}

/// The descriptors of A, and of B stored with K contiguous.
constexpr uint64_t descriptorA(uint64_t address) {
  return matrixDescriptor(address, kDescriptorUnit, kStrideBytesA, kSwizzleA);
}
constexpr uint64_t descriptorB(uint64_t address) {
  return matrixDescriptor(address, kDescriptorUnit, kStrideBytesB, kSwizzleB);
}

//===----------------------------------------------------------------------===//
// The output on its way through shared memory
//===----------------------------------------------------------------------===//

/// How a warpgroup hands its part of a tile of so many columns to the copy
/// engine: in pieces of kM rows and at most 128 bytes of columns, one after the
/// other in the same place of shared memory, or in up to kMaxPlaces in turn.
struct OutputPieces {
  int64_t columns, elementBytes;

  static constexpr int64_t kRowBytes = 128, kMaxPlaces = 3;

  /// Columns of a piece, of which the last of a block may have fewer.
  constexpr int64_t pieceColumns() const {
    int64_t limit = kRowBytes / elementBytes;
    return columns < limit ? columns : limit;
  }
  /// Pieces of a block of kM rows.
  constexpr int64_t perBlock() const {
    return (columns + pieceColumns() - 1) / pieceColumns();
  }
  constexpr int64_t elements() const { return kM * pieceColumns(); }
  /// Of a place for a piece, which is as aligned as its swizzle wants.
  constexpr int64_t placeBytes() const {
    int64_t bytes = elements() * elementBytes;
    return (bytes + kSwizzleAlignment - 1) / kSwizzleAlignment *
           kSwizzleAlignment;
  }
};

//===----------------------------------------------------------------------===//
// The last tiles
//===----------------------------------------------------------------------===//

/// With halves of tiles: whether those of the last tiles, fewer than there are
/// clusters, have a cluster each. (`Int` as in mma_sp::Coordinate.)
template <typename Int>
constexpr auto fitInHalves(Int tiles, Int clusters) {
  return tiles * 2 < clusters + 1;
}

} // namespace sparse24::wgmma_sp

#endif // SPARSE24_SUPPORT_WGMMASP_H
