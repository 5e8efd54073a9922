// Shared memory of a generated kernel: its parts, and barriers in it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SharedMemory.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"

using namespace mlir;
using namespace mlir::sparse24;

static Value getDynamicSharedMemory(ImplicitLocOpBuilder &b) {
  auto space =
      gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup);
  auto type = MemRefType::get({ShapedType::kDynamic}, b.getI8Type(),
                              MemRefLayoutAttrInterface(), space);
  return gpu::DynamicSharedMemoryOp::create(b, type);
}

Value mlir::sparse24::viewSharedMemory(ImplicitLocOpBuilder &b,
                                       IndexValue offset,
                                       ArrayRef<int64_t> shape,
                                       Type elementType) {
  Value bytes = getDynamicSharedMemory(b);
  auto viewType =
      MemRefType::get(shape, elementType, MemRefLayoutAttrInterface(),
                      cast<MemRefType>(bytes.getType()).getMemorySpace());
  return memref::ViewOp::create(b, viewType, bytes, offset.widen(),
                                ValueRange());
}

Value mlir::sparse24::getPointer(ImplicitLocOpBuilder &b, Value memref,
                                 IndexValue element) {
  Type elementType = cast<MemRefType>(memref.getType()).getElementType();
  IndexValue base(b, memref::ExtractAlignedPointerAsIndexOp::create(b, memref));
  IndexValue address = base + element.widen() * getMemoryBytes(elementType);
  Value integer = arith::IndexCastUIOp::create(b, b.getI64Type(), address);
  auto type = LLVM::LLVMPointerType::get(
      b.getContext(), static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared));
  return LLVM::IntToPtrOp::create(b, type, integer);
}

Value mlir::sparse24::getPointerInCta(ImplicitLocOpBuilder &b, Value pointer,
                                      Value cta) {
  auto type = LLVM::LLVMPointerType::get(
      b.getContext(),
      static_cast<unsigned>(NVVM::NVVMMemorySpace::SharedCluster));
  return NVVM::MapaOp::create(b, type, pointer, cta);
}

/// A loop that ends once what `isOver` builds, an `i1`, is true.
static void emitPolling(ImplicitLocOpBuilder &b, function_ref<Value()> isOver) {
  auto loop = scf::WhileOp::create(b, TypeRange(), ValueRange());
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&loop.getBefore());
  Value isPending = arith::XOrIOp::create(
      b, isOver(), arith::ConstantOp::create(b, b.getBoolAttr(true)));
  scf::ConditionOp::create(b, isPending, ValueRange());
  b.createBlock(&loop.getAfter());
  scf::YieldOp::create(b);
}

MBarriers::MBarriers(ImplicitLocOpBuilder &builder, IndexValue offset,
                     int64_t number)
    : b(builder), number(number),
      memory(
          viewSharedMemory(builder, offset, {number}, builder.getI64Type())) {}

Value MBarriers::getPointer(IndexValue index) {
  return mlir::sparse24::getPointer(b, memory, index);
}

void MBarriers::initialize(int64_t arrivals) {
  Value count = arith::ConstantOp::create(b, b.getI32IntegerAttr(arrivals));
  for (int64_t i = 0; i < number; ++i)
    NVVM::MBarrierInitOp::create(b, getPointer({b, i}), count,
                                 /*predicate=*/Value());
}

void MBarriers::arrive(IndexValue index) {
  NVVM::MBarrierArriveOp::create(b, b.getI64Type(), getPointer(index));
}

void MBarriers::arriveAfterCopies(IndexValue index, bool releasesStores) {
  // Without noinc the copies' arrival adds itself to those that are awaited.
  NVVM::CpAsyncMBarrierArriveOp::create(b, getPointer(index),
                                        /*noinc=*/!releasesStores);
  if (releasesStores)
    arrive(index);
}

void MBarriers::arriveExpecting(IndexValue index, IndexValue bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(
      b, b.getI64Type(), getPointer(index), bytes.narrow(),
      NVVM::MemScopeKind::CTA, /*relaxed=*/false, /*predicate=*/Value());
}

void MBarriers::arriveAt(Value cta, IndexValue index, Scope scope) {
  Value remote = getPointerInCta(b, getPointer(index), cta);
  // A release of the cluster's scope is a memory barrier of the whole GPU:
  // whoever has only read does without.
  NVVM::MBarrierArriveOp::create(b, Type(), remote, /*count=*/Value(), scope);
}

void MBarriers::wait(IndexValue index, Value parity) {
  Value pointer = getPointer(index);
  emitPolling(b, [&]() -> Value {
    return NVVM::MBarrierTestWaitOp::create(b, b.getI1Type(), pointer, parity);
  });
}

void MBarriers::waitSuspended(IndexValue index, Value parity, Scope scope) {
  Value pointer = getPointer(index);
  emitPolling(b, [&]() -> Value {
    return NVVM::MBarrierTryWaitOp::create(b, b.getI1Type(), pointer, parity,
                                           /*ticks=*/Value(), scope);
  });
}
