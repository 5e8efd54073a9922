// The tile scheduler of a `wgmma.sp` kernel: which tiles a CTA computes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpKernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::sparse24;

/// Tiles of a cluster's height, along the rows.
static IndexValue getRowTiles(const KernelSpec &spec, IndexValue rows) {
  ScheduleAttr schedule = spec.schedule;
  return rows.ceilDiv(schedule.getTileRows() * schedule.getCluster());
}

IndexValue mlir::sparse24::getNumClusterTiles(const KernelSpec &spec,
                                              IndexValue rows,
                                              IndexValue cols) {
  return getRowTiles(spec, rows) * cols.ceilDiv(spec.schedule.getTileCols());
}

/// The first row and column of this CTA's tile of a cluster's.
static OutputTile getTile(const WgmmaSpKernelContext &context,
                          IndexValue index) {
  ScheduleAttr schedule = context.spec.schedule;
  // In tiles of a cluster's height: sixteen tiles of a CTA.
  int64_t groupRows = std::max<int64_t>(1, 16 / schedule.getCluster());
  auto [clusterRow, col] =
      getTileInGroups(index, getRowTiles(context.spec, context.rows),
                      context.cols.ceilDiv(schedule.getTileCols()), groupRows);
  return {(clusterRow * schedule.getCluster() + context.clusterRank) *
              schedule.getTileRows(),
          col * schedule.getTileCols()};
}

SmallVector<Value> mlir::sparse24::emitTileLoop(
    WgmmaSpKernelContext &context, ValueRange carried,
    function_ref<SmallVector<Value>(OutputTile, ValueRange)> body) {
  ImplicitLocOpBuilder &b = context.builder;
  int64_t clusterSize = context.spec.schedule.getCluster();
  IndexValue block =
      IndexValue(b, gpu::BlockIdOp::create(b, gpu::Dimension::x)).narrow();
  IndexValue blocks =
      IndexValue(b, gpu::GridDimOp::create(b, gpu::Dimension::x)).narrow();
  auto loop = scf::ForOp::create(
      b, block / clusterSize,
      getNumClusterTiles(context.spec, context.rows, context.cols),
      blocks / clusterSize, carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  OutputTile tile = getTile(context, {b, loop.getInductionVar()});
  scf::YieldOp::create(b, body(tile, loop.getRegionIterArgs()));
  return llvm::to_vector_of<Value>(loop.getResults());
}
