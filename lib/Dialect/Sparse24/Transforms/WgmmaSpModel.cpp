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

  Machine getMachine() const override;
  int64_t getResidentClusters(int64_t cluster) const override;
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
// (root mean square). Those of narrow tiles and of split-K are fitted to 36
// more shapes, 2560 to 28672 rows and 8 to 1024 columns, with all schedules of
// up to 128 × 128. Memory delivers 3.45 TB/s; an H100's, 2.9.
Machine WgmmaSpModel::getMachine() const {
  return {/*busyGigahertz=*/1.7,  /*idleGigahertz=*/1.98,
          /*latency=*/1280,       /*sharedBytes=*/128,
          /*l2Bytes=*/54,         /*memoryBytes=*/31,
          /*allMemoryBytes=*/2030};
}

int64_t WgmmaSpModel::getResidentClusters(int64_t cluster) const {
  // A cluster's CTAs are on one GPC, and GPCs don't have multiples of four.
  int64_t clusters = target.getMultiprocessors() / cluster;
  return cluster > 2 ? clusters * 10 / 11 : clusters;
}

/// Bytes of shared memory that one stage takes.
static int64_t getStageBytes(const Tile &tile, const PackedLayout &sparse) {
  return tile.rows / wgmma_sp::kM *
             (sparse.blockValueBytes() + sparse.blockMetadataBytes()) +
         tile.columns * wgmma_sp::kRowBytesB;
}

/// A stage's two barriers; and those of teams, or of the sums of parts of K.
static constexpr int64_t kBarrierBytes = 16, kOtherBytes = 64;

/// A tile's sums, of 32 bits each.
static int64_t getSumsBytes(const Tile &tile) {
  return tile.rows * tile.columns * 4;
}

/// Tiles whose sums leave few registers for anything else.
static bool isLargest(const Tile &tile) {
  return tile.rows * tile.columns > 256 * 128;
}

/// Consumers of a kernel: teams that take tiles in turn, and in each so many
/// that have a part of a tile.
struct Consumers {
  int64_t teams, inTeam;
};

/// As many stages as fit into shared memory beside what else is there.
static int64_t getStages(const Tile &tile, const Consumers &consumers,
                         int64_t splitK, const ProductShape &shape,
                         TargetAttr target) {
  int64_t rows = tile.rows / consumers.inTeam;
  wgmma_sp::OutputPieces pieces{tile.columns, shape.outputElementBytes};
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
                 (splitK > 1 ? getSumsBytes(tile) : 0) -
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

/// What a schedule must have to be worth a try: stages to hide latency, and
/// with split-K blocks along K for each CTA.
static constexpr int64_t kMinStages = 2, kMinPartBlocks = 4;

SmallVector<ScheduleAttr>
WgmmaSpModel::getCandidates(const ProductShape &shape) const {
  SmallVector<ScheduleAttr> schedules;
  auto add = [&](const Tile &tile, const Consumers &consumers, int64_t cluster,
                 int64_t splitK, bool splitTail) {
    int64_t stages = getStages(tile, consumers, splitK, shape, target);
    if (stages < kMinStages)
      return;
    schedules.push_back(ScheduleAttr::get(
        target.getContext(), InstructionFamily::wgmma_sp, tile.rows,
        tile.columns, shape.sparse.kBlock(),
        consumers.inTeam * wgmma_sp::kWarps, /*warpCols=*/1, stages, cluster,
        splitK, /*pingPong=*/consumers.teams > 1, splitTail));
  };
  // CTAs that share the dense operand.
  auto getSharers = [&](int64_t tileRows) {
    return shape.sparse.rows > tileRows ? 2 : 1;
  };
  for (const Tile &tile : kTiles) {
    Consumers consumers{/*teams=*/1,
                        std::min<int64_t>(tile.rows / wgmma_sp::kM, 2)};
    wgmma_sp::OutputPieces pieces{tile.columns, shape.outputElementBytes};
    // Operands of the epilogue come through the stages. Where they can't, there
    // are no registers for them beside the sums of the largest tile.
    bool fitsStage =
        consumers.inTeam * pieces.elements() * shape.operandBytes <=
        tile.columns * wgmma_sp::kRowBytesB;
    if (shape.operandBytes != 0 && isLargest(tile) &&
        !(fitsStage && shape.areOperandsCopied))
      continue;
    int64_t cluster = getSharers(tile.rows);
    add(tile, consumers, cluster, /*splitK=*/1, /*splitTail=*/false);
    // Where there is nothing to split the estimates are equal, and the first is
    // chosen.
    if (tile.rows / consumers.inTeam % (2 * wgmma_sp::kM) == 0)
      add(tile, consumers, cluster, /*splitK=*/1, /*splitTail=*/true);
    // Beside larger tiles' sums there are no registers for those of others, nor
    // for more CTAs to hand them on: eight parts have never been the fastest.
    if (tile.rows * tile.columns > 128 * 128)
      continue;
    for (int64_t parts : {2, 4})
      if (shape.sparse.kBlocks() >= parts * kMinPartBlocks)
        add(tile, consumers, /*cluster=*/parts, parts, /*splitTail=*/false);
  }
  if (hidesEpilogue(shape))
    add({128, 192}, {/*teams=*/2, /*inTeam=*/1}, getSharers(128),
        /*splitK=*/1, /*splitTail=*/false);
  return schedules;
}

/// Clocks for a k block of a tile: the larger of math and what is read of
/// shared memory (writes find free banks), and a stage's handing over; or what
/// latency allows. An instruction takes N/2 clocks, though at least some 50,
/// and reads 2 KB of A and N rows of B.
static double getBlockClocks(const Tile &tile, int64_t stages,
                             const Machine &machine) {
  double instructions =
      static_cast<double>(PackedLayout::kSteps) * tile.rows / wgmma_sp::kM;
  double math = instructions * std::max(tile.columns / 2.0, 50.0);
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

/// Clocks that it takes the first of so many CTAs to add a tile's sums of the
/// others.
static double getSplitKClocks(const Tile &tile, int64_t parts) {
  if (parts == 1)
    return 0;
  constexpr double latency = 3000, clusterBytes = 12;
  return latency +
         static_cast<double>((parts - 1) * getSumsBytes(tile)) / clusterBytes;
}

double WgmmaSpModel::getClocks(const ProductShape &shape,
                               const ScheduleEstimate &estimate) const {
  ScheduleAttr schedule = estimate.schedule;
  Machine machine = getMachine();
  Tile tile{schedule.getTileRows(), schedule.getTileCols()};
  double blockClocks = getBlockClocks(tile, schedule.getStages(), machine);
  int64_t parts = schedule.getSplitK();
  auto blocks = static_cast<double>(
      llvm::divideCeil(shape.sparse.k, schedule.getTileK() * parts));
  double epilogueClocks = getEpilogueClocks(tile, shape);
  // The other team's products hide most of it.
  if (schedule.getPingPong())
    epilogueClocks /= 3;
  double tileClocks =
      blocks * blockClocks + epilogueClocks + getSplitKClocks(tile, parts);
  int64_t clusters = getResidentClusters(schedule.getCluster());
  int64_t tiles = estimate.tiles * parts / schedule.getCluster();
  int64_t rest = tiles % clusters;
  if (!schedule.getSplitTail() || rest == 0 ||
      !wgmma_sp::fitInHalves(rest, clusters))
    return static_cast<double>(estimate.waves) * tileClocks;
  return static_cast<double>(tiles / clusters) * tileClocks + epilogueClocks +
         blocks * getBlockClocks({tile.rows / 2, tile.columns},
                                 schedule.getStages(), machine);
}

std::unique_ptr<KernelModel>
mlir::sparse24::createWgmmaSpModel(TargetAttr target) {
  return std::make_unique<WgmmaSpModel>(target);
}
