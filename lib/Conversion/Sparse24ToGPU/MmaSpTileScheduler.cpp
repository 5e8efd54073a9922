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
  IndexValue rowTiles = rows.ceilDiv(schedule.getTileRows());
  IndexValue colTiles = cols.ceilDiv(schedule.getTileCols());
  IndexValue tilesPerGroup = colTiles * kGroupRows;
  IndexValue firstRow = tile / tilesPerGroup * kGroupRows;
  // The last group may be lower.
  IndexValue groupRows = (rowTiles - firstRow).min(IndexValue(b, kGroupRows));
  IndexValue inGroup = tile % tilesPerGroup;
  return {(firstRow + inGroup % groupRows) * schedule.getTileRows(),
          inGroup / groupRows * schedule.getTileCols()};
}
