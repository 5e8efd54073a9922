// The cost model that chooses how a kernel walks a product.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_SCHEDULEMODEL_H
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_SCHEDULEMODEL_H

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Support/PackedLayout.h"

namespace mlir::sparse24 {

/// A product as a kernel sees it: rows of the sparse operand, columns of the
/// dense one.
struct ProductShape {
  ::sparse24::PackedLayout sparse;
  int64_t columns;
  int64_t outputElementBytes;
  /// What the epilogue reads that is as large as the output (or is the output,
  /// where products are added to it): bytes of an element of all of these, and
  /// whether tensor copies can bring them, as they stand and for any size.
  int64_t operandBytes = 0;
  bool areOperandsCopied = true;
  /// What the epilogue reads that varies along rows or columns only: bytes of
  /// an element of all of these.
  int64_t vectorOperandBytes = 0;
  /// Clocks that a multiprocessor computes for an element's epilogue.
  double epilogueClocks = 0;
};

/// A schedule, and what the model expects of it.
struct ScheduleEstimate {
  ScheduleAttr schedule;
  /// As many as CTAs compute, those of incomplete clusters too.
  int64_t tiles = 0;
  /// Rounds of tiles, or with split-K of parts of them, that the busiest
  /// multiprocessor does.
  int64_t waves = 0;
  double microseconds = 0;
};

/// What the model expects of one schedule.
ScheduleEstimate estimateSchedule(ScheduleAttr schedule,
                                  const ProductShape &shape, TargetAttr target);

/// The best of the candidates that fit the target; nothing if none does.
std::optional<ScheduleEstimate> chooseSchedule(const ProductShape &shape,
                                               TargetAttr target);

} // namespace mlir::sparse24

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_SCHEDULEMODEL_H
