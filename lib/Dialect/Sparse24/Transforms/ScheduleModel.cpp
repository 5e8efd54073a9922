// The cost model that chooses how a kernel walks a product.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/ScheduleModel.h"

#include "KernelModel.h"

#include <algorithm>

using namespace mlir;
using namespace mlir::sparse24;

/// The model of the kernels that read a packed operand.
static std::unique_ptr<KernelModel>
createModel(const ::sparse24::PackedLayout &sparse, TargetAttr target) {
  return sparse.family == ::sparse24::PackedFamily::MmaSp
             ? createMmaSpModel(target)
             : createWgmmaSpModel(target);
}

ScheduleEstimate mlir::sparse24::estimateSchedule(ScheduleAttr schedule,
                                                  const ProductShape &shape,
                                                  TargetAttr target) {
  std::unique_ptr<KernelModel> model = createModel(shape.sparse, target);
  Machine machine = model->getMachine();

  ScheduleEstimate estimate;
  estimate.schedule = schedule;
  int64_t cluster = schedule.getCluster(), parts = schedule.getSplitK();
  // A cluster is launched whole.
  int64_t clusterTiles = cluster / parts;
  int64_t rowTiles =
      llvm::alignTo(llvm::divideCeil(shape.sparse.rows, schedule.getTileRows()),
                    clusterTiles);
  int64_t columnTiles = llvm::divideCeil(shape.columns, schedule.getTileCols());
  estimate.tiles = rowTiles * columnTiles;
  int64_t numParts = estimate.tiles * parts;
  estimate.waves =
      llvm::divideCeil(numParts, model->getResidentClusters(cluster) * cluster);

  // No faster than its operands come in.
  double denseBytes = static_cast<double>(shape.columns) * shape.sparse.k *
                      ::sparse24::storageBytes(shape.sparse.elementType);
  double sparseBytes = shape.sparse.bytes();
  double outputBytes = static_cast<double>(shape.sparse.rows) * shape.columns *
                       shape.outputElementBytes;
  double l2 = sparseBytes * columnTiles + denseBytes * rowTiles / clusterTiles;
  double memory = sparseBytes + denseBytes + outputBytes;
  double active = std::min<double>(numParts, target.getMultiprocessors());
  double traffic = std::max(
      l2 / (machine.l2Bytes * active),
      memory / std::min(machine.memoryBytes * active, machine.allMemoryBytes));
  double clocks = model->getClocks(shape, estimate);
  clocks = std::max(clocks, traffic) +
           model->getExposedShare() * std::min(clocks, traffic) +
           model->getFixedClocks();

  double busyShare =
      static_cast<double>(numParts) /
      static_cast<double>(estimate.waves * target.getMultiprocessors());
  double gigahertz =
      machine.idleGigahertz -
      busyShare * (machine.idleGigahertz - machine.busyGigahertz);
  estimate.microseconds = clocks / (gigahertz * 1e3);
  return estimate;
}

std::optional<ScheduleEstimate>
mlir::sparse24::chooseSchedule(const ProductShape &shape, TargetAttr target) {
  std::optional<ScheduleEstimate> best;
  for (ScheduleAttr schedule :
       createModel(shape.sparse, target)->getCandidates(shape)) {
    ScheduleEstimate estimate = estimateSchedule(schedule, shape, target);
    if (!best || estimate.microseconds < best->microseconds)
      best = estimate;
  }
  return best;
}
