// sparse24-sparsify: rewrites annotated products with sparse24 operations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "sparse24/Dialect/Sparse24/Transforms/Annotation.h"
#include "sparse24/Dialect/Sparse24/Transforms/HostTensor.h"
#include "sparse24/Dialect/Sparse24/Transforms/MatrixProduct.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"
#include "sparse24/Support/Pattern.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24SPARSIFYPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {
struct SparsifyPass : mlir::sparse24::impl::Sparse24SparsifyPassBase<SparsifyPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// Builds the operations that replace one product.
class Rewriter {
public:
  Rewriter(IRRewriter &rewriter, const MatrixProduct &product,
           const SparsifyAnnotation &annotation)
      : rewriter(rewriter), loc(product.op->getLoc()), product(product),
        annotation(annotation) {}

  LogicalResult rewrite();

private:
  LogicalResult verify();
  Value truncate(Value value);
  Value prune(Value matrix);
  ValueRange compress(Value matrix);
  Value createEmpty(int64_t rows, int64_t cols, Type elementType);

  IRRewriter &rewriter;
  Location loc;
  const MatrixProduct &product;
  const SparsifyAnnotation &annotation;
};
} // namespace

LogicalResult Rewriter::verify() {
  Operation *op = product.op;
  std::optional<::sparse24::ElementType> type =
      convertElementType(annotation.elementType);
  if (!type)
    return op->emitOpError("can't be sparse in ") << annotation.elementType;
  for (Value operand : {product.lhs, product.rhs}) {
    Type from = getElementTypeOrSelf(operand.getType());
    bool isNarrowing =
        isa<FloatType>(from) && isa<FloatType>(annotation.elementType) &&
        from.getIntOrFloatBitWidth() >
            annotation.elementType.getIntOrFloatBitWidth();
    if (from != annotation.elementType && !isNarrowing)
      return op->emitOpError("has an operand of element type ")
             << from << ", which doesn't truncate to "
             << annotation.elementType;
  }
  if (ShapedType::isDynamic(product.k) ||
      ShapedType::isDynamic(product.getRows(annotation.side)))
    return op->emitOpError("needs a weight of static shape to be sparse");
  if (annotation.prune && hasScores(*annotation.prune) &&
      !op->hasAttr(Sparse24Dialect::getScoresAttrName()))
    return op->emitOpError("needs the attribute '")
           << Sparse24Dialect::getScoresAttrName() << "' to be pruned by "
           << stringifyCriterion(*annotation.prune);
  return success();
}

Value Rewriter::createEmpty(int64_t rows, int64_t cols, Type elementType) {
  return tensor::EmptyOp::create(rewriter, loc, ArrayRef<int64_t>{rows, cols},
                                 elementType);
}

/// Truncates by a linalg.generic: folders would evaluate arith.truncf of a big
/// constant element by element.
Value Rewriter::truncate(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementType() == annotation.elementType)
    return value;
  Value empty = tensor::EmptyOp::create(
      rewriter, loc, tensor::getMixedSizes(rewriter, loc, value),
      annotation.elementType);
  AffineMap identity = rewriter.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             rewriter, loc, empty.getType(), value, empty,
             ArrayRef<AffineMap>{identity, identity}, iterators,
             [&](OpBuilder &b, Location loc, ValueRange arguments) {
               Value narrow = arith::TruncFOp::create(
                   b, loc, annotation.elementType, arguments.front());
               linalg::YieldOp::create(b, loc, narrow);
             })
      .getResult(0);
}

Value Rewriter::prune(Value matrix) {
  auto type = cast<RankedTensorType>(matrix.getType());
  Value empty = createEmpty(type.getDimSize(0), type.getDimSize(1),
                            type.getElementType());
  Value scores;
  if (hasScores(*annotation.prune))
    scores = arith::ConstantOp::create(
        rewriter, loc,
        product.op->getAttrOfType<TypedAttr>(
            Sparse24Dialect::getScoresAttrName()));
  return PruneOp::create(rewriter, loc, *annotation.prune, matrix, scores,
                         empty)
      ->getResult(0);
}

ValueRange Rewriter::compress(Value matrix) {
  auto type = cast<RankedTensorType>(matrix.getType());
  int64_t rows = type.getDimSize(0), k = type.getDimSize(1);
  ::sparse24::ElementType elementType = *convertElementType(type.getElementType());
  Value values =
      createEmpty(rows, ::sparse24::valuesPerRow(elementType, k),
                  type.getElementType());
  Value metadata =
      createEmpty(rows, ::sparse24::metadataWordsPerRow(elementType, k),
                  rewriter.getI16Type());
  return CompressOp::create(rewriter, loc,
                            TypeRange{values.getType(), metadata.getType()},
                            matrix, /*scores=*/Value(),
                            ValueRange{values, metadata},
                            /*criterion=*/nullptr)
      ->getResults();
}

LogicalResult Rewriter::rewrite() {
  if (failed(verify()))
    return failure();
  rewriter.setInsertionPoint(product.op);
  Side side = annotation.side;

  Value weight = product.getOperand(side);
  if (product.needsTranspose(side))
    weight = transposeMatrix(rewriter, loc, weight);
  weight = truncate(weight);
  if (annotation.prune)
    weight = prune(weight);
  ValueRange compressed = compress(weight);
  Value dense = truncate(product.getOther(side));

  bool accumulate = !isZeroInit(product.init);
  Value init = product.init;
  // What is overwritten needn't be filled first.
  if (auto fill = init.getDefiningOp<linalg::FillOp>(); fill && !accumulate)
    init = fill.getOutputs().front();
  Type accumulatorType = isa<IntegerType>(annotation.elementType)
                             ? Type(rewriter.getI32Type())
                             : Type(rewriter.getF32Type());
  MatmulOptions options;
  options.transposeDense = product.isDenseTransposed(side);
  options.accumulate = accumulate;
  auto matmul = MatmulOp::create(rewriter, loc, side, compressed, dense, init,
                                 product.k, accumulatorType, options);
  rewriter.replaceOp(product.op, matmul);
  return success();
}

void SparsifyPass::runOnOperation() {
  SmallVector<linalg::LinalgOp> annotated;
  getOperation()->walk([&](linalg::LinalgOp op) {
    if (op->hasAttr(SparsifyAnnotation::attributeName))
      annotated.push_back(op);
  });

  IRRewriter rewriter(&getContext());
  for (linalg::LinalgOp op : annotated) {
    FailureOr<SparsifyAnnotation> annotation = SparsifyAnnotation::get(op);
    if (failed(annotation))
      return signalPassFailure();
    MatchFailure why;
    FailureOr<MatrixProduct> product = matchMatrixProduct(op, why);
    if (failed(product)) {
      op->emitOpError("can't be sparse: ")
          << (why.isCandidate() ? why.reason : "it is no matrix product");
      return signalPassFailure();
    }
    if (failed(Rewriter(rewriter, *product, *annotation).rewrite()))
      return signalPassFailure();
    ++numProducts;
  }
}
