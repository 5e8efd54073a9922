// Writes the calls by which compiled kernels execute instructions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_TOEMULATOR_EMITTER_H
#define SPARSE24_LIB_CONVERSION_TOEMULATOR_EMITTER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::sparse24 {

/// The instructions of a module by number, each an opcode at a location.
class SiteTable {
public:
  int32_t add(StringRef opcode, Location location);

  size_t size() const { return offsets.size() / 2; }
  /// All opcodes and locations, each with its NUL, and for each site where the
  /// two begin.
  StringRef getText() const { return text; }
  ArrayRef<int32_t> getOffsets() const { return offsets; }

private:
  int32_t addText(StringRef string);

  std::string text;
  llvm::StringMap<int32_t> known;
  SmallVector<int32_t> offsets;
};

/// Writes into one function. Operands go through two arrays of 32-bit words at
/// its start: each value fills whole words, low word first.
class Emitter {
public:
  Emitter(LLVM::LLVMFuncOp function, LLVM::LLVMFuncOp execute,
          SiteTable &sites);
  /// Sizes the arrays for what was written.
  void finish();

  /// What follows is written before `op`, at its location.
  void setOperation(Operation *op);

  /// Executes an instruction and gives its results.
  SmallVector<Value> execute(StringRef opcode, ValueRange operands,
                             TypeRange resultTypes = {});

  /// Writes `body` such that it runs only where `predicate` holds.
  void predicate(Value predicate, function_ref<void()> body);
  /// Writes `body` such that it runs until the value that it gives holds.
  void repeatUntil(function_ref<Value()> body);

  Value constant(Type type, int64_t value);
  Value constant(int32_t value) { return constant(i32Type, value); }
  Value offsetPointer(Value pointer, int64_t bytes);

  OpBuilder builder;
  Location loc;
  const Type i1Type, i8Type, i16Type, i32Type, i64Type, ptrType;

private:
  int64_t storeWords(Value value, int64_t word);
  Value loadWords(Type type, int64_t &word);

  LLVM::LLVMFuncOp executeFunction;
  SiteTable &sites;
  LLVM::AllocaOp in, out;
  int64_t inWords = 1, outWords = 1;
};

/// Bits of a register of that type.
int64_t getRegisterBits(Type type);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_TOEMULATOR_EMITTER_H
