// The tile scheduler of a `wgmma.sp` kernel: which tiles a CTA computes, or
// which blocks along K of tiles that it shares.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::sparse24;

/// Tiles of a cluster's height, along the rows.
static IndexValue getRowTiles(const KernelSpec &spec, IndexValue rows) {
  ScheduleAttr schedule = spec.schedule;
  return rows.ceilDiv(schedule.getTileRows() * schedule.getCluster());
}

/// The number of tiles that a cluster computes at once.
static IndexValue getNumClusterTiles(const KernelSpec &spec, IndexValue rows,
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

namespace {

constexpr int64_t kMaxParts = 2;

/// Stream-K (Osama et al., "Stream-K: Work-centric Parallel Decomposition for
/// Dense Matrix-Matrix Multiplication on the GPU", 2023), in its hybrid form:
/// clusters compute whole tiles as long as there is one for each of them. The
/// blocks along K of the tiles that remain are numbered throughout and shared
/// out evenly, so that a cluster has the end of one tile and the beginning of
/// the next, or less than a tile.
///
/// Whoever has a tile's last blocks finishes it, with what the clusters right
/// before it hand on. It waits only for clusters of lower numbers, and each
/// cluster does first what others wait for: this ends even where not all
/// clusters run at the same time, as long as they start in order.
class SharedTiles {
public:
  SharedTiles(const WgmmaSpKernelContext &context, IndexValue numTiles)
      : context(context), numBlocks(context.numBlocks),
        number(numTiles % context.numClusters), numWhole(numTiles - number),
        sharers((number * (numBlocks / wgmma_sp::kMinSharedBlocks)
                              .max(1)
                              .min(wgmma_sp::kMaxSharers))
                    .min(context.numClusters)),
        share(number * numBlocks / sharers.max(1)),
        longer(number * numBlocks % sharers.max(1)),
        begin(getBegin(context.cluster)), end(getBegin(context.cluster + 1)),
        firstTile(begin / numBlocks), lastTile((end.max(1) - 1) / numBlocks) {}

  /// Parts of tiles that this cluster has: up to kMaxParts.
  IndexValue getNumParts() const {
    return (lastTile - firstTile + 1).orZeroUnless(begin < end);
  }
  /// The tile that part `index` is of, and its blocks: the later part first.
  TileWork getPart(int64_t index) const {
    IndexValue tile = index == 0 ? lastTile : firstTile;
    IndexValue tileBegin = tile * numBlocks;
    return {getTile(context, numWhole + tile), begin - begin.min(tileBegin),
            (end - tileBegin).min(numBlocks),
            context.cluster - getSharer(tileBegin)};
  }
  /// Tiles that this cluster computes alone.
  IndexValue getNumTurns() const { return numWhole / context.numClusters; }

private:
  /// The first block of a cluster. The first `longer` ones have one more.
  IndexValue getBegin(IndexValue cluster) const {
    return cluster.min(sharers) * share + cluster.min(longer);
  }
  /// The cluster that has a block.
  IndexValue getSharer(IndexValue block) const {
    IndexValue split = longer * (share + 1);
    IndexValue beyond = longer + (block - split.min(block)) / share.max(1);
    return (block / (share + 1)).orUnless(block < split, beyond);
  }

  const WgmmaSpKernelContext &context;
  /// Of K.
  IndexValue numBlocks;
  /// Tiles that are shared, and all others.
  IndexValue number, numWhole;
  /// Clusters that have a share, and how it is cut.
  IndexValue sharers, share, longer;
  /// This cluster's blocks, and the tiles that they are in.
  IndexValue begin, end, firstTile, lastTile;
};

/// This CTA's parts of tiles in shared memory: registers are scarce, and the
/// scheduler's would be occupied throughout.
class PartTable {
public:
  explicit PartTable(const WgmmaSpKernelContext &context)
      : context(context), b(context.builder) {
    int64_t begin = getMainloopSharedMemoryBytes(context.spec) +
                    getEpilogueSharedMemoryBytes(context.spec);
    memory = viewSharedMemory(b, begin, {kWords}, b.getI32Type());
  }

  static constexpr int64_t kWordsPerPart = 5;
  static constexpr int64_t kWords = 2 + kMaxParts * kWordsPerPart;

  void write(const SharedTiles &shared) {
    store(0, shared.getNumParts());
    store(1, shared.getNumTurns());
    for (int64_t part = 0; part < kMaxParts; ++part) {
      TileWork work = shared.getPart(part);
      IndexValue words[] = {work.tile.row, work.tile.col, work.firstBlock,
                            work.endBlock, work.clustersBefore};
      for (auto [i, word] : llvm::enumerate(words))
        store(2 + part * kWordsPerPart + static_cast<int64_t>(i), word);
    }
  }

  IndexValue getNumParts() { return load(context.constant(0)); }
  IndexValue getNumTurns() { return load(context.constant(1)); }
  TileWork getPart(IndexValue index) {
    IndexValue begin = index.min(kMaxParts - 1) * kWordsPerPart + 2;
    return {{load(begin), load(begin + 1)},
            load(begin + 2),
            load(begin + 3),
            load(begin + 4)};
  }

private:
  void store(int64_t word, IndexValue value) {
    memref::StoreOp::create(b, value, memory, ValueRange{IndexValue(b, word)});
  }
  IndexValue load(IndexValue word) {
    return {b, memref::LoadOp::create(b, memory, ValueRange{word.widen()})};
  }

  const WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  Value memory;
};

} // namespace

IndexValue mlir::sparse24::getMaxClusters(const WgmmaSpKernelSpec &spec,
                                          IndexValue rows, IndexValue cols) {
  IndexValue tiles = getNumClusterTiles(spec, rows, cols);
  if (spec.schedule.getStreamK())
    return tiles * wgmma_sp::kMaxSharers;
  return spec.schedule.getSplitTail() ? tiles * 2 : tiles;
}

namespace {
/// Emits the loops of a CTA over its tiles or parts of them.
class TileLoops {
public:
  TileLoops(WgmmaSpKernelContext &context, TileTurns turns, ValueRange carried,
            TileLoopBody body)
      : context(context), b(context.builder), turns(turns), carried(carried),
        body(body),
        numTiles(getNumClusterTiles(context.spec, context.rows, context.cols)) {
  }

  SmallVector<Value> emitWhole();
  SmallVector<Value> emitWithSplitTail();
  SmallVector<Value> emitStreamK();

private:
  /// A loop whose body gets `bodyContext`.
  void emitLoop(WgmmaSpKernelContext &bodyContext, IndexValue begin,
                IndexValue end, IndexValue step,
                function_ref<TileWork(IndexValue)> getWork);
  /// The cluster's tiles from all up to `end`.
  void emitTiles(IndexValue end);
  TileWork getAllBlocks(OutputTile tile) const {
    return {tile, zero(), context.numBlocks, zero()};
  }
  IndexValue zero() const { return context.constant(0); }

  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  TileTurns turns;
  SmallVector<Value> carried;
  TileLoopBody body;
  IndexValue numTiles;
};
} // namespace

void TileLoops::emitLoop(WgmmaSpKernelContext &bodyContext, IndexValue begin,
                         IndexValue end, IndexValue step,
                         function_ref<TileWork(IndexValue)> getWork) {
  auto loop = scf::ForOp::create(b, begin, end, step, carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  TileWork work = getWork({b, loop.getInductionVar()});
  scf::YieldOp::create(b, body(bodyContext, work, loop.getRegionIterArgs()));
  carried = llvm::to_vector_of<Value>(loop.getResults());
}

void TileLoops::emitTiles(IndexValue end) {
  emitLoop(context, context.cluster + turns.first * context.numClusters, end,
           context.numClusters * turns.step, [&](IndexValue tile) {
             return getAllBlocks(getTile(context, tile));
           });
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
             tile.row = tile.row - context.clusterRank * rows +
                        index % 2 * (rows * context.spec.schedule.getCluster());
             return getAllBlocks(tile);
           });
  return carried;
}

SmallVector<Value> TileLoops::emitStreamK() {
  // Parts first: what others wait for comes early, and whole tiles before them
  // would let clusters drift apart.
  PartTable table(context);
  emitLoop(context, zero(), table.getNumParts() + table.getNumTurns(),
           context.constant(1), [&](IndexValue index) -> TileWork {
             TileWork part = table.getPart(index);
             IndexValue numParts = table.getNumParts();
             IndexValue turn = index - index.min(numParts);
             OutputTile whole =
                 getTile(context, context.cluster + turn * context.numClusters);
             Value isPart = index < numParts;
             return {{part.tile.row.orUnless(isPart, whole.row),
                      part.tile.col.orUnless(isPart, whole.col)},
                     part.firstBlock.orZeroUnless(isPart),
                     part.endBlock.orUnless(isPart, context.numBlocks),
                     part.clustersBefore.orZeroUnless(isPart)};
           });
  return carried;
}

SmallVector<Value> mlir::sparse24::emitTileLoop(WgmmaSpKernelContext &context,
                                                TileTurns turns,
                                                ValueRange carried,
                                                TileLoopBody body) {
  TileLoops loops(context, turns, carried, body);
  if (context.spec.schedule.getStreamK())
    return loops.emitStreamK();
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

int64_t
mlir::sparse24::getSchedulerSharedMemoryBytes(const WgmmaSpKernelSpec &spec) {
  constexpr int64_t alignment = 8, wordBytes = 4;
  return spec.schedule.getStreamK()
             ? llvm::alignTo(PartTable::kWords * wordBytes, alignment)
             : 0;
}

void mlir::sparse24::emitSchedulerPrologue(WgmmaSpKernelContext &context) {
  if (context.spec.schedule.getStreamK())
    PartTable(context).write(SharedTiles(
        context, getNumClusterTiles(context.spec, context.rows, context.cols)));
}
