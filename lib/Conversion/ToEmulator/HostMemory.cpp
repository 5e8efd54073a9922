// Memory of the host's side: allocations, constants and weights, which kernels
// may access.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "HostCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "sparse24/Conversion/WeightLayout.h"

using namespace mlir;
using namespace mlir::sparse24;

int64_t HostCode::getElementBytes(MemRefType type) {
  return dataLayout.getTypeSize(type.getElementType()).getFixedValue();
}

Value HostCode::createMemRef(Location loc, MemRefType type, Value address,
                             ArrayRef<Value> sizes) {
  MemRefDescriptor descriptor =
      MemRefDescriptor::poison(builder, loc, typeConverter.convertType(type));
  descriptor.setAllocatedPtr(builder, loc, address);
  descriptor.setAlignedPtr(builder, loc, address);
  descriptor.setConstantOffset(builder, loc, 0);
  Value stride = constant(loc, i64Type, 1);
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    descriptor.setSize(builder, loc, dim, sizes[dim]);
    descriptor.setStride(builder, loc, dim, stride);
    stride = arith::MulIOp::create(builder, loc, stride, sizes[dim]);
  }
  return UnrealizedConversionCastOp::create(builder, loc, type,
                                            Value(descriptor))
      .getResult(0);
}

SmallVector<Value> HostCode::getSizes(Location loc, MemRefType type,
                                      ValueRange dynamicSizes) {
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    sizes.push_back(type.isDynamicDim(dim)
                        ? toI64(loc, dynamicSizes[type.getDynamicDimIndex(dim)])
                        : constant(loc, i64Type, type.getDimSize(dim)));
  return sizes;
}

void HostCode::convert(memref::AllocOp alloc) {
  Location loc = alloc.getLoc();
  MemRefType type = alloc.getType();
  builder.setInsertionPoint(alloc);
  SmallVector<Value> sizes = getSizes(loc, type, alloc.getDynamicSizes());
  Value bytes = constant(loc, i64Type, getElementBytes(type));
  for (Value size : sizes)
    bytes = arith::MulIOp::create(builder, loc, bytes, size);
  Value alignment = constant(loc, i64Type, alloc.getAlignment().value_or(16));
  Value address =
      call(loc, "sparse24EmulatorAllocate", ptrType, {bytes, alignment});
  alloc.replaceAllUsesWith(createMemRef(loc, type, address, sizes));
  alloc.erase();
}

void HostCode::convert(memref::DeallocOp dealloc) {
  Location loc = dealloc.getLoc();
  builder.setInsertionPoint(dealloc);
  Value address =
      getDescriptor(loc, dealloc.getMemref()).allocatedPtr(builder, loc);
  call(loc, "sparse24EmulatorFree", voidType, address);
  dealloc.erase();
}

void HostCode::convert(memref::GetGlobalOp global) {
  Location loc = global.getLoc();
  MemRefType type = global.getType();
  builder.setInsertionPointAfter(global);
  Value address =
      getDescriptor(loc, global.getResult()).alignedPtr(builder, loc);
  int64_t bytes = type.getNumElements() * getElementBytes(type);
  call(loc, "sparse24EmulatorConstant", voidType,
       {address, constant(loc, i64Type, bytes)});
}

LogicalResult HostCode::convert(WeightOp weight) {
  Location loc = weight.getLoc();
  auto type = dyn_cast<MemRefType>(weight.getType());
  if (!type || !type.hasStaticShape() || !type.getLayout().isIdentity())
    return weight.emitOpError("must be a memref with a static shape and an "
                              "identity layout by now");
  builder.setInsertionPoint(weight);
  int64_t bytes = type.getNumElements() * getElementBytes(type);
  Value address =
      call(loc, "sparse24EmulatorWeight", ptrType,
           {createString(loc, weight.getName()), constant(loc, i64Type, bytes),
            constant(loc, i64Type,
                     static_cast<int64_t>(getLayoutHash(weight, type)))});
  weight.replaceAllUsesWith(
      createMemRef(loc, type, address, getSizes(loc, type, {})));
  weight.erase();
  return success();
}

LogicalResult HostCode::convertMemory() {
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) {
    if (isa<memref::AllocOp, memref::DeallocOp, memref::GetGlobalOp, WeightOp>(
            op))
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      convert(alloc);
    else if (auto dealloc = dyn_cast<memref::DeallocOp>(op))
      convert(dealloc);
    else if (auto global = dyn_cast<memref::GetGlobalOp>(op))
      convert(global);
    else if (failed(convert(cast<WeightOp>(op))))
      return failure();
  }
  return success();
}
