// sparse24-fuse-epilogues: moves elementwise consumers into products.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24FUSEEPILOGUESPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {
/// A tensor that an epilogue reads, and the map from (m, n) to its indices.
struct EpilogueOperand {
  Value tensor;
  AffineMap map;
};
} // namespace

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// The source of a broadcast and the dimensions of the result that it adds.
static std::optional<std::pair<Value, SmallVector<int64_t>>>
matchBroadcast(Value value) {
  if (auto broadcast = value.getDefiningOp<linalg::BroadcastOp>())
    return std::make_pair(broadcast.getInput(),
                          SmallVector<int64_t>(broadcast.getDimensions()));
  auto generic = value.getDefiningOp<linalg::GenericOp>();
  if (!generic)
    return std::nullopt;
  auto dimensions = linalg::isaBroadcastOpInterface(generic);
  if (!dimensions)
    return std::nullopt;
  return std::make_pair(generic.getDpsInputs().front(), *dimensions);
}

/// Reads the source of a broadcast (a bias) instead of its result.
static EpilogueOperand lookThroughBroadcast(EpilogueOperand operand) {
  while (auto broadcast = matchBroadcast(operand.tensor)) {
    SmallVector<AffineExpr> results;
    for (auto [i, expr] : llvm::enumerate(operand.map.getResults()))
      if (!llvm::is_contained(broadcast->second, static_cast<int64_t>(i)))
        results.push_back(expr);
    operand.tensor = broadcast->first;
    operand.map = AffineMap::get(operand.map.getNumDims(), 0, results,
                                 operand.map.getContext());
  }
  return operand;
}

//===----------------------------------------------------------------------===//
// Rebuilding a product with another epilogue
//===----------------------------------------------------------------------===//

/// Builds, in place of `product`, one whose epilogue continues: `extend` is given
/// the scalar that the old epilogue yields and one scalar for each of `operands`,
/// and returns what the new one yields. `init` gives the new output's type; it is
/// overwritten.
static MatmulOp
rebuild(RewriterBase &rewriter, MatmulOp product, Value init,
        ArrayRef<EpilogueOperand> operands,
        function_ref<Value(OpBuilder &, Location, Value, ValueRange)> extend) {
  MatmulOptions options;
  options.transposeDense = product.getTransposeDense();
  options.layout = product.getLayoutAttr();
  options.schedule = product.getScheduleAttr();
  unsigned numOld = product.getEpilogueOperands().size();
  for (unsigned i = 0; i < numOld; ++i) {
    options.epilogueOperands.push_back(product.getEpilogueOperands()[i]);
    options.epilogueMaps.push_back(product.getEpilogueMap(i));
  }
  for (const EpilogueOperand &operand : operands) {
    options.epilogueOperands.push_back(operand.tensor);
    options.epilogueMaps.push_back(operand.map);
  }
  options.buildEpilogue = [&](OpBuilder &b, Location loc, ValueRange scalars) {
    ValueRange rest = scalars.drop_front();
    Value old = inlineEpilogue(b, loc, product, scalars.front(),
                               rest.take_front(numOld));
    YieldOp::create(b, loc, extend(b, loc, old, rest.drop_front(numOld)));
  };
  return MatmulOp::create(rewriter, product.getLoc(), product.getSide(),
                          product.getSparse(), product.getDense(), init,
                          product.getK(), product.getAccumulatorType(),
                          options);
}

/// A tensor of the product's shape to overwrite. Its sizes are taken from where
/// the destination comes from, to keep nothing else alive.
static Value createEmpty(RewriterBase &rewriter, MatmulOp product,
                         Type elementType) {
  Value shape = product.getInit();
  while (auto op = shape.getDefiningOp<DestinationStyleOpInterface>())
    shape = op.getTiedOpOperand(cast<OpResult>(shape))->get();
  return tensor::EmptyOp::create(
      rewriter, product.getLoc(),
      tensor::getMixedSizes(rewriter, product.getLoc(), shape), elementType);
}

/// Erases what nothing uses any more, from `value` backwards through broadcasts.
static void eraseDeadBroadcasts(RewriterBase &rewriter, Value value) {
  while (auto broadcast = matchBroadcast(value)) {
    if (!value.use_empty())
      return;
    rewriter.eraseOp(value.getDefiningOp());
    value = broadcast->first;
  }
}

/// Turns the accumulation into `init` into an addition in the epilogue, so that
/// the output may be another tensor and `init` the source of a broadcast.
static MatmulOp addInitInEpilogue(RewriterBase &rewriter, MatmulOp product) {
  rewriter.setInsertionPoint(product);
  EpilogueOperand init = lookThroughBroadcast(
      {product.getInit(), rewriter.getMultiDimIdentityMap(2)});
  Value empty = createEmpty(rewriter, product, product.getOutputElementType());

  // The sum is added to before the old epilogue, which sees the accumulator.
  MatmulOptions options;
  options.transposeDense = product.getTransposeDense();
  options.layout = product.getLayoutAttr();
  options.schedule = product.getScheduleAttr();
  options.epilogueOperands = llvm::to_vector(product.getEpilogueOperands());
  for (unsigned i = 0, e = options.epilogueOperands.size(); i != e; ++i)
    options.epilogueMaps.push_back(product.getEpilogueMap(i));
  options.epilogueOperands.push_back(init.tensor);
  options.epilogueMaps.push_back(init.map);
  options.buildEpilogue = [&](OpBuilder &b, Location loc, ValueRange scalars) {
    Value start =
        convertScalar(b, loc, scalars.back(), product.getAccumulatorType());
    Value sum;
    if (isa<IntegerType>(start.getType()))
      sum = arith::AddIOp::create(b, loc, scalars.front(), start);
    else
      sum = arith::AddFOp::create(b, loc, scalars.front(), start);
    YieldOp::create(b, loc,
                    inlineEpilogue(b, loc, product, sum,
                                   scalars.drop_front().drop_back()));
  };
  auto result = MatmulOp::create(rewriter, product.getLoc(), product.getSide(),
                                 product.getSparse(), product.getDense(), empty,
                                 product.getK(), product.getAccumulatorType(),
                                 options);
  Value oldInit = product.getInit();
  rewriter.replaceOp(product, result);
  eraseDeadBroadcasts(rewriter, oldInit);
  return result;
}

//===----------------------------------------------------------------------===//
// Consumers
//===----------------------------------------------------------------------===//

/// The only operation that uses the product's result, if it is elementwise.
static linalg::GenericOp getOnlyConsumer(MatmulOp product) {
  Value result = product->getResult(0);
  if (result.use_empty())
    return {};
  auto generic = dyn_cast<linalg::GenericOp>(*result.user_begin());
  if (!generic || generic->getBlock() != product->getBlock() ||
      !llvm::all_of(result.getUsers(),
                    [&](Operation *user) { return user == generic; }))
    return {};
  return generic;
}

/// Whether all that the body computes is scalar and free of side effects, and
/// what it takes from outside is constant.
static bool isScalarBody(linalg::GenericOp generic) {
  for (Operation &op : generic.getBody()->without_terminator()) {
    if (!isPure(&op) || op.getNumRegions() != 0 ||
        !isa<arith::ArithDialect, math::MathDialect>(op.getDialect()))
      return false;
    for (Value operand : op.getOperands()) {
      bool isInside = operand.getParentRegion() == &generic.getRegion();
      if (!isInside && !operand.getDefiningOp<arith::ConstantOp>())
        return false;
    }
  }
  for (Value yielded : generic.getBody()->getTerminator()->getOperands())
    if (yielded.getParentRegion() != &generic.getRegion())
      return false;
  return true;
}

/// Whether the consumer can become an epilogue of `product`.
static bool isFusible(MatmulOp product, linalg::GenericOp generic) {
  if (!generic.hasPureTensorSemantics() || generic.getNumLoops() != 2 ||
      generic.getNumParallelLoops() != 2 || generic.getNumDpsInits() != 1 ||
      !isScalarBody(generic))
    return false;
  for (OpOperand &operand : generic->getOpOperands()) {
    AffineMap map = generic.getMatchingIndexingMap(&operand);
    bool isProduct = operand.get() == product->getResult(0);
    bool isOutput = generic.isDpsInit(&operand);
    if (isProduct || isOutput ? !map.isIdentity()
                              : !map.isProjectedPermutation())
      return false;
    if (!isa<RankedTensorType>(operand.get().getType()))
      return false;
  }
  return true;
}

/// Moves `generic`, the only consumer, into the epilogue of `product`.
static MatmulOp fuse(RewriterBase &rewriter, MatmulOp product,
                     linalg::GenericOp generic) {
  if (product.getAccumulate())
    product = addInitInEpilogue(rewriter, product);
  rewriter.setInsertionPoint(generic);
  Value result = product->getResult(0);
  Value init = generic.getDpsInits().front();
  if (init == result)
    init = createEmpty(rewriter, product,
                       getElementTypeOrSelf(init.getType()));

  // What the body reads beside the product, and the block argument it is read by.
  SmallVector<EpilogueOperand> operands;
  SmallVector<BlockArgument> arguments;
  Block *body = generic.getBody();
  for (OpOperand &operand : generic->getOpOperands()) {
    BlockArgument argument = generic.getMatchingBlockArgument(&operand);
    if (operand.get() == result || argument.use_empty())
      continue;
    operands.push_back(lookThroughBroadcast(
        {operand.get(), generic.getMatchingIndexingMap(&operand)}));
    arguments.push_back(argument);
  }

  MatmulOp fused = rebuild(
      rewriter, product, init, operands,
      [&](OpBuilder &b, Location loc, Value old, ValueRange scalars) -> Value {
        IRMapping mapping;
        for (OpOperand &operand : generic->getOpOperands())
          if (operand.get() == result)
            mapping.map(generic.getMatchingBlockArgument(&operand), old);
        for (auto [argument, scalar] : llvm::zip_equal(arguments, scalars))
          mapping.map(argument, scalar);
        for (Operation &op : body->without_terminator()) {
          for (Value operand : op.getOperands())
            if (auto constant = operand.getDefiningOp<arith::ConstantOp>();
                constant && !mapping.contains(operand))
              b.clone(*constant, mapping);
          b.clone(op, mapping);
        }
        return mapping.lookup(body->getTerminator()->getOperand(0));
      });
  SmallVector<Value> inputs = generic.getDpsInputs();
  rewriter.replaceOp(generic, fused);
  rewriter.eraseOp(product);
  llvm::SetVector<Value> distinct(inputs.begin(), inputs.end());
  distinct.remove(result);
  for (Value input : distinct)
    eraseDeadBroadcasts(rewriter, input);
  return fused;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
/// Named elementwise operations (linalg.add, linalg.exp, …) to linalg.generic.
struct GeneralizeElementwise
    : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(linalg::LinalgOp op,
                                PatternRewriter &rewriter) const override {
    if (isa<linalg::GenericOp, linalg::FillOp, linalg::TransposeOp,
            linalg::BroadcastOp, linalg::CopyOp>(op.getOperation()) ||
        !linalg::isElementwise(op))
      return rewriter.notifyMatchFailure(op, "not a named elementwise op");
    return linalg::generalizeNamedOp(rewriter, op);
  }
};

struct FuseEpiloguesPass
    : mlir::sparse24::impl::Sparse24FuseEpiloguesPassBase<FuseEpiloguesPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  LogicalResult fuseElementwise();
};
} // namespace

/// Gathers chains of elementwise operations, so that a product whose result is
/// used several times in one (x · sigmoid(x)) has a single consumer.
LogicalResult FuseEpiloguesPass::fuseElementwise() {
  RewritePatternSet patterns(&getContext());
  patterns.add<GeneralizeElementwise>(&getContext());
  // Asking for a product's size must not count as a use of it.
  tensor::DimOp::getCanonicalizationPatterns(patterns, &getContext());
  linalg::populateElementwiseOpsFusionPatterns(
      patterns, [](OpOperand *operand) {
        auto consumer = dyn_cast<linalg::LinalgOp>(operand->getOwner());
        return operand->get().hasOneUse() && consumer &&
               consumer.getNumReductionLoops() == 0;
      });
  // Nothing here may evaluate big constants.
  return applyPatternsGreedily(
      getOperation(), std::move(patterns),
      GreedyRewriteConfig().enableFolding(false));
}

void FuseEpiloguesPass::runOnOperation() {
  bool hasProducts =
      getOperation()
          ->walk([](MatmulOp) { return WalkResult::interrupt(); })
          .wasInterrupted();
  if (!hasProducts)
    return;
  if (failed(fuseElementwise()))
    return signalPassFailure();

  // Only now: rewriting has erased products that nobody uses.
  SmallVector<MatmulOp> products;
  getOperation()->walk([&](MatmulOp op) {
    if (op->getNumResults() == 1)
      products.push_back(op);
  });
  IRRewriter rewriter(&getContext());
  for (MatmulOp product : products) {
    // A broadcast needn't be written out to accumulate into it.
    if (product.getAccumulate() && matchBroadcast(product.getInit()))
      product = addInitInEpilogue(rewriter, product);
    while (linalg::GenericOp consumer = getOnlyConsumer(product)) {
      if (!isFusible(product, consumer))
        break;
      product = fuse(rewriter, product, consumer);
      ++numFused;
    }
  }
}
