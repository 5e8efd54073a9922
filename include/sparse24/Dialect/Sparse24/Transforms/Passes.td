// Passes on the tensor level. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_PASSES_TD
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_PASSES_TD
