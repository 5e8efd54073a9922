// What the cost model knows of mma.sp kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelModel.h"

#include <algorithm>

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::ElementType;

namespace {
/// A tile, how its warps divide it, and the number of stages it is best with.
struct Candidate {
  int64_t rows, columns, warpRows, warpColumns, stages;
};

class MmaSpModel : public KernelModel {
public:
  using KernelModel::KernelModel;

  Machine getMachine() const override;
  SmallVector<ScheduleAttr>
  getCandidates(const ProductShape &shape) const override;
  double getClocks(const ProductShape &shape,
                   const ScheduleEstimate &estimate) const override;
  double getExposedShare() const override { return 0.1; }
  double getFixedClocks() const override { return 0; }

private:
  double getOperationsPerClock() const;
  int64_t getThreads() const;
  double getStepClocks(ScheduleAttr schedule, ElementType type) const;
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
Machine MmaSpModel::getMachine() const {
  auto get = [&](double gigahertz, double latency, double l2Bytes,
                 double memoryBytes) -> Machine {
    return {gigahertz,
            gigahertz,
            latency,
            /*sharedBytes=*/128,
            l2Bytes,
            memoryBytes,
            memoryBytes * static_cast<double>(target.getMultiprocessors())};
  };
  if (target.getComputeCapability() >= 90)
    return get(1.755, 700, 24, 12.5);
  if (target.getComputeCapability() == 80)
    return get(1.41, 600, 24, 10.2);
  return get(1.7, 600, 16, 4);
}

/// Dense-equivalent operations of mma.sp on 16-bit operands. sm_86 and sm_89
/// have half the tensor rate of an sm_80 multiprocessor.
double MmaSpModel::getOperationsPerClock() const {
  if (target.getComputeCapability() >= 90)
    return 3954;
  return target.getComputeCapability() == 80 ? 4096 : 2048;
}

/// Threads that a multiprocessor holds.
int64_t MmaSpModel::getThreads() const {
  bool isSmall = target.getComputeCapability() == 86 ||
                 target.getComputeCapability() == 89;
  return isSmall ? 1536 : 2048;
}

/// Bytes of shared memory that the stages of a schedule take.
static int64_t getStageBytes(ScheduleAttr schedule, ElementType type) {
  ::sparse24::PackedLayout sparse{::sparse24::PackedFamily::MmaSp, type,
                                  schedule.getTileRows(), schedule.getTileK()};
  int64_t dense = schedule.getTileCols() * schedule.getTileK() *
                  ::sparse24::storageBytes(type);
  return schedule.getStages() * (sparse.bytes() + dense);
}

SmallVector<ScheduleAttr>
MmaSpModel::getCandidates(const ProductShape &shape) const {
  SmallVector<ScheduleAttr> schedules;
  for (const Candidate &candidate : kCandidates) {
    // With as many stages as fit.
    for (int64_t stages = candidate.stages; stages >= 3; --stages) {
      auto schedule = ScheduleAttr::get(
          target.getContext(), InstructionFamily::mma_sp, candidate.rows,
          candidate.columns, shape.sparse.kBlock(), candidate.warpRows,
          candidate.warpColumns, stages, /*cluster=*/1, /*splitK=*/1,
          /*pingPong=*/false, /*splitTail=*/false);
      if (getStageBytes(schedule, shape.sparse.elementType) >
          target.getSharedMemoryBytes())
        continue;
      schedules.push_back(schedule);
      break;
    }
  }
  return schedules;
}

/// Clocks that one multiprocessor needs for one step along K of one tile, once
/// its pipeline is full: the larger of math and shared-memory traffic.
double MmaSpModel::getStepClocks(ScheduleAttr schedule,
                                 ElementType type) const {
  double rows = schedule.getTileRows(), columns = schedule.getTileCols();
  double rowBytes = schedule.getTileK() * ::sparse24::storageBytes(type);
  // Elements of half the size are multiplied twice as fast.
  double operations = 2.0 * rows * columns * schedule.getTileK();
  double rate = getOperationsPerClock() * 2 / ::sparse24::storageBytes(type);
  double math = operations / rate;

  // Written once; read once by each warp along the other dimension. A row of
  // the sparse operand is half as long, and its metadata adds an eighth to
  // that.
  double sparseBytes = rows * rowBytes * 0.5 * 1.125;
  double denseBytes = columns * rowBytes;
  double traffic = sparseBytes * (1 + schedule.getWarpCols()) +
                   denseBytes * (1 + schedule.getWarpRows());
  return std::max(math, traffic / getMachine().sharedBytes);
}

double MmaSpModel::getClocks(const ProductShape &shape,
                             const ScheduleEstimate &estimate) const {
  ScheduleAttr schedule = estimate.schedule;
  ElementType type = shape.sparse.elementType;
  double latency = getMachine().latency;

  // Several small tiles on one multiprocessor hide each other's latency.
  int64_t threads = 32 * schedule.getWarpRows() * schedule.getWarpCols();
  int64_t resident =
      std::min({estimate.waves, getThreads() / threads,
                target.getSharedMemoryBytes() / getStageBytes(schedule, type)});
  resident = std::max<int64_t>(resident, 1);
  double inFlight = static_cast<double>(schedule.getStages() - 2) * resident;
  double stepClocks = std::max(getStepClocks(schedule, type),
                               latency / std::max(inFlight, 1.0));
  double steps = llvm::divideCeil(shape.sparse.k, schedule.getTileK());
  // Filling the pipeline and storing the tile come on top, but for what other
  // resident tiles hide.
  double tileClocks = steps * stepClocks + 2.0 * latency / resident;
  return estimate.waves * tileClocks;
}

std::unique_ptr<KernelModel>
mlir::sparse24::createMmaSpModel(TargetAttr target) {
  return std::make_unique<MmaSpModel>(target);
}
