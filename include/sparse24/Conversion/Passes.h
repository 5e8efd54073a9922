// Conversions out of the sparse24 dialect and of what they leave.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_CONVERSION_PASSES_H
#define SPARSE24_CONVERSION_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::sparse24 {
#define GEN_PASS_DECL
#include "sparse24/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

#endif // SPARSE24_CONVERSION_PASSES_H
