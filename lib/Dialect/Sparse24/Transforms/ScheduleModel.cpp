// The cost model that chooses how a kernel walks a product.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/ScheduleModel.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::ElementType;

namespace {
/// A tile, how its warps divide it, and the number of stages it is best with.
struct Candidate {
  int64_t rows, columns, warpRows, warpColumns, stages;
};

/// What the model knows of a multiprocessor. Rates are per clock.
struct Multiprocessor {
  double gigahertz;
  /// Dense-equivalent operations of mma.sp on 16-bit operands.
  double operations;
  /// Bytes that shared memory moves.
  double sharedBytes;
  /// Clocks from a request to L2 or memory to its data.
  double latency;
  /// Bytes that L2 and memory deliver to one multiprocessor.
  double l2Bytes, memoryBytes;
  int64_t threads;
};
} // namespace

// Larger tiles reuse more; smaller ones fill the machine where there are few.
static constexpr Candidate kCandidates[] = {
    {256, 128, 4, 2, 4}, {128, 256, 2, 4, 4}, {128, 128, 2, 2, 4},
    {128, 64, 4, 1, 5},  {64, 128, 1, 4, 5},  {64, 64, 2, 2, 7},
    {128, 32, 4, 1, 7},  {64, 32, 4, 1, 7},   {64, 16, 4, 1, 7},
    {64, 8, 4, 1, 9},
};

// The rates are measured on an H100: 916 TFLOP/s of mma.sp over 132
// multiprocessors at 1.755 GHz, 2.9 TB/s from memory. A100's, by its data
// sheet, are 624 TFLOP/s over 108 at 1.41 GHz.
static Multiprocessor getMultiprocessor(TargetAttr target) {
  if (target.getComputeCapability() >= 90)
    return {1.755, 3954, 128, 700, 24, 12.5, 2048};
  if (target.getComputeCapability() == 80)
    return {1.41, 4096, 128, 600, 24, 10.2, 2048};
  // sm_86 and sm_89: half the tensor rate of an sm_80 multiprocessor.
  return {1.7, 2048, 128, 600, 16, 4, 1536};
}

int64_t mlir::sparse24::getStageBytes(ScheduleAttr schedule, ElementType type) {
  ::sparse24::PackedLayout sparse{::sparse24::PackedFamily::MmaSp, type,
                                  schedule.getTileRows(), schedule.getTileK()};
  int64_t dense = schedule.getTileCols() * schedule.getTileK() *
                  ::sparse24::storageBytes(type);
  return schedule.getStages() * (sparse.bytes() + dense);
}

/// Clocks that one multiprocessor needs for one step along K of one tile, once
/// its pipeline is full: the larger of math and shared-memory traffic.
static double getStepClocks(ScheduleAttr schedule, ElementType type,
                            const Multiprocessor &machine) {
  double rows = schedule.getTileRows(), columns = schedule.getTileCols();
  double rowBytes = schedule.getTileK() * ::sparse24::storageBytes(type);
  // Elements of half the size are multiplied twice as fast.
  double operations = 2.0 * rows * columns * schedule.getTileK();
  double rate = machine.operations * 2 / ::sparse24::storageBytes(type);
  double math = operations / rate;

  // Written once; read once by each warp along the other dimension. A row of
  // the sparse operand is half as long, and its metadata adds an eighth to
  // that.
  double sparseBytes = rows * rowBytes * 0.5 * 1.125;
  double denseBytes = columns * rowBytes;
  double traffic = sparseBytes * (1 + schedule.getWarpCols()) +
                   denseBytes * (1 + schedule.getWarpRows());
  return std::max(math, traffic / machine.sharedBytes);
}

ScheduleEstimate mlir::sparse24::estimateSchedule(ScheduleAttr schedule,
                                                  const ProductShape &shape,
                                                  TargetAttr target) {
  Multiprocessor machine = getMultiprocessor(target);
  ElementType type = shape.sparse.elementType;
  int64_t multiprocessors = target.getMultiprocessors();

  ScheduleEstimate estimate;
  estimate.schedule = schedule;
  estimate.tiles = llvm::divideCeil(shape.sparse.rows, schedule.getTileRows()) *
                   llvm::divideCeil(shape.columns, schedule.getTileCols());
  estimate.waves = llvm::divideCeil(estimate.tiles, multiprocessors);

  // Several small tiles on one multiprocessor hide each other's latency.
  int64_t threads = 32 * schedule.getWarpRows() * schedule.getWarpCols();
  int64_t resident =
      std::min({estimate.waves, machine.threads / threads,
                target.getSharedMemoryBytes() / getStageBytes(schedule, type)});
  resident = std::max<int64_t>(resident, 1);
  double inFlight = static_cast<double>(schedule.getStages() - 2) * resident;
  double stepClocks = std::max(getStepClocks(schedule, type, machine),
                               machine.latency / std::max(inFlight, 1.0));
  double steps = llvm::divideCeil(shape.sparse.k, schedule.getTileK());
  // Filling the pipeline and storing the tile come on top, but for what other
  // resident tiles hide.
  double tileClocks = steps * stepClocks + 2.0 * machine.latency / resident;
  double clocks = estimate.waves * tileClocks;

  // No faster than its operands come in.
  double rowTiles = llvm::divideCeil(shape.sparse.rows, schedule.getTileRows());
  double columnTiles = llvm::divideCeil(shape.columns, schedule.getTileCols());
  double denseBytes = static_cast<double>(shape.columns) * shape.sparse.k *
                      ::sparse24::storageBytes(type);
  double sparseBytes = shape.sparse.bytes();
  double l2 = sparseBytes * columnTiles + denseBytes * rowTiles;
  double memory = sparseBytes + denseBytes + shape.outputBytes;
  double active = std::min<double>(estimate.tiles, multiprocessors);
  double traffic = std::max(l2 / (machine.l2Bytes * active),
                            memory / (machine.memoryBytes * active));
  // The two overlap, but not perfectly.
  clocks = std::max(clocks, traffic) + 0.1 * std::min(clocks, traffic);
  estimate.microseconds = clocks / (machine.gigahertz * 1e3);
  return estimate;
}

std::optional<ScheduleEstimate>
mlir::sparse24::chooseSchedule(const ProductShape &shape, TargetAttr target) {
  std::optional<ScheduleEstimate> best;
  for (const Candidate &candidate : kCandidates) {
    ScheduleAttr schedule;
    // With as many stages as fit.
    for (int64_t stages = candidate.stages; stages >= 3; --stages) {
      auto attempt = ScheduleAttr::get(
          target.getContext(), InstructionFamily::mma_sp, candidate.rows,
          candidate.columns, shape.sparse.kBlock(), candidate.warpRows,
          candidate.warpColumns, stages, /*cluster=*/1,
          /*streamK=*/false, /*pingPong=*/false);
      if (getStageBytes(attempt, shape.sparse.elementType) >
          target.getSharedMemoryBytes())
        continue;
      schedule = attempt;
      break;
    }
    if (!schedule)
      continue;
    ScheduleEstimate estimate = estimateSchedule(schedule, shape, target);
    if (!best || estimate.microseconds < best->microseconds)
      best = estimate;
  }
  return best;
}
