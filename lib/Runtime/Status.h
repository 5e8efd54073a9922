// Statuses with a thread's detail text.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_RUNTIME_STATUS_H
#define SPARSE24_LIB_RUNTIME_STATUS_H

#include "sparse24/Runtime/Runtime.h"

#include <string>

namespace sparse24::runtime {

/// Keeps the detail for sparse24LastError() and returns the status.
Sparse24Status fail(Sparse24Status status, std::string detail);

} // namespace sparse24::runtime

#endif // SPARSE24_LIB_RUNTIME_STATUS_H
