// Helpers that the lowerings of the single operations share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LoweringUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::sparse24;

void mlir::sparse24::emitLoop(
    ImplicitLocOpBuilder &b, Value end,
    function_ref<void(ImplicitLocOpBuilder &, Value)> body) {
  auto loop = scf::ForOp::create(b, emitIndex(b, 0), end, emitIndex(b, 1));
  auto inner = ImplicitLocOpBuilder::atBlockBegin(b.getLoc(), loop.getBody());
  body(inner, loop.getInductionVar());
}

void mlir::sparse24::emitWordLoop(
    ImplicitLocOpBuilder &b, Value rows, Value words,
    function_ref<void(ImplicitLocOpBuilder &, Value, Value)> body) {
  Value zero = emitIndex(b, 0), one = emitIndex(b, 1);
  scf::ParallelOp::create(
      b, ValueRange{zero, zero}, ValueRange{rows, words}, ValueRange{one, one},
      [&](OpBuilder &builder, Location loc, ValueRange indices) {
        ImplicitLocOpBuilder inner(loc, builder);
        body(inner, indices[0], indices[1]);
      });
}

Value mlir::sparse24::emitLoadMetadata(ImplicitLocOpBuilder &b, Value metadata,
                                       Value row, Value word) {
  return arith::ExtUIOp::create(
      b, b.getI32Type(),
      memref::LoadOp::create(b, metadata, ValueRange{row, word}));
}

Value mlir::sparse24::emitKeptPosition(ImplicitLocOpBuilder &b, Value kept,
                                       Value word, PatternShape shape) {
  AffineExpr d0 = b.getAffineDimExpr(0);
  AffineExpr group = d0.floorDiv(shape.kept);
  Type i32 = b.getI32Type();
  // The bits of this element within the word; tf32's nibbles 0x4 and 0xE differ
  // in bit 1.
  AffineExpr bit = shape.kept == 1 ? (group % 4) * 4 + 1
                                   : (group % 4) * 4 + (d0 % shape.kept) * 2;
  int32_t mask = shape.kept == 1 ? 1 : 3;
  Value shift = arith::IndexCastOp::create(b, i32, emitAffine(b, bit, {kept}));
  Value shifted =
      arith::ShRUIOp::create(b, arith::ExtUIOp::create(b, i32, word), shift);
  Value inGroup = arith::AndIOp::create(
      b, shifted, arith::ConstantOp::create(b, b.getI32IntegerAttr(mask)));
  return arith::AddIOp::create(
      b, emitAffine(b, group * shape.groupSize, {kept}),
      arith::IndexCastUIOp::create(b, b.getIndexType(), inGroup));
}

//===----------------------------------------------------------------------===//
// PackedView
//===----------------------------------------------------------------------===//

// The maps below are those of Support/PackedLayout.h, as affine expressions.

using ::sparse24::PackedFamily;
using ::sparse24::PackedLayout;
namespace mma_sp = ::sparse24::mma_sp;
namespace wgmma_sp = ::sparse24::wgmma_sp;

/// The byte of a block's values that byte `byte` of a compressed row's bytes of
/// that block is at. mma_sp: a lane's register holds 4 bytes of a row;
/// registers 0 and 1 (rows g and g + 8) cover the first half of a step's
/// columns, 2 and 3 the second.
static AffineExpr getMmaSpValueByte(AffineExpr row, AffineExpr byte) {
  constexpr int64_t stepBytes =
      PackedLayout::kRowValueBytes / PackedLayout::kSteps;
  AffineExpr inStep = byte % stepBytes;
  AffineExpr lane = row % 8 * 4 + (inStep % 16).floorDiv(4);
  AffineExpr reg = (row % mma_sp::kM).floorDiv(8) + inStep.floorDiv(16) * 2;
  return ((byte.floorDiv(stepBytes) * mma_sp::kLanes + lane) *
              mma_sp::kRegistersA +
          reg) *
             4 +
         byte % 4;
}

/// The same for wgmma_sp: 16-byte chunk c of a row is at c ^ (row / 2 % 4), bit
/// for bit.
static AffineExpr getWgmmaSpValueByte(AffineExpr row, AffineExpr byte) {
  AffineExpr chunk = byte.floorDiv(wgmma_sp::kChunkBytes);
  AffineExpr low = (chunk + row.floorDiv(2)) % 2;
  AffineExpr high = (chunk.floorDiv(2) + row.floorDiv(4)) % 2;
  return (row % wgmma_sp::kM) * wgmma_sp::kRowBytesA +
         (high * 2 + low) * wgmma_sp::kChunkBytes +
         byte % wgmma_sp::kChunkBytes;
}

/// The 16-bit word of a block's metadata that word `word` of a row's words of
/// that block is at.
static AffineExpr getMetadataWord(const PackedLayout &layout, AffineExpr row,
                                  AffineExpr word) {
  AffineExpr firstLane =
      (row % layout.rowBlock()).floorDiv(mma_sp::kM) * mma_sp::kLanes +
      row % 8 * 4;
  AffineExpr upper = (row % mma_sp::kM).floorDiv(8);
  // Rows g and g + 8 share a 32-bit word; one serves both steps.
  if (layout.metadataWordsPerLane() == 1)
    return (firstLane + word) * 2 + upper;
  // One row a lane: each step has its own 32-bit words.
  AffineExpr step = word.floorDiv(4);
  AffineExpr lane = firstLane + upper + (word % 4).floorDiv(2) * 2;
  AffineExpr laneWord = layout.family == PackedFamily::MmaSp
                            ? step * mma_sp::kLanes + lane
                            : lane * 2 + step;
  return laneWord * 2 + word % 2;
}

/// mma_sp: what a register holds are neighbours.
static constexpr int64_t kRegisterBytes = 4;

PackedView::PackedView(ImplicitLocOpBuilder &b, Value packed,
                       LayoutAttr layoutAttr, PatternShape shape,
                       Type valueType) {
  PackedLayout layout = layoutAttr.getPackedLayout();
  int64_t keptPerBlock = PackedLayout::kRowValueBytes / shape.bytes;
  int64_t wordsPerBlock = 4 * layout.metadataWordsPerLane();
  rows = layout.paddedRows();
  keptColumns = layout.kBlocks() * keptPerBlock;
  wordColumns = layout.kBlocks() * wordsPerBlock;
  valueChunk = (layout.family == PackedFamily::MmaSp ? kRegisterBytes
                                                     : wgmma_sp::kChunkBytes) /
               shape.bytes;

  AffineExpr row, column;
  bindDims(b.getContext(), row, column);
  auto getBlock = [&](int64_t columnsPerBlock) {
    return row.floorDiv(layout.rowBlock()) * layout.kBlocks() +
           column.floorDiv(columnsPerBlock);
  };
  AffineExpr byte = column % keptPerBlock * shape.bytes;
  AffineExpr byteInBlock = layout.family == PackedFamily::MmaSp
                               ? getMmaSpValueByte(row, byte)
                               : getWgmmaSpValueByte(row, byte);
  valueIndex =
      getBlock(keptPerBlock) * (layout.blockValueBytes() / shape.bytes) +
      byteInBlock.floorDiv(shape.bytes);
  wordIndex = getBlock(wordsPerBlock) * (layout.blockMetadataBytes() / 2) +
              getMetadataWord(layout, row, column % wordsPerBlock);

  values = memref::ViewOp::create(
      b, MemRefType::get({rows * keptColumns}, valueType), packed,
      emitIndex(b, 0), ValueRange{});
  words = memref::ViewOp::create(
      b, MemRefType::get({rows * wordColumns}, b.getI16Type()), packed,
      emitIndex(b, layout.valueBytes()), ValueRange{});
}
