// Calls of the runtime, and the constants that it reads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_LAUNCHTORUNTIME_RUNTIMECALLS_H
#define SPARSE24_LIB_CONVERSION_LAUNCHTORUNTIME_RUNTIMECALLS_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::sparse24 {

/// The kernels, images and weights that one function uses, each with its number
/// in the description that sparse24ContextCreate() gets.
class ModuleDescription {
public:
  struct Kernel {
    int32_t number;
    int32_t image;
    int64_t dynamicSharedMemoryBytes;
    /// Of which resident clusters are counted; 0 if they aren't.
    int64_t threads = 0, cluster = 0;
  };
  struct Weight {
    StringAttr name;
    uint64_t layoutHash;
    uint64_t bytes;
  };

  /// The number of a kernel that is launched with so much shared memory.
  int32_t addKernel(SymbolRefAttr kernel, int64_t dynamicSharedMemoryBytes);
  /// Has clusters of a kernel counted; false if it was already asked for
  /// others.
  bool countClusters(SymbolRefAttr kernel, int64_t threads, int64_t cluster);
  int32_t addWeight(StringAttr name, uint64_t layoutHash, uint64_t bytes);
  void addTemporary() { temporaries = true; }

  ArrayRef<StringAttr> getImages() const { return images.getArrayRef(); }
  const llvm::MapVector<SymbolRefAttr, Kernel> &getKernels() const {
    return kernels;
  }
  ArrayRef<Weight> getWeights() const { return weights; }
  bool hasTemporaries() const { return temporaries; }

private:
  llvm::SetVector<StringAttr> images;
  llvm::MapVector<SymbolRefAttr, Kernel> kernels;
  SmallVector<Weight> weights;
  bool temporaries = false;
};

/// Writes the constants of Runtime.h's structures into a module, and calls of
/// its functions into functions.
class RuntimeBuilder {
public:
  explicit RuntimeBuilder(ModuleOp module);

  /// The constant with the bytes of a `gpu.binary`; emits an error and fails if
  /// it has no code that the driver loads.
  FailureOr<LLVM::GlobalOp> getOrCreateImage(gpu::BinaryOp binary);

  /// Creates `@<name>_create` and `@<name>_destroy`. All images must have been
  /// created.
  void createEntries(Location loc, StringRef name,
                     const ModuleDescription &description);

  /// Calls a function of the runtime.
  Value call(OpBuilder &builder, Location loc, StringRef function,
             Type resultType, ValueRange arguments);

  SymbolTable &getSymbolTable() { return symbolTable; }

private:
  /// A constant in the module, without a value yet.
  LLVM::GlobalOp createConstant(Location loc, Type type, const Twine &name,
                                Attribute value = {}, uint64_t alignment = 0);
  /// A constant array whose elements are structures of these fields. Returns
  /// its address, null for an empty array.
  Value
  createArray(OpBuilder &builder, Location loc, const Twine &name,
              LLVM::LLVMStructType elementType, size_t size,
              function_ref<SmallVector<Value>(OpBuilder &, size_t)> getFields);
  Value createString(OpBuilder &builder, Location loc, StringRef text);
  Value createStruct(OpBuilder &builder, Location loc,
                     LLVM::LLVMStructType type, ValueRange fields);
  LLVM::GlobalOp createDescription(Location loc, StringRef name,
                                   const ModuleDescription &description);

  ModuleOp module;
  SymbolTable symbolTable;
  OpBuilder moduleBuilder;
  Type i32Type, i64Type;
  LLVM::LLVMPointerType ptrType;
  llvm::DenseMap<StringAttr, LLVM::GlobalOp> images;
  llvm::StringMap<LLVM::GlobalOp> strings;
};

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_LAUNCHTORUNTIME_RUNTIMECALLS_H
