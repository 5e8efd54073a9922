// Products in memref form become launches of generated kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MmaSpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/SymbolTable.h"
#include "sparse24/Conversion/Passes.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24CONVERTTOGPUPASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {

/// Builds kernels into one gpu.module and shares equal ones.
class KernelLibrary {
public:
  explicit KernelLibrary(ModuleOp module) : module(module) {}

  gpu::GPUFuncOp getOrBuild(Location loc, const MmaSpKernelSpec &spec);
  unsigned getNumKernels() const { return kernels.size(); }

private:
  gpu::GPUModuleOp getKernelModule();

  ModuleOp module;
  gpu::GPUModuleOp kernelModule;
  llvm::StringMap<gpu::GPUFuncOp> kernels;
};

struct ConvertToGPU
    : public mlir::sparse24::impl::Sparse24ConvertToGPUPassBase<ConvertToGPU> {
  using Sparse24ConvertToGPUPassBase::Sparse24ConvertToGPUPassBase;
  void runOnOperation() override;
};

} // namespace

gpu::GPUModuleOp KernelLibrary::getKernelModule() {
  if (kernelModule)
    return kernelModule;
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  kernelModule =
      gpu::GPUModuleOp::create(builder, module.getLoc(), "sparse24_kernels");
  module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                  builder.getUnitAttr());
  return kernelModule;
}

gpu::GPUFuncOp KernelLibrary::getOrBuild(Location loc,
                                         const MmaSpKernelSpec &spec) {
  gpu::GPUFuncOp &kernel = kernels[spec.getKey()];
  if (kernel)
    return kernel;
  gpu::GPUModuleOp parent = getKernelModule();
  auto builder = OpBuilder::atBlockEnd(parent.getBody());
  kernel = buildMmaSpKernel(builder, loc, spec.getName(), spec);
  SymbolTable(parent).insert(kernel);
  return kernel;
}

/// The widest copy, in bytes, to which rows of `size` elements are aligned.
static int64_t getCopyBytes(int64_t size, int64_t elementBytes) {
  for (int64_t bytes : {16, 8, 4})
    if (size * elementBytes % bytes == 0)
      return bytes;
  return elementBytes;
}

static void launch(ImplicitLocOpBuilder &b, gpu::GPUFuncOp kernel,
                   const MmaSpKernelSpec &spec) {
  MatmulOp matmul = spec.matmul;
  IndexValue rows(b, memref::DimOp::create(b, matmul.getInit(),
                                           int64_t(spec.isOutputTransposed())));
  IndexValue cols(b,
                  memref::DimOp::create(b, matmul.getInit(),
                                        int64_t(!spec.isOutputTransposed())));
  IndexValue one(b, 1);
  IndexValue tiles = rows.ceilDiv(spec.schedule.getTileRows()) *
                     cols.ceilDiv(spec.schedule.getTileCols());
  SmallVector<Value> operands = {matmul.getPacked(), matmul.getDense(),
                                 matmul.getInit()};
  llvm::append_range(operands, matmul.getEpilogueOperands());
  for (auto [operand, type] :
       llvm::zip_equal(operands, kernel.getArgumentTypes()))
    if (operand.getType() != type)
      operand = memref::CastOp::create(b, type, operand);
  Value sharedMemory = arith::ConstantOp::create(
      b, b.getI32IntegerAttr(spec.getSharedMemoryBytes()));
  gpu::LaunchFuncOp::create(
      b, kernel, gpu::KernelDim3{tiles, one, one},
      gpu::KernelDim3{IndexValue(b, spec.getNumThreads()), one, one},
      sharedMemory, operands);
}

/// Replaces `matmul` by a launch; where nothing is known of the alignment of
/// the dense operand's rows, by a choice between two.
static void convert(MatmulOp matmul, KernelLibrary &library) {
  ImplicitLocOpBuilder b(matmul.getLoc(), matmul);
  MmaSpKernelSpec spec{matmul, *matmul.getSchedule(), 0};
  Type elementType = matmul.getOperandElementType();
  int64_t elementBytes = elementType.getIntOrFloatBitWidth() / 8;
  int64_t rowSize = cast<MemRefType>(matmul.getDense().getType()).getDimSize(1);
  auto launchWith = [&](int64_t copyBytes) {
    spec.denseCopyBytes = copyBytes;
    launch(b, library.getOrBuild(matmul.getLoc(), spec), spec);
  };
  if (!ShapedType::isDynamic(rowSize)) {
    launchWith(getCopyBytes(rowSize, elementBytes));
  } else {
    int64_t elements = 16 / elementBytes;
    IndexValue size(b, memref::DimOp::create(b, matmul.getDense(), int64_t(1)));
    Value aligned = size % elements < 1;
    auto ifOp = scf::IfOp::create(b, aligned, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    launchWith(16);
    b.setInsertionPointToStart(ifOp.elseBlock());
    launchWith(elementBytes);
  }
  matmul.erase();
}

/// What a kernel can't be generated for, as a diagnostic.
static LogicalResult checkSupported(MatmulOp matmul) {
  if (!isa<MemRefType>(matmul.getDense().getType()))
    return matmul.emitError("is on tensors; bufferize it first");
  if (!matmul.isPacked() || !matmul.getSchedule())
    return matmul.emitError("has no packed operand and schedule; run "
                            "sparse24-select-schedules first");
  if (matmul.getSchedule()->getFamily() != InstructionFamily::mma_sp)
    return matmul.emitError("kernels of the family ")
           << stringifyInstructionFamily(matmul.getSchedule()->getFamily())
           << " are not generated yet";
  Type type = matmul.getOperandElementType();
  if (!type.isF16() && !type.isBF16())
    return matmul.emitError("mma.sp kernels of element type ")
           << type << " are not generated yet; f16 and bf16 are";
  ScheduleAttr schedule = *matmul.getSchedule();
  WarpTile warpTile = getWarpTile(schedule);
  auto isPowerOf2 = [](int64_t size) { return llvm::isPowerOf2_64(size); };
  if (warpTile.rowBlocks < 1 || warpTile.colBlocks < 1 ||
      !llvm::all_of(ArrayRef{schedule.getTileRows(), schedule.getTileCols(),
                             schedule.getWarpRows(), schedule.getWarpCols()},
                    isPowerOf2))
    return matmul.emitError(
               "mma.sp kernels need tiles and numbers of warps that "
               "are powers of two, and at least 16 rows and 8 "
               "columns a warp; the schedule is ")
           << schedule;
  // In each of its turns a thread copies one chunk of a row: of 16 of the 1024
  // bytes of a block of values, and of one of the dense operand's elements.
  MmaSpKernelSpec spec{matmul, schedule, 0};
  int64_t rowChunks = 64;
  if (!spec.isDenseKContiguous())
    rowChunks = std::max(rowChunks, schedule.getTileCols());
  if (spec.getNumThreads() < rowChunks)
    return matmul.emitError("mma.sp kernels of this tile need at least ")
           << rowChunks / 32 << " warps; the schedule is " << schedule;
  for (Value operand : matmul->getOperands())
    if (!cast<MemRefType>(operand.getType()).getLayout().isIdentity())
      return matmul.emitError("needs contiguous operands, but one is of type ")
             << operand.getType();
  return success();
}

void ConvertToGPU::runOnOperation() {
  SmallVector<MatmulOp> matmuls;
  WalkResult result = getOperation().walk([&](MatmulOp matmul) {
    matmuls.push_back(matmul);
    return failed(checkSupported(matmul)) ? WalkResult::interrupt()
                                          : WalkResult::advance();
  });
  if (result.wasInterrupted())
    return signalPassFailure();
  KernelLibrary library(getOperation());
  numProducts += matmuls.size();
  for (MatmulOp matmul : matmuls)
    convert(matmul, library);
  numKernels += library.getNumKernels();
}
