// The passes that take host code to the LLVM dialect.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/LaunchToRuntime.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "sparse24/Conversion/Passes.h"

using namespace mlir;

void sparse24::buildHostLoweringPipeline(OpPassManager &pm) {
  // Views of memrefs become arithmetic on their descriptors, partly in affine.
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void sparse24::buildHostToLLVMPipeline(OpPassManager &pm) {
  pm.addPass(createSparse24ConvertLaunchToRuntimePass());
  buildHostLoweringPipeline(pm);
}

void sparse24::registerHostToLLVMPipeline() {
  PassPipelineRegistration<>(
      "sparse24-host-to-llvm",
      "Lower bufferized functions with serialized kernels to the LLVM dialect",
      buildHostToLLVMPipeline);
}
