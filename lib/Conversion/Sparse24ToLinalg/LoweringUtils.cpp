// Helpers that the lowerings of the single operations share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LoweringUtils.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::sparse24;

FailureOr<PatternShape> PatternShape::get(Operation *op, Type elementType) {
  bool isInteger = elementType.isSignlessInteger(8);
  if (!isInteger &&
      !isa<Float16Type, BFloat16Type, Float32Type, Float8E4M3FNType,
           Float8E5M2Type>(elementType))
    return op->emitOpError("has no lowering to loops for element type ")
           << elementType;
  PatternShape shape;
  shape.bytes = elementType.getIntOrFloatBitWidth() / 8;
  if (elementType.isF32()) {
    shape.groupSize = 2;
    shape.kept = 1;
  }
  return shape;
}

void mlir::sparse24::emitLoop(
    ImplicitLocOpBuilder &b, Value end,
    function_ref<void(ImplicitLocOpBuilder &, Value)> body) {
  auto loop =
      scf::ForOp::create(b, emitIndex(b, 0), end, emitIndex(b, 1));
  auto inner =
      ImplicitLocOpBuilder::atBlockBegin(b.getLoc(), loop.getBody());
  body(inner, loop.getInductionVar());
}

Value mlir::sparse24::emitSize(ImplicitLocOpBuilder &b, Value memref,
                               int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return emitIndex(b, type.getDimSize(dim));
  return memref::DimOp::create(b, memref, dim);
}

Value mlir::sparse24::emitIndex(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value mlir::sparse24::emitAffine(ImplicitLocOpBuilder &b, AffineExpr expr,
                                 ValueRange operands) {
  return affine::AffineApplyOp::create(
      b, AffineMap::get(operands.size(), 0, expr), operands);
}

Value mlir::sparse24::emitZero(ImplicitLocOpBuilder &b, Type type) {
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

SmallVector<Value> mlir::sparse24::emitKeptFlags(ImplicitLocOpBuilder &b,
                                                 ArrayRef<Value> keys,
                                                 int64_t kept) {
  Value limit =
      arith::ConstantOp::create(b, b.getI32IntegerAttr(kept));
  SmallVector<Value> flags;
  for (auto [i, key] : llvm::enumerate(keys)) {
    // The number of elements that come before this one.
    Value before = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
    for (auto [j, other] : llvm::enumerate(keys)) {
      if (j == i)
        continue;
      auto predicate =
          j < i ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sgt;
      Value precedes = arith::CmpIOp::create(b, predicate, other, key);
      before = arith::AddIOp::create(
          b, before, arith::ExtUIOp::create(b, b.getI32Type(), precedes));
    }
    flags.push_back(arith::CmpIOp::create(b, arith::CmpIPredicate::slt, before,
                                          limit));
  }
  return flags;
}

Value mlir::sparse24::emitMagnitude(ImplicitLocOpBuilder &b, Value element) {
  Type type = element.getType();
  if (type.isInteger()) {
    Value wide = arith::ExtSIOp::create(b, b.getI32Type(), element);
    return math::AbsIOp::create(b, wide);
  }
  unsigned width = type.getIntOrFloatBitWidth();
  Value bits =
      arith::BitcastOp::create(b, b.getIntegerType(width), element);
  if (width < 32)
    bits = arith::ExtUIOp::create(b, b.getI32Type(), bits);
  Value mask = arith::ConstantOp::create(
      b, b.getI32IntegerAttr(llvm::maskTrailingOnes<uint32_t>(width - 1)));
  return arith::AndIOp::create(b, bits, mask);
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
  Value shift =
      arith::IndexCastOp::create(b, i32, emitAffine(b, bit, {kept}));
  Value shifted = arith::ShRUIOp::create(
      b, arith::ExtUIOp::create(b, i32, word), shift);
  Value inGroup = arith::AndIOp::create(
      b, shifted, arith::ConstantOp::create(b, b.getI32IntegerAttr(mask)));
  return arith::AddIOp::create(
      b, emitAffine(b, group * shape.groupSize, {kept}),
      arith::IndexCastUIOp::create(b, b.getIndexType(), inGroup));
}

//===----------------------------------------------------------------------===//
// PackedView
//===----------------------------------------------------------------------===//

// The maps below are those of Support/PackedLayout.h, as affine expressions. A
// fragment register holds 4 bytes of a row; registers 0 and 1 (rows g and g+8)
// cover the first half of a step's columns and 2 and 3 the second.

static constexpr int64_t rowsPerBlock = 16;
static constexpr int64_t stepsPerBlock = 2;
static constexpr int64_t lanes = 32;
static constexpr int64_t registers = 4;
static constexpr int64_t registerBytes = 4;

PackedView::PackedView(ImplicitLocOpBuilder &b, Value packed,
                       LayoutAttr layout, PatternShape shape) {
  int64_t perRegister = registerBytes / shape.bytes;
  int64_t keptPerStep = 8 * perRegister;
  int64_t keptPerBlock = stepsPerBlock * keptPerStep;
  int64_t columnsPerBlock = keptPerBlock * 2;
  int64_t rowBlocks = llvm::divideCeil(layout.getRows(), rowsPerBlock);
  int64_t kBlocks = llvm::divideCeil(layout.getK(), columnsPerBlock);
  int64_t wordsPerBlock =
      columnsPerBlock / shape.groupSize / 4;
  rows = rowBlocks * rowsPerBlock;
  keptColumns = kBlocks * keptPerBlock;
  wordColumns = kBlocks * wordsPerBlock;

  AffineExpr row, column;
  bindDims(b.getContext(), row, column);
  AffineExpr rowBlock = row.floorDiv(rowsPerBlock);
  AffineExpr lowRow = row % 8;
  AffineExpr rowHalf = (row % rowsPerBlock).floorDiv(8);

  AffineExpr kBlock = column.floorDiv(keptPerBlock);
  AffineExpr step = (column % keptPerBlock).floorDiv(keptPerStep);
  AffineExpr inStep = column % keptPerStep;
  AffineExpr lane =
      lowRow * 4 + (inStep % (4 * perRegister)).floorDiv(perRegister);
  AffineExpr reg = rowHalf + inStep.floorDiv(4 * perRegister) * 2;
  valueIndex =
      ((((rowBlock * kBlocks + kBlock) * stepsPerBlock + step) * lanes + lane) *
           registers +
       reg) *
          perRegister +
      column % perRegister;

  AffineExpr wordBlock = column.floorDiv(wordsPerBlock);
  AffineExpr block = rowBlock * kBlocks + wordBlock;
  if (shape.bytes == 1) {
    // One row a lane: each step has its own 32-bit words.
    AffineExpr wordStep = (column % wordsPerBlock).floorDiv(4);
    AffineExpr wordLane = lowRow * 4 + rowHalf + (column % 4).floorDiv(2) * 2;
    wordIndex =
        ((block * stepsPerBlock + wordStep) * lanes + wordLane) * 2 + column % 2;
  } else {
    // Rows g and g+8 share a 32-bit word; one serves both steps.
    AffineExpr wordLane = lowRow * 4 + column % 4;
    wordIndex = (block * lanes + wordLane) * 2 + rowHalf;
  }

  int64_t numValues = rows * keptColumns;
  Value wordsOffset = emitIndex(b, numValues * shape.bytes);
  values = memref::ViewOp::create(
      b, MemRefType::get({numValues}, layout.getElementType()), packed,
      emitIndex(b, 0), ValueRange{});
  words = memref::ViewOp::create(
      b, MemRefType::get({rows * wordColumns}, b.getI16Type()), packed,
      wordsOffset, ValueRange{});
}
