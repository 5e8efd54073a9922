// sparse24-convert-to-linalg: lowers sparse24 operations on buffers to loops.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/Sparse24ToLinalg.h"

#include "LoweringUtils.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "sparse24/Conversion/Passes.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24CONVERTTOLINALGPASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

/// The number of groups of a row: ⌈k / groupSize⌉.
static Value emitNumGroups(ImplicitLocOpBuilder &b, Value k,
                           PatternShape shape) {
  return arith::CeilDivUIOp::create(b, k, emitIndex(b, shape.groupSize));
}

namespace {
/// The elements of one group. Positions from K on read as +0.0.
struct Group {
  SmallVector<Value> positions, inBounds, elements;
};
} // namespace

static Group emitLoadGroup(ImplicitLocOpBuilder &b, Value matrix, Value row,
                           Value group, Value k, PatternShape shape) {
  Group result;
  Value zero =
      emitZero(b, cast<MemRefType>(matrix.getType()).getElementType());
  Value last = arith::SubIOp::create(b, k, emitIndex(b, 1));
  for (int64_t i = 0; i < shape.groupSize; ++i) {
    Value position = emitAffine(
        b, b.getAffineDimExpr(0) * shape.groupSize + i, {group});
    Value isIn = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position,
                                       k);
    Value safe = arith::MinUIOp::create(b, position, last);
    Value element =
        memref::LoadOp::create(b, matrix, ValueRange{row, safe});
    result.positions.push_back(position);
    result.inBounds.push_back(isIn);
    result.elements.push_back(
        arith::SelectOp::create(b, isIn, element, zero));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// prune
//===----------------------------------------------------------------------===//

namespace {
struct LowerPrune : OpRewritePattern<PruneOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PruneOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getInput().getType());
    if (!type)
      return rewriter.notifyMatchFailure(op, "not on buffers");
    FailureOr<PatternShape> shape =
        PatternShape::get(op, type.getElementType());
    if (failed(shape))
      return failure();
    Value input = op.getInput(), output = op.getInit();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value k = emitSize(b, input, 1);
    Value numGroups = emitNumGroups(b, k, *shape);
    Value zero = emitZero(b, type.getElementType());
    emitLoop(b, emitSize(b, input, 0), [&](ImplicitLocOpBuilder &b, Value row) {
      emitLoop(b, numGroups, [&](ImplicitLocOpBuilder &b, Value index) {
        Group group = emitLoadGroup(b, input, row, index, k, *shape);
        SmallVector<Value> keys = llvm::map_to_vector(
            group.elements, [&](Value v) { return emitMagnitude(b, v); });
        SmallVector<Value> flags = emitKeptFlags(b, keys, shape->kept);
        for (int64_t i = 0; i < shape->groupSize; ++i) {
          Value kept = arith::SelectOp::create(b, flags[i], group.elements[i],
                                               zero);
          scf::IfOp::create(b, group.inBounds[i],
                            [&](OpBuilder &builder, Location loc) {
                              memref::StoreOp::create(
                                  builder, loc, kept, output,
                                  ValueRange{row, group.positions[i]});
                              scf::YieldOp::create(builder, loc);
                            });
        }
      });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// compress
//===----------------------------------------------------------------------===//

/// Stores the kept elements of a group and returns its nibble, an i32.
Value emitCompressGroup(ImplicitLocOpBuilder &b, CompressOp op, Value row,
                        Value index, Value k, PatternShape shape) {
  Group group = emitLoadGroup(b, op.getInput(), row, index, k, shape);
  auto constant = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  };
  auto select = [&](Value condition, Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, condition, yes, no);
  };
  auto store = [&](Value element, int64_t i) {
    Value column =
        emitAffine(b, b.getAffineDimExpr(0) * shape.kept + i, {index});
    memref::StoreOp::create(b, element, op.getInits()[0],
                            ValueRange{row, column});
  };

  // Nonzeros come before zeros, and within either the lower index first.
  SmallVector<Value> keys;
  for (Value element : group.elements) {
    Value nonzero =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                              emitMagnitude(b, element), constant(0));
    keys.push_back(arith::ExtUIOp::create(b, b.getI32Type(), nonzero));
  }
  SmallVector<Value> flags = emitKeptFlags(b, keys, shape.kept);
  ArrayRef<Value> x = group.elements;
  if (shape.kept == 1) {
    store(select(flags[0], x[0], x[1]), 0);
    return select(flags[0], constant(0x4), constant(0xE));
  }
  // The first kept one is at 0, 1 or 2, the second at 3, 2 or 1.
  store(select(flags[0], x[0], select(flags[1], x[1], x[2])), 0);
  store(select(flags[3], x[3], select(flags[2], x[2], x[1])), 1);
  Value first =
      select(flags[0], constant(0), select(flags[1], constant(1), constant(2)));
  Value second = select(flags[3], constant(3 << 2),
                        select(flags[2], constant(2 << 2), constant(1 << 2)));
  return arith::OrIOp::create(b, first, second);
}

struct LowerCompress : OpRewritePattern<CompressOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CompressOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getInput().getType());
    if (!type)
      return rewriter.notifyMatchFailure(op, "not on buffers");
    FailureOr<PatternShape> shape =
        PatternShape::get(op, type.getElementType());
    if (failed(shape))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value metadata = op.getInits()[1];
    Value k = emitSize(b, op.getInput(), 1);
    Value numGroups = emitNumGroups(b, k, *shape);
    Value rows = emitSize(b, op.getInput(), 0);
    Value numWords = emitSize(b, metadata, 1);
    emitLoop(b, rows, [&](ImplicitLocOpBuilder &b, Value row) {
      emitLoop(b, numWords, [&](ImplicitLocOpBuilder &b, Value wordIndex) {
        Value word = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
        for (int64_t nibble = 0; nibble < 4; ++nibble) {
          Value index =
              emitAffine(b, b.getAffineDimExpr(0) * 4 + nibble, {wordIndex});
          Value isGroup = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                                index, numGroups);
          auto branch = scf::IfOp::create(
              b, isGroup,
              [&](OpBuilder &builder, Location loc) {
                ImplicitLocOpBuilder inner(loc, builder);
                Value code = emitCompressGroup(inner, op, row, index, k, *shape);
                scf::YieldOp::create(inner, code);
              },
              [&](OpBuilder &builder, Location loc) {
                Value padding = arith::ConstantOp::create(
                    builder, loc, builder.getI32IntegerAttr(0x4));
                scf::YieldOp::create(builder, loc, padding);
              });
          Value shift =
              arith::ConstantOp::create(b, b.getI32IntegerAttr(4 * nibble));
          Value shifted =
              arith::ShLIOp::create(b, branch.getResult(0), shift);
          word = arith::OrIOp::create(b, word, shifted);
        }
        Value narrow = arith::TruncIOp::create(b, b.getI16Type(), word);
        memref::StoreOp::create(b, narrow, metadata, ValueRange{row, wordIndex});
      });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// decompress
//===----------------------------------------------------------------------===//

struct LowerDecompress : OpRewritePattern<DecompressOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DecompressOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getInit().getType());
    if (!type)
      return rewriter.notifyMatchFailure(op, "not on buffers");
    FailureOr<PatternShape> shape =
        PatternShape::get(op, type.getElementType());
    if (failed(shape))
      return failure();
    Value output = op.getInit();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value k = emitSize(b, output, 1);
    Value numKept = emitSize(b, op.getValues(), 1);
    Value zero = emitZero(b, type.getElementType());
    emitLoop(b, emitSize(b, output, 0), [&](ImplicitLocOpBuilder &b,
                                            Value row) {
      emitLoop(b, k, [&](ImplicitLocOpBuilder &b, Value column) {
        memref::StoreOp::create(b, zero, output, ValueRange{row, column});
      });
      emitLoop(b, numKept, [&](ImplicitLocOpBuilder &b, Value kept) {
        Value element = memref::LoadOp::create(b, op.getValues(),
                                               ValueRange{row, kept});
        Value wordIndex = emitAffine(
            b, b.getAffineDimExpr(0).floorDiv(4 * shape->kept), {kept});
        Value word = memref::LoadOp::create(b, op.getMetadata(),
                                            ValueRange{row, wordIndex});
        Value column = emitKeptPosition(b, kept, word, *shape);
        Value isIn = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column,
                                           k);
        scf::IfOp::create(b, isIn, [&](OpBuilder &builder, Location loc) {
          memref::StoreOp::create(builder, loc, element, output,
                                  ValueRange{row, column});
          scf::YieldOp::create(builder, loc);
        });
      });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// pack
//===----------------------------------------------------------------------===//

struct LowerPack : OpRewritePattern<PackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PackOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getValues().getType());
    if (!type)
      return rewriter.notifyMatchFailure(op, "not on buffers");
    FailureOr<PatternShape> shape =
        PatternShape::get(op, type.getElementType());
    if (failed(shape))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    PackedView view(b, op.getInit(), op.getLayout(), *shape);
    Value zero = emitZero(b, type.getElementType());
    Value padding =
        arith::ConstantOp::create(b, b.getI16IntegerAttr(0x4444));
    emitCopy(b, op.getValues(), view.values, view.valueIndex, view.rows,
             view.keptColumns, zero);
    emitCopy(b, op.getMetadata(), view.words, view.wordIndex, view.rows,
             view.wordColumns, padding);
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Copies `source`, extended by `padding` to rows × columns, into the places
  /// that `index` says.
  static void emitCopy(ImplicitLocOpBuilder &b, Value source, Value target,
                       AffineExpr index, int64_t rows, int64_t columns,
                       Value padding) {
    Value numRows = emitSize(b, source, 0), numColumns = emitSize(b, source, 1);
    Value one = emitIndex(b, 1);
    Value lastRow = arith::SubIOp::create(b, numRows, one);
    Value lastColumn = arith::SubIOp::create(b, numColumns, one);
    emitLoop(b, emitIndex(b, rows), [&](ImplicitLocOpBuilder &b, Value row) {
      Value rowIsIn =
          arith::CmpIOp::create(b, arith::CmpIPredicate::ult, row, numRows);
      Value safeRow = arith::MinUIOp::create(b, row, lastRow);
      emitLoop(b, emitIndex(b, columns), [&](ImplicitLocOpBuilder &b,
                                             Value column) {
        Value isIn = arith::AndIOp::create(
            b, rowIsIn,
            arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column,
                                  numColumns));
        Value safeColumn = arith::MinUIOp::create(b, column, lastColumn);
        Value element = memref::LoadOp::create(
            b, source, ValueRange{safeRow, safeColumn});
        element = arith::SelectOp::create(b, isIn, element, padding);
        memref::StoreOp::create(b, element, target,
                                emitAffine(b, index, {row, column}));
      });
    });
  }
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

struct ConvertToLinalgPass
    : mlir::sparse24::impl::Sparse24ConvertToLinalgPassBase<ConvertToLinalgPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populateSparse24ToLinalgPatterns(set);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    walkAndApplyPatterns(getOperation(), patterns);
    WalkResult rest = getOperation()->walk([](Operation *op) {
      if (!isa<PruneOp, CompressOp, DecompressOp, PackOp, MatmulOp>(op))
        return WalkResult::advance();
      op->emitOpError("wasn't lowered to loops: it must be on buffers (run "
                      "one-shot-bufferize first)");
      return WalkResult::interrupt();
    });
    if (rest.wasInterrupted())
      signalPassFailure();
  }

  FrozenRewritePatternSet patterns;
};
} // namespace

void mlir::sparse24::populateSparse24ToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<LowerPrune, LowerCompress, LowerDecompress, LowerPack>(
      patterns.getContext());
  populateMatmulLowering(patterns);
}
