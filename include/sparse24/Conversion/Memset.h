// Filling device memory from the host: gpu.memset.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_CONVERSION_MEMSET_H
#define SPARSE24_CONVERSION_MEMSET_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mlir::sparse24 {

/// Checks that the memory is contiguous and of elements of 32 bits.
LogicalResult verifyMemset(gpu::MemsetOp op);

/// Writes what sparse24Memset32() takes between the context and the stream: the
/// address of the first element, the value's bits and the number of elements.
SmallVector<Value> createMemsetArguments(OpBuilder &builder, gpu::MemsetOp op,
                                         const LLVMTypeConverter &converter);

} // namespace mlir::sparse24

#endif // SPARSE24_CONVERSION_MEMSET_H
