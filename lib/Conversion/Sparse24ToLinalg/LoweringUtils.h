// Helpers that the lowerings of the single operations share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TOLINALG_LOWERINGUTILS_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TOLINALG_LOWERINGUTILS_H

#include "mlir/IR/PatternMatch.h"
#include "sparse24/Conversion/PatternCode.h"

namespace mlir::sparse24 {

/// Lowers an operation on buffers, whose first operand has the elements, to
/// what `lower` emits.
template <typename OpTy>
struct LowerOnBuffers : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const final {
    auto type = dyn_cast<MemRefType>(op->getOperand(0).getType());
    if (!type)
      return rewriter.notifyMatchFailure(op, "not on buffers");
    FailureOr<PatternShape> shape =
        PatternShape::get(op, type.getElementType());
    if (failed(shape))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    lower(b, op, *shape);
    rewriter.eraseOp(op);
    return success();
  }

  virtual void lower(ImplicitLocOpBuilder &b, OpTy op,
                     PatternShape shape) const = 0;
};

/// Emits a loop from 0 to `end`, in steps of one.
void emitLoop(ImplicitLocOpBuilder &b, Value end,
              function_ref<void(ImplicitLocOpBuilder &, Value)> body);

/// Emits a parallel loop over the rows of a matrix and the words of metadata
/// that a row has.
void emitWordLoop(ImplicitLocOpBuilder &b, Value rows, Value words,
                  function_ref<void(ImplicitLocOpBuilder &, Value, Value)> body);

/// A word of metadata as an i32.
Value emitLoadMetadata(ImplicitLocOpBuilder &b, Value metadata, Value row,
                       Value word);

/// The logical column of kept element number `kept` of a row, from the 16-bit
/// metadata word that its group's nibble is in.
Value emitKeptPosition(ImplicitLocOpBuilder &b, Value kept, Value word,
                       PatternShape shape);

/// Where a packed buffer holds an element.
class PackedView {
public:
  /// Makes typed views of the two regions of `packed`: of elements, or of their
  /// bits.
  PackedView(ImplicitLocOpBuilder &b, Value packed, LayoutAttr layout,
             PatternShape shape, Type valueType);

  Value values, words;
  /// (row, kept column) -> element of `values`.
  AffineExpr valueIndex;
  /// (row, 16-bit word of the logical metadata) -> element of `words`.
  AffineExpr wordIndex;
  /// The sizes with padding.
  int64_t rows, keptColumns, wordColumns;
  /// So many elements from a multiple of that on are neighbours in both.
  int64_t valueChunk;
};

void populateMatmulLowering(RewritePatternSet &patterns);
void populatePackLowering(RewritePatternSet &patterns);
void populatePatternLowering(RewritePatternSet &patterns);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TOLINALG_LOWERINGUTILS_H
