// Turns kernels into host code for the emulator, and launches into calls of it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ToEmulator.h"
#include "HostCode.h"

#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "sparse24/Conversion/Passes.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24CONVERTTOEMULATORPASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {

struct ConvertToEmulator
    : mlir::sparse24::impl::Sparse24ConvertToEmulatorPassBase<
          ConvertToEmulator> {
  using Sparse24ConvertToEmulatorPassBase::Sparse24ConvertToEmulatorPassBase;
  void runOnOperation() override;

private:
  LogicalResult convert(gpu::GPUModuleOp module, HostCode &host);
};

} // namespace

/// Replaces the operations that `lower` knows.
static LogicalResult rewrite(LLVM::LLVMFuncOp function, Emitter &emitter,
                             function_ref<Lowered(Operation *)> lower) {
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops) {
    emitter.setOperation(op);
    Lowered lowered = lower(op);
    if (!lowered)
      continue;
    if (failed(*lowered))
      return failure();
    op->replaceAllUsesWith(**lowered);
    op->erase();
  }
  return success();
}

/// What host code can't do.
static LogicalResult verifyIsHostCode(LLVM::LLVMFuncOp function) {
  WalkResult result = function.walk([](Operation *op) {
    if (isa<LLVM::InlineAsmOp>(op) ||
        isa<NVVM::NVVMDialect>(op->getDialect())) {
      op->emitOpError("isn't known to the emulator");
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Functions of libdevice have the names of libm's with a prefix.
static void nameMathFunctions(gpu::GPUModuleOp module) {
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    StringRef name = function.getSymName();
    if (!function.isExternal() || !name.consume_front("__nv_"))
      continue;
    auto newName = StringAttr::get(module.getContext(), name);
    (void)SymbolTable::replaceAllSymbolUses(function, newName, module);
    function.setSymNameAttr(newName);
  }
}

static LogicalResult lowerFunction(LLVM::LLVMFuncOp function,
                                   LLVM::LLVMFuncOp execute, SiteTable &sites,
                                   const SharedLayout &layout) {
  Emitter emitter(function, execute, sites);
  // Addresses come last: the accesses before look at where theirs come from.
  if (failed(rewrite(function, emitter, [&](Operation *op) {
        Lowered lowered = lowerMemoryAccess(op, emitter);
        for (auto lower :
             {lowerInstruction, lowerCopyInstruction, lowerMatrixInstruction})
          if (!lowered)
            lowered = lower(op, emitter);
        return lowered;
      })))
    return failure();
  // What NVVM itself expresses as PTX text.
  RewritePatternSet patterns(function.getContext());
  populateNVVMToLLVMConversionPatterns(patterns);
  walkAndApplyPatterns(function, std::move(patterns));
  if (failed(rewrite(function, emitter, [&](Operation *op) {
        Lowered lowered = lowerAddress(op, emitter, layout);
        return lowered ? lowered : lowerInlinePtx(op, emitter);
      })))
    return failure();
  emitter.finish();
  return verifyIsHostCode(function);
}

LogicalResult ConvertToEmulator::convert(gpu::GPUModuleOp module,
                                         HostCode &host) {
  nameMathFunctions(module);
  SharedLayout layout(module);
  SiteTable sites;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    if (function.isExternal())
      continue;
    if (failed(
            lowerFunction(function, host.getExecuteFunction(), sites, layout)))
      return failure();
  }
  numSites += sites.size();
  for (auto global :
       llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>()))
    if (layout.offsets.contains(global.getSymName()))
      global.erase();
  numKernels += host.addKernels(module, layout.staticBytes, sites);
  return success();
}

void ConvertToEmulator::runOnOperation() {
  HostCode host(getOperation());
  for (auto module :
       llvm::make_early_inc_range(getOperation().getOps<gpu::GPUModuleOp>())) {
    for (auto function : module.getOps<gpu::GPUFuncOp>()) {
      function.emitOpError("must be lowered to the LLVM dialect first "
                           "(-convert-gpu-to-nvvm)");
      return signalPassFailure();
    }
    if (failed(convert(module, host)))
      return signalPassFailure();
    module.erase();
  }
  if (failed(host.convertLaunches()))
    return signalPassFailure();
  getOperation()->removeAttr(gpu::GPUDialect::getContainerModuleAttrName());
}
