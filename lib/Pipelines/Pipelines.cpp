// The pipelines that compile a program from linalg to what runs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Pipelines/Pipelines.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "sparse24/Conversion/Passes.h"
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::sparse24;

/// Removes what earlier passes left over.
static void addCleanup(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void mlir::sparse24::buildTensorPipeline(OpPassManager &manager,
                                         const PipelineOptions &options) {
  // Where nothing else brings the weights that a program names, that they are
  // missing must be said.
  if (!options.checkpoints.empty() || options.isCpu() ||
      !options.weightsFile.empty()) {
    Sparse24ImportWeightsPassOptions import;
    import.files.assign(options.checkpoints.begin(), options.checkpoints.end());
    manager.addPass(createSparse24ImportWeightsPass(import));
  }
  // What is 2:4 without loss needn't be pruned.
  if (options.slide) {
    Sparse24SlidePassOptions slide;
    slide.target = options.target;
    slide.precision = options.precision;
    manager.addPass(createSparse24SlidePass(slide));
  }
  if (options.permute != "none") {
    Sparse24PermuteChannelsPassOptions permute;
    permute.target = options.target;
    permute.prune = options.prune;
    permute.precision = options.precision;
    permute.permute = options.permute;
    permute.sweeps = options.permuteSweeps;
    manager.addPass(createSparse24PermuteChannelsPass(permute));
  }
  Sparse24DetectPassOptions detect;
  detect.target = options.target;
  detect.prune = options.prune;
  detect.precision = options.precision;
  manager.addPass(createSparse24DetectPass(detect));
  manager.addPass(createSparse24SparsifyPass());
  manager.addPass(createSparse24MergeCompressionsPass());
  manager.addPass(createConvertElementwiseToLinalgPass());
  manager.addPass(createSparse24FuseEpiloguesPass());
  if (!options.isCpu()) {
    Sparse24SelectSchedulesPassOptions select;
    select.target = options.target;
    select.expectedN = options.expectedN;
    manager.addPass(createSparse24SelectSchedulesPass(select));
  }
  Sparse24FoldConstantsPassOptions fold;
  // The CPU's code has no runtime that reads a weight file.
  if (!options.isCpu())
    fold.weightsFile = options.weightsFile;
  manager.addPass(createSparse24FoldConstantsPass(fold));
  addCleanup(manager);
}

void mlir::sparse24::buildBufferizationPipeline(OpPassManager &manager) {
  // Only entries return by parameters, and those of dynamic size can't be made by
  // a caller: inline what isn't an entry.
  manager.addPass(createInlinerPass({}, [](OpPassManager &) {}));
  manager.addPass(createSymbolDCEPass());
  manager.addPass(createSparse24PrepareEntriesPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  manager.addPass(bufferization::createOneShotBufferizePass(bufferize));
  bufferization::BufferResultsToOutParamsPassOptions outParams;
  outParams.modifyPublicFunctions = true;
  outParams.hoistStaticAllocs = true;
  outParams.hoistDynamicAllocs = true;
  manager.addPass(
      bufferization::createBufferResultsToOutParamsPass(outParams));
  addCleanup(manager);
  bufferization::buildBufferDeallocationPipeline(manager);
  addCleanup(manager);
}

void mlir::sparse24::buildCpuPipeline(OpPassManager &manager) {
  manager.addPass(createSparse24ConvertToLinalgPass());
  manager.addPass(createConvertLinalgToLoopsPass());
  manager.addPass(createSparse24ExpandFp8Pass());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createSCFToControlFlowPass());
  addCleanup(manager);
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createConvertMathToLibmPass());
  manager.addPass(createConvertToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
}

void mlir::sparse24::buildPipeline(OpPassManager &manager,
                                   const PipelineOptions &options) {
  buildTensorPipeline(manager, options);
  if (options.format == OutputFormat::MLIR)
    return;
  buildBufferizationPipeline(manager);
  if (options.isCpu())
    buildCpuPipeline(manager);
  else
    buildGpuPipeline(manager, options);
}

void mlir::sparse24::registerPipelines() {
  PassPipelineRegistration<PipelineOptions>(
      "sparse24-pipeline",
      "Compile linalg on tensors, with 2:4 sparse weights taken where allowed, "
      "for a target",
      buildPipeline);
  PassPipelineRegistration<PipelineOptions>(
      "sparse24-gpu-pipeline",
      "The part of it for GPUs: from buffers, also with kernels made by hand",
      buildGpuPipeline);
  PassPipelineRegistration<>(
      "sparse24-emulator-pipeline",
      "Lower a program with kernels to the LLVM dialect, for the emulator",
      buildEmulatorPipeline);
}
