// Tensor maps as arguments of kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "TensorMapArguments.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "sparse24/Conversion/Passes.h"
#include "sparse24/Conversion/TensorMap.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24TENSORMAPARGUMENTSPASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

/// The numbers of a kernel's parameters that are tensor maps.
constexpr StringLiteral kAttrName = "sparse24.tensor_maps";

void mlir::sparse24::convertTensorMapArguments(gpu::GPUFuncOp kernel) {
  OpBuilder builder = OpBuilder::atBlockBegin(&kernel.getBody().front());
  auto ptrType = LLVM::LLVMPointerType::get(kernel.getContext());
  SmallVector<Type> types;
  SmallVector<int32_t> numbers;
  int32_t number = 0;
  for (BlockArgument argument :
       kernel.getArguments().take_front(kernel.getNumArguments())) {
    Type type = argument.getType();
    if (isa<nvgpu::TensorMapDescriptorType>(type)) {
      argument.setType(ptrType);
      auto cast = UnrealizedConversionCastOp::create(builder, argument.getLoc(),
                                                     type, argument);
      argument.replaceAllUsesExcept(cast.getResult(0), cast);
      numbers.push_back(number);
    }
    types.push_back(argument.getType());
    auto memref = dyn_cast<MemRefType>(type);
    number += memref ? MemRefDescriptor::getNumUnpackedValues(memref) : 1;
  }
  if (numbers.empty())
    return;
  kernel.setFunctionType(builder.getFunctionType(types, {}));
  kernel->setAttr(kAttrName, builder.getDenseI32ArrayAttr(numbers));
}

namespace {

struct TensorMapArguments
    : public mlir::sparse24::impl::Sparse24TensorMapArgumentsPassBase<
          TensorMapArguments> {
  using Sparse24TensorMapArgumentsPassBase::Sparse24TensorMapArgumentsPassBase;
  void runOnOperation() override;
};

} // namespace

void TensorMapArguments::runOnOperation() {
  LLVM::LLVMFuncOp kernel = getOperation();
  Builder builder(kernel.getContext());
  auto numbers = dyn_cast_or_null<DenseI32ArrayAttr>(
      kernel->removeDiscardableAttr(kAttrName));
  if (!numbers)
    return;
  auto mapType = TypeAttr::get(getTensorMapType(kernel.getContext()));
  for (int32_t number : numbers.asArrayRef()) {
    kernel.setArgAttr(number, LLVM::LLVMDialect::getByValAttrName(), mapType);
    kernel.setArgAttr(number, LLVM::LLVMDialect::getAlignAttrName(),
                      builder.getI64IntegerAttr(kTensorMapAlignment));
    kernel.setArgAttr(number, NVVM::NVVMDialect::getGridConstantAttrName(),
                      builder.getUnitAttr());
  }
}
