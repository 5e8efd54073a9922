// The mainloop of a `wgmma.sp` kernel: the producer's copies into the stages
// of shared memory, and the consumers' products.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "sparse24/Support/Pattern.h"

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::PackedLayout;
namespace mma_sp = ::sparse24::mma_sp;

namespace {

/// The chunks of columns that the dense operand is copied in, if its columns
/// are contiguous: as many as a row of memory in a box has.
struct DenseChunks {
  explicit DenseChunks(const WgmmaSpKernelSpec &spec)
      : columns(getDenseMap(spec).minor),
        number(spec.schedule.getTileCols() / columns),
        bytes(columns * spec.getPackedLayout().kBlock() *
              spec.getElementBytes()) {}
  int64_t columns, number, bytes;
};

class Producer {
public:
  explicit Producer(WgmmaSpKernelContext &context)
      : context(context), b(context.builder), spec(context.spec),
        layout(spec.getPackedLayout()), stages(spec) {}

  void emit(const TileWork &work, PipelinePosition &position);

private:
  /// The loop over the work's blocks for tiles that are inside of the matrix,
  /// or the one for those that end beyond its columns: small tiles are
  /// multiplied faster than a loop for both would copy.
  PipelinePosition emitLoop(const TileWork &work, PipelinePosition position,
                            bool isWhole);
  void copyStage(OutputTile tile, IndexValue block, IndexValue stage,
                 bool isWhole);
  void copyDense(OutputTile tile, IndexValue block, IndexValue stage,
                 bool isWhole);
  void copyPacked(Value map, const PackedBox &box, OutputTile tile,
                  IndexValue block, IndexValue target, IndexValue stage);
  /// What a stage gets of the dense operand, from all that share it.
  IndexValue getDenseBytes(OutputTile tile, bool isWhole);

  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  const WgmmaSpKernelSpec &spec;
  PackedLayout layout;
  Stages stages;
};

class Consumer {
public:
  Consumer(WgmmaSpKernelContext &context, const TileWork &work);

  SmallVector<Value> emit(PipelinePosition &position,
                          function_ref<void()> onLastStage);

private:
  /// What one turn of the loop hands to the next: where the pipeline stands,
  /// the stage before with its metadata, and the accumulators.
  struct State {
    PipelinePosition position;
    IndexValue before;
    SmallVector<Value> metadata;
    SmallVector<Value> accumulators;
  };
  SmallVector<Value> flatten(const State &state);
  void assign(State &state, ValueRange values);
  /// Starts the products of the next stage, and ends those of the stage before,
  /// if there is one: always, if there is no condition.
  void step(State &state, Value hasBefore);

  /// A lane's words of metadata of a stage, of each block of 64 rows and each
  /// step.
  SmallVector<Value> loadMetadata(IndexValue stage);
  /// Starts the products of a stage.
  void multiply(IndexValue stage, ValueRange metadata,
                MutableArrayRef<Value> accumulators);
  void wait(int64_t pending, State &state);

  /// The address in a matrix descriptor for that byte of the stages, and the
  /// descriptor, whose other fields are those of the descriptor of address 0.
  IndexValue getDescriptorAddress(IndexValue offset);
  Value getDescriptor(IndexValue address, uint64_t fields);
  uint64_t getDenseDescriptorFields();

  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  const WgmmaSpKernelSpec &spec;
  PackedLayout layout;
  Stages stages;
  int64_t metadataWords;
  /// Along K, of this work.
  IndexValue numBlocks;
  /// For each block of 64 rows what makes its words legal: its own are, but
  /// beyond the matrix there are none.
  SmallVector<IndexValue> legalBits;
};

} // namespace

int64_t
mlir::sparse24::getMainloopSharedMemoryBytes(const WgmmaSpKernelSpec &spec) {
  return Stages(spec).totalBytes();
}

TensorMapShape mlir::sparse24::getDenseMap(const WgmmaSpKernelSpec &spec) {
  int64_t sharers = spec.getClusterTiles();
  int64_t cols = spec.schedule.getTileCols(),
          blockK = spec.getPackedLayout().kBlock();
  Type type = spec.matmul.getOperandElementType();
  if (spec.isDenseKContiguous())
    return {blockK, cols / sharers, type};
  // Chunks of 128 bytes, which are swizzled, or else of 16: these are what a
  // matrix in shared memory is made of.
  int64_t swizzled = wgmma_sp::kRowBytesB / spec.getElementBytes();
  int64_t chunk = cols % swizzled == 0
                      ? swizzled
                      : wgmma_sp::kChunkBytes / spec.getElementBytes();
  return {chunk, blockK / sharers, type};
}

IndexValue mlir::sparse24::getDenseTailColumns(const WgmmaSpKernelSpec &spec,
                                               IndexValue cols) {
  return (cols % getDenseMap(spec).major).max(1);
}

//===----------------------------------------------------------------------===//
// Producer
//===----------------------------------------------------------------------===//

IndexValue Producer::getDenseBytes(OutputTile tile, bool isWhole) {
  if (isWhole)
    return context.constant(stages.denseBytes);
  IndexValue cols = context.cols - tile.col;
  if (spec.isDenseKContiguous())
    return cols * getDenseMap(spec).getRowBytes();
  DenseChunks chunks(spec);
  return cols.ceilDiv(chunks.columns) * chunks.bytes;
}

void Producer::copyDense(OutputTile tile, IndexValue block, IndexValue stage,
                         bool isWhole) {
  TensorMapShape map = getDenseMap(spec);
  int64_t sharers = spec.getClusterTiles();
  Value mask;
  if (sharers > 1) {
    // Those of the same part of K, whose ranks are next to each other.
    mask = arith::ConstantOp::create(
        b, b.getI16IntegerAttr((int16_t(1) << sharers) - 1));
    if (spec.schedule.getSplitK() > 1)
      mask = arith::ShLIOp::create(
          b, mask,
          arith::TruncIOp::create(b, b.getI16Type(), context.part * sharers));
  }
  // The CTA's share of the box's rows, which all get.
  IndexValue share = context.clusterTile * map.major;
  IndexValue target = stages.dense(stage) + share * map.getRowBytes();
  IndexValue k = block * layout.kBlock();
  IndexValue cols = context.cols - tile.col;
  if (!spec.isDenseKContiguous()) {
    DenseChunks chunks(spec);
    for (int64_t chunk = 0; chunk < chunks.number; ++chunk) {
      int64_t col = chunk * chunks.columns;
      auto copy = [&] {
        context.copyBox(context.denseMap, {tile.col + col, k + share},
                        target + chunk * chunks.bytes, stage, mask);
      };
      // There always is a first one.
      if (isWhole || chunk == 0)
        copy();
      else
        context.emitIf(context.constant(col) < cols, copy);
    }
    return;
  }
  auto copy = [&](Value denseMap) {
    context.copyBox(denseMap, {k, tile.col + share}, target, stage, mask);
  };
  if (isWhole)
    return copy(context.denseMap);
  if (sharers == 1)
    return copy(context.denseTailMap);
  IndexValue mine = cols - share.min(cols);
  Value denseMap = arith::SelectOp::create(
      b, mine < map.major, context.denseTailMap, context.denseMap);
  context.emitIf(context.constant(0) < mine, [&] { copy(denseMap); });
}

void Producer::copyPacked(Value map, const PackedBox &box, OutputTile tile,
                          IndexValue block, IndexValue target,
                          IndexValue stage) {
  for (int64_t panel = 0; panel < stages.panels; panel += box.panels)
    context.copyBox(
        map,
        {context.constant(0), block * box.rows,
         tile.row / wgmma_sp::kM + panel},
        target + panel * (box.rows * box.words * PackedBox::kWordBytes), stage);
}

void Producer::copyStage(OutputTile tile, IndexValue block, IndexValue stage,
                         bool isWhole) {
  context.full.arriveExpecting(stage, getDenseBytes(tile, isWhole) +
                                          stages.packedBytes());
  copyDense(tile, block, stage, isWhole);
  copyPacked(context.valueMap, getValueBox(spec), tile, block,
             stages.values(stage), stage);
  copyPacked(context.metadataMap, getMetadataBox(spec), tile, block,
             stages.metadata(stage), stage);
}

PipelinePosition Producer::emitLoop(const TileWork &work,
                                    PipelinePosition position, bool isWhole) {
  auto loop = scf::ForOp::create(b, work.firstBlock, work.endBlock,
                                 context.constant(1), position.getCarried());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  auto current = PipelinePosition::get(b, loop.getRegionIterArgs());
  context.waitUntilEmpty(current);
  copyStage(work.tile, {b, loop.getInductionVar()}, current.stage, isWhole);
  scf::YieldOp::create(b, context.getNext(current).getCarried());
  return PipelinePosition::get(b, loop.getResults());
}

void Producer::emit(const TileWork &work, PipelinePosition &position) {
  IndexValue cols = context.cols - work.tile.col;
  auto ifOp = scf::IfOp::create(b, TypeRange(ValueRange(position.getCarried())),
                                cols < spec.schedule.getTileCols(),
                                /*withElseRegion=*/true);
  auto emitBranch = [&](Block *branch, bool isWhole) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch);
    scf::YieldOp::create(b, emitLoop(work, position, isWhole).getCarried());
  };
  emitBranch(ifOp.thenBlock(), /*isWhole=*/false);
  emitBranch(ifOp.elseBlock(), /*isWhole=*/true);
  position = PipelinePosition::get(b, ifOp.getResults());
  context.emitInFirst(
      position,
      [&](PipelinePosition &position) {
        emitOperandCopies(context, work.tile, position);
      },
      /*others=*/[] {});
}

void mlir::sparse24::emitProducer(WgmmaSpKernelContext &context) {
  // Not just any thread: ptxas knows that an elected one is alone, and where it
  // doesn't, puts a loop over a warp's threads around each copy.
  ImplicitLocOpBuilder &b = context.builder;
  Value isElected = NVVM::ElectSyncOp::create(b, b.getI1Type(), Value());
  context.emitIf(isElected, [&] {
    emitTileLoop(context, [](WgmmaSpKernelContext &context,
                             const TileWork &work, PipelinePosition &position) {
      Producer(context).emit(work, position);
    });
  });
}

//===----------------------------------------------------------------------===//
// Consumer
//===----------------------------------------------------------------------===//

Consumer::Consumer(WgmmaSpKernelContext &context, const TileWork &work)
    : context(context), b(context.builder), spec(context.spec),
      layout(spec.getPackedLayout()), stages(spec),
      metadataWords(layout.metadataWordsPerLane()),
      numBlocks(work.endBlock - work.firstBlock) {
  // Nobody stores products of rows beyond the matrix. Zeros come for them,
  // which aren't legal metadata.
  constexpr int64_t legal = 0x10001 * ::sparse24::kPaddingMetadataWord;
  IndexValue numPanels = context.rows.ceilDiv(wgmma_sp::kM);
  for (int64_t block = 0; block < spec.getBlocks(); ++block) {
    IndexValue panel = work.tile.row / wgmma_sp::kM +
                       (context.getConsumerInTeam() * spec.getBlocks() + block);
    legalBits.push_back(context.constant(0).orUnless(panel < numPanels,
                                                     context.constant(legal)));
  }
}

SmallVector<Value> Consumer::loadMetadata(IndexValue stage) {
  IndexValue begin = stages.metadata(stage) +
                     context.getConsumerInTeam() *
                         (spec.getBlocks() * stages.panelMetadataBytes) +
                     context.thread * (PackedBox::kWordBytes * metadataWords);
  Value zero = arith::ConstantIndexOp::create(b, 0);
  auto type = VectorType::get({metadataWords}, b.getI32Type());
  SmallVector<Value> metadata;
  for (int64_t block = 0; block < spec.getBlocks(); ++block) {
    Value view = viewSharedMemory(b, begin + block * stages.panelMetadataBytes,
                                  {metadataWords}, b.getI32Type());
    Value words = vector::LoadOp::create(
        b, type, view, zero, /*nontemporal=*/false,
        llvm::MaybeAlign(PackedBox::kWordBytes * metadataWords));
    for (int64_t i = 0; i < metadataWords; ++i)
      metadata.push_back(arith::OrIOp::create(
          b, vector::ExtractOp::create(b, words, i), legalBits[block]));
  }
  return metadata;
}

IndexValue Consumer::getDescriptorAddress(IndexValue offset) {
  IndexValue begin(b, memref::ExtractAlignedPointerAsIndexOp::create(
                          b, context.viewStages()));
  return (begin.narrow() + offset) % wgmma_sp::kDescriptorAddresses /
         wgmma_sp::kDescriptorUnit;
}

Value Consumer::getDescriptor(IndexValue address, uint64_t fields) {
  Type i64 = b.getI64Type();
  Value wide = arith::ExtUIOp::create(b, i64, address);
  Value constant = arith::ConstantOp::create(
      b, b.getI64IntegerAttr(static_cast<int64_t>(fields)));
  return arith::OrIOp::create(b, wide, constant);
}

uint64_t Consumer::getDenseDescriptorFields() {
  if (spec.isDenseKContiguous())
    return wgmma_sp::descriptorB(0);
  // Eight rows along K, and chunks of columns.
  DenseChunks chunks(spec);
  TensorMapShape map = getDenseMap(spec);
  int64_t rowsBytes = wgmma_sp::kSwizzleRows * map.getRowBytes();
  if (map.isSwizzled())
    return wgmma_sp::matrixDescriptor(0, chunks.bytes, rowsBytes,
                                      wgmma_sp::Swizzle::Bytes128);
  // Without a swizzle the two offsets change their meaning.
  return wgmma_sp::matrixDescriptor(0, rowsBytes, chunks.bytes,
                                    wgmma_sp::Swizzle::None);
}

void Consumer::multiply(IndexValue stage, ValueRange metadata,
                        MutableArrayRef<Value> accumulators) {
  IndexValue dense = getDescriptorAddress(stages.dense(stage));
  IndexValue sparse = getDescriptorAddress(
      stages.values(stage) +
      context.getConsumerInTeam() * (spec.getBlocks() * stages.panelBytes));
  // What a step of the instruction takes along K.
  int64_t stepK = layout.kBlock() / PackedLayout::kSteps;
  int64_t sparseStep = wgmma_sp::kRowBytesA / PackedLayout::kSteps;
  int64_t denseStep = spec.isDenseKContiguous()
                          ? stepK * spec.getElementBytes()
                          : stepK * getDenseMap(spec).getRowBytes();

  Type type = spec.matmul.getOperandElementType();
  int64_t shape[] = {wgmma_sp::kM, spec.schedule.getTileCols(), stepK};
  NVVM::WgmmaFenceAlignedOp::create(b);
  for (int64_t block = 0; block < spec.getBlocks(); ++block)
    for (int64_t step = 0; step < PackedLayout::kSteps; ++step) {
      IndexValue a = sparse + (block * stages.panelBytes + step * sparseStep) /
                                  wgmma_sp::kDescriptorUnit;
      IndexValue denseAt = dense + step * denseStep / wgmma_sp::kDescriptorUnit;
      Value word =
          metadata[block * metadataWords + (metadataWords == 1 ? 0 : step)];
      accumulators[block] = WarpgroupMmaSpOp::create(
          b, accumulators[block].getType(), accumulators[block],
          getDescriptor(a, wgmma_sp::descriptorA(0)),
          getDescriptor(denseAt, getDenseDescriptorFields()), word,
          b.getDenseI64ArrayAttr(shape), TypeAttr::get(type),
          TypeAttr::get(type), b.getI32IntegerAttr(layout.selector(step)),
          /*overwrite=*/nullptr, /*negate_a=*/nullptr, /*negate_b=*/nullptr,
          /*transpose_a=*/nullptr,
          spec.isDenseKContiguous() ? nullptr : b.getUnitAttr());
    }
  NVVM::WgmmaGroupSyncAlignedOp::create(b);
}

void Consumer::wait(int64_t pending, State &state) {
  auto waitOp =
      WarpgroupWaitOp::create(b, pending, state.accumulators, state.metadata);
  llvm::copy(waitOp.getResults(), state.accumulators.begin());
}

SmallVector<Value> Consumer::flatten(const State &state) {
  SmallVector<Value> values = {state.position.stage, state.position.parity,
                               state.before};
  llvm::append_range(values, state.metadata);
  llvm::append_range(values, state.accumulators);
  return values;
}

void Consumer::assign(State &state, ValueRange values) {
  state.position = {{b, values[0]}, values[1]};
  state.before = {b, values[2]};
  values = values.drop_front(3);
  for (SmallVector<Value> *part : {&state.metadata, &state.accumulators}) {
    llvm::copy(values.take_front(part->size()), part->begin());
    values = values.drop_front(part->size());
  }
}

void Consumer::step(State &state, Value hasBefore) {
  context.full.waitSuspended(state.position.stage, state.position.parity);
  SmallVector<Value> metadata = loadMetadata(state.position.stage);
  multiply(state.position.stage, metadata, state.accumulators);
  // While these products are in flight, those before come to their end.
  wait(1, state);
  context.release(state.before, hasBefore);
  state.metadata = metadata;
  state.before = state.position.stage;
  state.position = context.getNext(state.position);
}

SmallVector<Value> Consumer::emit(PipelinePosition &position,
                                  function_ref<void()> onLastStage) {
  auto type =
      VectorType::get({spec.getBlockSums()}, spec.matmul.getAccumulatorType());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  Value word = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  SmallVector<Value> none(spec.getBlocks() * metadataWords, word);
  State state{position, position.stage, none,
              SmallVector<Value>(spec.getBlocks(), zero)};

  // Two stages a turn: what is in flight stays in the registers that it was
  // loaded into.
  auto loop = scf::ForOp::create(b, context.constant(0), numBlocks / 2,
                                 context.constant(1), flatten(state));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    assign(state, loop.getRegionIterArgs());
    IndexValue turn(b, loop.getInductionVar());
    step(state, context.constant(0) < turn);
    step(state, /*hasBefore=*/Value());
    scf::YieldOp::create(b, flatten(state));
  }
  assign(state, loop.getResults());
  // The last products end in each branch, for their metadata must not have to
  // be in the same registers.
  State even = state;
  auto last = scf::IfOp::create(b, TypeRange(ValueRange(flatten(state))),
                                context.constant(0) < numBlocks % 2,
                                /*withElseRegion=*/true);
  auto finish = [&](Block *branch, State &state, bool hasOneMore) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch);
    if (hasOneMore)
      step(state, context.constant(1) < numBlocks);
    onLastStage();
    wait(0, state);
    state.metadata = none;
    scf::YieldOp::create(b, flatten(state));
  };
  finish(last.thenBlock(), state, /*hasOneMore=*/true);
  finish(last.elseBlock(), even, /*hasOneMore=*/false);
  assign(state, last.getResults());

  context.release(state.before);
  position = state.position;
  return state.accumulators;
}

SmallVector<Value>
mlir::sparse24::emitProducts(WgmmaSpKernelContext &context,
                             const TileWork &work, PipelinePosition &position,
                             function_ref<void()> onLastStage) {
  return Consumer(context, work).emit(position, onLastStage);
}
