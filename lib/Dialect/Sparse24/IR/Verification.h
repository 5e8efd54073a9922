// Checks that the verifiers of several operations share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Each takes the number of the rule that it checks and the name of the operand,
// and gives a message with both.

#ifndef SPARSE24_LIB_DIALECT_SPARSE24_IR_VERIFICATION_H
#define SPARSE24_LIB_DIALECT_SPARSE24_IR_VERIFICATION_H

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

namespace mlir::sparse24 {

/// An operand and its name in messages.
struct NamedOperand {
  StringRef name;
  Value value;

  ShapedType getType() const { return cast<ShapedType>(value.getType()); }
  Type getElementType() const { return getType().getElementType(); }
  int64_t getSize(unsigned dim) const { return getType().getDimSize(dim); }
};

/// All are tensors without encoding, or all are memrefs.
LogicalResult verifyOneForm(Operation *op, StringRef rule,
                            ArrayRef<NamedOperand> operands);

/// The element type is one of a Sparse Tensor Core.
LogicalResult verifySparseElementType(Operation *op, StringRef rule,
                                      const NamedOperand &operand);

LogicalResult verifyElementType(Operation *op, StringRef rule,
                                const NamedOperand &operand, Type expected);

/// The shape agrees wherever both sizes are static.
LogicalResult verifyShape(Operation *op, StringRef rule,
                          const NamedOperand &operand,
                          ArrayRef<int64_t> expected);

/// `values` and `metadata` have the element types and shapes of the logical
/// format of a rows × k matrix.
struct CompressedRules {
  StringRef metadataType, valuesShape, metadataShape;
};
LogicalResult verifyCompressed(Operation *op, const CompressedRules &rules,
                               const NamedOperand &values,
                               const NamedOperand &metadata, Type elementType,
                               int64_t rows, int64_t k);

/// `packed` is the buffer of bytes that `layout` describes.
LogicalResult verifyPacked(Operation *op, StringRef rule,
                           const NamedOperand &packed, LayoutAttr layout);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_DIALECT_SPARSE24_IR_VERIFICATION_H
