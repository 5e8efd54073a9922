// What all generated kernels of products have in common.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelSpec.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::sparse24;

bool KernelSpec::isDenseKContiguous() const {
  return matmul.isDenseKContiguous();
}

bool KernelSpec::isOutputTransposed() const { return !matmul.isLhsSparse(); }

::sparse24::PackedLayout KernelSpec::getPackedLayout() const {
  return matmul.getLayout()->getPackedLayout();
}

int64_t KernelSpec::getElementBytes() const {
  return matmul.getOperandElementType().getIntOrFloatBitWidth() / 8;
}

int64_t KernelSpec::getOutputBytes() const {
  return matmul.getOutputElementType().getIntOrFloatBitWidth() / 8;
}

std::string KernelSpec::getName() const {
  std::string types;
  llvm::raw_string_ostream(types)
      << matmul.getOperandElementType() << "_" << matmul.getOutputElementType();
  return llvm::formatv("matmul_{0}_{1}_{2}x{3}x{4}",
                       stringifyInstructionFamily(schedule.getFamily()), types,
                       schedule.getTileRows(), schedule.getTileCols(),
                       schedule.getTileK());
}

std::string KernelSpec::getCommonKey() const {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << getName() << schedule << matmul.getAccumulatorType()
     << matmul.getAccumulate() << isDenseKContiguous() << isOutputTransposed()
     << matmul.getEpilogueMaps();
  for (Value operand : matmul.getEpilogueOperands())
    os << getElementTypeOrSelf(operand.getType());
  for (Block &block : matmul.getEpilogue())
    for (Operation &inner : block)
      inner.print(os, OpPrintingFlags().useLocalScope());
  return key;
}

MemRefType mlir::sparse24::getArgumentType(Value operand) {
  auto type = cast<MemRefType>(operand.getType());
  return MemRefType::get(
      SmallVector<int64_t>(type.getRank(), ShapedType::kDynamic),
      type.getElementType());
}
