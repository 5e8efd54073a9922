// Compiles programs for the emulator in memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/EmulatorJit/EmulatedModule.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace mlir::sparse24;

void mlir::sparse24::registerEmulatorDialects(DialectRegistry &registry) {
  registry.insert<LLVM::LLVMDialect, DLTIDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

/// What compiled code calls.
static llvm::orc::SymbolMap getSymbols(llvm::orc::MangleAndInterner interner) {
  llvm::orc::SymbolMap symbols;
  auto add = [&](StringRef name, auto *function) {
    symbols[interner(name)] = {llvm::orc::ExecutorAddr::fromPtr(function),
                               llvm::JITSymbolFlags::Exported};
  };
  add("sparse24EmulatorAllocate", sparse24EmulatorAllocate);
  add("sparse24EmulatorConstant", sparse24EmulatorConstant);
  add("sparse24EmulatorEncodeTensorMap", sparse24EmulatorEncodeTensorMap);
  add("sparse24EmulatorExecute", sparse24EmulatorExecute);
  add("sparse24EmulatorFree", sparse24EmulatorFree);
  add("sparse24EmulatorLaunch", sparse24EmulatorLaunch);
  add("sparse24EmulatorMemset32", sparse24EmulatorMemset32);
  add("sparse24EmulatorWeight", sparse24EmulatorWeight);
  return symbols;
}

llvm::Expected<EmulatedModule> EmulatedModule::create(ModuleOp module,
                                                      unsigned optLevel) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  auto machine = builder->createTargetMachine();
  if (!machine)
    return machine.takeError();
  auto transformer =
      makeOptimizingTransformer(optLevel, /*sizeLevel=*/0, machine->get());
  ExecutionEngineOptions options;
  options.transformer = transformer;
  options.jitCodeGenOptLevel = static_cast<llvm::CodeGenOptLevel>(optLevel);
  auto engine = ExecutionEngine::create(module, options);
  if (!engine)
    return engine.takeError();
  (*engine)->registerSymbols(getSymbols);
  (*engine)->initialize();
  return EmulatedModule(std::move(*engine));
}

llvm::Expected<const ::sparse24::emulator::CompiledKernel *>
EmulatedModule::getKernel(StringRef name) const {
  auto address = engine->lookup((name + "_emulator").str());
  if (!address)
    return address.takeError();
  return static_cast<const ::sparse24::emulator::CompiledKernel *>(*address);
}

llvm::Expected<void (*)(void **)>
EmulatedModule::getEntry(StringRef name) const {
  return engine->lookupPacked(("_mlir_ciface_" + name).str());
}
