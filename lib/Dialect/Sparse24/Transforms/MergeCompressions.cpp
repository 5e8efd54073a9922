// sparse24-merge-compressions: compresses a matrix and its transpose at once.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Dialect/Sparse24/Transforms/HostTensor.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24MERGECOMPRESSIONSPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {
struct MergeCompressionsPass
    : mlir::sparse24::impl::Sparse24MergeCompressionsPassBase<
          MergeCompressionsPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// The compressions of what one operation pruned: as it is, and transposed.
struct Compressions {
  SmallVector<CompressOp> straight, transposed;
};
} // namespace

/// What the input of a compression was pruned from by tiles, and whether it was
/// transposed since; null if it wasn't.
static std::pair<PruneOp, bool> getPrunedTiles(CompressOp compress) {
  if (compress.getCriterion())
    return {};
  WeightChain chain = traceWeight(compress.getInput());
  auto prune = chain.root.getDefiningOp<PruneOp>();
  // Rounding would come between.
  if (!prune || prune.getCriterion() != Criterion::transposable ||
      chain.isTruncated())
    return {};
  return {prune, chain.isTransposed()};
}

/// One operation in place of both, right after the pruning.
static void merge(IRRewriter &rewriter, PruneOp prune, Compressions &found) {
  CompressOp first = found.straight.front();
  rewriter.setInsertionPointAfter(prune);
  Location loc = prune.getLoc();
  SmallVector<Value> inits;
  for (CompressOp compress : {first, found.transposed.front()})
    for (Type type : compress.getResultTypes()) {
      auto tensor = cast<RankedTensorType>(type);
      inits.push_back(tensor::EmptyOp::create(rewriter, loc, tensor.getShape(),
                                              tensor.getElementType()));
    }
  auto merged = CompressOp::create(
      rewriter, loc, TypeRange(ValueRange(inits)), prune.getInput(),
      /*scores=*/Value(), inits, prune.getCriterionAttr());
  for (CompressOp compress : found.straight)
    rewriter.replaceOp(compress, merged.getResults().take_front(2));
  for (CompressOp compress : found.transposed)
    rewriter.replaceOp(compress, merged.getResults().drop_front(2));
}

void MergeCompressionsPass::runOnOperation() {
  llvm::MapVector<PruneOp, Compressions> byPruning;
  getOperation()->walk([&](CompressOp compress) {
    auto [prune, isTransposed] = getPrunedTiles(compress);
    // Both results' sizes must be known, and be those of the first.
    if (!prune || !llvm::all_of(compress.getResultTypes(), [](Type type) {
          return cast<RankedTensorType>(type).hasStaticShape();
        }))
      return;
    Compressions &found = byPruning[prune];
    (isTransposed ? found.transposed : found.straight).push_back(compress);
  });
  IRRewriter rewriter(&getContext());
  for (auto &[prune, found] : byPruning) {
    if (found.straight.empty() || found.transposed.empty())
      continue;
    merge(rewriter, prune, found);
    ++numMerged;
  }
}
