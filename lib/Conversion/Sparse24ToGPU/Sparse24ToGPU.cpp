// Operations in memref form become launches of generated kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelLibrary.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/SymbolTable.h"
#include "sparse24/Conversion/Passes.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24CONVERTTOGPUPASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {

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

gpu::GPUFuncOp
KernelLibrary::getOrBuild(StringRef key,
                          function_ref<gpu::GPUFuncOp(OpBuilder &)> build) {
  gpu::GPUFuncOp &kernel = kernels[key];
  if (kernel)
    return kernel;
  gpu::GPUModuleOp parent = getKernelModule();
  auto builder = OpBuilder::atBlockEnd(parent.getBody());
  kernel = build(builder);
  SymbolTable(parent).insert(kernel);
  return kernel;
}

SymbolRefAttr mlir::sparse24::getKernelName(gpu::GPUFuncOp kernel) {
  auto module = kernel->getParentOfType<gpu::GPUModuleOp>();
  return SymbolRefAttr::get(module.getNameAttr(),
                            {SymbolRefAttr::get(kernel.getNameAttr())});
}

void mlir::sparse24::launchKernel(ImplicitLocOpBuilder &b,
                                  gpu::GPUFuncOp kernel, IndexValue numBlocks,
                                  int64_t numThreads, int64_t cluster,
                                  int64_t sharedMemoryBytes,
                                  SmallVector<Value> operands) {
  for (auto [operand, type] :
       llvm::zip_equal(operands, kernel.getArgumentTypes()))
    if (operand.getType() != type)
      operand = memref::CastOp::create(b, type, operand);
  Value sharedMemory =
      arith::ConstantOp::create(b, b.getI32IntegerAttr(sharedMemoryBytes));
  IndexValue one(b, 1);
  std::optional<gpu::KernelDim3> clusterSize;
  if (cluster > 1)
    clusterSize = gpu::KernelDim3{IndexValue(b, cluster), one, one};
  gpu::LaunchFuncOp::create(
      b, kernel, gpu::KernelDim3{numBlocks, one, one},
      gpu::KernelDim3{IndexValue(b, numThreads), one, one}, sharedMemory,
      operands, /*asyncTokenType=*/nullptr, /*asyncDependencies=*/ValueRange(),
      clusterSize);
}

static bool isWgmmaSp(MatmulOp matmul) {
  return matmul.getSchedule()->getFamily() == InstructionFamily::wgmma_sp;
}

/// What a kernel can't be generated for, as a diagnostic.
static LogicalResult checkSupported(MatmulOp matmul) {
  if (!isa<MemRefType>(matmul.getDense().getType()))
    return matmul.emitError("is on tensors; bufferize it first");
  if (!matmul.isPacked() || !matmul.getSchedule())
    return matmul.emitError("has no packed operand and schedule; run "
                            "sparse24-select-schedules first");
  for (Value operand : matmul->getOperands())
    if (!cast<MemRefType>(operand.getType()).getLayout().isIdentity())
      return matmul.emitError("needs contiguous operands, but one is of type ")
             << operand.getType();
  return isWgmmaSp(matmul) ? checkWgmmaSp(matmul) : checkMmaSp(matmul);
}

void ConvertToGPU::runOnOperation() {
  SmallVector<MatmulOp> matmuls;
  SmallVector<CompressOp> compressions;
  getOperation().walk([&](CompressOp compress) {
    if (isCompressBothWays(compress))
      compressions.push_back(compress);
  });
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
    isWgmmaSp(matmul) ? lowerToWgmmaSp(matmul, library)
                      : lowerToMmaSp(matmul, library);
  for (CompressOp compress : compressions)
    if (failed(lowerCompressBothWays(compress, library)))
      return signalPassFailure();
  numKernels += library.getNumKernels();
}
