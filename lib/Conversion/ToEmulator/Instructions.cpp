// NVVM's operations as PTX instructions: each function gives the opcode and the
// operands of one. What matrices need is in MatrixInstructions.cpp.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "InstructionText.h"
#include "ToEmulator.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::sparse24;

//===----------------------------------------------------------------------===//
// Qualifiers
//===----------------------------------------------------------------------===//

/// Nothing for what PTX takes by default: ".release.cta".
static std::string getOrder(NVVM::MemScopeKind scope, bool isRelaxed,
                            StringRef order) {
  if (scope == NVVM::MemScopeKind::CTA && !isRelaxed)
    return "";
  return ("." + (isRelaxed ? "relaxed" : order) + "." +
          stringifyMemScopeKind(scope))
      .str();
}

//===----------------------------------------------------------------------===//
// PTX ISA: special registers
//===----------------------------------------------------------------------===//

static constexpr StringLiteral kSpecialRegister("nvvm.read.ptx.sreg.");

static Values emitSpecialRegister(Operation *op, Emitter &e) {
  StringRef name =
      op->getName().getStringRef().drop_front(kSpecialRegister.size());
  if (name == "warpsize")
    return {e.constant(32)};
  // NVVM has dots where PTX has underscores, but for those of dimensions.
  auto [head, tail] = name.rsplit('.');
  std::string ptxName = name.str();
  bool isDimension = tail == "x" || tail == "y" || tail == "z";
  size_t end = isDimension ? ptxName.size() - 2 : ptxName.size();
  std::replace(ptxName.begin(), ptxName.begin() + end, '.', '_');
  Type type = op->getResult(0).getType();
  return e.execute("mov.u" + std::to_string(type.getIntOrFloatBitWidth()) +
                       ".%" + ptxName,
                   {}, type);
}

//===----------------------------------------------------------------------===//
// Barriers and fences
//===----------------------------------------------------------------------===//

// PTX ISA: bar, barrier.
static Values emit(NVVM::Barrier0Op op, Emitter &e) {
  return e.execute("bar.sync", {e.constant(0), e.constant(0)});
}

static Values emit(NVVM::BarrierOp op, Emitter &e) {
  Value id = op.getBarrierId() ? op.getBarrierId() : e.constant(0);
  Value count =
      op.getNumberOfThreads() ? op.getNumberOfThreads() : e.constant(0);
  auto kind = op.getReductionOp();
  if (!kind)
    return e.execute("bar.sync", {id, count});
  bool isCount = *kind == NVVM::BarrierReduction::POPC;
  return e.execute("bar.red" + dot(stringifyBarrierReduction(*kind)) +
                       (isCount ? ".u32" : ".pred"),
                   {id, count, op.getReductionPredicate()}, e.i32Type);
}

static Values emit(NVVM::BarrierArriveOp op, Emitter &e) {
  Value id = op.getBarrierId() ? op.getBarrierId() : e.constant(0);
  return e.execute("bar.arrive", {id, op.getNumberOfThreads()});
}

// PTX ISA: bar.warp.sync.
static Values emit(NVVM::SyncWarpOp op, Emitter &e) {
  return e.execute("bar.warp.sync", op.getMask());
}

// PTX ISA: barrier.cluster.
static Values emit(NVVM::ClusterArriveOp op, Emitter &e) {
  return e.execute(op.getAligned() ? "barrier.cluster.arrive.aligned"
                                   : "barrier.cluster.arrive",
                   {});
}
static Values emit(NVVM::ClusterArriveRelaxedOp op, Emitter &e) {
  return e.execute(op.getAligned() ? "barrier.cluster.arrive.relaxed.aligned"
                                   : "barrier.cluster.arrive.relaxed",
                   {});
}
static Values emit(NVVM::ClusterWaitOp op, Emitter &e) {
  return e.execute(op.getAligned() ? "barrier.cluster.wait.aligned"
                                   : "barrier.cluster.wait",
                   {});
}

// PTX ISA: membar, fence.
static Values emit(NVVM::MembarOp op, Emitter &e) {
  return e.execute("fence.acq_rel" + dot(stringifyMemScopeKind(op.getScope())),
                   {});
}
static Values emit(NVVM::FenceScClusterOp, Emitter &e) {
  return e.execute("fence.sc.cluster", {});
}
static Values emit(NVVM::FenceMbarrierInitOp, Emitter &e) {
  return e.execute("fence.mbarrier_init.release.cluster", {});
}
static Values emit(NVVM::FenceProxyOp op, Emitter &e) {
  std::string opcode = "fence.proxy" + dot(stringifyProxyKind(op.getKind()));
  // The enumeration says where, PTX what.
  if (op.getKind() == NVVM::ProxyKind::async_shared)
    opcode = op.getSpace() == NVVM::SharedSpace::shared_cluster
                 ? "fence.proxy.async.shared::cluster"
                 : "fence.proxy.async.shared::cta";
  return e.execute(opcode, {});
}

// PTX ISA: griddepcontrol; setmaxnreg; trap; nanosleep.
static Values emit(NVVM::GriddepcontrolOp op, Emitter &e) {
  return e.execute(
      "griddepcontrol" + dot(stringifyGridDepActionKind(op.getKind())), {});
}
static Values emit(NVVM::SetMaxRegisterOp op, Emitter &e) {
  bool isIncrease = op.getAction() == NVVM::SetMaxRegisterAction::increase;
  return e.execute(isIncrease ? "setmaxnreg.inc.sync.aligned.u32"
                              : "setmaxnreg.dec.sync.aligned.u32",
                   e.constant(op.getRegCount()));
}
static Values emit(LLVM::Trap, Emitter &e) { return e.execute("trap", {}); }
static Values emit(NVVM::NanosleepOp op, Emitter &e) {
  return e.execute("nanosleep.u32", op.getDuration());
}

//===----------------------------------------------------------------------===//
// What lanes exchange
//===----------------------------------------------------------------------===//

// PTX ISA: shfl.sync.
static Values emit(NVVM::ShflOp op, Emitter &e) {
  Type valueType = op.getVal().getType();
  Values results = e.execute(
      "shfl.sync" + dot(stringifyShflKind(op.getKind())) + ".b32",
      {op.getVal(), op.getOffset(), op.getMaskAndClamp(), op.getThreadMask()},
      {valueType, e.i1Type});
  if (!isa<LLVM::LLVMStructType>(op.getType()))
    return {results[0]};
  Value both = LLVM::PoisonOp::create(e.builder, e.loc, op.getType());
  for (int64_t i : {0, 1})
    both = LLVM::InsertValueOp::create(e.builder, e.loc, both, results[i],
                                       ArrayRef<int64_t>{i});
  return {both};
}

// PTX ISA: vote.sync; match.sync.
static Values emit(NVVM::VoteSyncOp op, Emitter &e) {
  bool isBallot = op.getKind() == NVVM::VoteSyncKind::ballot;
  return e.execute("vote.sync" + dot(stringifyVoteSyncKind(op.getKind())) +
                       (isBallot ? ".b32" : ".pred"),
                   {op.getPred(), op.getMask()}, op.getType());
}
static Values emit(NVVM::MatchSyncOp op, Emitter &e) {
  std::string bits =
      std::to_string(op.getVal().getType().getIntOrFloatBitWidth());
  return e.execute("match" + dot(stringifyMatchSyncKind(op.getKind())) +
                       ".sync.b" + bits,
                   {op.getVal(), op.getThreadMask()}, op.getType());
}

// PTX ISA: redux.sync.
static Values emit(NVVM::ReduxOp op, Emitter &e) {
  StringRef kind = stringifyReduxKind(op.getKind());
  bool isUnsigned = kind.consume_front("u"), isFloat = kind.consume_front("f");
  bool isBitwise = kind == "and" || kind == "or" || kind == "xor";
  std::string opcode = "redux.sync" + dot(kind);
  if (op.getAbs())
    opcode += ".abs";
  if (op.getNan())
    opcode += ".NaN";
  opcode += isFloat      ? ".f32"
            : isBitwise  ? ".b32"
            : isUnsigned ? ".u32"
                         : ".s32";
  return e.execute(opcode, {op.getVal(), op.getMaskAndClamp()}, op.getType());
}

// PTX ISA: elect.sync, which also gives the leader's lane.
static Values emit(NVVM::ElectSyncOp op, Emitter &e) {
  Value mask = op.getMembermask() ? op.getMembermask() : e.constant(-1);
  return {e.execute("elect.sync", mask, {e.i32Type, e.i1Type})[1]};
}

//===----------------------------------------------------------------------===//
// PTX ISA: mbarrier
//===----------------------------------------------------------------------===//

static Values emit(NVVM::MBarrierInitOp op, Emitter &e) {
  return predicated(e, op.getPredicate(), [&] {
    e.execute("mbarrier.init" + getSharedSuffix(op.getAddr()) + ".b64",
              {op.getAddr(), op.getCount()});
  });
}
static Values emit(NVVM::MBarrierInvalOp op, Emitter &e) {
  return e.execute("mbarrier.inval" + getSharedSuffix(op.getAddr()) + ".b64",
                   op.getAddr());
}

template <typename TxOp>
static Values emitTx(TxOp op, StringRef name, Emitter &e) {
  return e.execute(("mbarrier." + name).str() + ".relaxed" +
                       dot(stringifyMemScopeKind(op.getScope())) +
                       getSharedSuffix(op.getAddr()) + ".b64",
                   {op.getAddr(), op.getTxcount()});
}
static Values emit(NVVM::MBarrierExpectTxOp op, Emitter &e) {
  return emitTx(op, "expect_tx", e);
}
static Values emit(NVVM::MBarrierCompleteTxOp op, Emitter &e) {
  return emitTx(op, "complete_tx", e);
}

/// All arrivals give a state, whether the operation has it as a result or not.
static Values emitArrive(Operation *op, Emitter &e, StringRef opcode,
                         Value address, Value count) {
  if (!count)
    count = e.constant(1);
  Values state = e.execute((opcode + getSharedSuffix(address) + ".b64").str(),
                           {address, count}, e.i64Type);
  state.resize(op->getNumResults());
  return state;
}
static Values emit(NVVM::MBarrierArriveOp op, Emitter &e) {
  return emitArrive(op, e,
                    "mbarrier.arrive" +
                        getOrder(op.getScope(), op.getRelaxed(), "release"),
                    op.getAddr(), op.getCount());
}
static Values emit(NVVM::MBarrierArriveDropOp op, Emitter &e) {
  return emitArrive(op, e,
                    "mbarrier.arrive_drop" +
                        getOrder(op.getScope(), op.getRelaxed(), "release"),
                    op.getAddr(), op.getCount());
}
static Values emit(NVVM::MBarrierArriveNocompleteOp op, Emitter &e) {
  return emitArrive(op, e, "mbarrier.arrive.noComplete", op.getAddr(),
                    op.getCount());
}
static Values emit(NVVM::MBarrierArriveExpectTxOp op, Emitter &e) {
  std::string opcode = "mbarrier.arrive.expect_tx" +
                       getOrder(op.getScope(), op.getRelaxed(), "release");
  if (!op.getPredicate())
    return emitArrive(op, e, opcode, op.getAddr(), op.getTxcount());
  return predicated(e, op.getPredicate(), [&] {
    emitArrive(op, e, opcode, op.getAddr(), op.getTxcount());
  });
}
static Values emit(NVVM::MBarrierArriveDropExpectTxOp op, Emitter &e) {
  return emitArrive(op, e,
                    "mbarrier.arrive_drop.expect_tx" +
                        getOrder(op.getScope(), op.getRelaxed(), "release"),
                    op.getAddr(), op.getTxcount());
}

/// A 32-bit operand is a phase's parity, a 64-bit one a state.
template <typename WaitOp>
static Values emitWait(WaitOp op, StringRef name, Emitter &e) {
  std::string opcode = ("mbarrier." + name).str();
  if (op.getStateOrPhase().getType() == e.i32Type)
    opcode += ".parity";
  opcode += getOrder(op.getScope(), op.getRelaxed(), "acquire");
  return e.execute(opcode + getSharedSuffix(op.getAddr()) + ".b64",
                   {op.getAddr(), op.getStateOrPhase()}, e.i1Type);
}
static Values emit(NVVM::MBarrierTestWaitOp op, Emitter &e) {
  return emitWait(op, "test_wait", e);
}
static Values emit(NVVM::MBarrierTryWaitOp op, Emitter &e) {
  return emitWait(op, "try_wait", e);
}
/// This operation stands for a loop.
static Values emit(NVVM::MBarrierTryWaitParityOp op, Emitter &e) {
  e.repeatUntil([&] {
    return e.execute("mbarrier.try_wait.parity" +
                         getSharedSuffix(op.getAddr()) + ".b64",
                     {op.getAddr(), op.getPhase()}, e.i1Type)[0];
  });
  return {};
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

Lowered mlir::sparse24::lowerInstruction(Operation *op, Emitter &e) {
  if (op->getName().getStringRef().starts_with(kSpecialRegister))
    return FailureOr<Values>(emitSpecialRegister(op, e));
  return dispatch<
      LLVM::Trap, NVVM::Barrier0Op, NVVM::BarrierArriveOp, NVVM::BarrierOp,
      NVVM::ClusterArriveOp, NVVM::ClusterArriveRelaxedOp, NVVM::ClusterWaitOp,
      NVVM::ElectSyncOp, NVVM::FenceMbarrierInitOp, NVVM::FenceProxyOp,
      NVVM::FenceScClusterOp, NVVM::GriddepcontrolOp,
      NVVM::MBarrierArriveDropExpectTxOp, NVVM::MBarrierArriveDropOp,
      NVVM::MBarrierArriveExpectTxOp, NVVM::MBarrierArriveNocompleteOp,
      NVVM::MBarrierArriveOp, NVVM::MBarrierCompleteTxOp,
      NVVM::MBarrierExpectTxOp, NVVM::MBarrierInitOp, NVVM::MBarrierInvalOp,
      NVVM::MBarrierTestWaitOp, NVVM::MBarrierTryWaitOp,
      NVVM::MBarrierTryWaitParityOp, NVVM::MatchSyncOp, NVVM::MembarOp,
      NVVM::NanosleepOp, NVVM::ReduxOp, NVVM::SetMaxRegisterOp, NVVM::ShflOp,
      NVVM::SyncWarpOp, NVVM::VoteSyncOp>(
      op, [&](auto known) { return emit(known, e); });
}
