// The epilogue of a `wgmma.sp` kernel: from accumulators to the output.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"

using namespace mlir;
using namespace mlir::sparse24;
namespace mma_sp = ::sparse24::mma_sp;

namespace {

/// Columns of the accumulators that a thread has in neighbouring registers.
constexpr int64_t kColumns = mma_sp::kN;

/// How a block of 64 rows of a warpgroup's tile goes through shared memory: in
/// pieces of all rows and some columns, which consist of boxes of the output's
/// tensor map.
struct Staging : wgmma_sp::OutputPieces {
  explicit Staging(const WgmmaSpKernelSpec &spec)
      : OutputPieces{spec.getConsumerRows(), spec.schedule.getTileCols(),
                     spec.getOutputBytes()},
        transposed(spec.isOutputTransposed()) {
    // Rows of a box are no longer than 128 bytes, and boxes divide the tile.
    int64_t limit = kRowBytes / elementBytes;
    boxCols = limit;
    while (columns % boxCols != 0)
      boxCols /= 2;
    boxRows =
        transposed ? std::min<int64_t>(limit, wgmma_sp::kM) : wgmma_sp::kM;
    box = {transposed ? boxRows : boxCols, transposed ? boxCols : boxRows,
           spec.matmul.getOutputElementType()};
  }

  /// The columns of a block's piece.
  int64_t getCols(int64_t part) const {
    return std::min(pieceColumns(), columns - part * pieceColumns());
  }
  int64_t getAlignedBytes() const { return llvm::alignTo(bytes(), 1024); }

  int64_t getBoxElements() const { return boxRows * boxCols; }
  /// The first element of the box at that row and column of a piece.
  int64_t getBoxOffset(int64_t row, int64_t col) const {
    int64_t number = col / boxCols * (wgmma_sp::kM / boxRows) + row / boxRows;
    return number * getBoxElements();
  }
  /// Where an element of a piece lies: in column `boxCol`, which begins a box,
  /// and `col` columns further within the box.
  IndexValue getOffset(IndexValue row, int64_t boxCol, IndexValue col) const {
    IndexValue inBox = transposed ? box.getOffset(col, row % boxRows)
                                  : box.getOffset(row % boxRows, col);
    return row / boxRows * getBoxElements() + inBox + getBoxOffset(0, boxCol);
  }

  bool transposed;
  /// Of a box, along the kernel's rows and columns.
  int64_t boxRows, boxCols;
  TensorMapShape box;
};

/// Columns for which operands as large as the output are loaded at a time:
/// enough for their latencies to overlap, and few enough for the registers.
constexpr int64_t kLoadedColumns = 4 * kColumns;

/// What an epilogue operand varies with.
enum class Extent { Scalar, Rows, Cols, Full };

/// An operand of the epilogue. Those that vary with rows or columns only are
/// brought to shared memory, a warpgroup's share of the tile.
struct Operand {
  Operand(const WgmmaSpKernelSpec &spec, Value memref, AffineMap map);

  /// Bytes of shared memory that the share takes.
  int64_t getShareBytes() const {
    return llvm::alignTo(share * (elementType.getIntOrFloatBitWidth() / 8), 16);
  }

  Value memref;
  AffineMap map;
  Type elementType;
  Extent extent;
  /// Elements of the share, none if there is no share, and where they are.
  int64_t share = 0;
  Value staged;
  /// Of an operand as large as the output: the thread's elements of the columns
  /// that are finished next.
  SmallVector<Value> loaded;
};

/// The epilogue of a warpgroup's part of a tile.
class Epilogue {
public:
  Epilogue(WgmmaSpKernelContext &context, OutputTile tile);

  void stageOperands();
  void emit(ArrayRef<Value> accumulators);

private:
  void writePiece(int64_t block, int64_t part, Value accumulators);
  void writePairs(int64_t col, ArrayRef<Value> finished);
  void writeMatrices(int64_t col, ArrayRef<Value> finished);
  void storePiece(int64_t block, int64_t part);
  void storeElements(int64_t part, IndexValue row, IndexValue col);
  void waitForStaging();

  /// The output elements of a register's column block: two of each of two rows.
  SmallVector<Value> finishColumns(int64_t block, int64_t col,
                                   ArrayRef<Value> accumulators);
  Value finish(Value accumulator, IndexValue row, IndexValue col,
               ArrayRef<Value> operands);
  Value loadInit(IndexValue row, IndexValue col);
  Value loadFull(Value memref, AffineMap map, IndexValue row, IndexValue col);
  void loadFullOperands(int64_t block, int64_t col, int64_t cols);

  /// Of the output: an index into memory from one of the kernel's.
  std::pair<IndexValue, IndexValue> toMajorMinor(IndexValue row,
                                                 IndexValue col) {
    return layout.transposed ? std::pair(col, row) : std::pair(row, col);
  }
  Value isFirstThread() { return context.thread < 1; }

  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  const WgmmaSpKernelSpec &spec;
  MatmulOp matmul;
  Staging layout;
  /// The warpgroup's place for a piece.
  Value staging;
  SmallVector<Operand> operands;
  /// The first column that `loaded` is of.
  int64_t loadedFrom = 0;
  /// Where the thread's elements of a block stand: the first row, and the
  /// column within eight.
  IndexValue threadRow, threadCol;
  /// Where the warpgroup's part of the tile begins.
  OutputTile origin;
};

} // namespace

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

TensorMapShape mlir::sparse24::getOutputMap(const WgmmaSpKernelSpec &spec) {
  return Staging(spec).box;
}

/// Whether a dimension of the output is along the kernel's rows.
static bool isRow(const WgmmaSpKernelSpec &spec, AffineExpr expr) {
  return cast<AffineDimExpr>(expr).getPosition() ==
         (spec.isOutputTransposed() ? 1u : 0u);
}

Operand::Operand(const WgmmaSpKernelSpec &spec, Value memref, AffineMap map)
    : memref(memref), map(map),
      elementType(getElementTypeOrSelf(memref.getType())) {
  if (map.getNumResults() == 0) {
    extent = Extent::Scalar;
  } else if (map.getNumResults() == 2) {
    extent = Extent::Full;
  } else if (isRow(spec, map.getResult(0))) {
    extent = Extent::Rows;
    share = spec.getConsumerRows();
  } else {
    extent = Extent::Cols;
    share = spec.schedule.getTileCols();
  }
}

/// The operands, given as those of the operation or as the kernel's arguments.
static SmallVector<Operand> getOperands(const WgmmaSpKernelSpec &spec,
                                        ValueRange memrefs) {
  SmallVector<Operand> operands;
  for (auto [memref, map] : llvm::zip_equal(
           memrefs,
           spec.matmul.getEpilogueMaps().getAsValueRange<AffineMapAttr>()))
    operands.emplace_back(spec, memref, map);
  return operands;
}

static int64_t getShareBytes(ArrayRef<Operand> operands) {
  int64_t bytes = 0;
  for (const Operand &operand : operands)
    bytes += operand.getShareBytes();
  return bytes;
}

int64_t
mlir::sparse24::getEpilogueSharedMemoryBytes(const WgmmaSpKernelSpec &spec) {
  SmallVector<Operand> operands =
      getOperands(spec, spec.matmul.getEpilogueOperands());
  return spec.getNumConsumers() *
         (Staging(spec).getAlignedBytes() + getShareBytes(operands));
}

Epilogue::Epilogue(WgmmaSpKernelContext &context, OutputTile tile)
    : context(context), b(context.builder), spec(context.spec),
      matmul(spec.matmul), layout(spec),
      operands(getOperands(spec, context.epilogueOperands)),
      threadRow(wgmma_sp::elementD(context.thread, 0).row),
      threadCol(wgmma_sp::elementD(context.thread, 0).column),
      origin{tile.row + context.consumer * spec.getConsumerRows(), tile.col} {
  int64_t stagingBytes = layout.getAlignedBytes();
  IndexValue begin = context.sharedOrigin + getMainloopSharedMemoryBytes(spec);
  staging =
      viewSharedMemory(b, begin + context.consumer * stagingBytes,
                       {layout.elements()}, matmul.getOutputElementType());
  IndexValue shares = begin + spec.getNumConsumers() * stagingBytes +
                      context.consumer * getShareBytes(operands);
  int64_t used = 0;
  for (Operand &operand : operands) {
    if (!operand.share)
      continue;
    operand.staged = viewSharedMemory(b, shares + used, {operand.share},
                                      operand.elementType);
    used += operand.getShareBytes();
  }
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

void Epilogue::stageOperands() {
  for (Operand &operand : operands) {
    if (!operand.share)
      continue;
    bool isRows = operand.extent == Extent::Rows;
    IndexValue first = isRows ? origin.row : origin.col;
    IndexValue last = (isRows ? context.rows : context.cols) - 1;
    int64_t share = operand.share;
    for (int64_t done = 0; done < share; done += wgmma_sp::kLanes) {
      IndexValue index = context.thread + done;
      auto copy = [&] {
        Value element = memref::LoadOp::create(
            b, operand.memref, ValueRange{(first + index).min(last).widen()});
        memref::StoreOp::create(b, element, operand.staged,
                                ValueRange{index.widen()});
      };
      if (done + wgmma_sp::kLanes <= share)
        copy();
      else
        context.emitIf(index < share, copy);
    }
  }
}

Value Epilogue::loadFull(Value memref, AffineMap map, IndexValue row,
                         IndexValue col) {
  // What lies outside is never stored.
  row = row.min(context.rows - 1);
  col = col.min(context.cols - 1);
  SmallVector<Value> indices;
  for (AffineExpr expr : map.getResults())
    indices.push_back((isRow(spec, expr) ? row : col).widen());
  return memref::LoadOp::create(b, memref, indices);
}

void Epilogue::loadFullOperands(int64_t block, int64_t col, int64_t cols) {
  loadedFrom = col;
  for (Operand &operand : operands) {
    if (operand.extent != Extent::Full)
      continue;
    operand.loaded.clear();
    for (int64_t c = col; c < col + cols; c += kColumns)
      for (int64_t i = 0; i < mma_sp::kRegistersC; ++i) {
        IndexValue row =
            origin.row + threadRow + (block * wgmma_sp::kM + i / 2 * 8);
        IndexValue column = origin.col + threadCol + (c + i % 2);
        operand.loaded.push_back(
            loadFull(operand.memref, operand.map, row, column));
      }
  }
}

/// Unlike other operands, the output beyond the tile may be written meanwhile.
Value Epilogue::loadInit(IndexValue row, IndexValue col) {
  Type type = matmul.getOutputElementType();
  Value isInside =
      arith::AndIOp::create(b, row < context.rows, col < context.cols);
  auto ifOp = scf::IfOp::create(b, type, isInside, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  auto [major, minor] = toMajorMinor(row, col);
  Value init = memref::LoadOp::create(b, context.output,
                                      ValueRange{major.widen(), minor.widen()});
  scf::YieldOp::create(b, init);
  b.setInsertionPointToStart(ifOp.elseBlock());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  scf::YieldOp::create(b, zero);
  return ifOp.getResult(0);
}

Value Epilogue::finish(Value accumulator, IndexValue row, IndexValue col,
                       ArrayRef<Value> values) {
  if (matmul.getAccumulate())
    accumulator = addInit(b, b.getLoc(), accumulator, loadInit(row, col));
  return inlineEpilogue(b, b.getLoc(), matmul, accumulator, values);
}

SmallVector<Value> Epilogue::finishColumns(int64_t block, int64_t col,
                                           ArrayRef<Value> accumulators) {
  IndexValue localRow = threadRow + block * wgmma_sp::kM;
  IndexValue localCol = threadCol + col;
  SmallVector<Value> pairs(operands.size());
  for (auto [operand, pair] : llvm::zip_equal(operands, pairs))
    if (operand.extent == Extent::Cols)
      pair = vector::LoadOp::create(
          b, VectorType::get({2}, operand.elementType), operand.staged,
          ValueRange{localCol.widen()}, /*nontemporal=*/false,
          llvm::MaybeAlign(2 * operand.elementType.getIntOrFloatBitWidth() /
                           8));
  SmallVector<Value> finished;
  for (int64_t i = 0; i < mma_sp::kRegistersC; ++i) {
    // The thread's second row is eight rows further down.
    IndexValue row = localRow + i / 2 * 8, column = localCol + i % 2;
    SmallVector<Value> values;
    for (auto [operand, pair] : llvm::zip_equal(operands, pairs)) {
      switch (operand.extent) {
      case Extent::Scalar:
        values.push_back(
            memref::LoadOp::create(b, operand.memref, ValueRange()));
        break;
      case Extent::Rows:
        values.push_back(
            memref::LoadOp::create(b, operand.staged, ValueRange{row.widen()}));
        break;
      case Extent::Cols:
        values.push_back(vector::ExtractOp::create(b, pair, i % 2));
        break;
      case Extent::Full:
        values.push_back(
            operand.loaded[(col - loadedFrom) / kColumns * mma_sp::kRegistersC +
                           i]);
        break;
      }
    }
    finished.push_back(
        finish(accumulators[i], origin.row + row, origin.col + column, values));
  }
  return finished;
}

//===----------------------------------------------------------------------===//
// Registers to shared memory
//===----------------------------------------------------------------------===//

/// `stmatrix` takes matrices of 8 × 8 elements of 16 bits, a register each:
/// here those of one or two column blocks, of rows 0 to 7 and 8 to 15 of a
/// warp.
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
  // Lane 8·i + r says where row r of matrix i goes.
  IndexValue lane = context.thread % mma_sp::kLanes;
  IndexValue matrix = lane / 8 % static_cast<int64_t>(registers.size());
  IndexValue row =
      context.thread / mma_sp::kLanes * mma_sp::kM + matrix % 2 * 8;
  IndexValue inBox = matrix / 2 * kColumns + col % layout.boxCols;
  if (layout.transposed)
    inBox = inBox + lane % 8;
  else
    row = row + lane % 8;
  IndexValue offset =
      layout.getOffset(row, llvm::alignDown(col, layout.boxCols), inBox);
  Value pointer = getPointer(b, staging, offset, NVVM::NVVMMemorySpace::Shared);
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
    int64_t inBlock = i % mma_sp::kRegistersC;
    int64_t blockCol = col + i / mma_sp::kRegistersC * kColumns;
    IndexValue row = threadRow + inBlock / 2 * 8;
    IndexValue inBox = threadCol + (blockCol % layout.boxCols + inBlock % 2);
    IndexValue offset =
        layout.getOffset(row, llvm::alignDown(blockCol, layout.boxCols), inBox);
    if (layout.transposed) {
      memref::StoreOp::create(b, finished[i], staging,
                              ValueRange{offset.widen()});
    } else if (i % 2 == 0) {
      auto pairType = VectorType::get({2}, finished[i].getType());
      Value pair = vector::FromElementsOp::create(
          b, pairType, ValueRange{finished[i], finished[i + 1]});
      vector::StoreOp::create(b, pair, staging, ValueRange{offset.widen()},
                              /*nontemporal=*/false,
                              llvm::MaybeAlign(2 * layout.elementBytes));
    }
  }
}

void Epilogue::writePiece(int64_t block, int64_t part, Value accumulators) {
  // stmatrix takes two column blocks of a box at a time.
  int64_t width = std::min(2 * kColumns, layout.boxCols);
  for (int64_t col = 0; col < layout.getCols(part); col += width) {
    if (col % kLoadedColumns == 0)
      loadFullOperands(block, part * layout.pieceColumns() + col,
                       std::min(kLoadedColumns, layout.getCols(part) - col));
    SmallVector<Value> finished;
    for (int64_t c = col; c < col + width; c += kColumns) {
      int64_t tileCol = part * layout.pieceColumns() + c;
      SmallVector<Value> registers;
      for (int64_t i = 0; i < mma_sp::kRegistersC; ++i)
        registers.push_back(vector::ExtractOp::create(
            b, accumulators, tileCol / kColumns * mma_sp::kRegistersC + i));
      llvm::append_range(finished, finishColumns(block, tileCol, registers));
    }
    if (layout.elementBytes == 2)
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
    auto [toMajor, toMinor] = toMajorMinor(row + inRow, col + inCol);
    memref::StoreOp::create(b, value, context.output,
                            ValueRange{toMajor.widen(), toMinor.widen()});
  });
}

void Epilogue::storePiece(int64_t block, int64_t part) {
  IndexValue row = origin.row + block * wgmma_sp::kM;
  IndexValue col = origin.col + part * layout.pieceColumns();
  if (!spec.isOutputAligned)
    return storeElements(part, row, col);
  // The tensor map cuts off what is beyond the output.
  context.emitIf(isFirstThread(), [&] {
    for (int64_t c = 0; c < layout.getCols(part); c += layout.boxCols)
      for (int64_t r = 0; r < wgmma_sp::kM; r += layout.boxRows) {
        IndexValue offset = context.constant(layout.getBoxOffset(r, c));
        auto [major, minor] = toMajorMinor(row + r, col + c);
        Value coordinates[] = {minor, major};
        NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(
            b, context.outputMap,
            getPointer(b, staging, offset, NVVM::NVVMMemorySpace::Shared),
            coordinates, /*l2CacheHint=*/Value(), NVVM::TMAStoreMode::TILE,
            /*predicate=*/Value());
      }
    NVVM::CpAsyncBulkCommitGroupOp::create(b);
  });
}

/// Waits until the piece before has been read.
void Epilogue::waitForStaging() {
  if (spec.isOutputAligned)
    context.emitIf(isFirstThread(), [&] {
      NVVM::CpAsyncBulkWaitGroupOp::create(b, 0, b.getUnitAttr());
    });
  context.synchronizeConsumer();
}

void Epilogue::emit(ArrayRef<Value> accumulators) {
  for (int64_t block = 0; block < spec.getBlocks(); ++block)
    for (int64_t part = 0; part < layout.perBlock(); ++part) {
      waitForStaging();
      writePiece(block, part, accumulators[block]);
      // What was written by the threads is read by the copy engine.
      if (spec.isOutputAligned)
        NVVM::FenceProxyOp::create(
            b, NVVM::ProxyKind::async_shared,
            NVVM::SharedSpaceAttr::get(b.getContext(),
                                       NVVM::SharedSpace::shared_cta));
      context.synchronizeConsumer();
      storePiece(block, part);
    }
}

void mlir::sparse24::emitEpiloguePrologue(WgmmaSpKernelContext &context,
                                          OutputTile tile) {
  Epilogue(context, tile).stageOperands();
}

void mlir::sparse24::emitEpilogue(WgmmaSpKernelContext &context,
                                  OutputTile tile,
                                  ArrayRef<Value> accumulators) {
  Epilogue(context, tile).emit(accumulators);
}

void mlir::sparse24::emitEpilogueEnd(WgmmaSpKernelContext &context) {
  if (context.spec.isOutputAligned)
    NVVM::CpAsyncBulkWaitGroupOp::create(context.builder, 0, /*read=*/nullptr);
}
