// The tile scheduler of an `mma.sp` kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MmaSpKernel.h"

using namespace mlir;
using namespace mlir::sparse24;

std::pair<IndexValue, IndexValue>
mlir::sparse24::emitTileOrigin(ImplicitLocOpBuilder &b, ScheduleAttr schedule,
                               IndexValue rows, IndexValue cols) {
  // CTAs start in the order of their index. Eight tiles high, the band of
  // tiles in flight on a chip is about as wide as it is high, which keeps the
  // operands that it reads few.
  constexpr int64_t kGroupRows = 8;
  IndexValue tile(b, gpu::BlockIdOp::create(b, gpu::Dimension::x));
  auto [row, col] =
      getTileInGroups(tile, rows.ceilDiv(schedule.getTileRows()),
                      cols.ceilDiv(schedule.getTileCols()), kGroupRows);
  return {row * schedule.getTileRows(), col * schedule.getTileCols()};
}
