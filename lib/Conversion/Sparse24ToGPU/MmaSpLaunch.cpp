// Products become launches of `mma.sp` kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelLibrary.h"
#include "MmaSpKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::sparse24;

LogicalResult mlir::sparse24::checkMmaSp(MatmulOp matmul) {
  Type type = matmul.getOperandElementType();
  if (!type.isF16() && !type.isBF16())
    return matmul.emitError("mma.sp kernels of element type ")
           << type << " are not generated yet; f16 and bf16 are";
  ScheduleAttr schedule = *matmul.getSchedule();
  WarpTile warpTile = getWarpTile(schedule);
  auto isPowerOf2 = [](int64_t size) { return llvm::isPowerOf2_64(size); };
  if (warpTile.rowBlocks < 1 || warpTile.colBlocks < 1 ||
      !llvm::all_of(ArrayRef{schedule.getTileRows(), schedule.getTileCols(),
                             schedule.getWarpRows(), schedule.getWarpCols()},
                    isPowerOf2))
    return matmul.emitError(
               "mma.sp kernels need tiles and numbers of warps that "
               "are powers of two, and at least 16 rows and 8 "
               "columns a warp; the schedule is ")
           << schedule;
  // In each of its turns a thread copies one chunk of a row: of 16 of the 1024
  // bytes of a block of values, and of one of the dense operand's elements.
  MmaSpKernelSpec spec(matmul, schedule);
  int64_t rowChunks = 64;
  if (!spec.isDenseKContiguous())
    rowChunks = std::max(rowChunks, schedule.getTileCols());
  if (spec.getNumThreads() < rowChunks)
    return matmul.emitError("mma.sp kernels of this tile need at least ")
           << rowChunks / 32 << " warps; the schedule is " << schedule;
  return success();
}

/// The widest copy, in bytes, to which rows of `size` elements are aligned.
static int64_t getCopyBytes(int64_t size, int64_t elementBytes) {
  for (int64_t bytes : {16, 8, 4})
    if (size * elementBytes % bytes == 0)
      return bytes;
  return elementBytes;
}

static void launch(ImplicitLocOpBuilder &b, KernelLibrary &library,
                   const MmaSpKernelSpec &spec) {
  MatmulOp matmul = spec.matmul;
  gpu::GPUFuncOp kernel =
      library.getOrBuild(spec.getKey(), [&](OpBuilder &builder) {
        return buildMmaSpKernel(builder, matmul.getLoc(), spec.getName(), spec);
      });
  IndexValue rows = getRows(b, spec, matmul.getInit()),
             cols = getCols(b, spec, matmul.getInit());
  IndexValue tiles = rows.ceilDiv(spec.schedule.getTileRows()) *
                     cols.ceilDiv(spec.schedule.getTileCols());
  SmallVector<Value> operands = {matmul.getPacked(), matmul.getDense(),
                                 matmul.getInit()};
  llvm::append_range(operands, matmul.getEpilogueOperands());
  launchKernel(b, kernel, tiles, spec.getNumThreads(), /*cluster=*/1,
               spec.getSharedMemoryBytes(), operands);
}

// Where nothing is known of the alignment of the dense operand's rows, a choice
// between two launches.
void mlir::sparse24::lowerToMmaSp(MatmulOp matmul, KernelLibrary &library) {
  ImplicitLocOpBuilder b(matmul.getLoc(), matmul);
  MmaSpKernelSpec spec(matmul, *matmul.getSchedule());
  int64_t elementBytes = spec.getElementBytes();
  int64_t rowSize = cast<MemRefType>(matmul.getDense().getType()).getDimSize(1);
  auto launchWith = [&](int64_t copyBytes) {
    spec.denseCopyBytes = copyBytes;
    launch(b, library, spec);
  };
  if (!ShapedType::isDynamic(rowSize)) {
    launchWith(getCopyBytes(rowSize, elementBytes));
  } else {
    int64_t elements = 16 / elementBytes;
    IndexValue size(b, memref::DimOp::create(b, matmul.getDense(), int64_t(1)));
    Value aligned = size % elements < 1;
    auto ifOp = scf::IfOp::create(b, aligned, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    launchWith(16);
    b.setInsertionPointToStart(ifOp.elseBlock());
    launchWith(elementBytes);
  }
  matmul.erase();
}
