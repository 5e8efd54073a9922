// Registers all of upstream.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TOOLS_COMMON_REGISTERUPSTREAM_H
#define SPARSE24_TOOLS_COMMON_REGISTERUPSTREAM_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::sparse24 {
/// Adds upstream's dialects, their extensions and all passes.
void registerUpstream(DialectRegistry &registry);
} // namespace mlir::sparse24

#endif // SPARSE24_TOOLS_COMMON_REGISTERUPSTREAM_H
