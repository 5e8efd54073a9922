// Clusters that share a tile of a `wgmma.sp` kernel hand their sums to the last
// of them through global memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"

using namespace mlir;
using namespace mlir::sparse24;

/// Sums that a thread stores at once: 16 bytes.
static constexpr int64_t kVector = 4;

/// The sums of a consumer.
static int64_t getSumsPerConsumer(const WgmmaSpKernelSpec &spec) {
  return spec.getBlocks() * spec.getBlockSums() * wgmma_sp::kLanes;
}

IndexValue mlir::sparse24::getNumFlags(const WgmmaSpKernelSpec &spec,
                                       IndexValue clusters) {
  return clusters * (spec.schedule.getCluster() * spec.getNumConsumers());
}

IndexValue mlir::sparse24::getNumPartialSums(const WgmmaSpKernelSpec &spec,
                                             IndexValue clusters) {
  return getNumFlags(spec, clusters) * getSumsPerConsumer(spec);
}

namespace {

/// A consumer's part of what is handed on. Consumers of the same number and of
/// CTAs of the same rank have the same part of a tile.
class PartialSums {
public:
  explicit PartialSums(WgmmaSpKernelContext &context)
      : context(context), b(context.builder), spec(context.spec),
        type(spec.matmul.getAccumulatorType()) {}

  /// Hands this consumer's sums on.
  void give(ArrayRef<Value> accumulators);
  /// Adds the sums of that cluster, once they are there.
  SmallVector<Value> add(IndexValue cluster, ValueRange accumulators);

private:
  /// The consumer's number among all.
  IndexValue getNumber(IndexValue cluster) const {
    return (cluster * spec.schedule.getCluster() + context.clusterRank) *
               spec.getNumConsumers() +
           context.consumer;
  }
  /// Where the thread's sums from `first` of a block of 64 rows on are.
  Value getPlace(IndexValue number, int64_t block, int64_t first) const {
    // All threads' vectors of the same registers are next to each other.
    int64_t before = (block * spec.getBlockSums() + first) * wgmma_sp::kLanes;
    return number.widen() * getSumsPerConsumer(spec) +
           (context.thread * kVector + before).widen();
  }
  Value getFlag(IndexValue number) const {
    return getPointer(b, context.flags, number.widen(),
                      NVVM::NVVMMemorySpace::Global);
  }
  void waitFor(Value flag);

  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  const WgmmaSpKernelSpec &spec;
  Type type;
};

} // namespace

/// What other multiprocessors see in order.
static constexpr StringLiteral kDeviceScope = "device";
static constexpr unsigned kFlagAlignment = 4;

void PartialSums::give(ArrayRef<Value> accumulators) {
  IndexValue number = getNumber(context.cluster);
  for (auto [block, sums] : llvm::enumerate(accumulators))
    for (int64_t i = 0; i < spec.getBlockSums(); i += kVector) {
      Value vector = vector::ExtractStridedSliceOp::create(
          b, sums, /*offsets=*/{i}, /*sizes=*/{kVector}, /*strides=*/{1});
      vector::StoreOp::create(
          b, vector, context.partialSums,
          ValueRange{getPlace(number, static_cast<int64_t>(block), i)},
          /*nontemporal=*/false, llvm::MaybeAlign(16));
    }
  // One thread releases what all have stored.
  context.synchronizeConsumer();
  context.emitIf(context.thread < 1, [&] {
    Value one = arith::ConstantOp::create(b, b.getI32IntegerAttr(1));
    LLVM::StoreOp::create(b, one, getFlag(number), kFlagAlignment,
                          /*isVolatile=*/false, /*isNonTemporal=*/false,
                          /*isInvariantGroup=*/false,
                          LLVM::AtomicOrdering::release, kDeviceScope);
  });
}

void PartialSums::waitFor(Value flag) {
  emitPolling(b, [&]() -> Value {
    Value state = LLVM::LoadOp::create(
        b, b.getI32Type(), flag, kFlagAlignment, /*isVolatile=*/false,
        /*isNonTemporal=*/false, /*isInvariant=*/false,
        /*isInvariantGroup=*/false, LLVM::AtomicOrdering::acquire,
        kDeviceScope);
    Value zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, state, zero);
  });
}

SmallVector<Value> PartialSums::add(IndexValue cluster,
                                    ValueRange accumulators) {
  IndexValue number = getNumber(cluster);
  // One thread acquires for all.
  context.emitIf(context.thread < 1, [&] { waitFor(getFlag(number)); });
  context.synchronizeConsumer();
  auto vectorType = VectorType::get({kVector}, type);
  SmallVector<Value> result;
  for (auto [block, sums] : llvm::enumerate(accumulators)) {
    Value total = sums;
    for (int64_t i = 0; i < spec.getBlockSums(); i += kVector) {
      Value own = vector::ExtractStridedSliceOp::create(
          b, sums, /*offsets=*/{i}, /*sizes=*/{kVector}, /*strides=*/{1});
      Value other = vector::LoadOp::create(
          b, vectorType, context.partialSums,
          ValueRange{getPlace(number, static_cast<int64_t>(block), i)},
          /*nontemporal=*/false, llvm::MaybeAlign(16));
      total = vector::InsertStridedSliceOp::create(
          b, createSum(b, b.getLoc(), own, other), total, /*offsets=*/{i},
          /*strides=*/{1});
    }
    result.push_back(total);
  }
  return result;
}

void mlir::sparse24::emitSharedTile(
    WgmmaSpKernelContext &context, const TileWork &work,
    ArrayRef<Value> accumulators, function_ref<void(ArrayRef<Value>)> finish) {
  ImplicitLocOpBuilder &b = context.builder;
  PartialSums partial(context);
  auto ifOp = scf::IfOp::create(b, work.endBlock < context.numBlocks,
                                /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  partial.give(accumulators);

  // Always in the same order, so that the result doesn't depend on who was
  // first.
  b.setInsertionPointToStart(ifOp.elseBlock());
  auto loop = scf::ForOp::create(b, context.constant(0), work.clustersBefore,
                                 context.constant(1), accumulators);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    IndexValue before(b, loop.getInductionVar());
    scf::YieldOp::create(
        b, partial.add(context.cluster - before - 1, loop.getRegionIterArgs()));
  }
  finish(llvm::to_vector_of<Value>(loop.getResults()));
}
