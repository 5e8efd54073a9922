// Puts a `wgmma.sp` kernel together from its parts.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::sparse24;

static int64_t getBarrierOffset(const WgmmaSpKernelSpec &spec) {
  return getMainloopSharedMemoryBytes(spec) +
         getEpilogueSharedMemoryBytes(spec) + getSplitKSharedMemoryBytes(spec);
}

int64_t WgmmaSpKernelSpec::getBarrierBytes() const {
  return (2 * schedule.getStages() + getNumOrderBarriers() +
          2 * getNumSumBarriers()) *
         MBarriers::kBytes;
}

int64_t WgmmaSpKernelSpec::getSharedMemoryBytes() const {
  return getBarrierOffset(*this) + getBarrierBytes();
}

int64_t WgmmaSpKernelSpec::getSharedMemoryLimit() const {
  return TargetAttr::get(schedule.getContext(), "sm_90a")
      .getSharedMemoryBytes();
}

static nvgpu::TensorMapDescriptorType
getTensorMapType(ArrayRef<int64_t> box, Type elementType, bool isSwizzled) {
  MLIRContext *context = elementType.getContext();
  auto space =
      IntegerAttr::get(IntegerType::get(context, 64),
                       static_cast<int64_t>(NVVM::NVVMMemorySpace::Shared));
  return nvgpu::TensorMapDescriptorType::get(
      context,
      MemRefType::get(box, elementType, MemRefLayoutAttrInterface(), space),
      isSwizzled ? nvgpu::TensorMapSwizzleKind::SWIZZLE_128B
                 : nvgpu::TensorMapSwizzleKind::SWIZZLE_NONE,
      nvgpu::TensorMapL2PromoKind::L2PROMO_128B,
      nvgpu::TensorMapOOBKind::OOB_ZERO,
      nvgpu::TensorMapInterleaveKind::INTERLEAVE_NONE);
}

nvgpu::TensorMapDescriptorType TensorMapShape::getType() const {
  return getTensorMapType({major, minor}, elementType, isSwizzled());
}

nvgpu::TensorMapDescriptorType PackedBox::getType(MLIRContext *context) const {
  return getTensorMapType({panels, rows, words}, IntegerType::get(context, 32),
                          /*isSwizzled=*/false);
}

static PackedBox getPackedBox(const WgmmaSpKernelSpec &spec, int64_t bytes) {
  constexpr int64_t maxWords = 256;
  int64_t words = bytes / PackedBox::kWordBytes;
  int64_t panels = spec.schedule.getTileRows() / wgmma_sp::kM;
  return {spec.schedule.getSplitTail() ? panels / 2 : panels,
          std::max<int64_t>(words / maxWords, 1), std::min(words, maxWords)};
}

PackedBox mlir::sparse24::getValueBox(const WgmmaSpKernelSpec &spec) {
  return getPackedBox(spec, spec.getPackedLayout().blockValueBytes());
}

PackedBox mlir::sparse24::getMetadataBox(const WgmmaSpKernelSpec &spec) {
  return getPackedBox(spec, spec.getPackedLayout().blockMetadataBytes());
}

IndexValue TensorMapShape::getOffset(IndexValue majorIndex,
                                     IndexValue minorIndex) const {
  if (isSwizzled()) {
    int64_t pieceElements = minor / 8;
    IndexValue pieceIndex = (minorIndex / pieceElements) ^ (majorIndex % 8);
    minorIndex = pieceIndex * pieceElements + minorIndex % pieceElements;
  }
  return majorIndex * minor + minorIndex;
}

//===----------------------------------------------------------------------===//
// Context
//===----------------------------------------------------------------------===//

Value mlir::sparse24::flip(ImplicitLocOpBuilder &b, Value bit) {
  Value one = arith::ConstantOp::create(b, b.getI32IntegerAttr(1));
  return arith::XOrIOp::create(b, bit, one);
}

PipelinePosition WgmmaSpKernelContext::getFirstPosition() const {
  Value even = arith::ConstantOp::create(builder, builder.getI32IntegerAttr(0));
  return {constant(0), even};
}

PipelinePosition
WgmmaSpKernelContext::getNext(const PipelinePosition &position) const {
  IndexValue next = position.stage + 1;
  Value isInside = next < spec.schedule.getStages();
  Value flipped = flip(builder, position.parity);
  return {next.orZeroUnless(isInside),
          arith::SelectOp::create(builder, isInside, position.parity, flipped)};
}

PipelinePosition WgmmaSpKernelContext::skip(const PipelinePosition &position,
                                            IndexValue count) const {
  int64_t stages = spec.schedule.getStages();
  IndexValue stage = position.stage + count;
  // The parity changes with each round.
  Value isOdd = stage / stages % 2;
  return {stage % stages,
          arith::XOrIOp::create(builder, position.parity, isOdd)};
}

Value WgmmaSpKernelContext::viewStages() const {
  return viewSharedMemory(builder, /*offset=*/int64_t(0),
                          {getMainloopSharedMemoryBytes(spec)},
                          builder.getI8Type());
}

Value WgmmaSpKernelContext::getStagePointer(IndexValue offset) const {
  Value pointer = getPointer(builder, viewStages(), offset);
  // The CTA's own memory as a part of the cluster's.
  auto clusterType = LLVM::LLVMPointerType::get(
      builder.getContext(),
      static_cast<unsigned>(NVVM::NVVMMemorySpace::SharedCluster));
  return LLVM::AddrSpaceCastOp::create(builder, clusterType, pointer);
}

void WgmmaSpKernelContext::copyBox(Value map, ValueRange coordinates,
                                   IndexValue target, IndexValue stage,
                                   Value multicastMask) {
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      builder, getStagePointer(target), map, coordinates,
      full.getPointer(stage), /*im2colOffsets=*/ValueRange(), multicastMask,
      /*l2CacheHint=*/Value(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false,
      /*group=*/nullptr, /*predicate=*/Value());
}

void WgmmaSpKernelContext::waitUntilEmpty(const PipelinePosition &position) {
  // The first round finds all stages empty: the phase before the first counts
  // as ended.
  empty.waitSuspended(position.stage, flip(builder, position.parity));
}

void WgmmaSpKernelContext::release(IndexValue stage, Value condition) {
  // A lane of each warp for each CTA, once all have read.
  Value allLanes =
      arith::ConstantOp::create(builder, builder.getI32IntegerAttr(-1));
  NVVM::SyncWarpOp::create(builder, allLanes);
  IndexValue lane = thread % ::sparse24::mma_sp::kLanes;
  Value arrives = lane < spec.getClusterTiles();
  if (condition)
    arrives = arith::AndIOp::create(builder, arrives, condition);
  emitIf(arrives, [&] {
    if (spec.getClusterTiles() == 1)
      return empty.arrive(stage);
    empty.arriveAt(getRank(lane, part), stage);
  });
}

void WgmmaSpKernelContext::emitIf(Value condition,
                                  function_ref<void()> body) const {
  auto ifOp = scf::IfOp::create(builder, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(ifOp.thenBlock());
  body();
}

void WgmmaSpKernelContext::emitInFirst(
    PipelinePosition &position, function_ref<void(PipelinePosition &)> first,
    function_ref<void()> others) const {
  if (spec.schedule.getSplitK() == 1)
    return first(position);
  auto ifOp = scf::IfOp::create(
      builder, TypeRange(ValueRange(position.getCarried())), part < 1,
      /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(builder);
    PipelinePosition after = position;
    builder.setInsertionPointToStart(ifOp.thenBlock());
    first(after);
    scf::YieldOp::create(builder, after.getCarried());
    builder.setInsertionPointToStart(ifOp.elseBlock());
    others();
    scf::YieldOp::create(builder, position.getCarried());
  }
  position = PipelinePosition::get(builder, ifOp.getResults());
}

void WgmmaSpKernelContext::synchronizeConsumer() const {
  // Barrier 0 is the CTA's.
  Value barrier = consumer + 1;
  Value threads = arith::ConstantOp::create(
      builder, builder.getI32IntegerAttr(wgmma_sp::kLanes));
  NVVM::BarrierOp::create(builder, TypeRange(), barrier, threads,
                          /*reductionOp=*/nullptr,
                          /*reductionPredicate=*/Value());
}

//===----------------------------------------------------------------------===//
// Kernel
//===----------------------------------------------------------------------===//

/// Registers of a thread of the producer and of a consumer: what 64 Ki
/// registers allow. A producer needs more if it also copies the epilogue's
/// operands, or the dense one in chunks of columns. None where all threads have
/// as many.
static std::optional<std::pair<int, int>>
getRegisters(const WgmmaSpKernelSpec &spec) {
  switch (spec.getNumConsumers()) {
  case 2:
    return getNumOperandStages(spec) > 0 || !spec.isDenseKContiguous()
               ? std::pair(40, 232)
               : std::pair(24, 240);
  case 3:
    return std::pair(32, 160);
  default:
    return std::nullopt;
  }
}

int64_t WgmmaSpKernelSpec::getConsumerRegisters() const {
  if (auto registers = getRegisters(*this))
    return registers->second;
  // In units of eight, of which a thread can't name the last one.
  constexpr int64_t allRegisters = 65536, unit = 8, limit = 255;
  return std::min(limit, allRegisters / getNumThreads() / unit * unit);
}

static void setRegisters(ImplicitLocOpBuilder &b, const WgmmaSpKernelSpec &spec,
                         bool isConsumer) {
  if (auto registers = getRegisters(spec))
    NVVM::SetMaxRegisterOp::create(
        b, isConsumer ? registers->second : registers->first,
        isConsumer ? NVVM::SetMaxRegisterAction::increase
                   : NVVM::SetMaxRegisterAction::decrease);
}

/// All threads of the cluster wait for each other.
static void synchronize(const WgmmaSpKernelContext &context) {
  ImplicitLocOpBuilder &b = context.builder;
  if (context.spec.schedule.getCluster() == 1) {
    gpu::BarrierOp::create(b);
    return;
  }
  NVVM::ClusterArriveOp::create(b, b.getUnitAttr());
  NVVM::ClusterWaitOp::create(b, b.getUnitAttr());
}

/// What one thread prepares for all.
static void initialize(WgmmaSpKernelContext &context, IndexValue threadOfCta) {
  ImplicitLocOpBuilder &b = context.builder;
  const WgmmaSpKernelSpec &spec = context.spec;
  context.emitIf(threadOfCta < 1, [&] {
    // The first copies would wait for them.
    SmallVector<Value> maps = {context.valueMap, context.metadataMap,
                               context.denseMap, context.denseTailMap,
                               context.outputMap};
    llvm::append_range(maps, context.epilogueOperands);
    for (Value map : maps)
      if (map && isa<LLVM::LLVMPointerType>(map.getType()))
        NVVM::PrefetchOp::create(b, /*cacheLevel=*/nullptr,
                                 /*evictPriority=*/nullptr, map,
                                 /*predicate=*/Value(), b.getUnitAttr(),
                                 /*uniform=*/nullptr,
                                 /*inParamSpace=*/nullptr);
    context.full.initialize(1);
    // Each warp of each consumer of a tile, in all CTAs that share the dense
    // operand.
    context.empty.initialize(spec.getTeamConsumers() * wgmma_sp::kWarps *
                             spec.getClusterTiles());
    context.order.initialize(1);
    initializeSumBarriers(context);
    NVVM::FenceMbarrierInitOp::create(b);
  });
  synchronize(context);
}

/// The value, in a way that hides where it is from: what is computed from it is
/// computed here, not kept in registers from before.
static IndexValue recompute(ImplicitLocOpBuilder &b, IndexValue value) {
  return {b, createInlinePtx(b, b.getI32Type(), Value(value), "mov.b32 $0, $1;",
                             "=r,r")};
}

/// A copy of the context for what comes after the mainloop, which needs all
/// registers.
static WgmmaSpKernelContext recompute(const WgmmaSpKernelContext &context) {
  WgmmaSpKernelContext copy = context;
  copy.consumer = recompute(context.builder, context.consumer);
  copy.thread = recompute(context.builder, context.thread);
  return copy;
}

namespace {
/// With ping-pong, how a team takes turns with the other one.
class Turns {
public:
  explicit Turns(WgmmaSpKernelContext &context)
      : context(context), b(context.builder), team(context.consumer),
        numOperandStages(getNumOperandStages(context.spec)),
        tileStages(context.numBlocks + numOperandStages) {}

  IndexValue getTeam() const { return team; }
  /// The first position, and the parity of the phase that is waited for first:
  /// the first team finds it ended.
  SmallVector<Value> getFirst() {
    PipelinePosition position =
        context.skip(context.getFirstPosition(), team * tileStages);
    SmallVector<Value> carried = position.getCarried();
    carried.push_back(flip(b, team));
    return carried;
  }
  void wait(Value parity) { context.order.waitSuspended(team, parity); }
  /// Once all stages of the tile have been waited for.
  void give(bool isEpilogue) {
    if (isEpilogue != (numOperandStages > 0))
      return;
    context.emitIf(context.thread < 1, [&] {
      context.order.arrive({b, flip(b, team)});
    });
  }
  SmallVector<Value> getNext(const PipelinePosition &position, Value parity) {
    SmallVector<Value> carried =
        context.skip(position, tileStages).getCarried();
    carried.push_back(flip(b, parity));
    return carried;
  }

private:
  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  IndexValue team;
  int64_t numOperandStages;
  /// What a tile takes.
  IndexValue tileStages;
};
} // namespace

/// A tile's products and its epilogue. `sumsParity` is that of the tile's
/// phase in the barriers of split-K.
static void emitTile(WgmmaSpKernelContext &context, const TileWork &work,
                     PipelinePosition &position,
                     function_ref<void()> onLastStage,
                     Value sumsParity = Value()) {
  emitEpiloguePrologue(context, work.tile);
  SmallVector<Value> sums = emitProducts(context, work, position, onLastStage);
  WgmmaSpKernelContext after = recompute(context);
  auto finish = [&](ArrayRef<Value> sums, PipelinePosition &position) {
    emitEpilogue(after, work.tile, sums, position);
  };
  if (context.spec.schedule.getSplitK() > 1)
    emitSharedTile(after, sumsParity, sums, position, finish);
  else
    finish(sums, position);
}

static void emitConsumer(WgmmaSpKernelContext &context) {
  if (context.spec.schedule.getSplitK() > 1) {
    PipelinePosition first = context.getFirstPosition();
    emitTileLoop(context, {context.constant(0), /*step=*/1},
                 {first.stage, first.parity, /*sumsParity=*/first.parity},
                 [](WgmmaSpKernelContext &context, const TileWork &work,
                    ValueRange carried) -> SmallVector<Value> {
                   auto position =
                       PipelinePosition::get(context.builder, carried);
                   Value sumsParity = carried[2];
                   emitTile(
                       context, work, position, [] {}, sumsParity);
                   return {position.stage, position.parity,
                           flip(context.builder, sumsParity)};
                 });
  } else if (context.spec.getNumTeams() == 1) {
    emitTileLoop(context, [](WgmmaSpKernelContext &context,
                             const TileWork &work, PipelinePosition &position) {
      emitTile(context, work, position, [] {});
    });
  } else {
    Turns turns(context);
    emitTileLoop(context, {turns.getTeam(), context.spec.getNumTeams()},
                 turns.getFirst(),
                 [&](WgmmaSpKernelContext &context, const TileWork &work,
                     ValueRange carried) {
                   auto position =
                       PipelinePosition::get(context.builder, carried);
                   Value parity = carried[2];
                   turns.wait(parity);
                   emitTile(context, work, position,
                            [&] { turns.give(/*isEpilogue=*/false); });
                   turns.give(/*isEpilogue=*/true);
                   return turns.getNext(position, parity);
                 });
  }
  emitEpilogueEnd(context);
}

/// The kernel's arguments are those of the launch: the tensor maps of the
/// packed operand's values and metadata and of the dense operand, the one of
/// its last columns if its K is contiguous, K, the output, its tensor map if it
/// is aligned, and the epilogue's operands or their tensor maps.
static SmallVector<Type> getArgumentTypes(const WgmmaSpKernelSpec &spec) {
  MatmulOp matmul = spec.matmul;
  MLIRContext *context = matmul.getContext();
  SmallVector<Type> types = {getValueBox(spec).getType(context),
                             getMetadataBox(spec).getType(context),
                             getDenseMap(spec).getType()};
  if (spec.isDenseKContiguous())
    types.push_back(getDenseMap(spec).getType());
  types.append({IndexType::get(context), getArgumentType(matmul.getInit())});
  if (spec.isOutputAligned)
    types.push_back(getOutputMap(spec).getType());
  for (auto [i, operand] : llvm::enumerate(matmul.getEpilogueOperands())) {
    auto map = getEpilogueOperandMap(spec, static_cast<int64_t>(i));
    types.push_back(map ? Type(map->getType()) : getArgumentType(operand));
  }
  return types;
}

/// The value of a warp's first lane, which all lanes have: this tells ptxas
/// so, and it keeps what depends on it in uniform registers.
static IndexValue getUniform(ImplicitLocOpBuilder &b, IndexValue value) {
  auto constant = [&](int32_t c) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(c));
  };
  Value all = constant(-1), firstLane = constant(0), limit = constant(31);
  return {b, NVVM::ShflOp::create(b, b.getI32Type(), all, Value(value),
                                  firstLane, limit, NVVM::ShflKind::idx,
                                  /*return_value_and_is_valid=*/nullptr)};
}

gpu::GPUFuncOp
mlir::sparse24::buildWgmmaSpKernel(OpBuilder &builder, Location loc,
                                   StringRef name,
                                   const WgmmaSpKernelSpec &spec) {
  gpu::GPUFuncOp func = createKernel(builder, loc, name, getArgumentTypes(spec),
                                     spec.getNumThreads());
  int64_t cluster = spec.schedule.getCluster();
  if (cluster > 1)
    func.setKnownClusterSizeAttr(
        builder.getDenseI32ArrayAttr({static_cast<int32_t>(cluster), 1, 1}));

  auto b = ImplicitLocOpBuilder::atBlockBegin(loc, &func.getBody().front());
  ValueRange rest = func.getArguments();
  auto take = [&] {
    Value argument = rest.front();
    rest = rest.drop_front();
    return argument;
  };
  auto toPointer = [&](Value map) -> Value {
    return UnrealizedConversionCastOp::create(
               b, LLVM::LLVMPointerType::get(b.getContext()), map)
        .getResult(0);
  };
  auto narrow = [&](Value index) { return IndexValue(b, index).narrow(); };
  Value valueMap = toPointer(take());
  Value metadataMap = toPointer(take());
  Value denseMap = toPointer(take());
  Value denseTailMap = spec.isDenseKContiguous() ? toPointer(take()) : Value();
  IndexValue k = narrow(take());
  Value output = take();
  Value outputMap = spec.isOutputAligned ? toPointer(take()) : Value();
  SmallVector<Value> epilogueOperands;
  for (Value operand : rest)
    epilogueOperands.push_back(
        isa<MemRefType>(operand.getType()) ? operand : toPointer(operand));
  IndexValue thread = narrow(gpu::ThreadIdOp::create(b, gpu::Dimension::x));
  IndexValue block = narrow(gpu::BlockIdOp::create(b, gpu::Dimension::x));
  IndexValue blocks = narrow(gpu::GridDimOp::create(b, gpu::Dimension::x));
  IndexValue warpgroup = getUniform(b, thread / wgmma_sp::kLanes);
  int64_t barrierOffset = getBarrierOffset(spec);
  auto takeBarriers = [&](int64_t number) {
    MBarriers barriers(b, IndexValue(b, barrierOffset).narrow(), number);
    barrierOffset += number * MBarriers::kBytes;
    return barriers;
  };
  int64_t stages = spec.schedule.getStages();
  IndexValue rank = block % cluster, clusterTile = rank,
             part = IndexValue(b, int64_t(0)).narrow();
  if (spec.schedule.getSplitK() > 1) {
    clusterTile = rank % spec.getClusterTiles();
    part = rank / spec.getClusterTiles();
  }
  WgmmaSpKernelContext context{
      b,
      spec,
      valueMap,
      metadataMap,
      denseMap,
      denseTailMap,
      output,
      outputMap,
      epilogueOperands,
      getRows(b, spec, output).narrow(),
      getCols(b, spec, output).narrow(),
      k.ceilDiv(spec.getPackedLayout().kBlock()),
      block / cluster,
      blocks / cluster,
      clusterTile,
      part,
      /*consumer=*/warpgroup - 1,
      thread % wgmma_sp::kLanes,
      /*full=*/takeBarriers(stages),
      /*empty=*/takeBarriers(stages),
      /*order=*/takeBarriers(spec.getNumOrderBarriers()),
      /*sumsFull=*/takeBarriers(spec.getNumSumBarriers()),
      /*sumsEmpty=*/takeBarriers(spec.getNumSumBarriers())};

  initialize(context, thread);
  auto roles = scf::IfOp::create(b, warpgroup < 1, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(roles.thenBlock());
    setRegisters(b, spec, /*isConsumer=*/false);
    context.emitIf(thread < ::sparse24::mma_sp::kLanes,
                   [&] { emitProducer(context); });
    b.setInsertionPointToStart(roles.elseBlock());
    setRegisters(b, spec, /*isConsumer=*/true);
    emitConsumer(context);
  }
  // No CTA ends while others may still copy into its shared memory, or arrive
  // at its barriers.
  if (cluster > 1)
    synchronize(context);
  gpu::ReturnOp::create(b);
  return func;
}
