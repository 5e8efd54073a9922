// sparse24-prepare-entries: makes public functions fit to be called from outside.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24PREPAREENTRIESPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using bufferization::BufferizationDialect;

/// Copies a tensor that is returned more than once, for each result gets a
/// buffer of its own from the caller (buffer-results-to-out-params replaces an
/// allocation by one out parameter and fails on its second use).
static void separateResults(func::ReturnOp op) {
  OpBuilder builder(op);
  llvm::SmallDenseSet<Value> seen;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (!type || seen.insert(operand.get()).second)
      continue;
    operand.set(bufferization::AllocTensorOp::create(
        builder, op.getLoc(), type, /*dynamicSizes=*/ValueRange(),
        /*copy=*/operand.get()));
  }
}

namespace {
struct PrepareEntriesPass
    : mlir::sparse24::impl::Sparse24PrepareEntriesPassBase<PrepareEntriesPass> {
  using Base::Base;

  void runOnOperation() override {
    Builder builder(&getContext());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function.isPublic() || function.isDeclaration())
        continue;
      function.walk(separateResults);
      function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                        builder.getUnitAttr());
      for (unsigned i = 0, e = function.getNumArguments(); i != e; ++i)
        if (isa<TensorType>(function.getArgument(i).getType()) &&
            !function.getArgAttr(i, BufferizationDialect::kWritableAttrName))
          function.setArgAttr(i, BufferizationDialect::kWritableAttrName,
                              builder.getBoolAttr(false));
    }
  }
};
} // namespace
