// sparse24-import-weights: takes constants from checkpoints.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "Safetensors.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Dialect/Sparse24/Transforms/HostTensor.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24IMPORTWEIGHTSPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {
struct ImportWeightsPass
    : mlir::sparse24::impl::Sparse24ImportWeightsPassBase<ImportWeightsPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  using Checkpoints = SmallVector<std::unique_ptr<Safetensors>>;

  LogicalResult import(WeightOp op, const Checkpoints &checkpoints);
};
} // namespace

/// The elements where they lie in the mapped file.
static DenseResourceElementsAttr makeMapped(const Safetensors &checkpoint,
                                            const Safetensors::Entry &entry,
                                            StringRef name) {
  size_t alignment = getElementBytes(entry.type.getElementType());
  // A file may have them anywhere.
  if (!llvm::isAddrAligned(llvm::Align(alignment), entry.data.data()))
    return DenseResourceElementsAttr::get(
        entry.type, name,
        HeapAsmResourceBlob::allocateAndCopyWithAlign(entry.data, alignment,
                                                      /*dataIsMutable=*/false));
  AsmResourceBlob blob(
      entry.data, alignment,
      [buffer = checkpoint.getBuffer()](void *, size_t, size_t) mutable {
        buffer.reset();
      },
      /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(entry.type, name, std::move(blob));
}

LogicalResult ImportWeightsPass::import(WeightOp op,
                                        const Checkpoints &checkpoints) {
  for (const std::unique_ptr<Safetensors> &checkpoint : checkpoints) {
    const Safetensors::Entry *entry = checkpoint->find(op.getName());
    if (!entry)
      continue;
    if (entry->type != op.getType())
      return op.emitError("is of type ")
             << entry->type << " in the checkpoint, but its result is of type "
             << op.getType();
    OpBuilder builder(op);
    auto constant = arith::ConstantOp::create(
        builder, op.getLoc(), makeMapped(*checkpoint, *entry, op.getName()));
    op.replaceAllUsesWith(constant.getResult());
    op.erase();
    ++numImported;
    return success();
  }
  if (files.empty())
    return op.emitError("names a tensor of a checkpoint, and none is given "
                        "(checkpoints=…)");
  return op.emitError("isn't in the checkpoints (")
         << llvm::join(files, ", ")
         << "), or of an element type that MLIR hasn't got";
}

void ImportWeightsPass::runOnOperation() {
  Checkpoints checkpoints;
  for (const std::string &path : files) {
    auto checkpoint = Safetensors::open(path, &getContext());
    if (!checkpoint) {
      emitError(UnknownLoc::get(&getContext()))
          << llvm::toString(checkpoint.takeError());
      return signalPassFailure();
    }
    checkpoints.push_back(std::move(*checkpoint));
  }
  SmallVector<WeightOp> weights;
  getOperation().walk([&](WeightOp op) {
    if (!op.getLayout() && isa<RankedTensorType>(op.getType()))
      weights.push_back(op);
  });
  for (WeightOp op : weights)
    if (failed(import(op, checkpoints)))
      signalPassFailure();
}
