// The epilogue of a `wgmma.sp` kernel: from accumulators to the output.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpEpilogueOperands.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"

using namespace mlir;
using namespace mlir::sparse24;
namespace mma_sp = ::sparse24::mma_sp;

namespace {

/// How a block of 64 rows of a warpgroup's tile goes through shared memory.
struct Staging : wgmma_sp::OutputPieces, PanelLayout {
  explicit Staging(const WgmmaSpKernelSpec &spec)
      : OutputPieces{spec.schedule.getTileCols(), spec.getOutputBytes()},
        PanelLayout(spec, spec.matmul.getOutputElementType()) {}

  /// The columns of a block's piece.
  int64_t getCols(int64_t part) const {
    return std::min(pieceColumns(), columns - part * pieceColumns());
  }
};

/// How many places for pieces a warpgroup has, one after the other: with more
/// than one it needn't wait for the copy engine after each piece. As many as
/// there is room for beside everything else, up to three; and a block's pieces
/// use all equally often, so that tiles of any height begin with the same one.
int64_t getNumPlaces(const WgmmaSpKernelSpec &spec) {
  Staging staging(spec);
  int64_t consumers = spec.getNumConsumers();
  int64_t used = getMainloopSharedMemoryBytes(spec) +
                 consumers * EpilogueOperands::getSharedMemoryBytes(spec) +
                 getSplitKSharedMemoryBytes(spec) + spec.getBarrierBytes();
  for (int64_t places = Staging::kMaxPlaces; places > 1; --places)
    if (staging.perBlock() % places == 0 &&
        used + consumers * places * staging.placeBytes() <=
            spec.getSharedMemoryLimit())
      return places;
  return 1;
}

/// Columns whose operands are loaded at a time: enough for their latencies to
/// overlap, and few enough for the registers.
constexpr int64_t kLoadedColumns = 4 * PanelLayout::kColumns;

/// The epilogue of a warpgroup's part of a tile.
class Epilogue {
public:
  Epilogue(WgmmaSpKernelContext &context, OutputTile tile);

  void stageOperands() { operands.stage(); }
  void emit(ArrayRef<Value> accumulators, PipelinePosition &position);

private:
  void writePiece(int64_t block, int64_t part, Value accumulators,
                  const PipelinePosition &position);
  void writePairs(int64_t col, ArrayRef<Value> finished);
  void writeMatrices(int64_t col, ArrayRef<Value> finished);
  void storePiece(int64_t block, int64_t part);
  /// The place of a block's piece, once it is free.
  void takePlace(int64_t part);
  void storeElements(int64_t part, IndexValue row, IndexValue col);

  /// The output elements of a register's column block: two of each of two rows.
  SmallVector<Value> finishColumns(int64_t col, Value accumulators);

  Value isFirstThread() { return context.thread < 1; }

  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  const WgmmaSpKernelSpec &spec;
  MatmulOp matmul;
  Staging layout;
  int64_t numPlaces;
  /// Where the warpgroup's part of the tile begins.
  OutputTile origin;
  /// The first byte of the warpgroup's places for pieces.
  IndexValue places;
  EpilogueOperands operands;
  /// The place of the piece that is being written.
  Value staging;
};

} // namespace

TensorMapShape mlir::sparse24::getOutputMap(const WgmmaSpKernelSpec &spec) {
  return Staging(spec).box;
}

bool mlir::sparse24::hasOutputMap(const WgmmaSpKernelSpec &spec) {
  return Staging(spec).isCopyable();
}

int64_t
mlir::sparse24::getEpilogueSharedMemoryBytes(const WgmmaSpKernelSpec &spec) {
  return spec.getNumConsumers() *
         (getNumPlaces(spec) * Staging(spec).placeBytes() +
          EpilogueOperands::getSharedMemoryBytes(spec));
}

Epilogue::Epilogue(WgmmaSpKernelContext &context, OutputTile tile)
    : context(context), b(context.builder), spec(context.spec),
      matmul(spec.matmul), layout(spec),
      numPlaces(getNumPlaces(spec)), origin{tile.row +
                                                context.getConsumerInTeam() *
                                                    spec.getConsumerRows(),
                                            tile.col},
      places(context.consumer * (numPlaces * layout.placeBytes()) +
             getMainloopSharedMemoryBytes(spec)),
      operands(context, origin,
               context.consumer * EpilogueOperands::getSharedMemoryBytes(spec) +
                   (getMainloopSharedMemoryBytes(spec) +
                    spec.getNumConsumers() * numPlaces * layout.placeBytes())) {
}

SmallVector<Value> Epilogue::finishColumns(int64_t col, Value accumulators) {
  SmallVector<Value> finished;
  for (auto [i, values] : llvm::enumerate(operands.getColumnBlock(col))) {
    Value element = vector::ExtractOp::create(
        b, accumulators,
        static_cast<int64_t>(col / PanelLayout::kColumns * mma_sp::kRegistersC +
                             i));
    if (matmul.getAccumulate())
      element = addInit(b, b.getLoc(), element, values.pop_back_val());
    finished.push_back(inlineEpilogue(b, b.getLoc(), matmul, element, values));
  }
  return finished;
}

//===----------------------------------------------------------------------===//
// Registers to shared memory
//===----------------------------------------------------------------------===//

void Epilogue::writeMatrices(int64_t col, ArrayRef<Value> finished) {
  SmallVector<Value> registers;
  for (size_t i = 0; i < finished.size(); i += 2) {
    auto pairType = VectorType::get({2}, finished[i].getType());
    Value pair = vector::FromElementsOp::create(
        b, pairType, ValueRange{finished[i], finished[i + 1]});
    Value word = vector::BitCastOp::create(
        b, VectorType::get({1}, b.getI32Type()), pair);
    registers.push_back(vector::ExtractOp::create(b, word, 0));
  }
  IndexValue offset = layout.getMatrixOffset(
      context.thread, col, static_cast<int64_t>(registers.size()));
  Value pointer = getPointer(b, staging, offset);
  NVVM::StMatrixOp::create(b, pointer, registers,
                           layout.transposed ? NVVM::MMALayout::col
                                             : NVVM::MMALayout::row,
                           NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8),
                           NVVM::LdStMatrixEltType::B16);
}

/// Of other types each thread stores the two neighbours that it has in a row;
/// one by one, if rows of the output are columns here.
void Epilogue::writePairs(int64_t col, ArrayRef<Value> finished) {
  for (int64_t i = 0; i < static_cast<int64_t>(finished.size()); ++i) {
    IndexValue offset = layout.getElementOffset(
        context.thread, col + i / mma_sp::kRegistersC * PanelLayout::kColumns,
        i % mma_sp::kRegistersC);
    if (layout.transposed) {
      memref::StoreOp::create(b, finished[i], staging,
                              ValueRange{offset.widen()});
    } else if (i % 2 == 0) {
      storeNeighbours(b, finished.slice(i, 2), staging,
                      ValueRange{offset.widen()});
    }
  }
}

void Epilogue::writePiece(int64_t block, int64_t part, Value accumulators,
                          const PipelinePosition &position) {
  int64_t begin = part * layout.pieceColumns();
  int64_t cols = layout.getCols(part), width = layout.getWidth();
  for (int64_t col = 0; col < cols; col += width) {
    if (col % kLoadedColumns == 0)
      operands.beginColumns(block, begin + col,
                            std::min(kLoadedColumns, cols - col), position);
    SmallVector<Value> finished;
    for (int64_t c = col; c < col + width; c += PanelLayout::kColumns)
      llvm::append_range(finished, finishColumns(begin + c, accumulators));
    if (matmul.getOutputElementType().getIntOrFloatBitWidth() == 16)
      writeMatrices(col, finished);
    else
      writePairs(col, finished);
  }
}

//===----------------------------------------------------------------------===//
// Shared to global memory
//===----------------------------------------------------------------------===//

/// Element by element, neighbours in memory by neighbouring threads.
void Epilogue::storeElements(int64_t part, IndexValue row, IndexValue col) {
  int64_t cols = layout.getCols(part);
  auto loop = scf::ForOp::create(b, context.thread,
                                 context.constant(wgmma_sp::kM * cols),
                                 context.constant(wgmma_sp::kLanes));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  IndexValue element(b, loop.getInductionVar());
  int64_t minorSize = layout.transposed ? wgmma_sp::kM : cols;
  IndexValue major = element / minorSize, minor = element % minorSize;
  IndexValue inRow = layout.transposed ? minor : major,
             inCol = layout.transposed ? major : minor;
  Value isInside = arith::AndIOp::create(b, row + inRow < context.rows,
                                         col + inCol < context.cols);
  context.emitIf(isInside, [&] {
    IndexValue box =
        inCol / layout.boxCols * (layout.getBoxOffset(0, layout.boxCols));
    IndexValue offset =
        box + layout.getOffset(inRow, 0, inCol % layout.boxCols);
    Value value =
        memref::LoadOp::create(b, staging, ValueRange{offset.widen()});
    IndexValue outputRow = row + inRow, outputCol = col + inCol;
    if (layout.transposed)
      std::swap(outputRow, outputCol);
    memref::StoreOp::create(b, value, context.output,
                            ValueRange{outputRow.widen(), outputCol.widen()});
  });
}

void Epilogue::storePiece(int64_t block, int64_t part) {
  IndexValue row = origin.row + block * wgmma_sp::kM;
  IndexValue col = origin.col + part * layout.pieceColumns();
  if (!spec.isOutputAligned)
    return storeElements(part, row, col);
  // The tensor map cuts off what is beyond the output.
  context.emitIf(isFirstThread(), [&] {
    forEachBox(layout, layout.getCols(part), [&](int64_t r, int64_t c) {
      IndexValue offset = context.constant(layout.getBoxOffset(r, c));
      NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(
          b, context.outputMap, getPointer(b, staging, offset),
          getCoordinates(spec, row + r, col + c), /*l2CacheHint=*/Value(),
          NVVM::TMAStoreMode::TILE, /*predicate=*/Value());
    });
    NVVM::CpAsyncBulkCommitGroupOp::create(b);
  });
}

void Epilogue::takePlace(int64_t part) {
  if (spec.isOutputAligned)
    context.emitIf(isFirstThread(), [&] {
      NVVM::CpAsyncBulkWaitGroupOp::create(b, numPlaces - 1, b.getUnitAttr());
    });
  context.synchronizeConsumer();
  staging =
      viewSharedMemory(b, places + part % numPlaces * layout.placeBytes(),
                       {layout.elements()}, matmul.getOutputElementType());
}

void Epilogue::emit(ArrayRef<Value> accumulators, PipelinePosition &position) {
  operands.beginTile();
  for (int64_t block = 0; block < spec.getBlocks(); ++block)
    for (int64_t part = 0; part < layout.perBlock(); ++part) {
      int64_t begin = part * layout.pieceColumns();
      if (operands.beginsStage(begin))
        context.full.waitSuspended(position.stage, position.parity);
      takePlace(part);
      // After a barrier, for the operands were brought by all threads.
      if (part == 0)
        operands.beginBlock(block);
      writePiece(block, part, accumulators[block], position);
      // What was written by the threads is read by the copy engine.
      if (spec.isOutputAligned)
        NVVM::FenceProxyOp::create(
            b, NVVM::ProxyKind::async_shared,
            NVVM::SharedSpaceAttr::get(b.getContext(),
                                       NVVM::SharedSpace::shared_cta));
      context.synchronizeConsumer();
      if (operands.endsStage(begin + layout.getCols(part))) {
        context.release(position.stage);
        position = context.getNext(position);
      }
      storePiece(block, part);
    }
}

void mlir::sparse24::emitEpiloguePrologue(WgmmaSpKernelContext &context,
                                          OutputTile tile) {
  Epilogue(context, tile).stageOperands();
}

void mlir::sparse24::emitEpilogue(WgmmaSpKernelContext &context,
                                  OutputTile tile, ArrayRef<Value> accumulators,
                                  PipelinePosition &position) {
  Epilogue(context, tile).emit(accumulators, position);
}

void mlir::sparse24::emitEpilogueEnd(WgmmaSpKernelContext &context) {
  if (context.spec.isOutputAligned)
    NVVM::CpAsyncBulkWaitGroupOp::create(context.builder, 0, /*read=*/nullptr);
}
