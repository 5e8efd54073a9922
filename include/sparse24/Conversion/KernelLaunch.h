// What the host's side of a launch gives to the kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_CONVERSION_KERNELLAUNCH_H
#define SPARSE24_CONVERSION_KERNELLAUNCH_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mlir::sparse24 {

/// A parameter of a kernel.
struct KernelParameter {
  Value value;
  /// `value` isn't the parameter but a pointer to it: a tensor map's.
  bool isPointedTo;
};

/// The parameters of a launched kernel, in order: the fields of each memref's
/// descriptor, scalars, and tensor maps.
SmallVector<KernelParameter>
createKernelParameters(OpBuilder &builder, gpu::LaunchFuncOp launch,
                       const LLVMTypeConverter &converter);

/// The nine extents of a launch as `i64`: of the grid, of a block, and of a
/// cluster, which is one block if the launch doesn't say.
SmallVector<Value> createLaunchExtents(OpBuilder &builder,
                                       gpu::LaunchFuncOp launch);

} // namespace mlir::sparse24

#endif // SPARSE24_CONVERSION_KERNELLAUNCH_H
