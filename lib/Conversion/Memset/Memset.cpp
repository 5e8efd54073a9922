// Filling device memory from the host: gpu.memset.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/Memset.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::sparse24;

LogicalResult mlir::sparse24::verifyMemset(gpu::MemsetOp op) {
  MemRefType type = op.getDst().getType();
  Type elementType = type.getElementType();
  if (!elementType.isSignlessInteger(32) && !elementType.isF32())
    return op.emitOpError("can't fill memory with ")
           << elementType << ", only with i32 and f32";
  if (!type.areTrailingDimsContiguous(type.getRank()))
    return op.emitOpError("of ")
           << type << " isn't contiguous; make a kernel of it";
  return success();
}

SmallVector<Value>
mlir::sparse24::createMemsetArguments(OpBuilder &builder, gpu::MemsetOp op,
                                      const LLVMTypeConverter &converter) {
  Location loc = op.getLoc();
  MemRefType type = op.getDst().getType();
  MemRefDescriptor descriptor(
      UnrealizedConversionCastOp::create(
          builder, loc, converter.convertType(type), op.getDst())
          .getResult(0));

  Value bits = op.getValue();
  if (bits.getType().isF32())
    bits = arith::BitcastOp::create(builder, loc, builder.getI32Type(), bits);

  int64_t staticCount = 1;
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      staticCount *= size;
  Value count = arith::ConstantOp::create(
      builder, loc, builder.getI64IntegerAttr(staticCount));
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim))
      count = arith::MulIOp::create(builder, loc, count,
                                    descriptor.size(builder, loc, dim));
  return {descriptor.bufferPtr(builder, loc, converter, type), bits, count};
}
