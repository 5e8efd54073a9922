// Recognition of linalg operations that multiply two matrices.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/MatrixProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::sparse24;

/// The position of loop dimension `dim` in `map`, a projected permutation.
static std::optional<unsigned> positionOf(AffineMap map, unsigned dim) {
  return map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
}

/// Whether the scalar body multiplies as signed integers or floats and adds,
/// with nothing but widening casts in between.
static bool hasPlainBody(Block &body) {
  return llvm::all_of(body.without_terminator(), [](Operation &op) {
    return isa<arith::MulFOp, arith::AddFOp, arith::MulIOp, arith::AddIOp,
               arith::ExtFOp, arith::ExtSIOp>(op);
  });
}

/// Says why a contraction with the dimensions `dims` isn't one matrix product.
static MatchFailure
explainDimensions(linalg::LinalgOp op,
                  FailureOr<linalg::ContractionDimensions> dims) {
  if (failed(dims) || dims->m.empty() || dims->n.empty() || dims->k.empty())
    return {"the product has no row, column and summed dimension "
            "(it is a matrix-vector or dot product)",
            "expand the vector to a matrix of one column"};
  if (!dims->batch.empty())
    return {"the product is batched",
            "collapse the batch into the rows (tensor.collapse_shape) where "
            "all batches share the weight"};
  return {"an operand has more than two dimensions",
          "collapse it to a matrix (tensor.collapse_shape)"};
}

FailureOr<MatrixProduct>
mlir::sparse24::matchMatrixProduct(linalg::LinalgOp op, MatchFailure &why) {
  why = {};
  if (linalg::isaConvolutionOpInterface(op)) {
    why = {"convolutions aren't taken yet",
           "rewrite it as a product (the transform op "
           "structured.convert_conv2d_to_img2col)"};
    return failure();
  }
  if (!linalg::isaContractionOpInterface(op))
    return failure();
  if (!op.hasPureTensorSemantics()) {
    why = {"the product is on buffers", "run the pass before bufferization"};
    return failure();
  }
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (type && type.getEncoding()) {
      why = {"an operand's type has an encoding",
             "use plain tensors: the pattern of a constant is found by looking, "
             "and sparse24.prune makes others 2:4"};
      return failure();
    }
  }

  FailureOr<linalg::ContractionDimensions> dims =
      linalg::inferContractionDims(op);
  if (failed(dims) || !dims->batch.empty() || dims->m.size() != 1 ||
      dims->n.size() != 1 || dims->k.size() != 1 || op.getNumLoops() != 3) {
    why = explainDimensions(op, dims);
    return failure();
  }
  if (!hasPlainBody(*op.getBlock())) {
    why = {"the scalar computation is more than a product of signed integers "
           "or floats and a sum",
           "move the other operations out of the product"};
    return failure();
  }

  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  unsigned rowDim = dims->m.front(), colDim = dims->n.front();
  unsigned sumDim = dims->k.front();
  Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  AffineMap lhsMap = maps[0], rhsMap = maps[1], outMap = maps[2];
  // An output that is stored N×M is the product of the swapped operands.
  bool isSwapped = *positionOf(outMap, rowDim) == 1;
  if (isSwapped) {
    std::swap(lhs, rhs);
    std::swap(lhsMap, rhsMap);
    std::swap(rowDim, colDim);
  }

  MatrixProduct product;
  product.op = op;
  product.lhs = lhs;
  product.rhs = rhs;
  product.lhsNumber = isSwapped ? 1 : 0;
  product.init = op.getDpsInits().front();
  product.lhsTransposed = *positionOf(lhsMap, rowDim) == 1;
  product.rhsTransposed = *positionOf(rhsMap, colDim) == 0;
  auto sizeOf = [&](Value operand, AffineMap map, unsigned dim) {
    return cast<RankedTensorType>(operand.getType())
        .getDimSize(*positionOf(map, dim));
  };
  product.m = sizeOf(lhs, lhsMap, rowDim);
  product.n = sizeOf(rhs, rhsMap, colDim);
  product.k = sizeOf(lhs, lhsMap, sumDim);
  if (ShapedType::isDynamic(product.k))
    product.k = sizeOf(rhs, rhsMap, sumDim);
  return product;
}

bool mlir::sparse24::isZeroInit(Value init) {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    init = fill.getInputs().front();
  return matchPattern(init, m_AnyZeroFloat()) || matchPattern(init, m_Zero());
}
