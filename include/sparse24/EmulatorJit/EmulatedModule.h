// Compiles programs for the emulator in memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_EMULATORJIT_EMULATEDMODULE_H
#define SPARSE24_EMULATORJIT_EMULATEDMODULE_H

#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/IR/BuiltinOps.h"
#include "sparse24/Emulator/HostProgram.h"

namespace mlir::sparse24 {

/// Adds what compiling needs of the dialects.
void registerEmulatorDialects(DialectRegistry &registry);

/// A compiled module: of the LLVM dialect, as `sparse24-emulator-pipeline`
/// makes it.
class EmulatedModule {
public:
  static llvm::Expected<EmulatedModule> create(ModuleOp module,
                                               unsigned optLevel);

  llvm::Expected<const ::sparse24::emulator::CompiledKernel *>
  getKernel(StringRef name) const;
  /// A function by the name of its C interface; it takes an array of pointers
  /// to its arguments.
  llvm::Expected<void (*)(void **)> getEntry(StringRef name) const;

private:
  explicit EmulatedModule(std::unique_ptr<ExecutionEngine> engine)
      : engine(std::move(engine)) {}

  std::unique_ptr<ExecutionEngine> engine;
};

} // namespace mlir::sparse24

#endif // SPARSE24_EMULATORJIT_EMULATEDMODULE_H
