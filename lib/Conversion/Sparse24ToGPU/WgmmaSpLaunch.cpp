// Products become launches of `wgmma.sp` kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelLibrary.h"
#include "WgmmaSpKernel.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "sparse24/Support/TensorMapParameters.h"

using namespace mlir;
using namespace mlir::sparse24;

static constexpr int64_t kRowAlignment =
    ::sparse24::TensorMapParameters::kAlignment;

LogicalResult mlir::sparse24::checkWgmmaSp(MatmulOp matmul) {
  WgmmaSpKernelSpec spec(matmul, *matmul.getSchedule(),
                         /*isOutputAligned=*/true,
                         /*areOperandsAligned=*/true);
  ScheduleAttr schedule = spec.schedule;
  if (schedule.getTileK() != spec.getPackedLayout().kBlock())
    return matmul.emitError("wgmma.sp kernels of ")
           << matmul.getOperandElementType() << " walk K in steps of "
           << spec.getPackedLayout().kBlock() << "; the schedule is "
           << schedule;
  if (!spec.isDenseKContiguous() && spec.getElementBytes() != 2)
    return matmul.emitError("wgmma.sp reads a dense operand of ")
           << matmul.getOperandElementType()
           << " only with K contiguous; transpose it first";
  if (spec.getPackedLayout().kBlocks() < schedule.getSplitK())
    return matmul.emitError("each part of split_k has a block along K, but "
                            "there are only ")
           << spec.getPackedLayout().kBlocks() << "; the schedule is "
           << schedule;
  if (!wgmma_sp::isN(schedule.getTileCols(),
                     matmul.getOperandElementType().isInteger()))
    return matmul.emitError("wgmma.sp multiplies ")
           << matmul.getOperandElementType()
           << " in tiles of up to 32 columns, or multiples of 16; the schedule "
              "is "
           << schedule;
  // Beside the sums there must be some for everything else.
  constexpr int64_t others = 24;
  int64_t sums = spec.getBlocks() * spec.getBlockSums();
  if (sums + others > spec.getConsumerRegisters())
    return matmul.emitError("a thread has ")
           << sums << " sums, and needs " << others
           << " registers more, but has " << spec.getConsumerRegisters()
           << "; the schedule is " << schedule;
  int64_t available = spec.getSharedMemoryLimit();
  if (spec.getSharedMemoryBytes() > available)
    return matmul.emitError("needs ")
           << spec.getSharedMemoryBytes()
           << " bytes of shared memory, of which sm_90a has " << available
           << "; the schedule is " << schedule;
  return success();
}

namespace {
/// A copy of a matrix, whose rows are aligned, and the memory that it lies in.
struct AlignedCopy {
  Value view, memory;
};
} // namespace

static int64_t getElementBytes(Value memref) {
  return getMemoryBytes(getElementTypeOrSelf(memref.getType()));
}

/// Whether the rows of all are aligned: a constant where that is known.
static std::optional<bool> areAligned(ArrayRef<Value> memrefs) {
  bool isKnown = true;
  for (Value memref : memrefs) {
    int64_t size = cast<MemRefType>(memref.getType()).getDimSize(1);
    if (ShapedType::isDynamic(size))
      isKnown = false;
    else if (size * getElementBytes(memref) % kRowAlignment != 0)
      return false;
  }
  return isKnown ? std::optional(true) : std::nullopt;
}

static Value areAlignedAtRunTime(ImplicitLocOpBuilder &b,
                                 ArrayRef<Value> memrefs) {
  Value areAligned = arith::ConstantOp::create(b, b.getBoolAttr(true));
  for (Value memref : memrefs) {
    IndexValue size(b, memref::DimOp::create(b, memref, int64_t(1)));
    Value isAligned = size * getElementBytes(memref) % kRowAlignment < 1;
    areAligned = b.createOrFold<arith::AndIOp>(areAligned, isAligned);
  }
  return areAligned;
}

/// Copies a matrix to rows that are far enough apart to be aligned.
static AlignedCopy copyAligned(ImplicitLocOpBuilder &b, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  int64_t unit = kRowAlignment / getElementBytes(memref);
  IndexValue rows(b, memref::DimOp::create(b, memref, int64_t(0)));
  IndexValue cols(b, memref::DimOp::create(b, memref, int64_t(1)));
  auto memoryType = MemRefType::get(
      {ShapedType::kDynamic, ShapedType::kDynamic}, type.getElementType());
  Value memory = memref::AllocOp::create(
      b, memoryType, ValueRange{rows, cols.ceilDiv(unit) * unit});
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  Value view = memref::SubViewOp::create(
      b, memory, ArrayRef<OpFoldResult>{zero, zero},
      ArrayRef<OpFoldResult>{Value(rows), Value(cols)},
      ArrayRef<OpFoldResult>{one, one});
  linalg::CopyOp::create(b, memref, view);
  return {view, memory};
}

/// The tensor map of a type; its boxes are smaller along their first dimension
/// if `rows` says so.
static Value createTensorMap(ImplicitLocOpBuilder &b, Value memref,
                             nvgpu::TensorMapDescriptorType mapType,
                             std::optional<IndexValue> rows = std::nullopt) {
  auto type = cast<MemRefType>(memref.getType());
  Value unranked = memref::CastOp::create(
      b, UnrankedMemRefType::get(type.getElementType(), type.getMemorySpace()),
      memref);
  SmallVector<Value> box;
  for (int64_t size : mapType.getTensor().getShape())
    box.push_back(IndexValue(b, size));
  if (rows)
    box.front() = *rows;
  return nvgpu::TmaCreateDescriptorOp::create(b, mapType, unranked, box);
}

/// The map of the packed operand's values or metadata, from byte `begin` of it
/// on.
static Value createPackedMap(ImplicitLocOpBuilder &b,
                             const WgmmaSpKernelSpec &spec,
                             const PackedBox &box, int64_t begin) {
  ::sparse24::PackedLayout layout = spec.getPackedLayout();
  auto type = MemRefType::get(
      {layout.rowBlocks(), layout.kBlocks() * box.rows, box.words},
      b.getI32Type());
  MatmulOp matmul = spec.matmul;
  Value view = memref::ViewOp::create(b, type, matmul.getPacked(),
                                      IndexValue(b, begin), ValueRange());
  return createTensorMap(b, view, box.getType(b.getContext()));
}

static void launch(ImplicitLocOpBuilder &b, KernelLibrary &library,
                   const WgmmaSpKernelSpec &spec, Value dense) {
  MatmulOp matmul = spec.matmul;
  gpu::GPUFuncOp kernel =
      library.getOrBuild(spec.getKey(), [&](OpBuilder &builder) {
        return buildWgmmaSpKernel(builder, matmul.getLoc(), spec.getName(),
                                  spec);
      });
  int64_t cluster = spec.schedule.getCluster();
  // As many clusters as the device runs at a time, for they are persistent.
  IndexValue resident(
      b, ResidentClustersOp::create(b, b.getIndexType(), getKernelName(kernel),
                                    cluster, spec.getNumThreads(),
                                    spec.getSharedMemoryBytes()));
  IndexValue clusters = getMaxClusters(spec, getRows(b, spec, matmul.getInit()),
                                       getCols(b, spec, matmul.getInit()))
                            .min(resident);

  ::sparse24::PackedLayout layout = spec.getPackedLayout();
  SmallVector<Value> operands = {
      createPackedMap(b, spec, getValueBox(spec), /*begin=*/0),
      createPackedMap(b, spec, getMetadataBox(spec), layout.valueBytes()),
      createTensorMap(b, dense, getDenseMap(spec).getType())};
  if (spec.isDenseKContiguous()) {
    // Where all boxes are known to be whole, no other map is ever used.
    IndexValue cols = getCols(b, spec, matmul.getInit());
    bool isWhole = isConstantIntValue(Value(cols % getDenseMap(spec).major), 0);
    operands.push_back(
        isWhole ? operands.back()
                : createTensorMap(b, dense, getDenseMap(spec).getType(),
                                  getDenseTailColumns(spec, cols)));
  }
  operands.append({IndexValue(b, layout.k), matmul.getInit()});
  if (spec.isOutputAligned)
    operands.push_back(
        createTensorMap(b, matmul.getInit(), getOutputMap(spec).getType()));
  for (auto [i, operand] : llvm::enumerate(matmul.getEpilogueOperands())) {
    auto map = getEpilogueOperandMap(spec, static_cast<int64_t>(i));
    operands.push_back(map ? createTensorMap(b, operand, map->getType())
                           : operand);
  }
  launchKernel(b, kernel, clusters * cluster, spec.getNumThreads(), cluster,
               spec.getSharedMemoryBytes(), operands);
}

/// Calls `body` with whether all memrefs are aligned, in a branch for each
/// answer if that isn't known before run time.
static void forAlignment(ImplicitLocOpBuilder &b, ArrayRef<Value> memrefs,
                         function_ref<void(bool)> body) {
  if (std::optional<bool> aligned = areAligned(memrefs))
    return body(*aligned);
  auto ifOp = scf::IfOp::create(b, areAlignedAtRunTime(b, memrefs),
                                /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  body(true);
  b.setInsertionPointToStart(ifOp.elseBlock());
  body(false);
}

/// The epilogue's operands that are as large as the output, and that tensor
/// maps may copy.
static SmallVector<Value> getFullOperands(MatmulOp matmul) {
  return llvm::filter_to_vector(matmul.getEpilogueOperands(), [](Value value) {
    auto type = dyn_cast<MemRefType>(value.getType());
    return type && type.getRank() == 2 &&
           getTensorMapElementType(type.getElementType());
  });
}

void mlir::sparse24::lowerToWgmmaSp(MatmulOp matmul, KernelLibrary &library) {
  ImplicitLocOpBuilder b(matmul.getLoc(), matmul);
  auto lower = [&](bool isOutputAligned) {
    forAlignment(b, getFullOperands(matmul), [&](bool areOperandsAligned) {
      WgmmaSpKernelSpec spec(matmul, *matmul.getSchedule(), isOutputAligned,
                             areOperandsAligned);
      forAlignment(b, matmul.getDense(), [&](bool isDenseAligned) {
        if (isDenseAligned)
          return launch(b, library, spec, matmul.getDense());
        AlignedCopy copy = copyAligned(b, matmul.getDense());
        launch(b, library, spec, copy.view);
        memref::DeallocOp::create(b, copy.memory);
      });
    });
  };
  WgmmaSpKernelSpec aligned(matmul, *matmul.getSchedule(),
                            /*isOutputAligned=*/true,
                            /*areOperandsAligned=*/true);
  if (hasOutputMap(aligned))
    forAlignment(b, matmul.getInit(), lower);
  else
    lower(/*isOutputAligned=*/false);
  matmul.erase();
}
