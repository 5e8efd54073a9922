// The parts of a generated `wgmma.sp` kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A persistent kernel of specialised warpgroups. One thread of the first, the
// producer, fills the stages of shared memory with tensor copies; the others,
// the consumers, multiply them and store their part of the tile. CTAs
// of a cluster have tiles below each other and share the dense operand: each
// copies a part of it into the shared memory of all. With split-K a tile has
// parts along K, for a CTA each, and the first adds the sums of all.

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_WGMMASPKERNEL_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_WGMMASPKERNEL_H

#include "KernelSpec.h"
#include "SharedMemory.h"

#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"
#include "sparse24/Support/WgmmaSp.h"

namespace mlir::sparse24 {

namespace wgmma_sp = ::sparse24::wgmma_sp;

/// What distinguishes one `wgmma.sp` kernel from another.
struct WgmmaSpKernelSpec : KernelSpec {
  WgmmaSpKernelSpec(MatmulOp matmul, ScheduleAttr schedule,
                    bool isOutputAligned, bool areOperandsAligned)
      : KernelSpec(matmul, schedule), isOutputAligned(isOutputAligned),
        areOperandsAligned(areOperandsAligned) {}

  /// The output has a tensor map: rows of it are multiples of 16 bytes long.
  /// Otherwise the threads store the output element by element.
  bool isOutputAligned;
  /// The same of the epilogue's operands that are as large as the output.
  /// Otherwise the threads load their elements one by one.
  bool areOperandsAligned;
  /// This is the part of the kernel that computes tiles of half as many rows.
  bool isHalf = false;

  /// Consumers have a part of each tile, or with ping-pong take tiles in turn:
  /// then each is a team (`schedule_c10`).
  int64_t getNumTeams() const { return schedule.getPingPong() ? 2 : 1; }
  int64_t getTeamConsumers() const {
    return schedule.getWarpRows() / wgmma_sp::kWarps;
  }
  int64_t getNumConsumers() const { return getNumTeams() * getTeamConsumers(); }
  int64_t getTileRows() const {
    return schedule.getTileRows() / (isHalf ? 2 : 1);
  }
  /// Blocks of 64 rows that a warpgroup multiplies with the same columns.
  int64_t getBlocks() const {
    return getTileRows() / wgmma_sp::kM / getTeamConsumers();
  }
  /// Tiles below each other that a cluster computes at a time. CTAs that have
  /// the same part of K of them share the dense operand.
  int64_t getClusterTiles() const {
    return schedule.getCluster() / schedule.getSplitK();
  }
  /// Rows of a tile that a warpgroup has.
  int64_t getConsumerRows() const { return getBlocks() * wgmma_sp::kM; }
  /// A thread's sums of a block of 64 rows.
  int64_t getBlockSums() const {
    return wgmma_sp::registersD(static_cast<int>(schedule.getTileCols()));
  }
  int64_t getNumThreads() const {
    return (1 + getNumConsumers()) * wgmma_sp::kLanes;
  }
  /// Barriers that say that a team's turn has come.
  int64_t getNumOrderBarriers() const {
    return getNumTeams() > 1 ? getNumTeams() : 0;
  }
  /// Barriers that say that a consumer's sums are there, or have been read.
  int64_t getNumSumBarriers() const {
    return schedule.getSplitK() > 1 ? getNumConsumers() : 0;
  }
  int64_t getBarrierBytes() const;
  int64_t getSharedMemoryBytes() const;
  /// That a consumer's thread can have.
  int64_t getConsumerRegisters() const;
  /// What there is.
  int64_t getSharedMemoryLimit() const;
  /// Equal for kernels that may be shared.
  std::string getKey() const {
    return getCommonKey() + (isOutputAligned ? "aligned" : "") +
           (areOperandsAligned ? "operands" : "");
  }
};

/// How a matrix in global memory is cut into the boxes of a tensor map.
struct TensorMapShape {
  /// Along the rows of memory, and across them.
  int64_t minor, major;
  Type elementType;

  int64_t getRowBytes() const { return minor * getMemoryBytes(elementType); }
  /// Rows as long as all banks together are swizzled; shorter ones are not.
  bool isSwizzled() const { return getRowBytes() == 128; }
  nvgpu::TensorMapDescriptorType getType() const;
  /// Where element `minor` of row `major` of a box lies in shared memory, in
  /// elements.
  IndexValue getOffset(IndexValue major, IndexValue minor) const;
};

/// A copy of the sparse operand's values or metadata. Blocks of 64 rows lie far
/// apart in memory; what a stage has of one is contiguous, and cut into rows of
/// as many words as a box may have.
struct PackedBox {
  /// Blocks of 64 rows: those of a tile, or of half a tile where there are.
  int64_t panels;
  /// Rows of words that a stage has of such a block.
  int64_t rows, words;

  static constexpr int64_t kWordBytes = 4;
  nvgpu::TensorMapDescriptorType getType(MLIRContext *context) const;
};
PackedBox getValueBox(const WgmmaSpKernelSpec &spec);
PackedBox getMetadataBox(const WgmmaSpKernelSpec &spec);

/// A copy of the dense operand: the part of a stage that one CTA brings.
///
/// Of a tile that ends beyond the matrix only what is in the matrix is copied.
/// The rest of the stage keeps what it has: its products are in columns of the
/// output that nobody stores, and copies from beyond the matrix are slow, as
/// all fetch the same memory. If K is contiguous, the matrix' last columns have
/// a map of their own, with a smaller box.
TensorMapShape getDenseMap(const WgmmaSpKernelSpec &spec);
/// The columns of that box: what is left of the matrix after whole boxes. If
/// nothing is, 1, for a map that is not used must be a map.
IndexValue getDenseTailColumns(const WgmmaSpKernelSpec &spec, IndexValue cols);
/// A store of the output.
TensorMapShape getOutputMap(const WgmmaSpKernelSpec &spec);
/// Whether there can be one.
bool hasOutputMap(const WgmmaSpKernelSpec &spec);

/// A stage's operands in shared memory: first all stages' dense operands, then
/// all their values, then all their metadata, so that each is as aligned as its
/// swizzle wants.
struct Stages {
  explicit Stages(const WgmmaSpKernelSpec &spec)
      : number(spec.schedule.getStages()),
        panels(spec.getTileRows() / wgmma_sp::kM),
        panelBytes(spec.getPackedLayout().blockValueBytes()),
        panelMetadataBytes(spec.getPackedLayout().blockMetadataBytes()),
        denseBytes(spec.schedule.getTileCols() *
                   spec.getPackedLayout().kBlock() * spec.getElementBytes()),
        tilePanels(spec.schedule.getTileRows() / wgmma_sp::kM) {}

  /// What a stage has of the packed operand.
  int64_t packedBytes() const {
    return panels * (panelBytes + panelMetadataBytes);
  }

  IndexValue dense(IndexValue stage) const { return stage * denseBytes; }
  IndexValue values(IndexValue stage) const {
    return stage * (tilePanels * panelBytes) + number * denseBytes;
  }
  IndexValue metadata(IndexValue stage) const {
    return stage * (tilePanels * panelMetadataBytes) +
           number * (denseBytes + tilePanels * panelBytes);
  }
  /// What follows is as aligned, too.
  int64_t totalBytes() const {
    return llvm::alignTo(
        number * (denseBytes + tilePanels * (panelBytes + panelMetadataBytes)),
        wgmma_sp::kSwizzleAlignment);
  }

  int64_t number;
  /// Blocks of 64 rows, with the bytes of values and of metadata of each.
  int64_t panels, panelBytes, panelMetadataBytes;
  int64_t denseBytes;
  /// What a whole tile has, for which there is room.
  int64_t tilePanels;
};

/// The other parity (an `i32`), or team.
Value flip(ImplicitLocOpBuilder &builder, Value bit);

/// Which stage is used next, and the parity of its barriers' phase, an `i32`.
struct PipelinePosition {
  IndexValue stage;
  Value parity;

  /// As loops carry it.
  SmallVector<Value> getCarried() const { return {stage, parity}; }
  static PipelinePosition get(ImplicitLocOpBuilder &builder,
                              ValueRange carried) {
    return {{builder, carried[0]}, carried[1]};
  }
};

/// The tile that a CTA computes: its first row and column.
struct OutputTile {
  IndexValue row, col;
};

/// What a CTA does at a time: the products of a tile over some blocks of K.
struct TileWork {
  OutputTile tile;
  /// The blocks along K: all of them, or with split-K the CTA's part.
  IndexValue firstBlock, endBlock;
};

/// A kernel under construction: its arguments and where a thread stands.
struct WgmmaSpKernelContext {
  ImplicitLocOpBuilder &builder;
  WgmmaSpKernelSpec spec;

  /// Arguments: the tensor maps of the packed operand's values and metadata and
  /// of the dense operand, if its K is contiguous the one of its last columns,
  /// the output (?x?), its tensor map where it is aligned, and the epilogue's
  /// operands, those that are copied to shared memory as tensor maps.
  Value valueMap, metadataMap, denseMap, denseTailMap, output, outputMap;
  SmallVector<Value> epilogueOperands;

  /// The sizes of the product, of K in blocks of a stage.
  IndexValue rows, cols, numBlocks;
  /// The cluster, how many there are, and the CTA within its cluster: its tile
  /// of those below each other, and its part of K.
  IndexValue cluster, numClusters, clusterTile, part;
  /// The consumer that this warpgroup is, and the thread within it.
  IndexValue consumer, thread;
  /// A stage's phase in `full` ends when its copies have landed, in `empty`
  /// when all consumers of the cluster have read it. With ping-pong a phase of
  /// a team's barrier in `order` ends when the other team has seen all stages
  /// of a tile: whoever waits for a phase must know that the one before has
  /// ended, for only the parity tells them apart. With split-K a phase of
  /// `sumsFull` ends, in the first CTA, when a consumer's sums are in the
  /// shared memory of all others, and in those one of `sumsEmpty` when it has
  /// read them.
  MBarriers full, empty, order, sumsFull, sumsEmpty;

  /// All of these and what is computed from them are 32 bits wide.
  IndexValue constant(int64_t value) const {
    return IndexValue(builder, value).narrow();
  }
  PipelinePosition getFirstPosition() const;
  PipelinePosition getNext(const PipelinePosition &position) const;
  /// The position so many stages later.
  PipelinePosition skip(const PipelinePosition &position,
                        IndexValue count) const;
  /// The rank in the cluster of the CTA with that tile and that part of K.
  IndexValue getRank(IndexValue clusterTile, IndexValue part) const {
    return part * spec.getClusterTiles() + clusterTile;
  }
  /// The consumer among those that have a part of its tile.
  IndexValue getConsumerInTeam() const {
    return spec.getNumTeams() == 1 ? consumer : constant(0);
  }
  /// All stages, as bytes, and the address of one, for copies into them.
  Value viewStages() const;
  Value getStagePointer(IndexValue offset) const;
  /// Copies a box from global memory to that byte of the stages, in this CTA or
  /// all of a mask; the stage is full once it has landed.
  void copyBox(Value map, ValueRange coordinates, IndexValue target,
               IndexValue stage, Value multicastMask = {});
  /// The producer waits until all consumers of the cluster have read a stage.
  void waitUntilEmpty(const PipelinePosition &position);
  /// Tells the producers of the cluster that this warp has read a stage, in
  /// threads that fulfil the condition, if there is one.
  void release(IndexValue stage, Value condition = {});
  /// Runs `body` only in threads that fulfil the condition.
  void emitIf(Value condition, function_ref<void()> body) const;
  /// Runs `first` in the CTAs that finish tiles, which may use stages from the
  /// position on: those of the first part of K, so without split-K all; and
  /// `others` in the others.
  void emitInFirst(PipelinePosition &position,
                   function_ref<void(PipelinePosition &)> first,
                   function_ref<void()> others) const;
  /// The threads of a consumer wait for each other.
  void synchronizeConsumer() const;
};

/// The body of a loop over what a CTA does, with values that it takes and
/// gives. The context is the kernel's, or knows that tiles are halves.
using TileLoopBody = function_ref<SmallVector<Value>(
    WgmmaSpKernelContext &, const TileWork &, ValueRange)>;

/// A cluster's turns, in each of which it computes a tile: every `step`-th of
/// them from `first` on.
struct TileTurns {
  IndexValue first;
  int64_t step;
};

/// Tile scheduler: the loop, or two with halves of tiles.
SmallVector<Value> emitTileLoop(WgmmaSpKernelContext &context, TileTurns turns,
                                ValueRange carried, TileLoopBody body);
/// The loop over all turns, for who uses all stages one after the other.
void emitTileLoop(WgmmaSpKernelContext &context,
                  function_ref<void(WgmmaSpKernelContext &, const TileWork &,
                                    PipelinePosition &)>
                      body);
/// How many clusters at most have something to do.
IndexValue getMaxClusters(const WgmmaSpKernelSpec &spec, IndexValue rows,
                          IndexValue cols);

/// What comes after a tile's products: gets their sums, and the position from
/// which on it may use stages.
using TileEnd = function_ref<void(ArrayRef<Value>, PipelinePosition &)>;

/// Split-K: what the CTAs with parts of a tile hand to the first of them. Calls
/// `finish` with the tile's sums where this is that CTA. `parity` (an `i32`)
/// changes with every tile.
int64_t getSplitKSharedMemoryBytes(const WgmmaSpKernelSpec &spec);
void initializeSumBarriers(WgmmaSpKernelContext &context);
void emitSharedTile(WgmmaSpKernelContext &context, Value parity,
                    ArrayRef<Value> accumulators, PipelinePosition &position,
                    TileEnd finish);

/// Mainloop: its stages in shared memory, the copies into them by one warp,
/// for all tiles, and the products of a consumer for one tile or a part of it:
/// a vector<n/2 x accumulator> for each block of 64 rows.
int64_t getMainloopSharedMemoryBytes(const WgmmaSpKernelSpec &spec);
void emitProducer(WgmmaSpKernelContext &context);
/// `onLastStage` emits what follows the wait for the last stage.
SmallVector<Value> emitProducts(WgmmaSpKernelContext &context,
                                const TileWork &work,
                                PipelinePosition &position,
                                function_ref<void()> onLastStage);

/// Epilogue: what it does before a tile's products, and after them. From the
/// position on it reads stages with operands, which the producer fills.
int64_t getEpilogueSharedMemoryBytes(const WgmmaSpKernelSpec &spec);
void emitEpiloguePrologue(WgmmaSpKernelContext &context, OutputTile tile);
void emitEpilogue(WgmmaSpKernelContext &context, OutputTile tile,
                  ArrayRef<Value> accumulators, PipelinePosition &position);
/// Waits for the last stores to be done, at the kernel's end.
void emitEpilogueEnd(WgmmaSpKernelContext &context);

/// The epilogue's operands: how the launch passes each to the kernel, a tensor
/// map of that shape or else the memref itself, and the producer's copies.
std::optional<TensorMapShape>
getEpilogueOperandMap(const WgmmaSpKernelSpec &spec, int64_t operand);
void emitOperandCopies(WgmmaSpKernelContext &context, OutputTile tile,
                       PipelinePosition &position);
/// Stages that a tile's operands take.
int64_t getNumOperandStages(const WgmmaSpKernelSpec &spec);

/// Builds the kernel at the builder's insertion point, in a gpu.module.
gpu::GPUFuncOp buildWgmmaSpKernel(OpBuilder &builder, Location loc,
                                  StringRef name,
                                  const WgmmaSpKernelSpec &spec);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_WGMMASPKERNEL_H
