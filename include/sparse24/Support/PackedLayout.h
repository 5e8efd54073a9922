//===- PackedLayout.h - The packed formats of kernels -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The packed format holds a compressed matrix in the order in which kernels of
// one family of instructions read it, so that no byte is shuffled on the GPU.
// It depends on the family, the element type and the logical shape only: every
// tile size of the family reads the same bytes.
//
// Rows are padded to row blocks, those of one instruction, and k to blocks of
// 128 bytes of a dense row, which is two instructions ("steps"). The values of
// a block come first, then, in a region of their own, the metadata.
//
// mma_sp (row blocks of 16): a lane gets its four A registers with one 16-byte
// load.
//
//   values    [row block][k block][step][lane][16 bytes]
//             the lane's A registers 0..3, as MmaSp.h's elementA() says
//   metadata  16-bit types and tf32: [row block][k block][lane], a 32-bit word
//             that serves both steps (the sparsity selector of a step is its
//             number)
//             8-bit types: [row block][k block][step][lane], a 32-bit word
//
// wgmma_sp (row blocks of 64): a block is copied to shared memory as it is, and
// a matrix descriptor reads it there.
//
//   values    [row block][k block][row][64 bytes], the 16-byte chunks of a row
//             where WgmmaSp.h's swizzledOffsetA() says
//   metadata  [row block][k block][lane of the warpgroup], the lane's words of
//             both steps side by side (8-bit types), or one that serves both
//
// Padding is zero values and 0x4 nibbles.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_SUPPORT_PACKEDLAYOUT_H
#define SPARSE24_SUPPORT_PACKEDLAYOUT_H

#include "sparse24/Support/ElementType.h"
#include "sparse24/Support/MmaSp.h"
#include "sparse24/Support/Pattern.h"
#include "sparse24/Support/WgmmaSp.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sparse24 {

/// FNV-1a, 64 bits, over the bytes of a text: the hash of layouts.
constexpr uint64_t fnv1a64(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325ull;
  for (char c : text)
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ull;
  return hash;
}

/// The instructions that read a packed matrix.
enum class PackedFamily : uint8_t { MmaSp, WgmmaSp };

/// Every family, for loops in tests and tools.
inline constexpr PackedFamily kPackedFamilies[] = {PackedFamily::MmaSp,
                                                   PackedFamily::WgmmaSp};

/// The family's name in layouts: "mma_sp" or "wgmma_sp".
constexpr std::string_view packedFamilyName(PackedFamily family) {
  return family == PackedFamily::MmaSp ? "mma_sp" : "wgmma_sp";
}

/// The layout of a packed rows × k matrix.
struct PackedLayout {
  PackedFamily family;
  ElementType elementType;
  int64_t rows;
  int64_t k;

  /// Instructions along k that a k block feeds.
  static constexpr int64_t kSteps = 2;
  /// Bytes that a compressed row has of a k block's values.
  static constexpr int64_t kRowValueBytes = wgmma_sp::kRowBytesA;
  /// mma_sp: bytes of one lane's A registers of one step.
  static constexpr int64_t kLaneBytes = 4 * mma_sp::kRegistersA;

  /// Rows of a row block: those of one instruction.
  constexpr int64_t rowBlock() const {
    return family == PackedFamily::MmaSp ? mma_sp::kM : wgmma_sp::kM;
  }
  /// Lanes that hold metadata of a block: of a warp or of a warpgroup.
  constexpr int64_t lanes() const {
    return family == PackedFamily::MmaSp ? mma_sp::kLanes : wgmma_sp::kLanes;
  }
  /// Logical columns of a k block: 64 for 16-bit types, 128 for 8-bit, 32 for
  /// tf32.
  constexpr int64_t kBlock() const {
    return kSteps * mma_sp::shapeK(elementType);
  }
  constexpr int64_t rowBlocks() const { return ceilDiv(rows, rowBlock()); }
  constexpr int64_t kBlocks() const { return ceilDiv(k, kBlock()); }
  constexpr int64_t paddedRows() const { return rowBlocks() * rowBlock(); }
  constexpr int64_t paddedK() const { return kBlocks() * kBlock(); }

  /// Metadata words that a lane has of one block: 1, for 8-bit types 2.
  constexpr int64_t metadataWordsPerLane() const {
    return kSteps / mma_sp::numSelectors(elementType);
  }
  constexpr int64_t blockValueBytes() const {
    return rowBlock() * kRowValueBytes;
  }
  constexpr int64_t blockMetadataBytes() const {
    return metadataWordsPerLane() * lanes() * 4;
  }

  constexpr int64_t valueBytes() const {
    return rowBlocks() * kBlocks() * blockValueBytes();
  }
  constexpr int64_t metadataBytes() const {
    return rowBlocks() * kBlocks() * blockMetadataBytes();
  }
  /// Size of the packed matrix.
  constexpr int64_t bytes() const { return valueBytes() + metadataBytes(); }

  /// Byte offset of a block's values.
  constexpr int64_t blockOffset(int64_t rowBlock, int64_t kBlockIndex) const {
    return (rowBlock * kBlocks() + kBlockIndex) * blockValueBytes();
  }
  /// mma_sp: byte offset of the 16 bytes of A registers of a lane for one step.
  constexpr int64_t laneOffset(int64_t rowBlock, int64_t kBlockIndex,
                               int64_t step, int64_t lane) const {
    return blockOffset(rowBlock, kBlockIndex) +
           (step * mma_sp::kLanes + lane) * kLaneBytes;
  }
  /// wgmma_sp: byte offset of byte `byte`, of a compressed row's 64, of a row
  /// of a block.
  constexpr int64_t rowOffset(int64_t rowBlock, int64_t kBlockIndex,
                              int64_t row, int64_t byte) const {
    return blockOffset(rowBlock, kBlockIndex) +
           wgmma_sp::swizzledOffsetA(row, byte);
  }
  /// Byte offset of the metadata word of a lane for one step.
  constexpr int64_t metadataOffset(int64_t rowBlock, int64_t kBlockIndex,
                                   int64_t step, int64_t lane) const {
    int64_t words = metadataWordsPerLane();
    int64_t word = words == 1 ? 0 : step;
    int64_t inBlock = family == PackedFamily::MmaSp
                          ? word * mma_sp::kLanes + lane
                          : lane * words + word;
    return valueBytes() +
           (rowBlock * kBlocks() + kBlockIndex) * blockMetadataBytes() +
           inBlock * 4;
  }
  /// The sparsity selector of the instruction of a step.
  constexpr int selector(int64_t step) const {
    return mma_sp::numSelectors(elementType) == 1 ? 0 : static_cast<int>(step);
  }

  /// The canonical text, e.g. "mma_sp,bf16,rows=1536,k=384".
  std::string text() const;
  /// fnv1a64() of the canonical text: what kernels and weight files compare.
  uint64_t hash() const;
  /// Reads a canonical text; false if it is none.
  static bool parse(std::string_view text, PackedLayout &layout);

  friend constexpr bool operator==(const PackedLayout &a,
                                   const PackedLayout &b) {
    return a.family == b.family && a.elementType == b.elementType &&
           a.rows == b.rows && a.k == b.k;
  }
  friend constexpr bool operator!=(const PackedLayout &a,
                                   const PackedLayout &b) {
    return !(a == b);
  }
};

/// Packs a compressed matrix (contiguous, as compress() writes it) into
/// layout.bytes() bytes. `numThreads` 0 means one for each core.
void pack(const PackedLayout &layout, const void *values,
          const uint16_t *metadata, void *packed, int numThreads = 0);

/// The inverse: drops the padding again.
void unpack(const PackedLayout &layout, const void *packed, void *values,
            uint16_t *metadata, int numThreads = 0);

/// Compresses (other than with Selection::FirstNonzeros also prunes) and packs a dense matrix
/// in one pass; the result is that of compress() and pack(). The matrix must
/// have the layout's shape.
void packDense(const PackedLayout &layout, const MatrixRef &matrix,
               void *packed, Selection selection = Selection::FirstNonzeros,
               int numThreads = 0);

} // namespace sparse24

#endif // SPARSE24_SUPPORT_PACKEDLAYOUT_H
