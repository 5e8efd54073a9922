// Lowers sparse24.matmul on buffers to loops over the kept elements.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LoweringUtils.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"

using namespace mlir;
using namespace mlir::sparse24;

namespace {
/// Emits the loops of one product. In their terms a *row* is a row of the
/// sparse operand and a *column* runs over the dense one, so that the output
/// element is (row, column) if the left operand is sparse and (column, row)
/// otherwise.
class MatmulLowering {
public:
  MatmulLowering(MatmulOp op, ImplicitLocOpBuilder &b, PatternShape shape)
      : op(op), shape(shape), accumulatorType(op.getAccumulatorType()) {
    emit(b);
  }

private:
  void emit(ImplicitLocOpBuilder &b);
  void emitDecodeRow(ImplicitLocOpBuilder &b, Value row);
  void emitAsRowUpdates(ImplicitLocOpBuilder &b, Value row);
  void emitAsDotProducts(ImplicitLocOpBuilder &b, Value row);

  Value emitWiden(ImplicitLocOpBuilder &b, Value element);
  Value emitMultiplyAdd(ImplicitLocOpBuilder &b, Value x, Value y, Value sum);
  Value emitStart(ImplicitLocOpBuilder &b, Value row, Value column);
  void emitStore(ImplicitLocOpBuilder &b, Value sum, Value row, Value column);
  Value emitEpilogue(ImplicitLocOpBuilder &b, Value sum, ValueRange mn);

  SmallVector<Value> getOutputIndices(Value row, Value column) {
    if (op.isLhsSparse())
      return {row, column};
    return {column, row};
  }

  MatmulOp op;
  PatternShape shape;
  Type accumulatorType;
  std::optional<PackedView> packed;
  /// The kept elements of the current row, as accumulators' type, and where
  /// they are along K.
  Value rowElements, rowPositions;
  /// A row of accumulators.
  Value accumulators;
  Value numKept, numColumns;
};
} // namespace

void MatmulLowering::emit(ImplicitLocOpBuilder &b) {
  Value output = op.getInit();
  int64_t rowDim = op.isLhsSparse() ? 0 : 1;
  Value numRows = emitSize(b, output, rowDim);
  numColumns = emitSize(b, output, 1 - rowDim);
  if (op.isPacked())
    packed.emplace(b, op.getPacked(), *op.getLayout(), shape,
                   op.getOperandElementType());

  // Beyond K there are only fillers, which contribute nothing: leave them out.
  int64_t k = op.getK();
  int64_t kept = k / shape.groupSize * shape.kept +
                 std::min(k % shape.groupSize, shape.kept);
  numKept = emitIndex(b, kept);
  rowElements =
      memref::AllocOp::create(b, MemRefType::get({kept}, accumulatorType));
  rowPositions =
      memref::AllocOp::create(b, MemRefType::get({kept}, b.getIndexType()));
  bool updatesRows = !op.isDenseKContiguous();
  if (updatesRows)
    accumulators = memref::AllocOp::create(
        b, MemRefType::get({ShapedType::kDynamic}, accumulatorType),
        ValueRange{numColumns});

  emitLoop(b, numRows, [&](ImplicitLocOpBuilder &b, Value row) {
    emitDecodeRow(b, row);
    if (updatesRows)
      emitAsRowUpdates(b, row);
    else
      emitAsDotProducts(b, row);
  });

  for (Value buffer : {rowElements, rowPositions, accumulators})
    if (buffer)
      memref::DeallocOp::create(b, buffer);
}

/// Reads a row of the sparse operand once, for all columns.
void MatmulLowering::emitDecodeRow(ImplicitLocOpBuilder &b, Value row) {
  Value last = emitIndex(b, op.getK() - 1);
  emitLoop(b, numKept, [&](ImplicitLocOpBuilder &b, Value kept) {
    Value wordIndex =
        emitAffine(b, b.getAffineDimExpr(0).floorDiv(4 * shape.kept), {kept});
    Value element, word;
    if (packed) {
      element = emitLoadElement(b, packed->values,
                                emitAffine(b, packed->valueIndex, {row, kept}));
      word = memref::LoadOp::create(
          b, packed->words, emitAffine(b, packed->wordIndex, {row, wordIndex}));
    } else {
      element = emitLoadElement(b, op.getValues(), ValueRange{row, kept});
      word = memref::LoadOp::create(b, op.getMetadata(),
                                    ValueRange{row, wordIndex});
    }
    // Metadata that isn't canonical must not lead out of the buffer.
    Value position =
        arith::MinUIOp::create(b, emitKeptPosition(b, kept, word, shape), last);
    memref::StoreOp::create(b, emitWiden(b, element), rowElements, kept);
    memref::StoreOp::create(b, position, rowPositions, kept);
  });
}

/// accumulators[:] += element · dense[position, :], with a contiguous inner
/// loop.
void MatmulLowering::emitAsRowUpdates(ImplicitLocOpBuilder &b, Value row) {
  emitLoop(b, numColumns, [&](ImplicitLocOpBuilder &b, Value column) {
    memref::StoreOp::create(b, emitStart(b, row, column), accumulators, column);
  });
  emitLoop(b, numKept, [&](ImplicitLocOpBuilder &b, Value kept) {
    Value element = memref::LoadOp::create(b, rowElements, kept);
    Value position = memref::LoadOp::create(b, rowPositions, kept);
    emitLoop(b, numColumns, [&](ImplicitLocOpBuilder &b, Value column) {
      Value dense = emitWiden(
          b, emitLoadElement(b, op.getDense(), ValueRange{position, column}));
      Value sum = memref::LoadOp::create(b, accumulators, column);
      memref::StoreOp::create(b, emitMultiplyAdd(b, element, dense, sum),
                              accumulators, column);
    });
  });
  emitLoop(b, numColumns, [&](ImplicitLocOpBuilder &b, Value column) {
    emitStore(b, memref::LoadOp::create(b, accumulators, column), row, column);
  });
}

/// One sum a column: the dense operand is contiguous along K.
void MatmulLowering::emitAsDotProducts(ImplicitLocOpBuilder &b, Value row) {
  emitLoop(b, numColumns, [&](ImplicitLocOpBuilder &b, Value column) {
    Value start = emitStart(b, row, column);
    auto loop = scf::ForOp::create(b, emitIndex(b, 0), numKept, emitIndex(b, 1),
                                   ValueRange{start});
    auto inner = ImplicitLocOpBuilder::atBlockBegin(b.getLoc(), loop.getBody());
    Value kept = loop.getInductionVar();
    Value element = memref::LoadOp::create(inner, rowElements, kept);
    Value position = memref::LoadOp::create(inner, rowPositions, kept);
    Value dense =
        emitWiden(inner, emitLoadElement(inner, op.getDense(),
                                         ValueRange{column, position}));
    Value sum = emitMultiplyAdd(inner, element, dense,
                                loop.getRegionIterArgs().front());
    scf::YieldOp::create(inner, sum);
    emitStore(b, loop.getResult(0), row, column);
  });
}

Value MatmulLowering::emitWiden(ImplicitLocOpBuilder &b, Value element) {
  if (op.getOperandElementType().isUnsignedInteger() &&
      element.getType() != accumulatorType)
    return arith::ExtUIOp::create(b, accumulatorType, element);
  return convertScalar(b, b.getLoc(), element, accumulatorType);
}

Value MatmulLowering::emitMultiplyAdd(ImplicitLocOpBuilder &b, Value x, Value y,
                                      Value sum) {
  if (isa<IntegerType>(accumulatorType))
    return arith::AddIOp::create(b, sum, arith::MulIOp::create(b, x, y));
  return arith::AddFOp::create(b, sum, arith::MulFOp::create(b, x, y));
}

/// What an element's sum starts from.
Value MatmulLowering::emitStart(ImplicitLocOpBuilder &b, Value row,
                                Value column) {
  if (!op.getAccumulate())
    return emitZero(b, accumulatorType);
  return emitWiden(b, memref::LoadOp::create(b, op.getInit(),
                                             getOutputIndices(row, column)));
}

void MatmulLowering::emitStore(ImplicitLocOpBuilder &b, Value sum, Value row,
                               Value column) {
  SmallVector<Value> mn = getOutputIndices(row, column);
  memref::StoreOp::create(b, emitEpilogue(b, sum, mn), op.getInit(), mn);
}

Value MatmulLowering::emitEpilogue(ImplicitLocOpBuilder &b, Value sum,
                                   ValueRange mn) {
  SmallVector<Value> elements;
  for (auto [i, operand] : llvm::enumerate(op.getEpilogueOperands())) {
    SmallVector<Value> indices;
    for (AffineExpr expr : op.getEpilogueMap(i).getResults())
      indices.push_back(mn[cast<AffineDimExpr>(expr).getPosition()]);
    elements.push_back(memref::LoadOp::create(b, operand, indices));
  }
  return inlineEpilogue(b, b.getLoc(), op, sum, elements);
}

namespace {
struct LowerMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    if (!isa<MemRefType>(op.getInit().getType()))
      return rewriter.notifyMatchFailure(op, "not on buffers");
    FailureOr<PatternShape> shape =
        PatternShape::get(op, op.getOperandElementType());
    if (failed(shape))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    MatmulLowering(op, b, *shape);
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void mlir::sparse24::populateMatmulLowering(RewritePatternSet &patterns) {
  patterns.add<LowerMatmul>(patterns.getContext());
}
