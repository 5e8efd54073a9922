// Tensor maps as arguments of kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TONVVM_TENSORMAPARGUMENTS_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TONVVM_TENSORMAPARGUMENTS_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mlir::sparse24 {

/// Makes the kernel's tensor maps pointers, and notes which of the final
/// function's parameters they will be: neither attributes of arguments nor
/// their own types outlive upstream's conversion of gpu.func.
void convertTensorMapArguments(gpu::GPUFuncOp kernel);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TONVVM_TENSORMAPARGUMENTS_H
