// Tensor maps on the host: nvgpu.tma.create.descriptor.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_CONVERSION_TENSORMAP_H
#define SPARSE24_CONVERSION_TENSORMAP_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"

namespace mlir::sparse24 {

/// What a tensor map is in memory, aligned to kTensorMapAlignment: a host value
/// of descriptor type is a pointer to it.
Type getTensorMapType(MLIRContext *context);
constexpr int64_t kTensorMapAlignment = 64;
void addTensorMapConversion(LLVMTypeConverter &converter);

/// Checks what no run can make right.
LogicalResult verifyTensorMap(nvgpu::TmaCreateDescriptorOp op);

/// Writes what sparse24EncodeTensorMap() takes after the context: the pointer
/// to the map, the tensor, and how boxes of it are copied. `createSlot` gives
/// an aligned slot on the stack.
SmallVector<Value>
createTensorMapArguments(OpBuilder &builder, nvgpu::TmaCreateDescriptorOp op,
                         const LLVMTypeConverter &converter,
                         function_ref<Value(Type)> createSlot);

/// Makes users take the map from where it has been encoded.
void replaceTensorMap(nvgpu::TmaCreateDescriptorOp op, Value map);

} // namespace mlir::sparse24

#endif // SPARSE24_CONVERSION_TENSORMAP_H
