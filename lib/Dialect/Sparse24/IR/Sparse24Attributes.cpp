// Attributes of the sparse24 dialect: verification and queries.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

using namespace mlir;
using namespace mlir::sparse24;

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 LayoutFamily family, Type elementType,
                                 int64_t rows, int64_t k) {
  return success();
}
LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t tileRows, int64_t tileCols,
                                   int64_t tileK, int64_t warpRows,
                                   int64_t warpCols, int64_t stages) {
  return success();
}
LogicalResult TargetAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 StringRef chip) {
  return success();
}
