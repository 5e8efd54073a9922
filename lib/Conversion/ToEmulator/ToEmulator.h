// The parts of the conversion: each rewrites the operations of one kind.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_TOEMULATOR_TOEMULATOR_H
#define SPARSE24_LIB_CONVERSION_TOEMULATOR_TOEMULATOR_H

#include "Emitter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mlir::sparse24 {

/// What becomes of an operation: none if the part doesn't know it; failure if
/// it does, but not in this form, which has been reported; else the values that
/// replace its results.
using Lowered = std::optional<FailureOr<SmallVector<Value>>>;

/// Address spaces of NVPTX.
enum AddressSpace : unsigned {
  kGeneric = 0,
  kGlobal = 1,
  kShared = 3,
  kConstant = 4,
  kLocal = 5,
  kSharedCluster = 7,
};

/// Bit of generic addresses that are in the shared window
/// (lib/Emulator/Machine.h).
constexpr int64_t kGenericShared = int64_t(1) << 62;

/// Where a module's shared variables are: static ones from the window's start
/// in their order, then the dynamic one (an array of size 0, however often it
/// is declared), aligned to 16 bytes or to what its declarations ask for.
struct SharedLayout {
  explicit SharedLayout(gpu::GPUModuleOp module);

  llvm::StringMap<int64_t> offsets;
  /// Also where the dynamic part begins.
  int64_t staticBytes = 0;
};

unsigned getSpace(Value pointer);
bool isShared(unsigned space);
/// Whether the pointer is surely one into the thread's own memory (or to a
/// constant of the module), which host code accesses as it is.
bool isLocal(Value pointer);

/// Casts between address spaces, and the addresses of shared variables.
Lowered lowerAddress(Operation *op, Emitter &emitter,
                     const SharedLayout &layout);
/// Loads, stores and atomics of what isn't the thread's own memory.
Lowered lowerMemoryAccess(Operation *op, Emitter &emitter);
/// Operations of the NVVM dialect: those that copy, those on matrices, and the
/// others.
Lowered lowerInstruction(Operation *op, Emitter &emitter);
Lowered lowerCopyInstruction(Operation *op, Emitter &emitter);
Lowered lowerMatrixInstruction(Operation *op, Emitter &emitter);
/// Inline assembly.
Lowered lowerInlinePtx(Operation *op, Emitter &emitter);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_TOEMULATOR_TOEMULATOR_H
