// The part of the pipeline that makes kernels and their host functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"
#include "sparse24/Conversion/LaunchToRuntime.h"
#include "sparse24/Conversion/Passes.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Pipelines/Pipelines.h"
#include "sparse24/Target/Passes.h"

using namespace mlir;
using namespace mlir::sparse24;

static void addCleanup(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

/// Products become generated kernels; what else the program does becomes plain
/// ones by upstream's passes.
static void addKernels(OpPassManager &manager) {
  manager.addPass(createSparse24ConvertToGPUPass());
  manager.addPass(createSparse24ConvertToLinalgPass());
  OpPassManager &functions = manager.nest<func::FuncOp>();
  functions.addPass(createConvertLinalgToParallelLoopsPass());
  functions.addPass(createSparse24TileParallelLoopsPass());
  functions.addPass(createGpuMapParallelLoopsPass());
  functions.addPass(createConvertParallelLoopToGpuPass());
  manager.addPass(createLowerAffinePass());
  addCleanup(manager);
  // Constants, too, so that what divides by them is cheap.
  manager.addNestedPass<func::FuncOp>(
      createGpuLaunchSinkIndexComputationsPass());
  manager.addPass(createGpuKernelOutliningPass());
  manager.addPass(createSparse24MergeKernelsPass());
}

/// gpu.func to llvm.func with NVVM.
static void addKernelLowering(OpPassManager &manager) {
  OpPassManager &kernels = manager.nest<gpu::GPUModuleOp>();
  kernels.addPass(createSparse24ConvertToNVVMPass());
  kernels.addPass(createConvertNVGPUToNVVMPass());
  kernels.addPass(memref::createExpandStridedMetadataPass());
  kernels.addPass(createLowerAffinePass());
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createConvertGpuOpsToNVVMOps());
  kernels.addPass(createSparse24AlignSharedMemoryPass());
  kernels.addNestedPass<LLVM::LLVMFuncOp>(
      createSparse24TensorMapArgumentsPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(kernels);
}

/// llvm.func to PTX, and to machine code where that is asked for.
static void addSerialization(OpPassManager &manager,
                             const PipelineOptions &options) {
  // Some operations of NVVM are known to it only as the PTX that they become.
  manager.addNestedPass<gpu::GPUModuleOp>(createConvertNVVMToLLVMPass());
  GpuModuleToBinaryPassOptions serialize;
  serialize.compilationTarget =
      options.format == OutputFormat::Fatbin ? "fatbin" : "isa";
  manager.addPass(createGpuModuleToBinaryPass(serialize));
  // Upstream can run ptxas, too, but doesn't show its report.
  if (options.format == OutputFormat::Bin)
    manager.addPass(createSparse24AssembleKernelsPass());
  if (!options.kernelsFile.empty()) {
    Sparse24WriteKernelsPassOptions write;
    write.path = options.kernelsFile;
    manager.addPass(createSparse24WriteKernelsPass(write));
  }
}

void mlir::sparse24::buildGpuPipeline(OpPassManager &manager,
                                      const PipelineOptions &options) {
  // Launches belong into the functions that callers know: the runtime's entries
  // aren't called from one another.
  manager.addPass(createInlinerPass());
  manager.addPass(createSymbolDCEPass());
  addKernels(manager);
  GpuNVVMAttachTargetOptions attach;
  attach.chip = options.target;
  attach.features = TargetAttr::getPtxFeatures(options.target).str();
  attach.optLevel = 3;
  manager.addPass(createGpuNVVMAttachTarget(attach));
  addKernelLowering(manager);
  if (options.format == OutputFormat::LLVM)
    return;
  addSerialization(manager, options);
  buildHostToLLVMPipeline(manager);
}

void mlir::sparse24::buildEmulatorPipeline(OpPassManager &manager) {
  // Does nothing to kernels that are lowered already.
  addKernelLowering(manager);
  manager.addPass(createSparse24ConvertToEmulatorPass());
  buildHostLoweringPipeline(manager);
}
