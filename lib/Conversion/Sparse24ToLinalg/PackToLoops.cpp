// Packing as loops.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LoweringUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::sparse24;

namespace {
struct LowerPack : LowerOnBuffers<PackOp> {
  using LowerOnBuffers::LowerOnBuffers;

  void lower(ImplicitLocOpBuilder &b, PackOp op,
             PatternShape shape) const override {
    Type bitsType = b.getIntegerType(8 * shape.bytes);
    PackedView view(b, op.getInit(), op.getLayout(), shape, bitsType);
    Value zero = emitZero(b, bitsType);
    Value padding = arith::ConstantOp::create(
        b, b.getI16IntegerAttr(::sparse24::kPaddingMetadataWord));
    emitCopy(b, op.getValues(), view.values, view.valueIndex, view.rows,
             view.keptColumns, view.valueChunk, zero);
    emitCopy(b, op.getMetadata(), view.words, view.wordIndex, view.rows,
             view.wordColumns, /*chunk=*/1, padding);
  }

private:
  /// Copies `source`, extended by `padding` to rows × columns, into the places
  /// that `index` says; `chunk` neighbours stay neighbours.
  static void emitCopy(ImplicitLocOpBuilder &b, Value source, Value target,
                       AffineExpr index, int64_t rows, int64_t columns,
                       int64_t chunk, Value padding) {
    auto type = cast<MemRefType>(source.getType());
    // Rows that end within a chunk are copied element by element.
    if (!isContiguous(source) || type.isDynamicDim(1) ||
        type.getDimSize(1) % chunk != 0)
      chunk = 1;
    auto vectorType = VectorType::get({chunk}, type.getElementType());
    // As bits: no processor changes those, whatever NaN they stand for.
    auto bitsType = VectorType::get({chunk}, padding.getType());
    llvm::MaybeAlign alignment(chunk * type.getElementTypeBitWidth() / 8);
    Value numRows = emitSize(b, source, 0), numColumns = emitSize(b, source, 1);
    emitWordLoop(
        b, emitIndex(b, rows), emitIndex(b, columns / chunk),
        [&](ImplicitLocOpBuilder &b, Value row, Value number) {
          Value column = emitAffine(b, b.getAffineDimExpr(0) * chunk, {number});
          Value isIn =
              arith::AndIOp::create(b, emitIsBelow(b, row, numRows),
                                    emitIsBelow(b, column, numColumns));
          auto copied = scf::IfOp::create(
              b, isIn,
              [&](OpBuilder &builder, Location loc) {
                Value elements = vector::LoadOp::create(
                    builder, loc, vectorType, source, ValueRange{row, column},
                    /*nontemporal=*/false, alignment);
                scf::YieldOp::create(builder, loc,
                                     builder.createOrFold<vector::BitCastOp>(
                                         loc, bitsType, elements));
              },
              [&](OpBuilder &builder, Location loc) {
                Value elements = vector::BroadcastOp::create(builder, loc,
                                                             bitsType, padding);
                scf::YieldOp::create(builder, loc, elements);
              });
          vector::StoreOp::create(
              b, copied.getResult(0), target,
              ValueRange{emitAffine(b, index, {row, column})},
              /*nontemporal=*/false, alignment);
        });
  }
};
} // namespace

void mlir::sparse24::populatePackLowering(RewritePatternSet &patterns) {
  patterns.add<LowerPack>(patterns.getContext());
}
