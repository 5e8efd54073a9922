// Tensor maps on the host: nvgpu.tma.create.descriptor.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/TensorMap.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"
#include "sparse24/Support/TensorMapParameters.h"

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::TensorMapParameters;

/// The ranked memref that the operation makes a map of; null if it isn't known.
static Value getTensor(nvgpu::TmaCreateDescriptorOp op) {
  auto cast = op.getTensor().getDefiningOp<memref::CastOp>();
  if (!cast || !isa<MemRefType>(cast.getSource().getType()))
    return {};
  return cast.getSource();
}

Type mlir::sparse24::getTensorMapType(MLIRContext *context) {
  return LLVM::LLVMArrayType::get(IntegerType::get(context, 64), 16);
}

void mlir::sparse24::addTensorMapConversion(LLVMTypeConverter &converter) {
  converter.addConversion([](nvgpu::TensorMapDescriptorType type) -> Type {
    return LLVM::LLVMPointerType::get(type.getContext());
  });
}

LogicalResult mlir::sparse24::verifyTensorMap(nvgpu::TmaCreateDescriptorOp op) {
  Value tensor = getTensor(op);
  if (!tensor)
    return op.emitOpError("needs a cast of a ranked memref, whose sizes and "
                          "strides it takes");
  auto type = cast<MemRefType>(tensor.getType());
  int64_t boxRank = op.getBoxDimensions().size();
  if (type.getRank() != boxRank)
    return op.emitOpError("has a box of ")
           << boxRank << " dimensions for a memref of " << type.getRank();
  if (boxRank < 1 || boxRank > TensorMapParameters::kMaxRank)
    return op.emitOpError("must have 1 to 5 dimensions");
  if (!getTensorMapElementType(type.getElementType()))
    return op.emitOpError("makes no tensor maps of ") << type.getElementType();
  return success();
}

SmallVector<Value> mlir::sparse24::createTensorMapArguments(
    OpBuilder &builder, nvgpu::TmaCreateDescriptorOp op,
    const LLVMTypeConverter &converter, function_ref<Value(Type)> createSlot) {
  Location loc = op.getLoc();
  Type i64Type = builder.getI64Type();
  auto ptrType = LLVM::LLVMPointerType::get(builder.getContext());
  auto constant = [&](auto value) -> Value {
    return arith::ConstantOp::create(
        builder, loc, builder.getI32IntegerAttr(static_cast<int32_t>(value)));
  };

  Value tensor = getTensor(op);
  auto tensorType = cast<MemRefType>(tensor.getType());
  Type descriptorType = converter.convertType(tensorType);
  Value descriptor =
      UnrealizedConversionCastOp::create(builder, loc, descriptorType, tensor)
          .getResult(0);
  Value tensorSlot = createSlot(descriptorType);
  LLVM::StoreOp::create(builder, loc, descriptor, tensorSlot);

  Value boxSlot =
      createSlot(LLVM::LLVMArrayType::get(i64Type, tensorType.getRank()));
  for (auto [dim, extent] : llvm::enumerate(op.getBoxDimensions())) {
    Value address =
        LLVM::GEPOp::create(builder, loc, ptrType, i64Type, boxSlot,
                            ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(dim)});
    LLVM::StoreOp::create(
        builder, loc, arith::IndexCastOp::create(builder, loc, i64Type, extent),
        address);
  }

  // The enumerators of nvgpu's have the values of the driver's, too.
  nvgpu::TensorMapDescriptorType map = op.getTensorMap().getType();
  return {createSlot(getTensorMapType(builder.getContext())),
          constant(*getTensorMapElementType(tensorType.getElementType())),
          constant(tensorType.getRank()),
          tensorSlot,
          boxSlot,
          constant(map.getSwizzle()),
          constant(map.getL2promo()),
          constant(map.getOob())};
}

void mlir::sparse24::replaceTensorMap(nvgpu::TmaCreateDescriptorOp op,
                                      Value map) {
  OpBuilder builder(op);
  auto cast = op.getTensor().getDefiningOp<memref::CastOp>();
  op.replaceAllUsesWith(UnrealizedConversionCastOp::create(builder, op.getLoc(),
                                                           op.getType(), map)
                            .getResult(0));
  op.erase();
  // Its lowering would put a descriptor on the stack.
  if (cast.use_empty())
    cast.erase();
}
