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
  DetectOptions detect;
  detect.target = options.target;
  detect.prune = options.prune;
  detect.precision = options.precision;
  manager.addPass(createDetect(detect));
  manager.addPass(createSparsify());
  manager.addPass(createConvertElementwiseToLinalgPass());
  manager.addPass(createFuseEpilogues());
  if (!options.isCpu()) {
    SelectSchedulesOptions select;
    select.target = options.target;
    select.expectedN = options.expectedN;
    manager.addPass(createSelectSchedules(select));
  }
  FoldConstantsOptions fold;
  // The CPU's code has no runtime that reads a weight file.
  if (!options.isCpu())
    fold.weightsFile = options.weightsFile;
  manager.addPass(createFoldConstants(fold));
  addCleanup(manager);
}

void mlir::sparse24::buildBufferizationPipeline(OpPassManager &manager) {
  // Only entries return by parameters, and those of dynamic size can't be made by
  // a caller: inline what isn't an entry.
  manager.addPass(createInlinerPass({}, [](OpPassManager &) {}));
  manager.addPass(createSymbolDCEPass());
  manager.addPass(createPrepareEntries());
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
  manager.addPass(createConvertToLinalg());
  manager.addPass(createConvertLinalgToLoopsPass());
  manager.addPass(createExpandFp8());
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
}
