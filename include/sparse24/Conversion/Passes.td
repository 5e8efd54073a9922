// Conversions out of the sparse24 dialect and of what they leave. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_CONVERSION_PASSES_TD
#define SPARSE24_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // SPARSE24_CONVERSION_PASSES_TD
