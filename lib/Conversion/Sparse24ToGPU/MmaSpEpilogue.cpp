// The epilogue of an `mma.sp` kernel: from accumulators to the output.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MmaSpKernel.h"
#include "SharedMemory.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"

using namespace mlir;
using namespace mlir::sparse24;
namespace mma_sp = ::sparse24::mma_sp;

namespace {

/// A lane finishes this many neighbouring elements of the output at a time:
/// 16 bytes of f32 accumulators.
constexpr int64_t kVector = 4;

/// A warp's accumulators are spread over its lanes in 2×2 patches, in which
/// neither the fused operands nor the output can be accessed in long pieces.
/// So the warp turns them around in shared memory, a band at a time: as wide
/// as its tile along the output's contiguous dimension ("minor"), one
/// instruction's output high along the other ("major").
struct Band {
  explicit Band(const MmaSpKernelSpec &spec) {
    WarpTile tile = getWarpTile(spec.schedule);
    bool transposed = spec.isOutputTransposed();
    major = transposed ? mma_sp::kN : mma_sp::kM;
    minor = transposed ? tile.getRows() : tile.getCols();
    // Lanes write pairs of neighbours, or single elements where these lie in
    // different rows; either way a warp's then fall into different banks.
    pitch = minor + (transposed ? 4 : 8);
  }

  /// Its height, its width, and the elements from one row to the next.
  int64_t major, minor, pitch;
};

class Epilogue {
public:
  Epilogue(MmaSpKernelContext &context)
      : context(context), b(context.builder), spec(context.spec),
        matmul(spec.matmul), warpTile(getWarpTile(spec.schedule)),
        transposed(spec.isOutputTransposed()), band(spec),
        majorSize(transposed ? context.cols : context.rows),
        minorSize(transposed ? context.rows : context.cols) {}

  void emit(ArrayRef<Value> accumulators);

private:
  void allocate();
  void stageBand(ArrayRef<Value> accumulators, int64_t index);
  void finishBand(int64_t index);
  void finishVector(Value staged, IndexValue major, IndexValue minor);
  void finishElement(Value staged, int64_t position, IndexValue major,
                     IndexValue minor);
  Value finish(Value accumulator, Value init, ValueRange operands);

  /// The indices of an operand that belong to (major, minor) of the output.
  SmallVector<Value> getIndices(AffineMap map, IndexValue major,
                                IndexValue minor);
  bool isMinor(AffineExpr expr) {
    // d1 is the output's second, contiguous dimension on either side.
    return cast<AffineDimExpr>(expr).getPosition() == 1;
  }
  /// Whether neighbours in the output have neighbours in the operand.
  bool isContiguous(AffineMap map) {
    return map.getNumResults() && isMinor(map.getResults().back());
  }
  bool dependsOnMinor(AffineMap map) {
    return llvm::any_of(map.getResults(),
                        [&](AffineExpr expr) { return isMinor(expr); });
  }
  auto getOperandsWithMaps() {
    return llvm::zip_equal(
        context.epilogueOperands,
        matmul.getEpilogueMaps().getAsValueRange<AffineMapAttr>());
  }

  MmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  const MmaSpKernelSpec &spec;
  MatmulOp matmul;
  WarpTile warpTile;
  bool transposed;
  Band band;
  IndexValue majorSize, minorSize;
  Value staging;
};

} // namespace

int64_t
mlir::sparse24::getEpilogueSharedMemoryBytes(const MmaSpKernelSpec &spec) {
  Band band(spec);
  int64_t numWarps = spec.getNumThreads() / mma_sp::kLanes;
  return numWarps * band.major * band.pitch * sizeof(float);
}

void Epilogue::allocate() {
  staging = viewSharedMemory(
      b, 0, {spec.getNumThreads() / mma_sp::kLanes, band.major, band.pitch},
      matmul.getAccumulatorType());
}

void Epilogue::stageBand(ArrayRef<Value> accumulators, int64_t index) {
  IndexValue warp = context.thread / mma_sp::kLanes;
  int64_t blocks = transposed ? warpTile.rowBlocks : warpTile.colBlocks;
  for (int64_t block = 0; block < blocks; ++block) {
    int64_t rowBlock = transposed ? block : index;
    int64_t colBlock = transposed ? index : block;
    Value patch = accumulators[rowBlock * warpTile.colBlocks + colBlock];
    for (int64_t i = 0; i < mma_sp::kRegistersC; ++i) {
      auto [row, col] = mma_sp::elementC(context.lane, i);
      if (transposed) {
        Value element = vector::ExtractOp::create(
            b, patch, ArrayRef<int64_t>{i / 2, i % 2});
        memref::StoreOp::create(
            b, element, staging,
            ValueRange{warp, col, row + block * mma_sp::kM});
      } else if (i % 2 == 0) {
        Value pair = vector::ExtractOp::create(b, patch, i / 2);
        vector::StoreOp::create(b, pair, staging,
                                ValueRange{warp, row, col + block * mma_sp::kN},
                                /*nontemporal=*/false, llvm::MaybeAlign(8));
      }
    }
  }
}

SmallVector<Value> Epilogue::getIndices(AffineMap map, IndexValue major,
                                        IndexValue minor) {
  SmallVector<Value> indices;
  for (AffineExpr expr : map.getResults())
    indices.push_back(isMinor(expr) ? minor : major);
  return indices;
}

Value Epilogue::finish(Value accumulator, Value init, ValueRange operands) {
  if (init)
    accumulator = addInit(b, b.getLoc(), accumulator, init);
  return inlineEpilogue(b, b.getLoc(), matmul, accumulator, operands);
}

void Epilogue::finishElement(Value staged, int64_t position, IndexValue major,
                             IndexValue minor) {
  IndexValue element = minor + position;
  auto ifOp = scf::IfOp::create(b, element < minorSize, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  Value init;
  if (matmul.getAccumulate())
    init =
        memref::LoadOp::create(b, context.output, ValueRange{major, element});
  SmallVector<Value> operands;
  for (auto [operand, map] : getOperandsWithMaps())
    operands.push_back(
        memref::LoadOp::create(b, operand, getIndices(map, major, element)));
  Value accumulator = vector::ExtractOp::create(b, staged, position);
  memref::StoreOp::create(b, finish(accumulator, init, operands),
                          context.output, ValueRange{major, element});
}

void Epilogue::finishVector(Value staged, IndexValue major, IndexValue minor) {
  SmallVector<Value> init;
  if (matmul.getAccumulate())
    init = loadNeighbours(b, context.output, {major, minor}, kVector);
  // Contiguous operands come as vectors, those that don't vary as one scalar.
  SmallVector<SmallVector<Value>> loaded;
  for (auto [operand, map] : getOperandsWithMaps()) {
    SmallVector<Value> indices = getIndices(map, major, minor);
    if (isContiguous(map))
      loaded.push_back(loadNeighbours(b, operand, indices, kVector));
    else if (!dependsOnMinor(map))
      loaded.push_back({memref::LoadOp::create(b, operand, indices)});
    else
      loaded.push_back({});
  }
  SmallVector<Value> results;
  for (int64_t i = 0; i < kVector; ++i) {
    SmallVector<Value> operands;
    for (auto [entry, values] :
         llvm::zip_equal(getOperandsWithMaps(), loaded)) {
      auto [operand, map] = entry;
      if (values.empty())
        operands.push_back(memref::LoadOp::create(
            b, operand, getIndices(map, major, minor + i)));
      else
        operands.push_back(values[values.size() == 1 ? 0 : i]);
    }
    Value accumulator = vector::ExtractOp::create(b, staged, i);
    results.push_back(
        finish(accumulator, init.empty() ? Value() : init[i], operands));
  }
  storeNeighbours(b, results, context.output, {major, minor});
}

void Epilogue::finishBand(int64_t index) {
  IndexValue warp = context.thread / mma_sp::kLanes;
  IndexValue row = context.tileRow + context.warpRow;
  IndexValue col = context.tileCol + context.warpCol;
  IndexValue major = (transposed ? col : row) + index * band.major;
  IndexValue minor = transposed ? row : col;

  // Rows of the output are aligned to vectors if their length is.
  Value aligned = minorSize % kVector < 1;
  int64_t vectorsPerRow = band.minor / kVector;
  auto loop = scf::ForOp::create(b, context.lane,
                                 context.constant(band.major * vectorsPerRow),
                                 context.constant(mma_sp::kLanes));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  IndexValue turn(b, loop.getInductionVar());
  IndexValue bandRow = turn / vectorsPerRow;
  IndexValue bandCol = turn % vectorsPerRow * kVector;
  Value staged = vector::LoadOp::create(
      b, VectorType::get({kVector}, matmul.getAccumulatorType()), staging,
      ValueRange{warp, bandRow, bandCol}, /*nontemporal=*/false,
      llvm::MaybeAlign(16));
  IndexValue outMajor = major + bandRow, outMinor = minor + bandCol;
  Value inBounds =
      arith::AndIOp::create(b, outMajor < majorSize, outMinor < minorSize);
  auto ifInBounds = scf::IfOp::create(b, inBounds, false);
  b.setInsertionPointToStart(ifInBounds.thenBlock());
  auto ifAligned = scf::IfOp::create(b, aligned, /*withElseRegion=*/true);
  b.setInsertionPointToStart(ifAligned.thenBlock());
  finishVector(staged, outMajor, outMinor);
  b.setInsertionPointToStart(ifAligned.elseBlock());
  for (int64_t i = 0; i < kVector; ++i)
    finishElement(staged, i, outMajor, outMinor);
}

void Epilogue::emit(ArrayRef<Value> accumulators) {
  allocate();
  // The staging takes the place of the mainloop's stages.
  gpu::BarrierOp::create(b);
  int64_t numBands = transposed ? warpTile.colBlocks : warpTile.rowBlocks;
  Value allLanes = arith::ConstantOp::create(b, b.getI32IntegerAttr(-1));
  for (int64_t index = 0; index < numBands; ++index) {
    stageBand(accumulators, index);
    NVVM::SyncWarpOp::create(b, allLanes);
    finishBand(index);
    NVVM::SyncWarpOp::create(b, allLanes);
  }
}

void mlir::sparse24::emitEpilogue(MmaSpKernelContext &context,
                                  ArrayRef<Value> accumulators) {
  Epilogue(context).emit(accumulators);
}
