// Where the order of a tensor's channels is decided.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/ChannelTrace.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Dialect/Sparse24/Transforms/HostTensor.h"

using namespace mlir;
using namespace mlir::sparse24;

LogicalResult ChannelTrace::fail(const Twine &why) {
  reason = why.str();
  return failure();
}

LogicalResult ChannelTrace::followOperand(OpOperand &operand, int64_t dim) {
  Value value = operand.get();
  followed.insert(&operand);
  ElementsAttr constant;
  if (matchPattern(value, m_Constant(&constant))) {
    // One value throughout is in any order.
    if (isa<SplatElementsAttr>(constant))
      return success();
    if (!readConstant(constant))
      return fail("a constant's data isn't there (an elided or missing "
                  "resource)");
    constants.push_back({&operand, dim});
    return success();
  }
  Operation *op = value.getDefiningOp();
  if (!op)
    return fail("they are an argument");
  // Anything may be there.
  if (isa<tensor::EmptyOp>(op))
    return success();
  auto [known, isNew] = dims.insert({op, dim});
  if (!isNew)
    return known->second == dim ? success()
                                : fail("'" + op->getName().getStringRef() +
                                       "' is used along two of its dimensions");
  if (isa<linalg::LinalgOp>(op))
    return followStructured(op, dim);
  if (!isa<tensor::CastOp>(op) && !OpTrait::hasElementwiseMappableTraits(op))
    return fail("they come from '" + op->getName().getStringRef() + "'");
  for (OpOperand &input : op->getOpOperands())
    if (isa<RankedTensorType>(input.get().getType()) &&
        failed(followOperand(input, dim)))
      return failure();
  return success();
}

/// Whether the scalar computation depends on nothing but the elements that it
/// is given: it neither asks for their index along the loop nor reads tensors
/// by itself.
static bool isPointwise(linalg::LinalgOp op, unsigned loop) {
  return !op.getBlock()
              ->walk([&](Operation *inner) {
                auto index = dyn_cast<linalg::IndexOp>(inner);
                bool readsTensor = llvm::any_of(inner->getOperandTypes(),
                                                llvm::IsaPred<ShapedType>);
                return (index && index.getDim() == loop) || readsTensor
                           ? WalkResult::interrupt()
                           : WalkResult::advance();
              })
              .wasInterrupted();
}

/// Into the operands that are read along the loop that writes `dim`.
LogicalResult ChannelTrace::followStructured(Operation *operation,
                                             int64_t dim) {
  auto op = cast<linalg::LinalgOp>(operation);
  auto refuse = [&] {
    return fail("'" + op->getName().getStringRef() +
                "' doesn't compute them one by one");
  };
  if (op.getNumDpsInits() != 1 || !op.hasPureTensorSemantics())
    return refuse();
  // Scores are by the weight's rows.
  if (op->hasAttr(Sparse24Dialect::getScoresAttrName()))
    return fail("'" + op->getName().getStringRef() +
                "' has scores for them as they are");
  AffineMap outputMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  // Others leave some of the init as it is.
  if (!outputMap.isProjectedPermutation())
    return refuse();
  auto loop = dyn_cast<AffineDimExpr>(outputMap.getResult(dim));
  if (!loop || !isPointwise(op, loop.getPosition()))
    return refuse();
  bool isUniform = true;
  for (OpOperand &input : op->getOpOperands()) {
    if (op.isDpsInit(&input) && !op.payloadUsesValueFromOperand(&input))
      continue;
    for (auto [position, expr] :
         llvm::enumerate(op.getMatchingIndexingMap(&input).getResults())) {
      if (!expr.isFunctionOfDim(loop.getPosition()))
        continue;
      if (expr != loop)
        return refuse();
      if (failed(followOperand(input, position)))
        return failure();
      isUniform = false;
    }
  }
  // The same along all the loop (zeros to start from, a scalar that is
  // broadcast): others may use it, too.
  if (isUniform)
    dims.erase(operation);
  return success();
}

/// Whether an operand is there for nothing but its size.
static bool isSizeOnly(OpOperand &use) {
  auto op = dyn_cast<linalg::LinalgOp>(use.getOwner());
  return isa<tensor::DimOp>(use.getOwner()) ||
         (op && op.isDpsInit(&use) && !op.payloadUsesValueFromOperand(&use));
}

/// What isn't on the way to the product must not see another order. Sizes stay.
LogicalResult ChannelTrace::checkUses() {
  for (auto [op, dim] : dims)
    for (OpOperand &use : op->getUses())
      if (!followed.contains(&use) && !isSizeOnly(use))
        return fail("'" + use.getOwner()->getName().getStringRef() +
                    "' uses them, too");
  return success();
}

FailureOr<ChannelTrace> ChannelTrace::follow(OpOperand &operand, int64_t dim,
                                             std::string &why) {
  ChannelTrace trace;
  if (succeeded(trace.followOperand(operand, dim)) &&
      succeeded(trace.checkUses()))
    return trace;
  why = trace.reason;
  return failure();
}

void ChannelTrace::permute(OpBuilder &builder, ArrayRef<int64_t> permutation,
                           StringRef name) {
  OpBuilder::InsertionGuard guard(builder);
  for (auto [operand, dim] : constants) {
    ElementsAttr constant;
    matchPattern(operand->get(), m_Constant(&constant));
    HostTensor permuted =
        permuteHost(*readConstant(constant), dim, permutation);
    builder.setInsertionPoint(operand->getOwner());
    operand->set(arith::ConstantOp::create(
        builder, operand->get().getLoc(),
        cast<TypedAttr>(Attribute(makeResource(permuted, name)))));
  }
}
