// What several passes and conversions need.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

int64_t mlir::sparse24::getMemoryBytes(Type elementType) {
  uint64_t bytes = llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
  return static_cast<int64_t>(llvm::PowerOf2Ceil(bytes));
}

std::optional<::sparse24::TensorMapType>
mlir::sparse24::getTensorMapElementType(Type type) {
  using ::sparse24::TensorMapType;
  if (type.isF16())
    return TensorMapType::F16;
  if (type.isBF16())
    return TensorMapType::BF16;
  if (type.isF32())
    return TensorMapType::F32;
  if (type.isInteger(32))
    return TensorMapType::S32;
  if (type.isInteger(16))
    return TensorMapType::U16;
  if (type.isIntOrFloat() && type.getIntOrFloatBitWidth() == 8)
    return TensorMapType::U8;
  return std::nullopt;
}

Value mlir::sparse24::convertScalar(OpBuilder &builder, Location loc,
                                    Value value, Type type) {
  Type source = value.getType();
  if (source == type)
    return value;
  unsigned from = source.getIntOrFloatBitWidth();
  unsigned to = type.getIntOrFloatBitWidth();
  if (isa<IntegerType>(source)) {
    if (from < to)
      return arith::ExtSIOp::create(builder, loc, type, value);
    return arith::TruncIOp::create(builder, loc, type, value);
  }
  if (from < to)
    return arith::ExtFOp::create(builder, loc, type, value);
  if (from > to)
    return arith::TruncFOp::create(builder, loc, type, value);
  // Types of one width (f16 and bf16) have no direct conversion.
  Value wide = arith::ExtFOp::create(builder, loc, builder.getF32Type(), value);
  return arith::TruncFOp::create(builder, loc, type, wide);
}

Value mlir::sparse24::transposeMatrix(OpBuilder &builder, Location loc,
                                      Value matrix) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, matrix);
  std::swap(sizes[0], sizes[1]);
  Value empty = tensor::EmptyOp::create(builder, loc, sizes,
                                        getElementTypeOrSelf(matrix.getType()));
  return linalg::TransposeOp::create(builder, loc, matrix, empty,
                                     ArrayRef<int64_t>{1, 0})
      ->getResult(0);
}

Value mlir::sparse24::gatherChannels(
    OpBuilder &builder, Location loc, Value matrix, int64_t dim, int64_t size,
    Value channels, bool mayExceed,
    function_ref<Value(OpBuilder &, Location, Value)> source) {
  Type elementType = getElementTypeOrSelf(matrix.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, matrix);
  OpFoldResult oldSize = std::exchange(sizes[dim], builder.getIndexAttr(size));
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, elementType);
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  if (channels) {
    inputs.push_back(channels);
    maps.push_back(AffineMap::get(2, 0, builder.getAffineDimExpr(dim)));
  }
  maps.push_back(builder.getMultiDimIdentityMap(2));
  SmallVector<utils::IteratorType> iterators(2, utils::IteratorType::parallel);
  auto body = [&](OpBuilder &b, Location loc, ValueRange arguments) {
    Value index[] = {linalg::IndexOp::create(b, loc, 0),
                     linalg::IndexOp::create(b, loc, 1)};
    Value channel = source(b, loc, channels ? arguments.front() : index[dim]);
    index[dim] = channel;
    Value limit;
    if (mayExceed) {
      // Reads what is there in any case: then there is no branch.
      limit = getValueOrCreateConstantIndexOp(b, loc, oldSize);
      Value one = arith::ConstantIndexOp::create(b, loc, 1);
      Value last = arith::SubIOp::create(b, loc, limit, one);
      index[dim] = arith::MinUIOp::create(b, loc, channel, last);
    }
    Value element = tensor::ExtractOp::create(b, loc, matrix, index);
    if (mayExceed) {
      Value isThere = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                            channel, limit);
      Value zero =
          arith::ConstantOp::create(b, loc, b.getZeroAttr(elementType));
      element = arith::SelectOp::create(b, loc, isThere, element, zero);
    }
    linalg::YieldOp::create(b, loc, element);
  };
  return linalg::GenericOp::create(builder, loc, empty.getType(), inputs, empty,
                                   maps, iterators, body)
      .getResult(0);
}

Value mlir::sparse24::createSum(OpBuilder &builder, Location loc, Value lhs,
                                Value rhs) {
  if (isa<FloatType>(getElementTypeOrSelf(lhs.getType())))
    return arith::AddFOp::create(builder, loc, lhs, rhs);
  return arith::AddIOp::create(builder, loc, lhs, rhs);
}

Value mlir::sparse24::addInit(OpBuilder &builder, Location loc,
                              Value accumulator, Value init) {
  return createSum(builder, loc, accumulator,
                   convertScalar(builder, loc, init, accumulator.getType()));
}

Value mlir::sparse24::inlineEpilogue(OpBuilder &builder, Location loc,
                                     MatmulOp matmul, Value accumulator,
                                     ValueRange operandValues) {
  if (!matmul.hasEpilogue())
    return convertScalar(builder, loc, accumulator,
                         matmul.getOutputElementType());
  Block &block = matmul.getEpilogue().front();
  IRMapping mapping;
  mapping.map(block.getArgument(0), accumulator);
  mapping.map(block.getArguments().drop_front(), operandValues);
  for (Operation &op : block.without_terminator())
    builder.clone(op, mapping);
  auto yield = cast<YieldOp>(block.getTerminator());
  return mapping.lookupOrDefault(yield.getValue());
}
