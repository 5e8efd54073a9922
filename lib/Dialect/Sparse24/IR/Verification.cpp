// Checks that the verifiers of several operations share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Verification.h"

#include "mlir/IR/TypeUtilities.h"
#include "sparse24/Support/Pattern.h"

using namespace mlir;
using namespace mlir::sparse24;

/// Starts a message of a rule about an operand.
static InFlightDiagnostic emitRule(Operation *op, StringRef rule,
                                   const NamedOperand &operand) {
  return op->emitOpError() << rule << ": operand '" << operand.name << "' ";
}

LogicalResult mlir::sparse24::verifyOneForm(Operation *op, StringRef rule,
                                            ArrayRef<NamedOperand> operands) {
  bool isTensor = isa<RankedTensorType>(operands.front().value.getType());
  for (const NamedOperand &operand : operands) {
    auto tensor = dyn_cast<RankedTensorType>(operand.value.getType());
    if (tensor && tensor.getEncoding())
      return emitRule(op, rule, operand)
             << "must be a plain tensor, but has encoding "
             << tensor.getEncoding();
    if (isTensor != static_cast<bool>(tensor))
      return emitRule(op, rule, operand)
             << "must be a " << (isTensor ? "tensor" : "memref") << ", as '"
             << operands.front().name << "' is, but is of type "
             << operand.value.getType();
  }
  return success();
}

LogicalResult
mlir::sparse24::verifySparseElementType(Operation *op, StringRef rule,
                                        const NamedOperand &operand) {
  if (convertElementType(operand.getElementType()))
    return success();
  return emitRule(op, rule, operand)
         << "must have element type f16, bf16, f32, i8, ui8, f8E4M3FN or "
            "f8E5M2, but has "
         << operand.getElementType();
}

LogicalResult mlir::sparse24::verifyElementType(Operation *op, StringRef rule,
                                                const NamedOperand &operand,
                                                Type expected) {
  if (operand.getElementType() == expected)
    return success();
  return emitRule(op, rule, operand)
         << "must have element type " << expected << ", but has "
         << operand.getElementType();
}

static void printShape(InFlightDiagnostic &diagnostic,
                       ArrayRef<int64_t> shape) {
  llvm::interleave(
      shape,
      [&](int64_t size) {
        if (ShapedType::isDynamic(size))
          diagnostic << "?";
        else
          diagnostic << size;
      },
      [&] { diagnostic << "x"; });
}

LogicalResult mlir::sparse24::verifyShape(Operation *op, StringRef rule,
                                          const NamedOperand &operand,
                                          ArrayRef<int64_t> expected) {
  if (succeeded(verifyCompatibleShape(operand.getType().getShape(), expected)))
    return success();
  InFlightDiagnostic diagnostic = emitRule(op, rule, operand);
  diagnostic << "must have shape ";
  printShape(diagnostic, expected);
  diagnostic << ", but has ";
  printShape(diagnostic, operand.getType().getShape());
  return diagnostic;
}

LogicalResult mlir::sparse24::verifyCompressed(
    Operation *op, const CompressedRules &rules, const NamedOperand &values,
    const NamedOperand &metadata, Type elementType, int64_t rows, int64_t k) {
  ::sparse24::ElementType type = *convertElementType(elementType);
  int64_t valueColumns = k, metadataColumns = k;
  if (!ShapedType::isDynamic(k)) {
    valueColumns = ::sparse24::valuesPerRow(type, k);
    metadataColumns = ::sparse24::metadataWordsPerRow(type, k);
  }
  return failure(
      failed(verifyElementType(op, rules.metadataType, metadata,
                               IntegerType::get(op->getContext(), 16))) ||
      failed(
          verifyShape(op, rules.valuesShape, values, {rows, valueColumns})) ||
      failed(verifyShape(op, rules.metadataShape, metadata,
                         {rows, metadataColumns})));
}

LogicalResult mlir::sparse24::verifyPacked(Operation *op, StringRef rule,
                                           const NamedOperand &packed,
                                           LayoutAttr layout) {
  ShapedType type = packed.getType();
  if (type.getRank() == 1 && type.getElementType().isSignlessInteger(8) &&
      (type.isDynamicDim(0) || type.getDimSize(0) == layout.getByteSize()))
    return success();
  return emitRule(op, rule, packed)
         << "must be 1-D, of i8, and of the " << layout.getByteSize()
         << " bytes of " << layout << ", but is of type " << type;
}
