// Shared memory of a generated kernel: its parts, and barriers in it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_SHAREDMEMORY_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_SHAREDMEMORY_H

#include "IndexValue.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::sparse24 {

/// A part of the CTA's dynamic shared memory, from byte `offset` on, as a
/// memref of that shape.
Value viewSharedMemory(ImplicitLocOpBuilder &builder, IndexValue offset,
                       ArrayRef<int64_t> shape, Type elementType);
inline Value viewSharedMemory(ImplicitLocOpBuilder &builder, int64_t offset,
                              ArrayRef<int64_t> shape, Type elementType) {
  return viewSharedMemory(builder, IndexValue(builder, offset), shape,
                          elementType);
}

/// The address of an element in shared memory, for operations that take no
/// memref: of `memref` as one dimension.
Value getPointer(ImplicitLocOpBuilder &builder, Value memref,
                 IndexValue element);

/// The same place in the shared memory of another CTA of the cluster, an `i32`.
Value getPointerInCta(ImplicitLocOpBuilder &builder, Value pointer, Value cta);

/// mbarrier objects in shared memory (PTX ISA, "Parallel synchronization and
/// communication instructions: mbarrier"). A barrier's phase ends when as many
/// arrivals as it was initialized with have come, and all the bytes that were
/// announced; then the next one begins. Phases are told apart by their parity.
class MBarriers {
public:
  static constexpr int64_t kBytes = 8;
  /// Of what is released and acquired.
  using Scope = NVVM::MemScopeKind;

  /// `number` barriers from byte `offset` of shared memory on.
  MBarriers(ImplicitLocOpBuilder &builder, IndexValue offset, int64_t number);

  /// By one thread, before all others may use them.
  void initialize(int64_t arrivals);
  /// Releases what the thread has read and written so far.
  void arrive(IndexValue index);
  /// Arrives once all `cp.async` copies that the thread has started have
  /// landed. This alone doesn't release what the thread itself has stored.
  void arriveAfterCopies(IndexValue index, bool releasesStores);
  /// Arrives and announces bytes of bulk copies.
  void arriveExpecting(IndexValue index, IndexValue bytes);
  /// Arrives at the barrier of that index of another CTA of the cluster, an
  /// `i32`. Only with the cluster's scope does that CTA see what the thread has
  /// stored, once it has waited with the same scope.
  void arriveAt(Value cta, IndexValue index, Scope scope = Scope::CTA);
  /// Waits until the phase of that parity (an `i32`) has ended.
  void wait(IndexValue index, Value parity);
  /// The same where the hardware can suspend the thread (sm_90).
  void waitSuspended(IndexValue index, Value parity, Scope scope = Scope::CTA);

  /// The barrier's address.
  Value getPointer(IndexValue index);

private:
  ImplicitLocOpBuilder &b;
  int64_t number;
  Value memory;
};

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_SHAREDMEMORY_H
