// What the host's side of a launch gives to the kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/KernelLaunch.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"

using namespace mlir;
using namespace mlir::sparse24;

SmallVector<KernelParameter>
mlir::sparse24::createKernelParameters(OpBuilder &builder,
                                       gpu::LaunchFuncOp launch,
                                       const LLVMTypeConverter &converter) {
  Location loc = launch.getLoc();
  SmallVector<KernelParameter> parameters;
  for (Value operand : launch.getKernelOperands()) {
    Type type = operand.getType(), converted = converter.convertType(type);
    if (converted != type)
      operand =
          UnrealizedConversionCastOp::create(builder, loc, converted, operand)
              .getResult(0);
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref) {
      parameters.push_back(
          {operand, isa<nvgpu::TensorMapDescriptorType>(type)});
      continue;
    }
    SmallVector<Value> fields;
    MemRefDescriptor::unpack(builder, loc, operand, memref, fields);
    for (Value field : fields)
      parameters.push_back({field, false});
  }
  return parameters;
}

SmallVector<Value>
mlir::sparse24::createLaunchExtents(OpBuilder &builder,
                                    gpu::LaunchFuncOp launch) {
  Location loc = launch.getLoc();
  Type i64 = builder.getI64Type();
  SmallVector<Value> extents;
  auto add = [&](gpu::KernelDim3 dims) {
    for (Value extent : {dims.x, dims.y, dims.z}) {
      if (extent.getType().isIndex())
        extent = arith::IndexCastOp::create(builder, loc, i64, extent);
      else if (extent.getType() != i64)
        extent = arith::ExtSIOp::create(builder, loc, i64, extent);
      extents.push_back(extent);
    }
  };
  add(launch.getGridSizeOperandValues());
  add(launch.getBlockSizeOperandValues());
  if (launch.hasClusterSize()) {
    add(launch.getClusterSizeOperandValues());
  } else {
    Value one =
        arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(1));
    extents.append(3, one);
  }
  return extents;
}
