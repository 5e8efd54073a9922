// Registers all of upstream. Apart, because its headers take long to compile
// and nothing of this project is in them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Common/RegisterUpstream.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

void mlir::sparse24::registerUpstream(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  // gpu-module-to-binary translates kernels to LLVM IR.
  registerAllGPUToLLVMIRTranslations(registry);
  mlir::registerAllPasses();
}
