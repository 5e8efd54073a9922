// Address spaces, shared variables, and which memory is a thread's own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ToEmulator.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::sparse24;

unsigned mlir::sparse24::getSpace(Value pointer) {
  return cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace();
}

bool mlir::sparse24::isShared(unsigned space) {
  return space == kShared || space == kSharedCluster;
}

/// Adds where else the value of a block's argument comes from; false if that
/// isn't known.
static bool addIncoming(BlockArgument argument, SetVector<Value> &values) {
  Block *block = argument.getOwner();
  if (block->isEntryBlock()) {
    // A parameter that is passed by value lies in the thread's own memory.
    auto function = dyn_cast<LLVM::LLVMFuncOp>(block->getParentOp());
    return function &&
           function.getArgAttr(argument.getArgNumber(),
                               LLVM::LLVMDialect::getByValAttrName());
  }
  for (auto it = block->pred_begin(), e = block->pred_end(); it != e; ++it) {
    auto branch = dyn_cast<BranchOpInterface>((*it)->getTerminator());
    if (!branch)
      return false;
    Value incoming = branch.getSuccessorOperands(
        it.getSuccessorIndex())[argument.getArgNumber()];
    if (!incoming)
      return false;
    values.insert(incoming);
  }
  return true;
}

bool mlir::sparse24::isLocal(Value pointer) {
  if (getSpace(pointer) == kLocal)
    return true;
  if (getSpace(pointer) != kGeneric && getSpace(pointer) != kConstant)
    return false;
  SetVector<Value> values;
  values.insert(pointer);
  for (size_t i = 0; i < values.size(); ++i) {
    if (auto argument = dyn_cast<BlockArgument>(values[i])) {
      if (!addIncoming(argument, values))
        return false;
      continue;
    }
    Operation *op = values[i].getDefiningOp();
    if (isa<LLVM::AllocaOp>(op))
      continue;
    if (auto address = dyn_cast<LLVM::AddressOfOp>(op)) {
      if (isShared(getSpace(address)))
        return false;
    } else if (auto gep = dyn_cast<LLVM::GEPOp>(op)) {
      values.insert(gep.getBase());
    } else if (isa<LLVM::AddrSpaceCastOp, LLVM::BitcastOp, LLVM::FreezeOp>(
                   op)) {
      values.insert(op->getOperand(0));
    } else if (auto select = dyn_cast<LLVM::SelectOp>(op)) {
      values.insert(select.getTrueValue());
      values.insert(select.getFalseValue());
    } else {
      return false;
    }
  }
  return true;
}

static SmallVector<Value> lower(LLVM::AddrSpaceCastOp op, Emitter &e) {
  unsigned from = getSpace(op.getArg()), to = getSpace(op);
  Value address =
      LLVM::PtrToIntOp::create(e.builder, e.loc, e.i64Type, op.getArg());
  if (isShared(from) && to == kGeneric)
    address = LLVM::OrOp::create(e.builder, e.loc, address,
                                 e.constant(e.i64Type, kGenericShared));
  else if (from == kGeneric && isShared(to))
    address = LLVM::AndOp::create(e.builder, e.loc, address,
                                  e.constant(e.i64Type, ~kGenericShared));
  return {LLVM::IntToPtrOp::create(e.builder, e.loc, op.getType(), address)};
}

SharedLayout::SharedLayout(gpu::GPUModuleOp module) {
  DataLayout layout(module);
  SmallVector<LLVM::GlobalOp> dynamic;
  int64_t dynamicAlignment = 16;
  for (auto global : module.getOps<LLVM::GlobalOp>()) {
    if (global.getAddrSpace() != kShared)
      continue;
    int64_t bytes = layout.getTypeSize(global.getType());
    int64_t alignment = global.getAlignment().value_or(
        layout.getTypeABIAlignment(global.getType()));
    if (bytes == 0) {
      dynamic.push_back(global);
      dynamicAlignment = std::max(dynamicAlignment, alignment);
      continue;
    }
    staticBytes = llvm::alignTo(staticBytes, alignment);
    offsets[global.getSymName()] = staticBytes;
    staticBytes += bytes;
  }
  staticBytes = llvm::alignTo(staticBytes, dynamicAlignment);
  for (LLVM::GlobalOp global : dynamic)
    offsets[global.getSymName()] = staticBytes;
}

/// The address of a shared variable is its offset in the window.
static Lowered lower(LLVM::AddressOfOp op, Emitter &e,
                     const SharedLayout &layout) {
  auto found = layout.offsets.find(op.getGlobalName());
  if (found == layout.offsets.end())
    return std::nullopt;
  return SmallVector<Value>{LLVM::IntToPtrOp::create(
      e.builder, e.loc, op.getType(), e.constant(e.i64Type, found->second))};
}

Lowered mlir::sparse24::lowerAddress(Operation *op, Emitter &e,
                                     const SharedLayout &layout) {
  if (auto cast = dyn_cast<LLVM::AddrSpaceCastOp>(op))
    return FailureOr<SmallVector<Value>>(lower(cast, e));
  if (auto address = dyn_cast<LLVM::AddressOfOp>(op))
    return lower(address, e, layout);
  return std::nullopt;
}
