// What the cost model knows of wgmma.sp kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelModel.h"
#include "sparse24/Support/WgmmaSp.h"

#include <algorithm>
#include <cmath>

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

  Machine getMachine() const override;
  SmallVector<ScheduleAttr>
  getCandidates(const ProductShape &shape) const override;
  double getClocks(const ProductShape &shape,
                   const ScheduleEstimate &estimate) const override;
  double getExposedShare() const override { return 0.23; }
  double getFixedClocks() const override { return 8600; }
};
} // namespace

// Larger tiles reuse more. The largest has 192 of a thread's 255 registers for
// its sums.
static constexpr Tile kTiles[] = {
    {256, 192}, {256, 128}, {128, 256}, {128, 192}, {128, 128},
    {128, 64},  {128, 32},  {128, 16},  {128, 8},   {64, 256},
    {64, 128},  {64, 64},   {64, 32},   {64, 16},   {64, 8}};

// These and the other constants of this file are fitted to 1438 times of
// generated kernels on an H200: bf16 and e4m3, 1024 to 28672 rows, 16 to 16384
// columns, K from 3072 to 16384. What the model chooses is 0.8 % slower than
// the best schedule (geometric mean), 7 % at most; estimates are off by 11 %
// (root mean square). Memory delivers 3.45 TB/s; an H100's, 2.9.
Machine WgmmaSpModel::getMachine() const {
  return {/*busyGigahertz=*/1.7,  /*idleGigahertz=*/1.98,
          /*latency=*/1280,       /*sharedBytes=*/128,
          /*l2Bytes=*/54,         /*memoryBytes=*/31,
          /*allMemoryBytes=*/2030};
}

/// Bytes of shared memory that one stage takes.
static int64_t getStageBytes(const Tile &tile, const PackedLayout &sparse) {
  return tile.rows / wgmma_sp::kM *
             (sparse.blockValueBytes() + sparse.blockMetadataBytes()) +
         tile.columns * wgmma_sp::kRowBytesB;
}

/// A stage's two barriers; and what a CTA notes of tiles that it shares, or the
/// barriers of teams.
static constexpr int64_t kBarrierBytes = 16, kOtherBytes = 64;

/// Tiles whose sums leave few registers for anything else.
static bool isLargest(const Tile &tile) {
  return tile.rows * tile.columns > 256 * 128;
}

/// Consumers of a kernel: teams that take tiles in turn, and in each so many
/// that have a part of a tile.
struct Consumers {
  int64_t teams, inTeam;
};

/// As many stages as fit into shared memory.
static int64_t getStages(const Tile &tile, const Consumers &consumers,
                         const ProductShape &shape, TargetAttr target) {
  int64_t rows = tile.rows / consumers.inTeam;
  wgmma_sp::OutputPieces pieces{rows, tile.columns, shape.outputElementBytes};
  // Each consumer has its part of the operands that vary only along one
  // dimension, and of each a rest to the next 16 bytes.
  int64_t operandBytes =
      shape.vectorOperandBytes * (std::max(rows, tile.columns) + 16);
  int64_t stageBytes = getStageBytes(tile, shape.sparse);
  int64_t padding = stageBytes % wgmma_sp::kSwizzleAlignment == 0
                        ? 0
                        : wgmma_sp::kSwizzleAlignment;
  // Blocks of the largest tile take so long that four stages hide latency. It
  // gains more from places for the output, and so do teams.
  int64_t places = isLargest(tile) || consumers.teams > 1
                       ? wgmma_sp::OutputPieces::kMaxPlaces
                       : 1;
  int64_t free = target.getSharedMemoryBytes() - kOtherBytes - padding -
                 consumers.teams * consumers.inTeam *
                     (places * pieces.placeBytes() + operandBytes);
  return free / (stageBytes + kBarrierBytes);
}

/// Whether teams that take tiles in turn may pay: with bias and GELU they took
/// 7 % less time where K is 1024, 2 % less at 2048, and 1 to 2 % more at 4096,
/// where the epilogue shows little. With an operand of the output's size a team
/// hands over only after its epilogue.
static bool hidesEpilogue(const ProductShape &shape) {
  // An element's share of the products of a block along K.
  constexpr double productClocks = 0.02;
  return shape.operandBytes == 0 && shape.epilogueClocks > 0.1 &&
         static_cast<double>(shape.sparse.kBlocks()) * productClocks <
             6 * shape.epilogueClocks;
}

SmallVector<ScheduleAttr>
WgmmaSpModel::getCandidates(const ProductShape &shape) const {
  SmallVector<ScheduleAttr> schedules;
  auto add = [&](const Tile &tile, const Consumers &consumers, bool streamK,
                 bool splitTail) {
    int64_t cluster = shape.sparse.rows > tile.rows ? 2 : 1;
    schedules.push_back(ScheduleAttr::get(
        target.getContext(), InstructionFamily::wgmma_sp, tile.rows,
        tile.columns, shape.sparse.kBlock(),
        consumers.inTeam * wgmma_sp::kWarps, /*warpCols=*/1,
        getStages(tile, consumers, shape, target), cluster, streamK,
        /*pingPong=*/consumers.teams > 1, splitTail));
  };
  for (const Tile &tile : kTiles) {
    Consumers consumers{/*teams=*/1,
                        std::min<int64_t>(tile.rows / wgmma_sp::kM, 2)};
    wgmma_sp::OutputPieces pieces{tile.rows / consumers.inTeam, tile.columns,
                                  shape.outputElementBytes};
    // Operands of the epilogue come through the stages. Where they can't, there
    // are no registers for them beside the sums of the largest tile.
    bool fitsStage =
        consumers.inTeam * pieces.elements() * shape.operandBytes <=
        tile.columns * wgmma_sp::kRowBytesB;
    if (shape.operandBytes != 0 && isLargest(tile) &&
        !(fitsStage && shape.areOperandsCopied))
      continue;
    add(tile, consumers, /*streamK=*/false, /*splitTail=*/false);
    // Where there is nothing to split the estimates are equal, and the first is
    // chosen.
    if (tile.rows / consumers.inTeam % (2 * wgmma_sp::kM) == 0)
      add(tile, consumers, /*streamK=*/false, /*splitTail=*/true);
    // After whole waves sharing the rest has not paid: blocks that are
    // scattered along K find no operands of others in L2.
    int64_t tiles = llvm::divideCeil(shape.sparse.rows, tile.rows) *
                    llvm::divideCeil(shape.columns, tile.columns);
    if (2 * tiles <= target.getMultiprocessors())
      add(tile, consumers, /*streamK=*/true, /*splitTail=*/false);
  }
  if (hidesEpilogue(shape))
    add({128, 192}, {/*teams=*/2, /*inTeam=*/1}, /*streamK=*/false,
        /*splitTail=*/false);
  return schedules;
}

/// Clocks for a k block of a tile: the larger of math and what is read of
/// shared memory (writes find free banks), and a stage's handing over; or what
/// latency allows. An instruction takes N/2 clocks and reads 2 KB of A and N
/// rows of B.
static double getBlockClocks(const Tile &tile, int64_t stages,
                             const Machine &machine) {
  double instructions =
      static_cast<double>(PackedLayout::kSteps) * tile.rows / wgmma_sp::kM;
  double math = instructions * tile.columns / 2;
  double bytesRead = instructions *
                     (wgmma_sp::kM * wgmma_sp::kRowBytesA +
                      tile.columns * wgmma_sp::kRowBytesB) /
                     PackedLayout::kSteps;
  // With one consumer there are no other's products meanwhile.
  double handOver = tile.rows > wgmma_sp::kM ? 50 : 100;
  // Two stages are being read; the others come.
  int64_t ahead = std::max<int64_t>(stages - 2, 1);
  return std::max(std::max(math, bytesRead / machine.sharedBytes) + handOver,
                  machine.latency / static_cast<double>(ahead));
}

/// Clocks until a tile's sums are on their way to memory. Arithmetic takes less
/// power than products, so the clock is higher meanwhile, which hides some of
/// it: 10 to 80 % of GELU, more where K is long.
static double getEpilogueClocks(const Tile &tile, const ProductShape &shape) {
  constexpr double visible = 0.6;
  auto elements = static_cast<double>(tile.rows * tile.columns);
  return 580 + elements * (visible * shape.epilogueClocks +
                           static_cast<double>(shape.outputElementBytes) / 34);
}

/// Clocks that it takes to hand on a tile's 32-bit sums from so many CTAs to
/// the last, and for the flags to be cleared before.
static double getFixUpClocks(const Tile &tile, double sharers, double l2Bytes) {
  constexpr double clear = 11300;
  double sumsBytes = static_cast<double>(tile.rows * tile.columns * 4);
  // Written once by each, and read one after the other.
  return clear + std::max(sharers, 2.0) * sumsBytes / l2Bytes;
}

double WgmmaSpModel::getClocks(const ProductShape &shape,
                               const ScheduleEstimate &estimate) const {
  ScheduleAttr schedule = estimate.schedule;
  Machine machine = getMachine();
  Tile tile{schedule.getTileRows(), schedule.getTileCols()};
  double blockClocks = getBlockClocks(tile, schedule.getStages(), machine);
  auto blocks = static_cast<double>(
      llvm::divideCeil(shape.sparse.k, schedule.getTileK()));
  double epilogueClocks = getEpilogueClocks(tile, shape);
  // The other team's products hide most of it.
  if (schedule.getPingPong())
    epilogueClocks /= 3;
  double tileClocks = blocks * blockClocks + epilogueClocks;
  int64_t clusters = target.getMultiprocessors() / schedule.getCluster();
  int64_t tiles = estimate.tiles / schedule.getCluster();
  int64_t rest = tiles % clusters;
  bool isSplit = schedule.getSplitTail() && rest != 0 &&
                 wgmma_sp::fitInHalves(rest, clusters);
  if (!schedule.getStreamK() && !isSplit)
    return static_cast<double>(estimate.waves) * tileClocks;

  double clocks = static_cast<double>(tiles / clusters) * tileClocks;
  if (isSplit)
    return clocks + epilogueClocks +
           blocks * getBlockClocks({tile.rows / 2, tile.columns},
                                   schedule.getStages(), machine);
  if (rest == 0)
    return clocks;
  double sharers =
      std::clamp<double>(std::floor(blocks / wgmma_sp::kMinSharedBlocks), 1,
                         wgmma_sp::kMaxSharers);
  sharers = std::min(sharers,
                     static_cast<double>(clusters) / static_cast<double>(rest));
  return clocks + blocks * blockClocks / sharers + epilogueClocks +
         getFixUpClocks(tile, std::ceil(sharers), machine.l2Bytes);
}

std::unique_ptr<KernelModel>
mlir::sparse24::createWgmmaSpModel(TargetAttr target) {
  return std::make_unique<WgmmaSpModel>(target);
}
