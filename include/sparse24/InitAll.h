// Registers all that this project adds to MLIR.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_INITALL_H
#define SPARSE24_INITALL_H

#include "mlir/IR/DialectRegistry.h"
#include "sparse24/Conversion/LaunchToRuntime.h"
#include "sparse24/Conversion/Passes.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Dialect/Sparse24/Transforms/BufferizableOpInterfaceImpl.h"
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"
#include "sparse24/Pipelines/Pipelines.h"
#include "sparse24/Target/Passes.h"

namespace mlir::sparse24 {

/// Adds the dialect and the external models of its operations' interfaces.
inline void registerAllDialects(DialectRegistry &registry) {
  registry.insert<Sparse24Dialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
}

/// Adds all passes and pipelines.
inline void registerAllPasses() {
  registerSparse24ConversionPasses();
  registerSparse24TransformsPasses();
  registerPipelines();
  registerHostToLLVMPipeline();
  registerSparse24TargetPasses();
}

} // namespace mlir::sparse24

#endif // SPARSE24_INITALL_H
