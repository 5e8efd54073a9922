// The tile scheduler of a `wgmma.sp` kernel: which tiles a CTA computes, and
// which blocks along K of them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpKernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::sparse24;

/// Tiles of a cluster's height, along the rows.
static IndexValue getRowTiles(const WgmmaSpKernelSpec &spec, IndexValue rows) {
  return rows.ceilDiv(spec.schedule.getTileRows() * spec.getClusterTiles());
}

/// The number of tiles of a cluster's height.
static IndexValue getNumTiles(const WgmmaSpKernelSpec &spec, IndexValue rows,
                              IndexValue cols) {
  return getRowTiles(spec, rows) * cols.ceilDiv(spec.schedule.getTileCols());
}

/// The first row and column of this CTA's tile of a cluster's.
static OutputTile getTile(const WgmmaSpKernelContext &context,
                          IndexValue index) {
  ScheduleAttr schedule = context.spec.schedule;
  int64_t clusterTiles = context.spec.getClusterTiles();
  // In tiles of a cluster's height: sixteen tiles of a CTA.
  int64_t groupRows = std::max<int64_t>(1, 16 / clusterTiles);
  auto [clusterRow, col] =
      getTileInGroups(index, getRowTiles(context.spec, context.rows),
                      context.cols.ceilDiv(schedule.getTileCols()), groupRows);
  IndexValue row = clusterRow * clusterTiles + context.clusterTile;
  return {row * schedule.getTileRows(), col * schedule.getTileCols()};
}

IndexValue mlir::sparse24::getMaxClusters(const WgmmaSpKernelSpec &spec,
                                          IndexValue rows, IndexValue cols) {
  IndexValue tiles = getNumTiles(spec, rows, cols);
  return spec.schedule.getSplitTail() ? tiles * 2 : tiles;
}

namespace {
/// Emits the loops of a CTA over its tiles.
class TileLoops {
public:
  TileLoops(WgmmaSpKernelContext &context, TileTurns turns, ValueRange carried,
            TileLoopBody body)
      : context(context), b(context.builder), turns(turns), carried(carried),
        body(body),
        numTiles(getNumTiles(context.spec, context.rows, context.cols)) {}

  SmallVector<Value> emitWhole();
  SmallVector<Value> emitWithSplitTail();

private:
  /// A loop whose body gets `bodyContext`.
  void emitLoop(WgmmaSpKernelContext &bodyContext, IndexValue begin,
                IndexValue end, IndexValue step,
                function_ref<OutputTile(IndexValue)> getTile);
  /// The cluster's tiles from all up to `end`.
  void emitTiles(IndexValue end);
  /// The CTA's blocks along K of a tile.
  TileWork getWork(OutputTile tile) const;

  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  TileTurns turns;
  SmallVector<Value> carried;
  TileLoopBody body;
  IndexValue numTiles;
};
} // namespace

TileWork TileLoops::getWork(OutputTile tile) const {
  int64_t parts = context.spec.schedule.getSplitK();
  if (parts == 1)
    return {tile, context.constant(0), context.numBlocks};
  // None has more than one block more than another.
  auto begin = [&](IndexValue part) {
    return part * context.numBlocks / parts;
  };
  return {tile, begin(context.part), begin(context.part + 1)};
}

void TileLoops::emitLoop(WgmmaSpKernelContext &bodyContext, IndexValue begin,
                         IndexValue end, IndexValue step,
                         function_ref<OutputTile(IndexValue)> getTile) {
  auto loop = scf::ForOp::create(b, begin, end, step, carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  TileWork work = getWork(getTile({b, loop.getInductionVar()}));
  scf::YieldOp::create(b, body(bodyContext, work, loop.getRegionIterArgs()));
  carried = llvm::to_vector_of<Value>(loop.getResults());
}

void TileLoops::emitTiles(IndexValue end) {
  emitLoop(context, context.cluster + turns.first * context.numClusters, end,
           context.numClusters * turns.step,
           [&](IndexValue index) { return getTile(context, index); });
}

SmallVector<Value> TileLoops::emitWhole() {
  emitTiles(numTiles);
  return carried;
}

SmallVector<Value> TileLoops::emitWithSplitTail() {
  IndexValue rest = numTiles % context.numClusters;
  Value isSplit = wgmma_sp::fitInHalves(rest, context.numClusters);
  IndexValue numWhole = (numTiles - rest).orUnless(isSplit, numTiles);
  emitTiles(numWhole);
  WgmmaSpKernelContext half = context;
  half.spec.isHalf = true;
  emitLoop(half, context.cluster, (numTiles - numWhole) * 2,
           context.numClusters, [&](IndexValue index) {
             // The cluster's upper rows, or its lower ones.
             OutputTile tile = getTile(context, numWhole + index / 2);
             int64_t rows = half.spec.getTileRows();
             tile.row = tile.row - context.clusterTile * rows +
                        index % 2 * (rows * context.spec.schedule.getCluster());
             return tile;
           });
  return carried;
}

SmallVector<Value> mlir::sparse24::emitTileLoop(WgmmaSpKernelContext &context,
                                                TileTurns turns,
                                                ValueRange carried,
                                                TileLoopBody body) {
  TileLoops loops(context, turns, carried, body);
  return context.spec.schedule.getSplitTail() ? loops.emitWithSplitTail()
                                              : loops.emitWhole();
}

void mlir::sparse24::emitTileLoop(
    WgmmaSpKernelContext &context,
    function_ref<void(WgmmaSpKernelContext &, const TileWork &,
                      PipelinePosition &)>
        body) {
  emitTileLoop(context, {context.constant(0), /*step=*/1},
               context.getFirstPosition().getCarried(),
               [&](WgmmaSpKernelContext &context, const TileWork &work,
                   ValueRange carried) {
                 auto position =
                     PipelinePosition::get(context.builder, carried);
                 body(context, work, position);
                 return position.getCarried();
               });
}
