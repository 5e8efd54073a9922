// The parts of a generated `mma.sp` kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_MMASPKERNEL_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_MMASPKERNEL_H

#include "KernelSpec.h"

namespace mlir::sparse24 {

/// What distinguishes one `mma.sp` kernel from another.
struct MmaSpKernelSpec : KernelSpec {
  MmaSpKernelSpec(MatmulOp matmul, ScheduleAttr schedule,
                  int64_t denseCopyBytes = 0)
      : KernelSpec(matmul, schedule), denseCopyBytes(denseCopyBytes) {}

  /// The widest copy to which every row of the dense operand is aligned: 16, 8
  /// or 4 bytes asynchronously, 2 through a register.
  int64_t denseCopyBytes;

  int64_t getNumThreads() const;
  int64_t getSharedMemoryBytes() const;
  /// Equal for kernels that may be shared.
  std::string getKey() const {
    return getCommonKey() + std::to_string(denseCopyBytes);
  }
};

/// A kernel under construction: its arguments and where a thread stands.
struct MmaSpKernelContext {
  ImplicitLocOpBuilder &builder;
  const MmaSpKernelSpec &spec;

  /// Arguments: packed (?xi8), dense (?x?), output (?x?), epilogue operands.
  Value packed, dense, output;
  SmallVector<Value> epilogueOperands;

  /// The sizes of the product.
  IndexValue rows, cols, k;
  /// The thread within its CTA, the lane within its warp.
  IndexValue thread, lane;
  /// The origin of the warp's tile within the CTA's.
  IndexValue warpRow, warpCol;
  /// The origin of the CTA's tile within the product.
  IndexValue tileRow, tileCol;

  IndexValue constant(int64_t value) const { return {builder, value}; }
};

/// The blocks of one warp's tile, each the output of one instruction.
struct WarpTile {
  int64_t rowBlocks, colBlocks;

  int64_t getRows() const { return rowBlocks * ::sparse24::mma_sp::kM; }
  int64_t getCols() const { return colBlocks * ::sparse24::mma_sp::kN; }
};
WarpTile getWarpTile(ScheduleAttr schedule);

/// Tile scheduler: the CTA's tile, from its linear index.
std::pair<IndexValue, IndexValue> emitTileOrigin(ImplicitLocOpBuilder &builder,
                                                 ScheduleAttr schedule,
                                                 IndexValue rows,
                                                 IndexValue cols);

/// Mainloop: multiplies the CTA's tile over all of K. Returns a
/// vector<2x2xf32> for each block of the warp's tile, row-major.
SmallVector<Value> emitMainloop(MmaSpKernelContext &context);
int64_t getMainloopSharedMemoryBytes(const MmaSpKernelSpec &spec);

/// Epilogue: applies the fused region to the accumulators and stores them.
void emitEpilogue(MmaSpKernelContext &context, ArrayRef<Value> accumulators);
int64_t getEpilogueSharedMemoryBytes(const MmaSpKernelSpec &spec);

/// Builds the kernel at the builder's insertion point, in a gpu.module.
gpu::GPUFuncOp buildMmaSpKernel(OpBuilder &builder, Location loc,
                                StringRef name, const MmaSpKernelSpec &spec);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_MMASPKERNEL_H
