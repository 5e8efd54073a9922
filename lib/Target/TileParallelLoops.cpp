// Shapes parallel loops for a grid of CTAs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "sparse24/Target/Passes.h"

#include <numeric>

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24TILEPARALLELLOOPSPASS
#include "sparse24/Target/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {
struct TileParallelLoops
    : public mlir::sparse24::impl::Sparse24TileParallelLoopsPassBase<
          TileParallelLoops> {
  using Sparse24TileParallelLoopsPassBase::Sparse24TileParallelLoopsPassBase;
  void runOnOperation() override;
};
} // namespace

void TileParallelLoops::runOnOperation() {
  auto collect = [&] {
    SmallVector<scf::ParallelOp> loops;
    getOperation()->walk<WalkOrder::PreOrder>([&](scf::ParallelOp loop) {
      if (loop.getNumReductions() == 0)
        loops.push_back(loop);
      return WalkResult::skip();
    });
    return loops;
  };
  IRRewriter rewriter(&getContext());
  for (scf::ParallelOp loop : collect()) {
    if (loop.getNumLoops() == 1)
      continue;
    std::vector<unsigned> all(loop.getNumLoops());
    std::iota(all.begin(), all.end(), 0);
    collapseParallelLoops(rewriter, loop, {all});
  }
  for (scf::ParallelOp loop : collect())
    scf::tileParallelLoop(loop, {threads}, /*noMinMaxBounds=*/false);

  // Makes the number of threads a constant of the inner loop's bound, where the
  // conversion to kernels looks for it. (All of canonicalization would leave no
  // loop, and no kernel, of a single iteration.)
  RewritePatternSet patterns(&getContext());
  affine::AffineMinOp::getCanonicalizationPatterns(patterns, &getContext());
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    signalPassFailure();
}
