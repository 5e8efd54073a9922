// Functions that a GPU's special function unit computes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TONVVM_SPECIALFUNCTIONS_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TONVVM_SPECIALFUNCTIONS_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::sparse24 {

/// Lowers formulas of f32 that the special function unit computes in few
/// instructions, and no less exactly than they would be step by step.
void populateSpecialFunctionPatterns(RewritePatternSet &patterns);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TONVVM_SPECIALFUNCTIONS_H
