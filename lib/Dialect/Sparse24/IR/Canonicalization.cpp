// Canonicalization of the operations of the sparse24 dialect.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::sparse24;

/// Replaces an operation's only result by a tensor of the same run-time shape,
/// which may be known better or less well.
static void replaceWithTensor(PatternRewriter &rewriter, Operation *op,
                              Value tensor) {
  Type type = op->getResult(0).getType();
  if (tensor.getType() != type)
    tensor = tensor::CastOp::create(rewriter, op->getLoc(), type, tensor);
  rewriter.replaceOp(op, tensor);
}

namespace {

/// prune(prune(w)) and prune(decompress(…)), where it drops nothing.
struct DropRedundantPrune : OpRewritePattern<PruneOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PruneOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics())
      return failure();
    // Magnitudes keep all nonzeros of what is 2:4, tiles those of tiles; scores
    // may prefer a zero.
    Operation *input = op.getInput().getDefiningOp();
    auto prune = dyn_cast_if_present<PruneOp>(input);
    bool isKept =
        op.getCriterion() == Criterion::magnitude
            ? isa_and_present<PruneOp, DecompressOp>(input)
            : op.getCriterion() == Criterion::transposable && prune &&
                  prune.getCriterion() == Criterion::transposable;
    if (!isKept)
      return rewriter.notifyMatchFailure(op, "may drop nonzeros");
    replaceWithTensor(rewriter, op, op.getInput());
    return success();
  }
};

/// compress(prune(w)), where nobody else wants the pruned matrix: one pass.
struct FusePruneIntoCompress : OpRewritePattern<CompressOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CompressOp op,
                                PatternRewriter &rewriter) const override {
    auto prune = op.getInput().getDefiningOp<PruneOp>();
    if (!prune || op.getCriterion() || !prune->hasOneUse())
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.setCriterionAttr(prune.getCriterionAttr());
      op.getInputMutable().assign(prune.getInput());
      op.getScoresMutable().assign(prune.getScores()
                                       ? ValueRange(prune.getScores())
                                       : ValueRange());
    });
    return success();
  }
};

/// decompress(compress(w)) is w, pruned if compress prunes, up to the sign of
/// zeros.
struct DropDecompressOfCompress : OpRewritePattern<DecompressOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DecompressOp op,
                                PatternRewriter &rewriter) const override {
    auto compress = op.getValues().getDefiningOp<CompressOp>();
    if (!compress || op.getValues() != compress.getResults()[0] ||
        op.getMetadata() != compress.getResults()[1])
      return failure();
    // Several K have values and metadata of the same shape.
    auto input = cast<RankedTensorType>(compress.getInput().getType());
    auto init = cast<RankedTensorType>(op.getInit().getType());
    if (input.isDynamicDim(1) || input.getDimSize(1) != init.getDimSize(1))
      return rewriter.notifyMatchFailure(op, "K may differ");
    if (auto criterion = compress.getCriterion()) {
      rewriter.replaceOpWithNewOp<PruneOp>(op, *criterion, compress.getInput(),
                                           compress.getScores(), op.getInit());
      return success();
    }
    replaceWithTensor(rewriter, op, compress.getInput());
    return success();
  }
};

} // namespace

void PruneOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *context) {
  patterns.add<DropRedundantPrune>(context);
}

void CompressOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                             MLIRContext *context) {
  patterns.add<FusePruneIntoCompress>(context);
}

void DecompressOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                               MLIRContext *context) {
  patterns.add<DropDecompressOfCompress>(context);
}
