// CTAs of a cluster that have parts along K of a tile of a `wgmma.sp` kernel:
// the first adds the sums that the others have put into their shared memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"

using namespace mlir;
using namespace mlir::sparse24;

/// Sums that a thread stores or loads at once: 16 bytes.
static constexpr int64_t kVector = 4;
static constexpr int64_t kSumBytes = 4;
static constexpr int64_t kVectorBytes = kVector * kSumBytes;

/// The sums of a consumer.
static int64_t getSumsPerConsumer(const WgmmaSpKernelSpec &spec) {
  return spec.getBlocks() * spec.getBlockSums() * wgmma_sp::kLanes;
}

int64_t
mlir::sparse24::getSplitKSharedMemoryBytes(const WgmmaSpKernelSpec &spec) {
  return spec.schedule.getSplitK() > 1
             ? spec.getNumConsumers() * getSumsPerConsumer(spec) * kSumBytes
             : 0;
}

/// Where they begin: behind what the epilogue has, which ends aligned.
static int64_t getSumsOffset(const WgmmaSpKernelSpec &spec) {
  return getMainloopSharedMemoryBytes(spec) +
         getEpilogueSharedMemoryBytes(spec);
}

void mlir::sparse24::initializeSumBarriers(WgmmaSpKernelContext &context) {
  // Each thread of a consumer in all other CTAs, or in the first.
  context.sumsFull.initialize((context.spec.schedule.getSplitK() - 1) *
                              wgmma_sp::kLanes);
  context.sumsEmpty.initialize(wgmma_sp::kLanes);
}

namespace {

/// What a consumer hands to the one of the same number of the first CTA. Each
/// thread's sums are for the thread of the same number.
class PartialSums {
public:
  PartialSums(WgmmaSpKernelContext &context, Value parity)
      : context(context), b(context.builder), spec(context.spec),
        parity(parity), vectorType(VectorType::get(
                            {kVector}, spec.matmul.getAccumulatorType())),
        memory(viewSharedMemory(
            b, getSumsOffset(spec),
            {spec.getNumConsumers() * getSumsPerConsumer(spec)},
            vectorType.getElementType())),
        first(context.consumer * getSumsPerConsumer(spec) +
              context.thread * kVector) {}

  /// Puts this thread's sums where the first CTA reads them.
  void give(ArrayRef<Value> accumulators);
  /// Adds those of all other parts, in their order.
  SmallVector<Value> addAll(ArrayRef<Value> accumulators);

private:
  /// Calls `body` for each vector of a thread's sums: with its block of 64
  /// rows, its first sum there, and where it is behind the thread's first, in
  /// sums. All threads' vectors of the same registers are next to each other.
  void forEachVector(
      function_ref<void(int64_t block, int64_t sum, int64_t place)> body);
  /// A loop over the ranks of the CTAs that have this tile's other parts, with
  /// values that it takes and gives.
  SmallVector<Value> forEachOther(
      ValueRange carried,
      function_ref<SmallVector<Value>(IndexValue rank, ValueRange)> body);
  /// Adds the sums of the CTA of that rank.
  SmallVector<Value> add(IndexValue rank, ValueRange accumulators);

  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  const WgmmaSpKernelSpec &spec;
  Value parity;
  VectorType vectorType;
  /// The sums of all consumers of this CTA, and this thread's first.
  Value memory;
  IndexValue first;
};

} // namespace

void PartialSums::forEachVector(
    function_ref<void(int64_t block, int64_t sum, int64_t place)> body) {
  for (int64_t block = 0; block < spec.getBlocks(); ++block)
    for (int64_t sum = 0; sum < spec.getBlockSums(); sum += kVector)
      body(block, sum, (block * spec.getBlockSums() + sum) * wgmma_sp::kLanes);
}

void PartialSums::give(ArrayRef<Value> accumulators) {
  // The phase before the first counts as ended.
  context.sumsEmpty.waitSuspended(context.consumer, flip(b, parity),
                                  MBarriers::Scope::CLUSTER);
  forEachVector([&](int64_t block, int64_t sum, int64_t place) {
    Value vector = vector::ExtractStridedSliceOp::create(
        b, accumulators[block], /*offsets=*/{sum}, /*sizes=*/{kVector},
        /*strides=*/{1});
    vector::StoreOp::create(
        b, vector, memory, ValueRange{(first + place).widen()},
        /*nontemporal=*/false, llvm::MaybeAlign(kVectorBytes));
  });
  context.sumsFull.arriveAt(
      context.getRank(context.clusterTile, context.constant(0)),
      context.consumer, MBarriers::Scope::CLUSTER);
}

SmallVector<Value> PartialSums::add(IndexValue rank, ValueRange accumulators) {
  auto sums = llvm::to_vector_of<Value>(accumulators);
  Value other = getPointerInCta(b, getPointer(b, memory, first), rank);
  forEachVector([&](int64_t block, int64_t sum, int64_t place) {
    Value address = LLVM::GEPOp::create(
        b, other.getType(), vectorType.getElementType(), other,
        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(place)});
    Value theirs = LLVM::LoadOp::create(b, vectorType, address, kVectorBytes);
    Value ours = vector::ExtractStridedSliceOp::create(
        b, sums[block], /*offsets=*/{sum}, /*sizes=*/{kVector},
        /*strides=*/{1});
    sums[block] = vector::InsertStridedSliceOp::create(
        b, createSum(b, b.getLoc(), ours, theirs), sums[block],
        /*offsets=*/{sum}, /*strides=*/{1});
  });
  return sums;
}

SmallVector<Value> PartialSums::forEachOther(
    ValueRange carried,
    function_ref<SmallVector<Value>(IndexValue rank, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, context.constant(1),
                                 context.constant(spec.schedule.getSplitK()),
                                 context.constant(1), carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> yielded =
      body(context.getRank(context.clusterTile, {b, loop.getInductionVar()}),
           loop.getRegionIterArgs());
  // Without values the builder has made the terminator.
  if (!carried.empty())
    scf::YieldOp::create(b, yielded);
  return llvm::to_vector_of<Value>(loop.getResults());
}

SmallVector<Value> PartialSums::addAll(ArrayRef<Value> accumulators) {
  context.sumsFull.waitSuspended(context.consumer, parity,
                                 MBarriers::Scope::CLUSTER);
  // Loops, for the sums of all of them at once are too many registers.
  SmallVector<Value> sums =
      forEachOther(accumulators, [&](IndexValue rank, ValueRange sums) {
        return add(rank, sums);
      });
  // With this scope no load may come after the others store again.
  forEachOther({}, [&](IndexValue rank, ValueRange) {
    context.sumsEmpty.arriveAt(rank, context.consumer,
                               MBarriers::Scope::CLUSTER);
    return SmallVector<Value>();
  });
  return sums;
}

void mlir::sparse24::emitSharedTile(WgmmaSpKernelContext &context, Value parity,
                                    ArrayRef<Value> accumulators,
                                    PipelinePosition &position,
                                    TileEnd finish) {
  PartialSums partial(context, parity);
  context.emitInFirst(
      position,
      [&](PipelinePosition &position) {
        finish(partial.addAll(accumulators), position);
      },
      [&] { partial.give(accumulators); });
}
