// How the operations of the sparse24 dialect bufferize.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/BufferizableOpInterfaceImpl.h"

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/DialectRegistry.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace mlir::sparse24 {
namespace {

/// Operations that write their results into inits.
template <typename OpT>
struct DestinationModel
    : DstBufferizableOpInterfaceExternalModel<DestinationModel<OpT>, OpT> {
  /// Inits are overwritten, but for those that a product accumulates into.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    if (cast<DestinationStyleOpInterface>(op).isDpsInput(&operand))
      return true;
    if (auto matmul = dyn_cast<MatmulOp>(op))
      return matmul.getAccumulate();
    return false;
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto destination = cast<DestinationStyleOpInterface>(op);
    if (destination.hasPureBufferSemantics())
      return success();

    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    SmallVector<Value> inits =
        llvm::map_to_vector(op->getResults(), [&](OpResult result) {
          OpOperand *init = destination.getTiedOpOperand(result);
          return buffers[init->getOperandNumber()];
        });
    OperationState newState(op->getLoc(), op->getName(), buffers,
                            /*types=*/TypeRange(), op->getAttrs());
    for (unsigned i = 0; i < op->getNumRegions(); ++i)
      newState.addRegion();
    Operation *newOp = rewriter.create(newState);
    for (auto [source, target] :
         llvm::zip_equal(op->getRegions(), newOp->getRegions()))
      rewriter.inlineRegionBefore(source, target, target.end());
    replaceOpWithBufferizedValues(rewriter, op, inits);
    return success();
  }
};

/// A weight becomes a buffer that nobody may write to.
struct WeightModel
    : BufferizableOpInterface::ExternalModel<WeightModel, WeightOp> {
  AliasingOpOperandList getAliasingOpOperands(Operation *, Value,
                                              const AnalysisState &) const {
    return {};
  }

  bool isWritable(Operation *, Value, const AnalysisState &) const {
    return false;
  }

  /// The file holds weights contiguously.
  FailureOr<BufferLikeType> getBufferType(Operation *, Value value,
                                          const BufferizationOptions &options,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    auto type = cast<RankedTensorType>(value.getType());
    std::optional<Attribute> memorySpace = options.defaultMemorySpaceFn(type);
    return cast<BufferLikeType>(getMemRefTypeWithStaticIdentityLayout(
        type, memorySpace.value_or(Attribute())));
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto weight = cast<WeightOp>(op);
    FailureOr<BufferLikeType> type =
        bufferization::getBufferType(weight.getResult(), options, state);
    if (failed(type))
      return failure();
    auto buffer =
        WeightOp::create(rewriter, op->getLoc(), *type, weight.getNameAttr(),
                         weight.getLayoutAttr());
    buffer->setDiscardableAttrs(weight->getDiscardableAttrDictionary());
    replaceOpWithBufferizedValues(rewriter, op, buffer.getResult());
    return success();
  }
};

} // namespace

void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, Sparse24Dialect *) {
    PruneOp::attachInterface<DestinationModel<PruneOp>>(*context);
    CompressOp::attachInterface<DestinationModel<CompressOp>>(*context);
    DecompressOp::attachInterface<DestinationModel<DecompressOp>>(*context);
    PackOp::attachInterface<DestinationModel<PackOp>>(*context);
    VerifyOp::attachInterface<DestinationModel<VerifyOp>>(*context);
    MatmulOp::attachInterface<DestinationModel<MatmulOp>>(*context);
    WeightOp::attachInterface<WeightModel>(*context);
    context->loadDialect<memref::MemRefDialect>();
  });
}

} // namespace mlir::sparse24
