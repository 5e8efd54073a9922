// The mainloop of an `mma.sp` kernel: a pipeline of asynchronous copies into
// shared memory, fragments loaded one step ahead, and the products.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MmaSpKernel.h"
#include "SharedMemory.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::PackedLayout;
namespace mma_sp = ::sparse24::mma_sp;

static int64_t getOperandBytes(const MmaSpKernelSpec &spec);

namespace {

// The copies and `ldmatrix` deal in chunks of 16 bytes: a row of an 8×8 matrix
// of 16-bit elements.
constexpr int64_t kChunkBytes = 16;

/// What a step of products reads: the A fragments of all row blocks of the
/// warp with their metadata, and the B fragments of some column blocks.
struct Fragments {
  SmallVector<Value> a, metadata, b;

  SmallVector<Value> flatten() const {
    SmallVector<Value> all(a);
    llvm::append_range(all, metadata);
    llvm::append_range(all, b);
    return all;
  }
  void assign(ValueRange all) {
    auto take = [&](SmallVector<Value> &part) {
      llvm::copy(all.take_front(part.size()), part.begin());
      all = all.drop_front(part.size());
    };
    take(a), take(metadata), take(b);
  }
};

/// One of the streams of copies from global to shared memory. Seen as rows of
/// `rowElements`, a stage of it is copied in turns of the CTA's threads; in
/// each, a thread copies one chunk, at the same place of a row further down.
/// What a turn adds to an address is the same for all threads and a block
/// later adds a constant, so that the loop carries one offset a stream.
struct CopyStream {
  Value source, shared;
  int64_t stageElements, rowElements, chunkElements;
  int64_t numTurns;
  /// The thread's chunk in turn 0, and how many rows further a turn is.
  IndexValue row, element;
  int64_t rowStep;
  /// Offset of that chunk in the source, for the next block to be copied.
  IndexValue offset;
  IndexValue blockStride;
  /// What is added to it in a turn.
  std::function<IndexValue(IndexValue turn)> turnOffset;
  /// Threads that have a chunk, where not all do.
  Value isActive;
  /// Where the chunk goes within a row of shared memory.
  std::function<IndexValue(IndexValue row, IndexValue element)> place;
  int64_t chunkBytes() const {
    Type type = cast<MemRefType>(source.getType()).getElementType();
    return chunkElements * type.getIntOrFloatBitWidth() / 8;
  }
  /// Whether the chunk of that row in block `block` exists; else it is zero.
  std::function<Value(IndexValue row, IndexValue block)> isInBounds;
};

class Mainloop {
public:
  explicit Mainloop(MmaSpKernelContext &context)
      : context(context), b(context.builder), spec(context.spec),
        schedule(spec.schedule), warpTile(getWarpTile(schedule)),
        elementType(spec.matmul.getOperandElementType()),
        elementBytes(elementType.getIntOrFloatBitWidth() / 8),
        packedLayout(spec.getPackedLayout()), blockK(packedLayout.kBlock()),
        // Halving the B fragments of a wide warp tile leaves the registers for
        // loading the next ones ahead.
        colGroups(warpTile.colBlocks >= 8 ? 2 : 1),
        colBlocksPerGroup(warpTile.colBlocks / colGroups),
        numBlocks(context.k.ceilDiv(blockK)),
        barriers(b, IndexValue(b, getOperandBytes(spec)),
                 schedule.getStages()) {}

  SmallVector<Value> emit();

private:
  int64_t rowBlocks() { return schedule.getTileRows() / mma_sp::kM; }
  int64_t metadataBytesPerBlock() { return packedLayout.blockMetadataBytes(); }
  int64_t numSteps() { return PackedLayout::kSteps * colGroups; }

  int64_t numWarps() { return spec.getNumThreads() / mma_sp::kLanes; }
  /// A stage is filled that many blocks ahead: of the others, one is read, and
  /// warps that lag behind may still read the one before it.
  int64_t prefetchDistance() { return schedule.getStages() - 2; }
  /// Copies by way of a register are stores, which nothing orders before a
  /// stage is read if it is filled just one block ahead; with more, the release
  /// of a stage lies between.
  bool releasesStores() {
    return spec.denseCopyBytes < 4 && prefetchDistance() < 2;
  }

  void allocate();
  void initializeBarriers();

  void createStreams();
  /// Starts the copies of K block `block` into `stage`, or those of the
  /// `part`-th of `numParts` shares of them. A block beyond the last is filled
  /// with zeros rather than branched around: the copies stay in one basic block
  /// with the products, and ptxas interleaves them.
  void copyBlock(IndexValue block, IndexValue stage, int64_t part = 0,
                 int64_t numParts = 1);
  void copyChunk(const CopyStream &stream, IndexValue turn, IndexValue block,
                 IndexValue stage);
  void advanceStreams();

  /// Where a stage stands: which one, and the parity of its barrier's phase.
  struct Position {
    IndexValue stage;
    Value parity;
  };
  Position next(const Position &position);
  /// Each stage has a barrier, whose phase ends when the copies of all threads
  /// have landed in it and no warp reads the stage two before it any more. So
  /// one wait a block tells both that a stage can be read and that another can
  /// be filled, and warps may drift apart by most of a block.
  void releaseStageBefore(IndexValue stage);
  void waitFor(const Position &position);

  /// The position in a row of shared memory of element `element` of row
  /// `row`: chunks are permuted such that neither copies nor `ldmatrix` have
  /// bank conflicts.
  IndexValue swizzle(IndexValue row, IndexValue element);
  int64_t denseRowElements() {
    return spec.isDenseKContiguous() ? blockK : schedule.getTileCols();
  }

  int64_t denseStageElements() { return schedule.getTileCols() * blockK; }

  void loadA(IndexValue stage, int64_t step, Fragments &fragments);
  void loadMetadata(IndexValue stage, Fragments &fragments);
  void loadB(IndexValue stage, int64_t step, int64_t group,
             Fragments &fragments);
  /// Loads what step `step` of a block needs and the step before hadn't.
  void loadStep(IndexValue stage, int64_t step, Fragments &fragments);
  void multiply(const Fragments &fragments, int64_t step,
                MutableArrayRef<Value> accumulators);

  MmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  const MmaSpKernelSpec &spec;
  ScheduleAttr schedule;
  WarpTile warpTile;
  Type elementType;
  int64_t elementBytes;
  PackedLayout packedLayout;
  int64_t blockK;
  int64_t colGroups, colBlocksPerGroup;
  IndexValue numBlocks;
  MBarriers barriers;

  SmallVector<CopyStream, 3> streams;

  /// Shared memory, a stage after the other: the packed operand as bytes (to
  /// copy into) and as elements (to load from), and the dense operand.
  Value valueBytes, values, metadataBytes, metadata, dense;
};

} // namespace

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

/// The stages' operands; the barriers follow.
static int64_t getOperandBytes(const MmaSpKernelSpec &spec) {
  ScheduleAttr schedule = spec.schedule;
  PackedLayout layout = spec.getPackedLayout();
  int64_t elementBytes =
      spec.matmul.getOperandElementType().getIntOrFloatBitWidth() / 8;
  int64_t packed = schedule.getTileRows() / mma_sp::kM *
                   (layout.blockValueBytes() + layout.blockMetadataBytes());
  int64_t dense = schedule.getTileCols() * layout.kBlock() * elementBytes;
  return schedule.getStages() * (packed + dense);
}

int64_t
mlir::sparse24::getMainloopSharedMemoryBytes(const MmaSpKernelSpec &spec) {
  return getOperandBytes(spec) + spec.schedule.getStages() * MBarriers::kBytes;
}

void Mainloop::allocate() {
  int64_t stages = schedule.getStages();
  int64_t valuesSize = rowBlocks() * packedLayout.blockValueBytes();
  int64_t metadataSize = rowBlocks() * metadataBytesPerBlock();
  int64_t metadataOffset = stages * valuesSize;
  int64_t denseOffset = metadataOffset + stages * metadataSize;
  Type i8 = b.getI8Type(), i16 = b.getI16Type();
  auto view = [&](int64_t offset, int64_t size, Type type) {
    return viewSharedMemory(b, offset, {stages * size}, type);
  };
  valueBytes = view(0, valuesSize, i8);
  values = view(0, valuesSize / elementBytes, elementType);
  metadataBytes = view(metadataOffset, metadataSize, i8);
  metadata = view(metadataOffset, metadataSize / 2, i16);
  dense = view(denseOffset, denseStageElements(), elementType);
}

void Mainloop::initializeBarriers() {
  auto ifOp = scf::IfOp::create(b, context.thread < 1, /*withElse=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    // Every thread's own copies, and every warp's release of a stage.
    barriers.initialize(spec.getNumThreads() + numWarps());
  }
  gpu::BarrierOp::create(b);
}

IndexValue Mainloop::swizzle(IndexValue row, IndexValue element) {
  int64_t chunkElements = kChunkBytes / elementBytes;
  int64_t rowChunks = denseRowElements() / chunkElements;
  // Rows shorter than the 128 bytes of all banks share a line of banks.
  int64_t rowsPerLine = std::max<int64_t>(1, 8 / rowChunks);
  int64_t pattern = std::min<int64_t>(8, rowChunks);
  IndexValue chunk = (element / chunkElements) ^ (row / rowsPerLine % pattern);
  return chunk * chunkElements + element % chunkElements;
}

//===----------------------------------------------------------------------===//
// Global to shared memory
//===----------------------------------------------------------------------===//

void Mainloop::createStreams() {
  int64_t threads = spec.getNumThreads();
  IndexValue zero = context.constant(0);
  // A stream of `numRows` rows of `rowElements` into `shared`.
  auto create = [&](Value source, Value shared, int64_t numRows,
                    int64_t rowElements, int64_t chunkElements) {
    int64_t chunksPerRow = rowElements / chunkElements;
    int64_t numChunks = numRows * chunksPerRow;
    CopyStream stream{source,
                      shared,
                      numRows * rowElements,
                      rowElements,
                      chunkElements,
                      std::max<int64_t>(1, numChunks / threads),
                      context.thread / chunksPerRow,
                      context.thread % chunksPerRow * chunkElements,
                      threads / chunksPerRow,
                      zero,
                      zero,
                      nullptr,
                      Value(),
                      nullptr,
                      nullptr};
    assert((numChunks < threads || numChunks % threads == 0) &&
           threads % chunksPerRow == 0 && "schedule does not divide the tile");
    if (numChunks < threads)
      stream.isActive = context.thread < numChunks;
    return stream;
  };

  // Packed: rows are blocks of 16 rows of the matrix.
  IndexValue numRowBlocks = context.rows.ceilDiv(mma_sp::kM);
  IndexValue firstRowBlock = context.tileRow / mma_sp::kM;
  IndexValue lastRowBlock = numRowBlocks - 1;
  auto createPacked = [&](Value shared, IndexValue region,
                          int64_t bytesPerBlock, bool repeatsLast) {
    // As wide as leaves something for every thread.
    int64_t chunkBytes = std::clamp<int64_t>(
        rowBlocks() * bytesPerBlock / threads, 4, kChunkBytes);
    CopyStream stream =
        create(context.packed, shared, rowBlocks(), bytesPerBlock, chunkBytes);
    IndexValue row = firstRowBlock + stream.row;
    if (repeatsLast)
      row = row.min(lastRowBlock);
    stream.offset = region + row * numBlocks * bytesPerBlock + stream.element;
    IndexValue turnStride = numBlocks * (bytesPerBlock * stream.rowStep);
    stream.turnOffset = [=](IndexValue turn) {
      if (!repeatsLast)
        return turn * turnStride;
      return (turn * stream.rowStep).min(lastRowBlock - row) * numBlocks *
             bytesPerBlock;
    };
    stream.blockStride = context.constant(bytesPerBlock);
    stream.place = [](IndexValue, IndexValue byte) { return byte; };
    stream.isInBounds = [=](IndexValue row, IndexValue block) -> Value {
      if (repeatsLast)
        return block < numBlocks;
      return arith::AndIOp::create(b, firstRowBlock + row < numRowBlocks,
                                   block < numBlocks);
    };
    streams.push_back(stream);
  };
  createPacked(valueBytes, zero, packedLayout.blockValueBytes(),
               /*repeatsLast=*/false);
  // Zero isn't legal metadata, not even of zeros: rows beyond the last block
  // get that block's.
  createPacked(metadataBytes,
               numRowBlocks * numBlocks * packedLayout.blockValueBytes(),
               metadataBytesPerBlock(), /*repeatsLast=*/true);

  // Dense: rows are columns of the product with K along them, or the reverse.
  bool kContiguous = spec.isDenseKContiguous();
  Value flat = memref::CollapseShapeOp::create(
      b, context.dense, ArrayRef<ReassociationIndices>{{0, 1}});
  int64_t rowElements = denseRowElements();
  CopyStream stream =
      create(flat, dense, schedule.getTileCols() * blockK / rowElements,
             rowElements, spec.denseCopyBytes / elementBytes);
  IndexValue rowLength = kContiguous ? context.k : context.cols;
  IndexValue tileCol = context.tileCol, element = stream.element;
  stream.offset = kContiguous ? (tileCol + stream.row) * rowLength + element
                              : stream.row * rowLength + tileCol + element;
  IndexValue turnStride = rowLength * stream.rowStep;
  stream.turnOffset = [=](IndexValue turn) { return turn * turnStride; };
  stream.blockStride =
      kContiguous ? context.constant(blockK) : rowLength * blockK;
  stream.place = [this](IndexValue row, IndexValue element) {
    return swizzle(row, element);
  };
  // Rows are multiples of a chunk long: it lies all inside or all outside.
  stream.isInBounds = [=](IndexValue row, IndexValue block) -> Value {
    // What is left of K is the same for all threads.
    IndexValue kOrigin = block * blockK;
    IndexValue kLeft = (context.k - kOrigin).orZeroUnless(kOrigin < context.k);
    IndexValue k = kContiguous ? element : row;
    IndexValue col = tileCol + (kContiguous ? row : element);
    return arith::AndIOp::create(b, col < context.cols,
                                 k.isLessNarrow(kLeft.min({b, blockK})));
  };
  streams.push_back(stream);
}

void Mainloop::copyChunk(const CopyStream &stream, IndexValue turn,
                         IndexValue block, IndexValue stage) {
  IndexValue row = stream.row + turn * stream.rowStep;
  // Rows a multiple of the swizzle's period apart have the same place.
  bool samePlace = stream.rowStep % 8 == 0;
  IndexValue element =
      stream.place(samePlace ? stream.row : row, stream.element);
  IndexValue offset = (stream.row * stream.rowElements + element) +
                      turn * (stream.rowStep * stream.rowElements);
  Value destination = stage * stream.stageElements + offset;
  Value inBounds = stream.isInBounds(row, block);
  IndexValue source = stream.offset + stream.turnOffset(turn);

  if (stream.chunkBytes() >= 4) {
    // With no elements to copy, the source isn't accessed, and the destination
    // filled with zeros.
    Value numElements = arith::SelectOp::create(
        b, inBounds, context.constant(stream.chunkElements),
        context.constant(0));
    nvgpu::DeviceAsyncCopyOp::create(
        b, nvgpu::DeviceAsyncTokenType::get(b.getContext()), stream.shared,
        destination, stream.source, ValueRange{source},
        b.getIndexAttr(stream.chunkElements), numElements,
        stream.chunkBytes() == kChunkBytes ? b.getUnitAttr() : nullptr);
    return;
  }
  // cp.async copies no less than 4 bytes: by way of a register. What it
  // stores is seen after the barrier of this stage or of one before.
  Type type = cast<MemRefType>(stream.source.getType()).getElementType();
  auto ifOp =
      scf::IfOp::create(b, TypeRange(type), inBounds, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  Value loaded = memref::LoadOp::create(b, stream.source, ValueRange{source});
  scf::YieldOp::create(b, loaded);
  b.setInsertionPointToStart(ifOp.elseBlock());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  scf::YieldOp::create(b, zero);
  b.setInsertionPointAfter(ifOp);
  memref::StoreOp::create(b, ifOp.getResult(0), stream.shared, destination);
}

void Mainloop::copyBlock(IndexValue block, IndexValue stage, int64_t part,
                         int64_t numParts) {
  // Beyond a few copies a thread, a loop: unrolled they'd fill the instruction
  // cache and, with what ptxas hoists for each, the registers. Narrow copies
  // are for shapes that aren't fast anyway.
  auto isUnrolled = [&](const CopyStream &stream) {
    return !stream.isActive &&
           stream.numTurns <= (stream.chunkBytes() == kChunkBytes ? 8 : 2);
  };
  int64_t count = 0;
  for (const CopyStream &stream : streams) {
    if (!isUnrolled(stream)) {
      if (count++ % numParts != part)
        continue;
      OpBuilder::InsertionGuard guard(b);
      if (stream.isActive) {
        auto ifOp = scf::IfOp::create(b, stream.isActive, false);
        b.setInsertionPointToStart(ifOp.thenBlock());
        copyChunk(stream, context.constant(0), block, stage);
        continue;
      }
      auto loop = scf::ForOp::create(b, context.constant(0),
                                     context.constant(stream.numTurns),
                                     context.constant(1));
      b.setInsertionPointToStart(loop.getBody());
      copyChunk(stream, {b, loop.getInductionVar()}, block, stage);
      continue;
    }
    for (int64_t turn = 0; turn < stream.numTurns; ++turn)
      if (count++ % numParts == part)
        copyChunk(stream, context.constant(turn), block, stage);
  }
}

void Mainloop::advanceStreams() {
  for (CopyStream &stream : streams)
    stream.offset = stream.offset + stream.blockStride;
}

Mainloop::Position Mainloop::next(const Position &position) {
  IndexValue following = position.stage + 1;
  Value isInside = following < schedule.getStages();
  Value one = arith::ConstantOp::create(b, b.getI32IntegerAttr(1));
  Value flipped = arith::XOrIOp::create(b, position.parity, one);
  return {following.orZeroUnless(isInside),
          arith::SelectOp::create(b, isInside, position.parity, flipped)};
}

void Mainloop::releaseStageBefore(IndexValue stage) {
  // One lane speaks for its warp.
  NVVM::SyncWarpOp::create(
      b, arith::ConstantOp::create(b, b.getI32IntegerAttr(-1)));
  auto ifOp = scf::IfOp::create(b, context.lane < 1, /*withElse=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  barriers.arrive(stage);
}

void Mainloop::waitFor(const Position &position) {
  barriers.wait(position.stage, position.parity);
}

//===----------------------------------------------------------------------===//
// Shared memory to registers
//===----------------------------------------------------------------------===//

void Mainloop::loadA(IndexValue stage, int64_t step, Fragments &fragments) {
  int64_t laneElements = kChunkBytes / elementBytes;
  auto flatType = VectorType::get({laneElements}, elementType);
  auto fragmentType = VectorType::get({4, 4 / elementBytes}, elementType);
  int64_t blockElements = packedLayout.blockValueBytes() / elementBytes;
  IndexValue origin = stage * (rowBlocks() * blockElements) +
                      (context.warpRow / mma_sp::kM * blockElements +
                       context.lane * laneElements);
  for (int64_t block = 0; block < warpTile.rowBlocks; ++block) {
    IndexValue offset =
        origin + (block * blockElements + step * mma_sp::kLanes * laneElements);
    Value flat = vector::LoadOp::create(b, flatType, values, ValueRange{offset},
                                        /*nontemporal=*/false,
                                        llvm::MaybeAlign(kChunkBytes));
    fragments.a[block] = vector::ShapeCastOp::create(b, fragmentType, flat);
  }
}

void Mainloop::loadMetadata(IndexValue stage, Fragments &fragments) {
  auto type = VectorType::get({2}, b.getI16Type());
  int64_t blockElements = metadataBytesPerBlock() / 2;
  IndexValue origin =
      stage * (rowBlocks() * blockElements) +
      (context.warpRow / mma_sp::kM * blockElements + context.lane * 2);
  for (int64_t block = 0; block < warpTile.rowBlocks; ++block) {
    fragments.metadata[block] = vector::LoadOp::create(
        b, type, metadata, ValueRange{origin + block * blockElements},
        /*nontemporal=*/false, llvm::MaybeAlign(4));
  }
}

void Mainloop::loadB(IndexValue stage, int64_t step, int64_t group,
                     Fragments &fragments) {
  auto fragmentType = VectorType::get({4, 4 / elementBytes}, elementType);
  int64_t chunkElements = kChunkBytes / elementBytes;
  int64_t stepK = blockK / PackedLayout::kSteps;
  // Lane 8m + r gives the address of row r of matrix m. The four matrices lie
  // side by side along K: in rows of cols × K next to each other, in rows of
  // K × cols one below the other and to be transposed.
  bool kContiguous = spec.isDenseKContiguous();
  IndexValue row =
      kContiguous ? context.warpCol + context.lane % 8 : context.lane;
  IndexValue element =
      kContiguous ? context.lane / 8 * chunkElements : context.warpCol;
  IndexValue origin = stage * denseStageElements() +
                      (row * denseRowElements() + swizzle(row, element));
  for (int64_t block = 0; block < colBlocksPerGroup; ++block) {
    int64_t col = (group * colBlocksPerGroup + block) * mma_sp::kN;
    // Within a row, further right is another bit pattern in the position,
    // swizzled or not. Computed from the stage's position in the loop, it takes
    // an instruction and no register; each from the row's would be kept in one.
    int64_t rowsDown = kContiguous ? col : step * stepK;
    int64_t right = kContiguous ? step * stepK : col;
    IndexValue position =
        (origin ^ context.constant(right)) + rowsDown * denseRowElements();
    fragments.b[block] = nvgpu::LdMatrixOp::create(
        b, fragmentType, dense, ValueRange{position},
        b.getBoolAttr(!kContiguous), b.getI32IntegerAttr(4));
  }
}

void Mainloop::loadStep(IndexValue stage, int64_t step, Fragments &fragments) {
  int64_t kStep = step / colGroups, group = step % colGroups;
  if (step == 0)
    loadMetadata(stage, fragments);
  if (group == 0)
    loadA(stage, kStep, fragments);
  loadB(stage, kStep, group, fragments);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

void Mainloop::multiply(const Fragments &fragments, int64_t step,
                        MutableArrayRef<Value> accumulators) {
  int64_t kStep = step / colGroups, group = step % colGroups;
  auto shape = b.getI64ArrayAttr(
      {mma_sp::kM, mma_sp::kN, blockK / PackedLayout::kSteps});
  for (int64_t row = 0; row < warpTile.rowBlocks; ++row) {
    for (int64_t block = 0; block < colBlocksPerGroup; ++block) {
      // Back and forth, so that neighbouring products share a fragment.
      int64_t col = row % 2 ? colBlocksPerGroup - 1 - block : block;
      Value &accumulator = accumulators[row * warpTile.colBlocks +
                                        group * colBlocksPerGroup + col];
      accumulator = nvgpu::MmaSparseSyncOp::create(
          b, accumulator.getType(), fragments.a[row], fragments.b[col],
          accumulator, fragments.metadata[row], shape,
          b.getI32IntegerAttr(packedLayout.selector(kStep)),
          /*tf32Enabled=*/nullptr);
    }
  }
}

SmallVector<Value> Mainloop::emit() {
  allocate();
  initializeBarriers();
  createStreams();
  int64_t distance = prefetchDistance();
  IndexValue zero = context.constant(0), one = context.constant(1);

  for (int64_t stage = 0; stage < distance; ++stage) {
    copyBlock(context.constant(stage), context.constant(stage));
    barriers.arriveAfterCopies(context.constant(stage), releasesStores());
    advanceStreams();
  }

  auto accumulatorType =
      VectorType::get({2, 2}, spec.matmul.getAccumulatorType());
  Value zeroAccumulator =
      arith::ConstantOp::create(b, b.getZeroAttr(accumulatorType));
  SmallVector<Value> accumulators(warpTile.rowBlocks * warpTile.colBlocks,
                                  zeroAccumulator);

  Fragments fragments;
  fragments.a.resize(warpTile.rowBlocks);
  fragments.metadata.resize(warpTile.rowBlocks);
  fragments.b.resize(colBlocksPerGroup);
  Value evenPhase = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  releaseStageBefore(zero);
  waitFor({zero, evenPhase});
  loadStep(zero, 0, fragments);

  // Carried: the stage that is read and its parity, the one that is filled, the
  // streams' offsets, accumulators and fragments.
  SmallVector<Value> carried = {zero, evenPhase, context.constant(distance)};
  int64_t numPositions = carried.size();
  for (CopyStream &stream : streams)
    carried.push_back(stream.offset);
  llvm::append_range(carried, accumulators);
  llvm::append_range(carried, fragments.flatten());
  auto loop = scf::ForOp::create(b, zero, numBlocks, one, carried);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    ValueRange state = loop.getRegionIterArgs();
    IndexValue block(b, loop.getInductionVar());
    Position position{{b, state[0]}, state[1]};
    IndexValue filled(b, state[2]);
    state = state.drop_front(numPositions);
    for (CopyStream &stream : streams) {
      stream.offset = {b, state.front()};
      state = state.drop_front();
    }
    llvm::copy(state.take_front(accumulators.size()), accumulators.begin());
    fragments.assign(state.drop_front(accumulators.size()));

    Position following = next(position);
    // All fragments of the block before have been loaded.
    releaseStageBefore(following.stage);
    for (int64_t step = 0; step < numSteps(); ++step) {
      copyBlock(block + distance, filled, step, numSteps() - 1);
      Fragments next = fragments;
      bool isLast = step + 1 == numSteps();
      if (isLast) {
        barriers.arriveAfterCopies(filled, releasesStores());
        waitFor(following);
      }
      loadStep(isLast ? following.stage : position.stage,
               (step + 1) % numSteps(), next);
      multiply(fragments, step, accumulators);
      fragments = next;
    }
    advanceStreams();
    IndexValue filledNext = filled + 1;
    filledNext = filledNext.orZeroUnless(filledNext < schedule.getStages());
    SmallVector<Value> yielded = {following.stage, following.parity,
                                  filledNext};
    for (CopyStream &stream : streams)
      yielded.push_back(stream.offset);
    llvm::append_range(yielded, accumulators);
    llvm::append_range(yielded, fragments.flatten());
    scf::YieldOp::create(b, yielded);
  }
  // The copies beyond the last block must have landed before the epilogue uses
  // the memory.
  Position position{{b, loop.getResult(0)}, loop.getResult(1)};
  for (int64_t i = 1; i < distance; ++i) {
    position = next(position);
    releaseStageBefore(position.stage);
    waitFor(position);
  }
  return SmallVector<Value>(ValueRange(loop.getResults())
                                .drop_front(numPositions + streams.size())
                                .take_front(accumulators.size()));
}

SmallVector<Value> mlir::sparse24::emitMainloop(MmaSpKernelContext &context) {
  return Mainloop(context).emit();
}
