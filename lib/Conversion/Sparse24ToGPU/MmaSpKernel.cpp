// Puts an `mma.sp` kernel together from its parts.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MmaSpKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::sparse24;
namespace mma_sp = ::sparse24::mma_sp;

int64_t MmaSpKernelSpec::getNumThreads() const {
  return schedule.getWarpRows() * schedule.getWarpCols() * mma_sp::kLanes;
}

int64_t MmaSpKernelSpec::getSharedMemoryBytes() const {
  return std::max(getMainloopSharedMemoryBytes(*this),
                  getEpilogueSharedMemoryBytes(*this));
}

WarpTile mlir::sparse24::getWarpTile(ScheduleAttr schedule) {
  return {schedule.getTileRows() / schedule.getWarpRows() / mma_sp::kM,
          schedule.getTileCols() / schedule.getWarpCols() / mma_sp::kN};
}

gpu::GPUFuncOp mlir::sparse24::buildMmaSpKernel(OpBuilder &builder,
                                                Location loc, StringRef name,
                                                const MmaSpKernelSpec &spec) {
  MatmulOp matmul = spec.matmul;
  SmallVector<Type> argumentTypes = {getArgumentType(matmul.getPacked()),
                                     getArgumentType(matmul.getDense()),
                                     getArgumentType(matmul.getInit())};
  for (Value operand : matmul.getEpilogueOperands())
    argumentTypes.push_back(getArgumentType(operand));
  gpu::GPUFuncOp func =
      createKernel(builder, loc, name, argumentTypes, spec.getNumThreads());

  auto b = ImplicitLocOpBuilder::atBlockBegin(loc, &func.getBody().front());
  Value packed = func.getArgument(0), dense = func.getArgument(1),
        output = func.getArgument(2);
  IndexValue rows = getRows(b, spec, output), cols = getCols(b, spec, output);
  IndexValue k(
      b, memref::DimOp::create(b, dense, int64_t(spec.isDenseKContiguous())));

  IndexValue thread(b, gpu::ThreadIdOp::create(b, gpu::Dimension::x));
  IndexValue warp = thread / mma_sp::kLanes;
  ScheduleAttr schedule = spec.schedule;
  WarpTile warpTile = getWarpTile(schedule);
  auto [tileRow, tileCol] = emitTileOrigin(b, schedule, rows, cols);
  MmaSpKernelContext context{
      b,
      spec,
      packed,
      dense,
      output,
      llvm::to_vector_of<Value>(func.getArguments().drop_front(3)),
      rows,
      cols,
      k,
      thread,
      thread % mma_sp::kLanes,
      /*warpRow=*/warp / schedule.getWarpCols() * warpTile.getRows(),
      /*warpCol=*/warp % schedule.getWarpCols() * warpTile.getCols(),
      tileRow,
      tileCol};

  emitEpilogue(context, emitMainloop(context));
  gpu::ReturnOp::create(b);
  return func;
}
