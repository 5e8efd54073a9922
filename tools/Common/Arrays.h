// Arrays as arguments of compiled functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TOOLS_COMMON_ARRAYS_H
#define SPARSE24_TOOLS_COMMON_ARRAYS_H

#include "Common/Npy.h"

#include <utility>

namespace sparse24::run {

/// Splits `file.npy:4x8xf32` and makes the poisoned array that it names.
llvm::Expected<std::pair<llvm::StringRef, NpyArray>>
makeOutput(llvm::StringRef text);

/// Lays out the descriptor of a memref, as compiled functions take it: two
/// pointers, the offset, the sizes and the strides.
llvm::SmallVector<int64_t> makeDescriptor(NpyArray &array);

} // namespace sparse24::run

#endif // SPARSE24_TOOLS_COMMON_ARRAYS_H
