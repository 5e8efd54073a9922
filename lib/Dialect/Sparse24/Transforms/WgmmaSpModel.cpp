// What the cost model knows of wgmma.sp kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelModel.h"
#include "sparse24/Support/WgmmaSp.h"

#include <algorithm>

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::PackedLayout;
namespace wgmma_sp = ::sparse24::wgmma_sp;

namespace {
struct Tile {
  int64_t rows, columns;
};

class WgmmaSpModel : public KernelModel {
public:
  using KernelModel::KernelModel;

  Multiprocessor getMultiprocessor() const override;
  SmallVector<ScheduleAttr>
  getCandidates(const ProductShape &shape) const override;
  double getClocks(const ProductShape &shape,
                   const ScheduleEstimate &estimate) const override;
  double getExposedShare() const override { return 0.03; }
};
} // namespace

// Larger tiles reuse more. The largest has 192 of a thread's 255 registers for
// its sums.
static constexpr Tile kTiles[] = {
    {256, 192}, {256, 128}, {128, 256}, {128, 192}, {128, 128},
    {128, 64},  {128, 32},  {128, 16},  {128, 8},   {64, 256},
    {64, 128},  {64, 64},   {64, 32},   {64, 16},   {64, 8}};

// Fitted to an H100's times of eight bf16 products of 4096 to 28672 rows, 1024
// to 10240 columns and K from 4096 to 28672, with tiles of 256 × 128 and
// 256 × 192 and clusters of one and two: within 7 % (root mean square). Memory
// delivers 2.9 TB/s.
Multiprocessor WgmmaSpModel::getMultiprocessor() const {
  return {1.85, 700, 128, 32, 11.9};
}

/// Bytes of shared memory that one stage takes. Metadata isn't there: it goes
/// straight to registers.
static int64_t getStageBytes(const Tile &tile) {
  return tile.rows * wgmma_sp::kRowBytesA + tile.columns * wgmma_sp::kRowBytesB;
}

/// Barriers, what aligning the stages takes, and the epilogue's operands.
static constexpr int64_t kSlackBytes = 8192;

SmallVector<ScheduleAttr>
WgmmaSpModel::getCandidates(const ProductShape &shape) const {
  SmallVector<ScheduleAttr> schedules;
  for (const Tile &tile : kTiles) {
    // Beside the sums of the largest tile there are no registers for them.
    if (shape.readsFullOperands && tile.rows * tile.columns > 256 * 128)
      continue;
    int64_t consumers = std::min<int64_t>(tile.rows / wgmma_sp::kM, 2);
    wgmma_sp::OutputPieces pieces{tile.rows / consumers, tile.columns,
                                  shape.outputElementBytes};
    int64_t free = target.getSharedMemoryBytes() - kSlackBytes -
                   consumers * pieces.bytes();
    int64_t cluster = shape.sparse.rows > tile.rows ? 2 : 1;
    schedules.push_back(ScheduleAttr::get(
        target.getContext(), InstructionFamily::wgmma_sp, tile.rows,
        tile.columns, shape.sparse.kBlock(), consumers * wgmma_sp::kWarps,
        /*warpCols=*/1, /*stages=*/free / getStageBytes(tile), cluster,
        /*streamK=*/false, /*pingPong=*/false));
  }
  return schedules;
}

/// Clocks for a k block of a tile: the larger of math and what shared memory
/// moves. An instruction takes N/2 clocks and reads its 2 KB of A and N rows of
/// B; no block is done faster than a barrier is waited for and passed on.
static double getBlockClocks(const Tile &tile, double sharedBytes) {
  constexpr double minimum = 130;
  double instructions =
      static_cast<double>(PackedLayout::kSteps) * tile.rows / wgmma_sp::kM;
  double math = instructions * tile.columns / 2;
  double bytesRead = instructions *
                     (wgmma_sp::kM * wgmma_sp::kRowBytesA +
                      tile.columns * wgmma_sp::kRowBytesB) /
                     PackedLayout::kSteps;
  double traffic = (bytesRead + getStageBytes(tile)) / sharedBytes;
  return std::max({math, traffic, minimum});
}

double WgmmaSpModel::getClocks(const ProductShape &shape,
                               const ScheduleEstimate &estimate) const {
  ScheduleAttr schedule = estimate.schedule;
  Multiprocessor machine = getMultiprocessor();
  Tile tile{schedule.getTileRows(), schedule.getTileCols()};
  double blockClocks =
      std::max(getBlockClocks(tile, machine.sharedBytes),
               machine.latency / static_cast<double>(schedule.getStages() - 1));
  double blocks = llvm::divideCeil(shape.sparse.k, schedule.getTileK());
  // From the last product to the last byte on its way: about 1500 clocks for
  // the largest tile. The other team's products hide it.
  double storeClocks = 500 + static_cast<double>(tile.rows * tile.columns *
                                                 shape.outputElementBytes) /
                                 96;
  if (schedule.getPingPong())
    storeClocks = 0;
  // The pipeline is filled once, and drained once.
  double fixedClocks = 2 * machine.latency;
  if (!schedule.getStreamK())
    return estimate.waves * (blocks * blockClocks + storeClocks) + fixedClocks;

  // Everyone does the same share; what it has of a tile that isn't whole goes
  // through memory as 32-bit sums.
  double share =
      static_cast<double>(estimate.tiles) /
      static_cast<double>(target.getMultiprocessors() / schedule.getCluster() *
                          schedule.getCluster());
  double fixUpClocks =
      2.0 * static_cast<double>(tile.rows * tile.columns * 4) / machine.l2Bytes;
  return share * blocks * blockClocks + estimate.waves * storeClocks +
         fixUpClocks + fixedClocks;
}

std::unique_ptr<KernelModel>
mlir::sparse24::createWgmmaSpModel(TargetAttr target) {
  return std::make_unique<WgmmaSpModel>(target);
}
