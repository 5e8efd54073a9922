// Passes on the tensor level.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_PASSES_H
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::sparse24 {
#define GEN_PASS_DECL
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_PASSES_H
