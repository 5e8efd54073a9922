// What all generated kernels of products have in common.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_KERNELSPEC_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_KERNELSPEC_H

#include "IndexValue.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Support/PackedLayout.h"

namespace mlir::sparse24 {

/// All that distinguishes one kernel from another. M, N and K are arguments of
/// the kernel, so that products of any shape share it.
///
/// A kernel computes a tile of `rows × cols`, where the rows are those of the
/// sparse operand (stored rows × K) and the columns those of the dense one.
/// For a sparse right operand, D = X·Wᵀ, it computes Dᵀ and stores it
/// transposed: nothing else depends on the side.
struct KernelSpec {
  KernelSpec(MatmulOp matmul, ScheduleAttr schedule)
      : matmul(matmul), schedule(schedule) {}

  /// The operation in memref form, for its types, flags and epilogue. Mutable
  /// because an operation's accessors aren't const.
  mutable MatmulOp matmul;
  ScheduleAttr schedule;

  /// The dense operand is in memory as cols × K (K contiguous), not K × cols.
  bool isDenseKContiguous() const;
  /// The output is in memory as cols × rows.
  bool isOutputTransposed() const;

  /// The layout of the packed operand, whose constants shape the mainloop.
  ::sparse24::PackedLayout getPackedLayout() const;
  int64_t getElementBytes() const;
  int64_t getOutputBytes() const;

  /// A name that tells a reader the types and the schedule.
  std::string getName() const;

protected:
  /// Equal for kernels that may be shared, as far as this structure goes.
  std::string getCommonKey() const;
};

/// The type of a kernel's argument for an operand: sizes are dynamic, so that
/// shapes share kernels.
MemRefType getArgumentType(Value operand);

/// A kernel without a body, of so many threads, whose registers are such that a
/// multiprocessor holds at least `minCtas` CTAs.
gpu::GPUFuncOp createKernel(OpBuilder &builder, Location loc, StringRef name,
                            TypeRange argumentTypes, int64_t numThreads,
                            int64_t minCtas = 1);

/// Instructions that no operation of MLIR says, with effects that keep them
/// where they are.
Value createInlinePtx(ImplicitLocOpBuilder &builder, Type resultType,
                      ValueRange operands, StringRef text,
                      StringRef constraints);

/// Loads or stores neighbours in a row of a memref, of which the first lies at a
/// multiple of what they take together.
SmallVector<Value> loadNeighbours(ImplicitLocOpBuilder &builder, Value memref,
                                  ValueRange indices, int64_t number);
void storeNeighbours(ImplicitLocOpBuilder &builder, ValueRange elements,
                     Value memref, ValueRange indices);

/// The size of the product along the kernel's rows, or its columns: of the
/// output, on the host or in the kernel.
IndexValue getRows(ImplicitLocOpBuilder &builder, const KernelSpec &spec,
                   Value output);
IndexValue getCols(ImplicitLocOpBuilder &builder, const KernelSpec &spec,
                   Value output);

/// The row and the column, in tiles, of tile `index`. Walks `groupRows` tiles
/// down before one across, so that those in flight share operands in L2.
std::pair<IndexValue, IndexValue> getTileInGroups(IndexValue index,
                                                  IndexValue rowTiles,
                                                  IndexValue colTiles,
                                                  int64_t groupRows);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_KERNELSPEC_H
