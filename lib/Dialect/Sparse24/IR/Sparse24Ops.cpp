// Operations of the sparse24 dialect.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::sparse24;

#define GET_OP_CLASSES
#include "sparse24/Dialect/Sparse24/IR/Sparse24Ops.cpp.inc"

//===----------------------------------------------------------------------===//
// What all destination operations share
//===----------------------------------------------------------------------===//

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

/// Tensors have no effects; memref inputs are read and memref inits written.
static void getDestinationEffects(DestinationStyleOpInterface op,
                                  Effects &effects, bool readsInits = false) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool isInit = op.isDpsInit(&operand);
    if (!isInit || readsInits)
      effects.emplace_back(MemoryEffects::Read::get(), &operand, /*stage=*/0,
                           /*effectOnFullRegion=*/true,
                           SideEffects::DefaultResource::get());
    if (isInit)
      effects.emplace_back(MemoryEffects::Write::get(), &operand, /*stage=*/1,
                           /*effectOnFullRegion=*/true,
                           SideEffects::DefaultResource::get());
  }
}

/// Results have the sizes of the inits they are tied to.
static LogicalResult
reifyDestinationShapes(OpBuilder &builder, DestinationStyleOpInterface op,
                       ReifiedRankedShapedTypeDims &shapes) {
  for (OpResult result : op->getResults())
    shapes.push_back(tensor::getMixedSizes(
        builder, op.getLoc(), op.getTiedOpOperand(result)->get()));
  return success();
}

/// Adds the inits and, for tensors, the results that are tied to them.
static void addInits(OperationState &state, ValueRange inits) {
  state.addOperands(inits);
  for (Value init : inits)
    if (isa<RankedTensorType>(init.getType()))
      state.addTypes(init.getType());
}

//===----------------------------------------------------------------------===//
// PruneOp
//===----------------------------------------------------------------------===//

void PruneOp::build(OpBuilder &builder, OperationState &state,
                    Criterion criterion, Value input, Value init) {
  state.getOrAddProperties<Properties>().criterion =
      CriterionAttr::get(builder.getContext(), criterion);
  state.addOperands(input);
  addInits(state, init);
}

LogicalResult PruneOp::verify() { return success(); }

void PruneOp::getEffects(Effects &effects) {
  getDestinationEffects(*this, effects);
}

LogicalResult PruneOp::reifyResultShapes(OpBuilder &builder,
                                         ReifiedRankedShapedTypeDims &shapes) {
  return reifyDestinationShapes(builder, *this, shapes);
}

void PruneOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *context) {}

//===----------------------------------------------------------------------===//
// CompressOp
//===----------------------------------------------------------------------===//

void CompressOp::build(OpBuilder &builder, OperationState &state, Value input,
                       Value values, Value metadata) {
  state.addOperands(input);
  addInits(state, {values, metadata});
}

LogicalResult CompressOp::verify() { return success(); }

void CompressOp::getEffects(Effects &effects) {
  getDestinationEffects(*this, effects);
}

LogicalResult
CompressOp::reifyResultShapes(OpBuilder &builder,
                              ReifiedRankedShapedTypeDims &shapes) {
  return reifyDestinationShapes(builder, *this, shapes);
}

void CompressOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                             MLIRContext *context) {}

//===----------------------------------------------------------------------===//
// DecompressOp
//===----------------------------------------------------------------------===//

void DecompressOp::build(OpBuilder &builder, OperationState &state,
                         Value values, Value metadata, Value init) {
  state.addOperands({values, metadata});
  addInits(state, init);
}

LogicalResult DecompressOp::verify() { return success(); }

void DecompressOp::getEffects(Effects &effects) {
  getDestinationEffects(*this, effects);
}

LogicalResult
DecompressOp::reifyResultShapes(OpBuilder &builder,
                                ReifiedRankedShapedTypeDims &shapes) {
  return reifyDestinationShapes(builder, *this, shapes);
}

void DecompressOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                               MLIRContext *context) {}

//===----------------------------------------------------------------------===//
// PackOp
//===----------------------------------------------------------------------===//

void PackOp::build(OpBuilder &builder, OperationState &state, LayoutAttr layout,
                   Value values, Value metadata, Value init) {
  state.getOrAddProperties<Properties>().layout = layout;
  state.addOperands({values, metadata});
  addInits(state, init);
}

LogicalResult PackOp::verify() { return success(); }

void PackOp::getEffects(Effects &effects) {
  getDestinationEffects(*this, effects);
}

LogicalResult PackOp::reifyResultShapes(OpBuilder &builder,
                                        ReifiedRankedShapedTypeDims &shapes) {
  return reifyDestinationShapes(builder, *this, shapes);
}

//===----------------------------------------------------------------------===//
// WeightOp
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() { return success(); }

//===----------------------------------------------------------------------===//
// MatmulOp: see MatmulOp.cpp for the rest
//===----------------------------------------------------------------------===//

void MatmulOp::getEffects(Effects &effects) {
  getDestinationEffects(*this, effects, /*readsInits=*/getAccumulate());
}

LogicalResult MatmulOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  return reifyDestinationShapes(builder, *this, shapes);
}
