// The sparse24 dialect: attributes and operations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_IR_SPARSE24_H
#define SPARSE24_DIALECT_SPARSE24_IR_SPARSE24_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "sparse24/Support/ElementType.h"
#include "sparse24/Support/PackedLayout.h"

#include <functional>
#include <optional>

#include "sparse24/Dialect/Sparse24/IR/Sparse24Dialect.h.inc"
#include "sparse24/Dialect/Sparse24/IR/Sparse24Enums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "sparse24/Dialect/Sparse24/IR/Sparse24Attributes.h.inc"

namespace mlir::sparse24 {

/// The element type of the 2:4 arithmetic that an MLIR type stands for: f32 is
/// multiplied as tf32, signless i8 is signed. None if no Sparse Tensor Core
/// takes the type.
std::optional<::sparse24::ElementType> convertElementType(Type type);
/// The inverse.
Type convertElementType(MLIRContext *context, ::sparse24::ElementType type);

/// How Support prunes by that criterion, with the scores of one that has any.
::sparse24::Selection getSelection(Criterion criterion,
                                   const float *scores = nullptr);
/// The names of all criteria.
SmallVector<StringRef> getCriterionNames();
/// Whether the criterion takes an operand of scores.
inline bool hasScores(Criterion criterion) {
  return criterion == Criterion::importance || criterion == Criterion::wanda;
}
/// The shape of the scores for a matrix of that shape.
SmallVector<int64_t> getScoresShape(Criterion criterion,
                                    ArrayRef<int64_t> matrixShape);

/// What a product may have beside its operands, for MatmulOp's builder.
struct MatmulOptions {
  bool transposeDense = false;
  bool accumulate = false;
  LayoutAttr layout;
  ScheduleAttr schedule;
  SmallVector<Value> epilogueOperands;
  SmallVector<AffineMap> epilogueMaps;
  /// Fills the epilogue; is given the accumulator and one scalar for each
  /// epilogue operand, and ends with a YieldOp. Null means no epilogue.
  std::function<void(OpBuilder &, Location, ValueRange)> buildEpilogue;
};

} // namespace mlir::sparse24

#define GET_OP_CLASSES
#include "sparse24/Dialect/Sparse24/IR/Sparse24Ops.h.inc"

#endif // SPARSE24_DIALECT_SPARSE24_IR_SPARSE24_H
