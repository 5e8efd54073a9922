// Passes on the target level: from kernels to what a GPU loads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TARGET_PASSES_H
#define SPARSE24_TARGET_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::sparse24 {
#define GEN_PASS_DECL
#include "sparse24/Target/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "sparse24/Target/Passes.h.inc"
} // namespace mlir::sparse24

#endif // SPARSE24_TARGET_PASSES_H
