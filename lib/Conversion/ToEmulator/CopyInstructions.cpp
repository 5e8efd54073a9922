// NVVM's copies as PTX instructions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "InstructionText.h"
#include "ToEmulator.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::sparse24;

// PTX ISA: mapa.
static Values emit(NVVM::MapaOp op, Emitter &e) {
  return e.execute("mapa" + getSharedSuffix(op.getRes()) + ".u64",
                   {op.getA(), op.getB()}, op.getType());
}

//===----------------------------------------------------------------------===//
// PTX ISA: data movement, asynchronous copy
//===----------------------------------------------------------------------===//

static Values emit(NVVM::CpAsyncOp op, Emitter &e) {
  Value size = e.constant(op.getSize());
  return e.execute(
      "cp.async" + dot(stringifyLoadCacheModifierKind(op.getModifier())) +
          ".shared.global",
      {op.getDst(), op.getSrc(), size, op.getCpSize() ? op.getCpSize() : size});
}
static Values emit(NVVM::CpAsyncCommitGroupOp, Emitter &e) {
  return e.execute("cp.async.commit_group", {});
}
static Values emit(NVVM::CpAsyncWaitGroupOp op, Emitter &e) {
  return e.execute("cp.async.wait_group", e.constant(op.getN()));
}
static Values emit(NVVM::CpAsyncMBarrierArriveOp op, Emitter &e) {
  std::string opcode = "cp.async.mbarrier.arrive";
  if (op.getNoinc())
    opcode += ".noinc";
  return e.execute(opcode + getSharedSuffix(op.getAddr()) + ".b64",
                   op.getAddr());
}

static Values emit(NVVM::CpAsyncBulkCommitGroupOp, Emitter &e) {
  return e.execute("cp.async.bulk.commit_group", {});
}
static Values emit(NVVM::CpAsyncBulkWaitGroupOp op, Emitter &e) {
  return e.execute(op.getRead() ? "cp.async.bulk.wait_group.read"
                                : "cp.async.bulk.wait_group",
                   e.constant(op.getGroup()));
}

static constexpr StringLiteral kCompletesBytes(".mbarrier::complete_tx::bytes");

/// Appends the mask of CTAs where there is one.
static std::string addMulticast(std::string opcode, Value mask,
                                Values &operands) {
  if (!mask)
    return opcode;
  operands.push_back(mask);
  return opcode + ".multicast::cluster";
}

static Values emit(NVVM::CpAsyncBulkGlobalToSharedClusterOp op, Emitter &e) {
  Values operands = {op.getDstMem(), op.getSrcMem(), op.getSize(),
                     op.getMbar()};
  std::string opcode =
      ("cp.async.bulk.shared::cluster.global" + kCompletesBytes).str();
  opcode = addMulticast(opcode, op.getMulticastMask(), operands);
  return e.execute(opcode, operands);
}
static Values emit(NVVM::CpAsyncBulkSharedCTAToSharedClusterOp op, Emitter &e) {
  return e.execute(
      ("cp.async.bulk.shared::cluster.shared::cta" + kCompletesBytes).str(),
      {op.getDstMem(), op.getSrcMem(), op.getSize(), op.getMbar()});
}
static Values emit(NVVM::CpAsyncBulkSharedCTAToGlobalOp op, Emitter &e) {
  return e.execute("cp.async.bulk.global.shared::cta.bulk_group",
                   {op.getDstMem(), op.getSrcMem(), op.getSize()});
}

static std::string getDimensions(ValueRange coordinates) {
  return "." + std::to_string(coordinates.size()) + "d";
}

// PTX ISA: cp.async.bulk.tensor.
static Values emit(NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp op,
                   Emitter &e) {
  return predicated(e, op.getPredicate(), [&] {
    Values operands = concat({op.getDstMem(), op.getTmaDescriptor(),
                              op.getCoordinates(), op.getMbar()});
    std::string opcode =
        "cp.async.bulk.tensor" + getDimensions(op.getCoordinates()) +
        (op.getIsCTAOnly() ? ".shared::cta" : ".shared::cluster") + ".global" +
        kCompletesBytes.str();
    opcode = addMulticast(opcode, op.getMulticastMask(), operands);
    e.execute(opcode, operands);
  });
}
static Values emit(NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp op, Emitter &e) {
  return predicated(e, op.getPredicate(), [&] {
    e.execute(
        "cp.async.bulk.tensor" + getDimensions(op.getCoordinates()) +
            ".global.shared::cta.bulk_group",
        concat({op.getTmaDescriptor(), op.getCoordinates(), op.getSrcMem()}));
  });
}

// PTX ISA: prefetch. Only of tensor maps has an operand worth checking.
static Values emit(NVVM::PrefetchOp op, Emitter &e) {
  return predicated(e, op.getPredicate(), [&] {
    e.execute(op.getTensormap() ? "prefetch.tensormap" : "prefetch",
              op.getAddr());
  });
}

Lowered mlir::sparse24::lowerCopyInstruction(Operation *op, Emitter &e) {
  return dispatch<NVVM::CpAsyncBulkCommitGroupOp,
                  NVVM::CpAsyncBulkGlobalToSharedClusterOp,
                  NVVM::CpAsyncBulkSharedCTAToGlobalOp,
                  NVVM::CpAsyncBulkSharedCTAToSharedClusterOp,
                  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp,
                  NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp,
                  NVVM::CpAsyncBulkWaitGroupOp, NVVM::CpAsyncCommitGroupOp,
                  NVVM::CpAsyncMBarrierArriveOp, NVVM::CpAsyncOp,
                  NVVM::CpAsyncWaitGroupOp, NVVM::MapaOp, NVVM::PrefetchOp>(
      op, [&](auto known) { return emit(known, e); });
}
