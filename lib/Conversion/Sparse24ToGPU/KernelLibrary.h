// Where generated kernels are kept, and how products become launches of them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_KERNELLIBRARY_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_KERNELLIBRARY_H

#include "IndexValue.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::sparse24 {

/// Builds kernels into one gpu.module and shares equal ones.
class KernelLibrary {
public:
  explicit KernelLibrary(ModuleOp module) : module(module) {}

  /// The kernel of that key; `build` makes it at the builder's insertion point
  /// if it isn't there yet.
  gpu::GPUFuncOp getOrBuild(StringRef key,
                            function_ref<gpu::GPUFuncOp(OpBuilder &)> build);
  unsigned getNumKernels() const { return kernels.size(); }

private:
  gpu::GPUModuleOp getKernelModule();

  ModuleOp module;
  gpu::GPUModuleOp kernelModule;
  llvm::StringMap<gpu::GPUFuncOp> kernels;
};

/// A kernel's name in its module.
SymbolRefAttr getKernelName(gpu::GPUFuncOp kernel);

/// Launches a kernel on a row of CTAs, in clusters of so many; memrefs are cast
/// to the kernel's types.
void launchKernel(ImplicitLocOpBuilder &builder, gpu::GPUFuncOp kernel,
                  IndexValue numBlocks, int64_t numThreads, int64_t cluster,
                  int64_t sharedMemoryBytes, SmallVector<Value> operands);

/// What no kernel can be generated for, as a diagnostic. The product is packed,
/// on buffers, and has a schedule.
LogicalResult checkMmaSp(MatmulOp matmul);
LogicalResult checkWgmmaSp(MatmulOp matmul);

/// Replaces a product that was checked by launches.
void lowerToMmaSp(MatmulOp matmul, KernelLibrary &library);
void lowerToWgmmaSp(MatmulOp matmul, KernelLibrary &library);

/// Whether a compression has a kernel of its own, which stages what the
/// transposed matrix keeps in shared memory: one of contiguous buffers, both
/// ways. (Others are plain loops.)
bool isCompressBothWays(CompressOp compress);
/// Replaces it by launches.
LogicalResult lowerCompressBothWays(CompressOp compress,
                                    KernelLibrary &library);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_KERNELLIBRARY_H
