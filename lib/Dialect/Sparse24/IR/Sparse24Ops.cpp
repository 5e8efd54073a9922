// Operations of the sparse24 dialect.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

#include "Verification.h"
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
    shapes.push_back(tensor::getMixedSizes(builder, op.getLoc(),
                                           op.getTiedOpOperand(result)->get()));
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

/// A criterion that has scores has them, of the right type and shape.
static LogicalResult verifyScores(Operation *op, ArrayRef<StringRef> rules,
                                  std::optional<Criterion> criterion,
                                  const NamedOperand &input, Value scores) {
  bool isNeeded = criterion && hasScores(*criterion);
  if (isNeeded != static_cast<bool>(scores))
    return op->emitOpError()
           << rules[0] << ": operand 'scores' must "
           << (isNeeded ? "be there with " : "not be there without ")
           << "criterion "
           << (isNeeded ? stringifyCriterion(*criterion)
                        : StringRef("importance or wanda"));
  if (!isNeeded)
    return success();
  NamedOperand operand{"scores", scores};
  return failure(
      failed(verifyElementType(op, rules[1], operand,
                               Float32Type::get(op->getContext()))) ||
      failed(verifyShape(
          op, rules[2], operand,
          getScoresShape(*criterion, input.getType().getShape()))));
}

/// The operands that must all be tensors or all memrefs.
static SmallVector<NamedOperand> withScores(SmallVector<NamedOperand> operands,
                                            Value scores) {
  if (scores)
    operands.push_back({"scores", scores});
  return operands;
}

void PruneOp::build(OpBuilder &builder, OperationState &state,
                    Criterion criterion, Value input, Value scores,
                    Value init) {
  state.getOrAddProperties<Properties>().criterion =
      CriterionAttr::get(builder.getContext(), criterion);
  state.addOperands(input);
  if (scores)
    state.addOperands(scores);
  addInits(state, init);
}

LogicalResult PruneOp::verify() {
  NamedOperand input{"input", getInput()}, init{"init", getInit()};
  return failure(
      failed(verifyOneForm(*this, "prune_c1",
                           withScores({input, init}, getScores()))) ||
      failed(verifySparseElementType(*this, "prune_c2", input)) ||
      failed(
          verifyElementType(*this, "prune_c3", init, input.getElementType())) ||
      failed(
          verifyShape(*this, "prune_c4", init, input.getType().getShape())) ||
      failed(verifyScores(*this, {"prune_c5", "prune_c6", "prune_c7"},
                          getCriterion(), input, getScores())));
}

void PruneOp::getEffects(Effects &effects) {
  getDestinationEffects(*this, effects);
}

LogicalResult PruneOp::reifyResultShapes(OpBuilder &builder,
                                         ReifiedRankedShapedTypeDims &shapes) {
  return reifyDestinationShapes(builder, *this, shapes);
}

//===----------------------------------------------------------------------===//
// CompressOp
//===----------------------------------------------------------------------===//

void CompressOp::build(OpBuilder &builder, OperationState &state, Value input,
                       Value values, Value metadata) {
  state.addOperands(input);
  addInits(state, {values, metadata});
  state.getOrAddProperties<Properties>().operandSegmentSizes = {1, 0, 2};
}

LogicalResult CompressOp::verify() {
  NamedOperand input{"input", getInput()};
  bool isBothWays = getInits().size() == 4;
  if (getInits().size() != 2 && !isBothWays)
    return emitOpError() << "compress_c2: operand 'inits' must be values and "
                            "metadata, but there are "
                         << getInits().size();
  if (isBothWays && getCriterion() != Criterion::transposable)
    return emitOpError() << "compress_c2: operand 'inits' may be four only with "
                            "prune = transposable";
  if (failed(verifySparseElementType(*this, "compress_c3", input)) ||
      failed(verifyScores(*this, {"compress_c8", "compress_c9", "compress_c10"},
                          getCriterion(), input, getScores())))
    return failure();
  auto verifyResult = [&](const NamedOperand &values,
                          const NamedOperand &metadata, int64_t rows,
                          int64_t k) {
    return failure(
        failed(
            verifyOneForm(*this, "compress_c1",
                          withScores({input, values, metadata},
                                     getScores()))) ||
        failed(verifyElementType(*this, "compress_c4", values,
                                 input.getElementType())) ||
        failed(verifyCompressed(*this,
                                {"compress_c5", "compress_c6", "compress_c7"},
                                values, metadata, input.getElementType(), rows,
                                k)));
  };
  if (failed(verifyResult({"values", getInits()[0]},
                          {"metadata", getInits()[1]}, input.getSize(0),
                          input.getSize(1))))
    return failure();
  if (!isBothWays)
    return success();
  return verifyResult({"transposed values", getInits()[2]},
                      {"transposed metadata", getInits()[3]}, input.getSize(1),
                      input.getSize(0));
}

void CompressOp::getEffects(Effects &effects) {
  getDestinationEffects(*this, effects);
}

LogicalResult
CompressOp::reifyResultShapes(OpBuilder &builder,
                              ReifiedRankedShapedTypeDims &shapes) {
  return reifyDestinationShapes(builder, *this, shapes);
}

//===----------------------------------------------------------------------===//
// DecompressOp
//===----------------------------------------------------------------------===//

void DecompressOp::build(OpBuilder &builder, OperationState &state,
                         Value values, Value metadata, Value init) {
  state.addOperands({values, metadata});
  addInits(state, init);
}

LogicalResult DecompressOp::verify() {
  NamedOperand values{"values", getValues()}, init{"init", getInit()};
  NamedOperand metadata{"metadata", getMetadata()};
  return failure(
      failed(verifyOneForm(*this, "decompress_c1", {values, metadata, init})) ||
      failed(verifySparseElementType(*this, "decompress_c2", values)) ||
      failed(verifyElementType(*this, "decompress_c4", init,
                               values.getElementType())) ||
      failed(verifyCompressed(
          *this, {"decompress_c3", "decompress_c5", "decompress_c6"}, values,
          metadata, values.getElementType(), init.getSize(0),
          init.getSize(1))));
}

void DecompressOp::getEffects(Effects &effects) {
  getDestinationEffects(*this, effects);
}

LogicalResult
DecompressOp::reifyResultShapes(OpBuilder &builder,
                                ReifiedRankedShapedTypeDims &shapes) {
  return reifyDestinationShapes(builder, *this, shapes);
}

//===----------------------------------------------------------------------===//
// VerifyOp
//===----------------------------------------------------------------------===//

LogicalResult VerifyOp::verify() {
  NamedOperand init{"init", getInit()};
  if (getInputs().empty() || getInputs().size() > 2)
    return emitOpError() << "verify_c2: operand 'inputs' must be a matrix, or "
                            "values and metadata, but there are "
                         << getInputs().size();
  NamedOperand first{"inputs", getInputs()[0]};
  SmallVector<NamedOperand> operands{first, init};
  if (isOfMetadata())
    operands.push_back({"metadata", getInputs()[1]});
  if (failed(verifyOneForm(*this, "verify_c1", operands)) ||
      failed(verifySparseElementType(*this, "verify_c3", first)))
    return failure();
  if (isOfMetadata()) {
    ::sparse24::ElementType type = *convertElementType(first.getElementType());
    int64_t words = first.getSize(1);
    if (!ShapedType::isDynamic(words))
      words = ::sparse24::ceilDiv(words, ::sparse24::keptPerGroup(type) *
                                             ::sparse24::kGroupsPerMetadataWord);
    if (failed(verifyElementType(*this, "verify_c4", operands[2],
                                 IntegerType::get(getContext(), 16))) ||
        failed(verifyShape(*this, "verify_c5", operands[2],
                           {first.getSize(0), words})))
      return failure();
  }
  return failure(failed(verifyElementType(*this, "verify_c6", init,
                                          IntegerType::get(getContext(), 64))) ||
                 failed(verifyShape(*this, "verify_c7", init, {3})));
}

void VerifyOp::getEffects(Effects &effects) {
  getDestinationEffects(*this, effects);
}

LogicalResult VerifyOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  return reifyDestinationShapes(builder, *this, shapes);
}

//===----------------------------------------------------------------------===//
// PackOp
//===----------------------------------------------------------------------===//

void PackOp::build(OpBuilder &builder, OperationState &state, LayoutAttr layout,
                   Value values, Value metadata, Value init) {
  state.getOrAddProperties<Properties>().layout = layout;
  state.addOperands({values, metadata});
  addInits(state, init);
}

LogicalResult PackOp::verify() {
  NamedOperand values{"values", getValues()}, init{"init", getInit()};
  NamedOperand metadata{"metadata", getMetadata()};
  LayoutAttr layout = getLayout();
  return failure(
      failed(verifyOneForm(*this, "pack_c1", {values, metadata, init})) ||
      failed(verifyElementType(*this, "pack_c2", values,
                               layout.getElementType())) ||
      failed(verifyCompressed(*this, {"pack_c3", "pack_c4", "pack_c5"}, values,
                              metadata, layout.getElementType(),
                              layout.getRows(), layout.getK())) ||
      failed(verifyPacked(*this, "pack_c6", init, layout)));
}

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

LogicalResult WeightOp::verify() {
  auto type = cast<ShapedType>(getResult().getType());
  if (getName().empty())
    return emitOpError("weight_c1: attribute 'name' must not be empty");
  auto memref = dyn_cast<MemRefType>(type);
  if (!type.hasStaticShape() || (memref && !memref.getLayout().isIdentity()))
    return emitOpError() << "weight_c2: result must have a static shape and "
                            "the identity layout, but is of type "
                         << type;
  LayoutAttr layout = getLayoutAttr();
  if (layout &&
      (type.getRank() != 1 || !type.getElementType().isSignlessInteger(8) ||
       type.getDimSize(0) != layout.getByteSize()))
    return emitOpError() << "weight_c3: result must be 1-D, of i8, and of the "
                         << layout.getByteSize() << " bytes of " << layout
                         << ", but is of type " << type;
  return success();
}

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
