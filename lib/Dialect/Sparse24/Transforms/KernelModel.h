// What the cost model knows of each family's kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_DIALECT_SPARSE24_TRANSFORMS_KERNELMODEL_H
#define SPARSE24_LIB_DIALECT_SPARSE24_TRANSFORMS_KERNELMODEL_H

#include "sparse24/Dialect/Sparse24/Transforms/ScheduleModel.h"

namespace mlir::sparse24 {

/// What the model knows of the hardware. Rates are per clock.
struct Machine {
  /// The clock if all multiprocessors are busy, and what it would be if none
  /// were: power decides.
  double busyGigahertz, idleGigahertz;
  /// Clocks from a request to L2 or memory to its data.
  double latency;
  /// Bytes that shared memory moves.
  double sharedBytes;
  /// Bytes that L2 and memory deliver to one multiprocessor, and memory to all.
  double l2Bytes, memoryBytes, allMemoryBytes;
};

/// What the model expects of a family's kernels.
class KernelModel {
public:
  explicit KernelModel(TargetAttr target) : target(target) {}
  virtual ~KernelModel() = default;

  virtual Machine getMachine() const = 0;
  /// Clusters of so many CTAs that run at a time.
  virtual int64_t getResidentClusters(int64_t cluster) const {
    return target.getMultiprocessors() / cluster;
  }
  /// The schedules to choose from: those that fit shared memory.
  virtual SmallVector<ScheduleAttr>
  getCandidates(const ProductShape &shape) const = 0;
  /// Clocks of the busiest multiprocessor if operands come in as they are
  /// wanted. Tiles and waves are known.
  virtual double getClocks(const ProductShape &shape,
                           const ScheduleEstimate &estimate) const = 0;
  /// The share of the lesser of those clocks and of the operands' that comes on
  /// top of the larger: what doesn't overlap.
  virtual double getExposedShare() const = 0;
  /// Clocks that overlap with nothing: the launch, the first operands and the
  /// last stores.
  virtual double getFixedClocks() const = 0;

protected:
  TargetAttr target;
};

std::unique_ptr<KernelModel> createMmaSpModel(TargetAttr target);
std::unique_ptr<KernelModel> createWgmmaSpModel(TargetAttr target);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_DIALECT_SPARSE24_TRANSFORMS_KERNELMODEL_H
