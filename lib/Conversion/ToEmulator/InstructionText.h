// What the tables of instructions share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_TOEMULATOR_INSTRUCTIONTEXT_H
#define SPARSE24_LIB_CONVERSION_TOEMULATOR_INSTRUCTIONTEXT_H

#include "ToEmulator.h"

#include "llvm/ADT/TypeSwitch.h"

namespace mlir::sparse24 {

using Values = SmallVector<Value>;

/// A qualifier.
inline std::string dot(StringRef name) { return ("." + name).str(); }

inline Values concat(std::initializer_list<ValueRange> parts) {
  Values all;
  for (ValueRange part : parts)
    llvm::append_range(all, part);
  return all;
}

/// ".shared", ".shared::cluster", or nothing for generic addresses.
inline std::string getSharedSuffix(Value pointer) {
  switch (cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace()) {
  case kShared:
    return ".shared";
  case kSharedCluster:
    return ".shared::cluster";
  default:
    return "";
  }
}

/// Runs `body` only where the operation's predicate, if it has one, holds.
inline Values predicated(Emitter &e, Value predicate,
                         function_ref<void()> body) {
  if (predicate)
    e.predicate(predicate, body);
  else
    body();
  return {};
}

/// Calls `emit` with the operation as what it is, if it is one of `Ops`.
template <typename... Ops, typename Emit>
Lowered dispatch(Operation *op, Emit emit) {
  return llvm::TypeSwitch<Operation *, Lowered>(op)
      .template Case<Ops...>(
          [&](auto known) { return FailureOr<Values>(emit(known)); })
      .Default(Lowered());
}

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_TOEMULATOR_INSTRUCTIONTEXT_H
