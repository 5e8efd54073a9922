// The mainloop of a `wgmma.sp` kernel: the producer's copies into the stages
// of shared memory, and the consumers' products.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

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
  void copyStage(OutputTile tile, IndexValue block, IndexValue stage);
  void copyDense(OutputTile tile, IndexValue block, IndexValue stage);
  void copySparse(OutputTile tile, IndexValue block, IndexValue stage);

  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  const WgmmaSpKernelSpec &spec;
  PackedLayout layout;
  Stages stages;
};

class Consumer {
public:
  Consumer(WgmmaSpKernelContext &context, const TileWork &work);

  SmallVector<Value> emit(PipelinePosition &position);

private:
  /// A lane's words of metadata, of each block of 64 rows and each step, of
  /// the work's block `block` along K, or the last.
  SmallVector<Value> loadMetadata(IndexValue block);
  /// What one turn of the loop hands to the next: where the pipeline stands,
  /// the stage before, the words of the next stages and, last, those of the
  /// stage before, and the accumulators.
  struct State {
    PipelinePosition position;
    IndexValue before;
    SmallVector<SmallVector<Value>> metadata;
    SmallVector<Value> accumulators;
  };
  SmallVector<Value> flatten(const State &state);
  void assign(State &state, ValueRange values);
  /// Starts the products of the work's block `block`, and ends those before, if
  /// there are any.
  void step(State &state, IndexValue block, bool mayBeFirst);
  /// Up to `limit` steps more, from block `block` to the last.
  void emitRest(State &state, IndexValue block, int64_t limit);

  /// Starts the products of a stage.
  void multiply(IndexValue stage, ValueRange metadata,
                MutableArrayRef<Value> accumulators);
  void wait(int64_t pending, State &state, ValueRange metadata);

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
  /// How many blocks ahead metadata are loaded into registers. The loop is
  /// unrolled by one more, so that each word stays in its register.
  int64_t distance, unroll;
  /// Along K, of this work.
  IndexValue numBlocks;
  /// Where the thread's metadata of each block of 64 rows begin.
  SmallVector<IndexValue> metadataBegin;
};

} // namespace

int64_t
mlir::sparse24::getMainloopSharedMemoryBytes(const WgmmaSpKernelSpec &spec) {
  return Stages(spec).totalBytes();
}

TensorMapShape mlir::sparse24::getDenseMap(const WgmmaSpKernelSpec &spec) {
  int64_t cluster = spec.schedule.getCluster();
  int64_t cols = spec.schedule.getTileCols(),
          blockK = spec.getPackedLayout().kBlock();
  Type type = spec.matmul.getOperandElementType();
  if (spec.isDenseKContiguous())
    return {blockK, cols / cluster, type};
  // Chunks of 128 bytes, which are swizzled, or else of 16: these are what a
  // matrix in shared memory is made of.
  int64_t swizzled = wgmma_sp::kRowBytesB / spec.getElementBytes();
  int64_t chunk = cols % swizzled == 0
                      ? swizzled
                      : wgmma_sp::kChunkBytes / spec.getElementBytes();
  return {chunk, blockK / cluster, type};
}

//===----------------------------------------------------------------------===//
// Producer
//===----------------------------------------------------------------------===//

void Producer::copyDense(OutputTile tile, IndexValue block, IndexValue stage) {
  TensorMapShape map = getDenseMap(spec);
  int64_t cluster = spec.schedule.getCluster();
  Value mask;
  if (cluster > 1)
    mask = arith::ConstantOp::create(
        b, b.getI16IntegerAttr((int16_t(1) << cluster) - 1));
  auto copy = [&](IndexValue offset, IndexValue minor, IndexValue major) {
    Value coordinates[] = {minor, major};
    // The rank's share of the box's rows.
    IndexValue share = context.clusterRank * (map.major * map.getRowBytes());
    NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
        b, context.getStagePointer(stages.dense(stage) + offset + share),
        context.denseMap, coordinates, context.full.getPointer(stage),
        /*im2colOffsets=*/ValueRange(), mask, /*l2CacheHint=*/Value(),
        NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false, /*group=*/nullptr,
        /*predicate=*/Value());
  };
  IndexValue k = block * layout.kBlock();
  IndexValue share = context.clusterRank * map.major;
  if (spec.isDenseKContiguous())
    return copy(context.constant(0), k, tile.col + share);
  DenseChunks chunks(spec);
  for (int64_t chunk = 0; chunk < chunks.number; ++chunk)
    copy(context.constant(chunk * chunks.bytes),
         tile.col + chunk * chunks.columns, k + share);
}

/// A lane for each block of 64 rows.
void Producer::copySparse(OutputTile tile, IndexValue block, IndexValue stage) {
  IndexValue panel = context.getPanel(tile.row / wgmma_sp::kM + context.thread);
  IndexValue source =
      (panel.widen() * context.numBlocks.widen() + block.widen()) *
      stages.panelBytes;
  IndexValue target = stages.values(stage) + context.thread * stages.panelBytes;
  Value size =
      arith::ConstantOp::create(b, b.getI32IntegerAttr(stages.panelBytes));
  NVVM::CpAsyncBulkGlobalToSharedClusterOp::create(
      b, context.getStagePointer(target),
      getPointer(b, context.packed, source, NVVM::NVVMMemorySpace::Global),
      context.full.getPointer(stage), size, /*multicastMask=*/Value(),
      /*l2CacheHint=*/Value());
}

void Producer::copyStage(OutputTile tile, IndexValue block, IndexValue stage) {
  context.emitIf(context.thread < 1, [&] {
    context.full.arriveExpecting(stage, stages.bytes());
    copyDense(tile, block, stage);
  });
  context.emitIf(context.thread < stages.panels,
                 [&] { copySparse(tile, block, stage); });
}

void Producer::emit(const TileWork &work, PipelinePosition &position) {
  auto loop = scf::ForOp::create(b, work.firstBlock, work.endBlock,
                                 context.constant(1), position.getCarried());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    auto current = PipelinePosition::get(b, loop.getRegionIterArgs());
    context.waitUntilEmpty(current);
    copyStage(work.tile, {b, loop.getInductionVar()}, current.stage);
    scf::YieldOp::create(b, context.getNext(current).getCarried());
  }
  position = PipelinePosition::get(b, loop.getResults());
  emitOperandCopies(context, work.tile, position);
}

void mlir::sparse24::emitProducer(WgmmaSpKernelContext &context) {
  emitTileLoop(context, context.getFirstPosition().getCarried(),
               [](WgmmaSpKernelContext &context, const TileWork &work,
                  ValueRange carried) {
                 auto position =
                     PipelinePosition::get(context.builder, carried);
                 Producer(context).emit(work, position);
                 return position.getCarried();
               });
}

//===----------------------------------------------------------------------===//
// Consumer
//===----------------------------------------------------------------------===//

Consumer::Consumer(WgmmaSpKernelContext &context, const TileWork &work)
    : context(context), b(context.builder), spec(context.spec),
      layout(spec.getPackedLayout()), stages(spec),
      metadataWords(layout.metadataWordsPerLane()),
      distance(wgmma_sp::metadataDistance(
          spec.getBlocks() * spec.getBlockSums(), metadataWords)),
      unroll(distance + 1), numBlocks(work.endBlock - work.firstBlock) {
  // The metadata follow the values.
  IndexValue blocksInRow = context.numBlocks.widen();
  IndexValue numPanels = context.rows.ceilDiv(wgmma_sp::kM).widen();
  IndexValue region = numPanels * blocksInRow * layout.blockValueBytes();
  for (int64_t block = 0; block < spec.getBlocks(); ++block) {
    IndexValue panel =
        context.getPanel(work.tile.row / wgmma_sp::kM +
                         context.consumer * spec.getBlocks() + block);
    IndexValue inBlock = context.thread * (4 * metadataWords);
    metadataBegin.push_back(
        region +
        (panel.widen() * blocksInRow + work.firstBlock.widen()) *
            layout.blockMetadataBytes() +
        inBlock.widen());
  }
}

/// Words of global memory that nobody reads again, past the L1 cache: its
/// memory is also shared memory, whose bandwidth limits these kernels. No
/// operation of MLIR says that. (Not `ld.global.nc`: ptxas moves such loads
/// beyond barriers, down to right before their words are needed.)
static SmallVector<Value> loadOnce(ImplicitLocOpBuilder &b, Value pointer,
                                   int64_t words) {
  Type i32 = b.getI32Type();
  bool isSingle = words == 1;
  auto structType = LLVM::LLVMStructType::getLiteral(
      b.getContext(), SmallVector<Type>(words, i32));
  Value load = createInlinePtx(
      b, isSingle ? i32 : Type(structType), pointer,
      isSingle ? "ld.global.L1::no_allocate.b32 $0, [$1];"
               : "ld.global.L1::no_allocate.v2.b32 {$0, $1}, [$2];",
      isSingle ? "=r,l" : "=r,=r,l");
  if (isSingle)
    return {load};
  SmallVector<Value> values;
  for (int64_t i = 0; i < words; ++i)
    values.push_back(LLVM::ExtractValueOp::create(b, load, i));
  return values;
}

SmallVector<Value> Consumer::loadMetadata(IndexValue block) {
  IndexValue inPanel = block.min(numBlocks - 1) * layout.blockMetadataBytes();
  SmallVector<Value> metadata;
  for (IndexValue begin : metadataBegin)
    llvm::append_range(
        metadata,
        loadOnce(b,
                 getPointer(b, context.packed, begin + inPanel.widen(),
                            NVVM::NVVMMemorySpace::Global),
                 metadataWords));
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
      context.consumer * (spec.getBlocks() * stages.panelBytes));
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

void Consumer::wait(int64_t pending, State &state, ValueRange metadata) {
  auto waitOp =
      WarpgroupWaitOp::create(b, pending, state.accumulators, metadata);
  llvm::copy(waitOp.getResults(), state.accumulators.begin());
}

SmallVector<Value> Consumer::flatten(const State &state) {
  SmallVector<Value> values = {state.position.stage, state.position.parity,
                               state.before};
  for (const SmallVector<Value> &words : state.metadata)
    llvm::append_range(values, words);
  llvm::append_range(values, state.accumulators);
  return values;
}

void Consumer::assign(State &state, ValueRange values) {
  state.position = {{b, values[0]}, values[1]};
  state.before = {b, values[2]};
  values = values.drop_front(3);
  auto take = [&](SmallVector<Value> &part) {
    llvm::copy(values.take_front(part.size()), part.begin());
    values = values.drop_front(part.size());
  };
  for (SmallVector<Value> &words : state.metadata)
    take(words);
  take(state.accumulators);
}

void Consumer::step(State &state, IndexValue block, bool mayBeFirst) {
  context.full.waitSuspended(state.position.stage, state.position.parity);
  multiply(state.position.stage, state.metadata.front(), state.accumulators);
  // While these products are in flight, those before come to their end.
  wait(1, state, state.metadata.back());
  context.release(state.before,
                  mayBeFirst ? context.constant(0) < block : Value());
  state.metadata.back() = loadMetadata(block + distance);
  // The words of the stage that is in flight come last.
  std::rotate(state.metadata.begin(), state.metadata.begin() + 1,
              state.metadata.end());
  state.before = state.position.stage;
  state.position = context.getNext(state.position);
}

SmallVector<Value> Consumer::emit(PipelinePosition &position) {
  auto type =
      VectorType::get({spec.getBlockSums()}, spec.matmul.getAccumulatorType());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  State state{
      position, position.stage, {}, SmallVector<Value>(spec.getBlocks(), zero)};
  for (int64_t i = 0; i < distance; ++i)
    state.metadata.push_back(loadMetadata(context.constant(i)));
  state.metadata.push_back(state.metadata.front());

  auto loop = scf::ForOp::create(b, context.constant(0), numBlocks / unroll,
                                 context.constant(1), flatten(state));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    assign(state, loop.getRegionIterArgs());
    IndexValue block = unroll * IndexValue(b, loop.getInductionVar());
    for (int64_t i = 0; i < unroll; ++i)
      step(state, block + i, /*mayBeFirst=*/i == 0);
    scf::YieldOp::create(b, flatten(state));
  }
  assign(state, loop.getResults());
  emitRest(state, numBlocks / unroll * unroll, unroll - 1);

  wait(0, state, state.metadata.back());
  context.release(state.before);
  position = state.position;
  return state.accumulators;
}

void Consumer::emitRest(State &state, IndexValue block, int64_t limit) {
  if (limit == 0)
    return;
  SmallVector<Value> skipped = flatten(state);
  auto ifOp =
      scf::IfOp::create(b, TypeRange(ValueRange(skipped)), block < numBlocks,
                        /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.elseBlock());
  scf::YieldOp::create(b, skipped);
  b.setInsertionPointToStart(ifOp.thenBlock());
  step(state, block, /*mayBeFirst=*/limit == distance);
  emitRest(state, block + 1, limit - 1);
  scf::YieldOp::create(b, flatten(state));
  assign(state, ifOp.getResults());
}

SmallVector<Value> mlir::sparse24::emitProducts(WgmmaSpKernelContext &context,
                                                const TileWork &work,
                                                PipelinePosition &position) {
  return Consumer(context, work).emit(position);
}
