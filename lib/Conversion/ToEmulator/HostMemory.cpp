// What the host's side gives to kernels: allocations, constants and weights,
// which they may access, fills of them, tensor maps, and the device's size.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "HostCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "sparse24/Conversion/Memset.h"
#include "sparse24/Conversion/TensorMap.h"
#include "sparse24/Conversion/WeightLayout.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::sparse24;

/// Few, so that CTAs of persistent kernels compute several tiles.
constexpr int64_t kMultiprocessors = 4;

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
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (type.isDynamicDim(dim))
      sizes.push_back(arith::IndexCastOp::create(
          builder, loc, i64Type, dynamicSizes[type.getDynamicDimIndex(dim)]));
    else
      sizes.push_back(constant(loc, i64Type, type.getDimSize(dim)));
  }
  return sizes;
}

LogicalResult HostCode::convert(memref::AllocOp alloc) {
  Location loc = alloc.getLoc();
  MemRefType type = alloc.getType();
  SmallVector<Value> sizes = getSizes(loc, type, alloc.getDynamicSizes());
  Value bytes = constant(loc, i64Type, getElementBytes(type));
  for (Value size : sizes)
    bytes = arith::MulIOp::create(builder, loc, bytes, size);
  Value alignment = constant(loc, i64Type, alloc.getAlignment().value_or(16));
  Value address =
      call(loc, "sparse24EmulatorAllocate", ptrType, {bytes, alignment});
  alloc.replaceAllUsesWith(createMemRef(loc, type, address, sizes));
  alloc.erase();
  return success();
}

LogicalResult HostCode::convert(memref::DeallocOp dealloc) {
  Location loc = dealloc.getLoc();
  Value address =
      getDescriptor(loc, dealloc.getMemref()).allocatedPtr(builder, loc);
  call(loc, "sparse24EmulatorFree", voidType, address);
  dealloc.erase();
  return success();
}

LogicalResult HostCode::convert(memref::GetGlobalOp global) {
  Location loc = global.getLoc();
  MemRefType type = global.getType();
  builder.setInsertionPointAfter(global);
  Value address =
      getDescriptor(loc, global.getResult()).alignedPtr(builder, loc);
  int64_t bytes = type.getNumElements() * getElementBytes(type);
  call(loc, "sparse24EmulatorConstant", voidType,
       {address, constant(loc, i64Type, bytes)});
  return success();
}

LogicalResult HostCode::convert(gpu::MemsetOp memset) {
  if (failed(verifyMemset(memset)))
    return failure();
  builder.setInsertionPoint(memset);
  call(memset.getLoc(), "sparse24EmulatorMemset32", voidType,
       createMemsetArguments(builder, memset, typeConverter));
  return success();
}

LogicalResult HostCode::convert(WeightOp weight) {
  Location loc = weight.getLoc();
  auto type = dyn_cast<MemRefType>(weight.getType());
  if (!type || !type.hasStaticShape() || !type.getLayout().isIdentity())
    return weight.emitOpError("must be a memref with a static shape and an "
                              "identity layout by now");
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

LogicalResult HostCode::convert(nvgpu::TmaCreateDescriptorOp create) {
  if (failed(verifyTensorMap(create)))
    return failure();
  SmallVector<Value> arguments =
      createTensorMapArguments(builder, create, typeConverter, [&](Type type) {
        return createSlot(create, type);
      });
  call(create.getLoc(), "sparse24EmulatorEncodeTensorMap", voidType, arguments);
  replaceTensorMap(create, arguments.front());
  return success();
}

LogicalResult HostCode::convert(ResidentClustersOp resident) {
  int64_t clusters =
      std::max<int64_t>(kMultiprocessors / resident.getCluster(), 1);
  resident.replaceAllUsesWith(
      arith::ConstantIndexOp::create(builder, resident.getLoc(), clusters)
          .getResult());
  resident.erase();
  return success();
}

LogicalResult HostCode::convertMemory() {
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops) {
    LogicalResult result =
        llvm::TypeSwitch<Operation *, LogicalResult>(op)
            .Case<memref::AllocOp, memref::DeallocOp, memref::GetGlobalOp,
                  WeightOp, nvgpu::TmaCreateDescriptorOp, ResidentClustersOp>(
                [&](auto known) {
                  builder.setInsertionPoint(known);
                  return convert(known);
                })
            .Default(success());
    if (failed(result))
      return failure();
  }
  return success();
}
