// PTX instructions that a CPU has, too.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_TOEMULATOR_PTXARITHMETIC_H
#define SPARSE24_LIB_CONVERSION_TOEMULATOR_PTXARITHMETIC_H

#include "ToEmulator.h"

namespace mlir::sparse24 {

/// Whether it is one of these instructions, if not in a form that is known.
bool isPtxArithmetic(StringRef opcode);

/// The result, for a register of `type`; null if the form isn't known.
Value computePtx(Emitter &emitter, StringRef opcode, Type type,
                 ArrayRef<Value> sources);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_TOEMULATOR_PTXARITHMETIC_H
