// sparse24-convert-to-linalg: lowers sparse24 operations on buffers to loops.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/Sparse24ToLinalg.h"

#include "LoweringUtils.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "sparse24/Conversion/Passes.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24CONVERTTOLINALGPASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {
struct ConvertToLinalgPass
    : mlir::sparse24::impl::Sparse24ConvertToLinalgPassBase<
          ConvertToLinalgPass> {
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
      if (!isa<PruneOp, CompressOp, DecompressOp, PackOp, VerifyOp,
               MatmulOp>(op))
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
  populatePatternLowering(patterns);
  populatePackLowering(patterns);
  populateMatmulLowering(patterns);
}
