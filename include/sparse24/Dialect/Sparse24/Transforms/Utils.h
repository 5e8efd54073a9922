// What several passes and conversions need.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_UTILS_H
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_UTILS_H

#include "mlir/IR/Builders.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Support/TensorMapParameters.h"

namespace mlir::sparse24 {

/// Bytes that an integer or float takes in a memref's memory, where an `i1` has
/// a byte of its own and an `i24` as much as an `i32`.
int64_t getMemoryBytes(Type elementType);

/// What tensor maps of matrices of such elements have for their type; none if
/// there are no such maps.
std::optional<::sparse24::TensorMapType>
getTensorMapElementType(Type elementType);

/// Converts a scalar between float types, or between integer types, rounding to
/// nearest, ties to even. Integers are signed.
Value convertScalar(OpBuilder &builder, Location loc, Value value, Type type);

/// The transpose of a matrix, a tensor.
Value transposeMatrix(OpBuilder &builder, Location loc, Value matrix);

/// A matrix of `size` channels along dimension `dim`, each of which is one of
/// `matrix`. `source` computes which: of the channel's index, or, if there is a
/// vector `channels`, of its element for the channel. With `mayExceed`,
/// channels that `matrix` doesn't have are zero; else they must not come.
Value gatherChannels(OpBuilder &builder, Location loc, Value matrix,
                     int64_t dim, int64_t size, Value channels, bool mayExceed,
                     function_ref<Value(OpBuilder &, Location, Value)> source);

/// The sum of two numbers or vectors of one type.
Value createSum(OpBuilder &builder, Location loc, Value lhs, Value rhs);

/// The accumulator, added to an element of the output that a product
/// accumulates into.
Value addInit(OpBuilder &builder, Location loc, Value accumulator, Value init);

/// Computes one output element of a product from its accumulator: clones the
/// epilogue's operations at the insertion point, or converts the accumulator to
/// the output's element type if the product has none. `operandValues` are the
/// elements of the epilogue operands at the maps' indices.
Value inlineEpilogue(OpBuilder &builder, Location loc, MatmulOp matmul,
                     Value accumulator, ValueRange operandValues);

} // namespace mlir::sparse24

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_UTILS_H
