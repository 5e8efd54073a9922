// The host's side: descriptions of kernels, launches, allocations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_TOEMULATOR_HOSTCODE_H
#define SPARSE24_LIB_CONVERSION_TOEMULATOR_HOSTCODE_H

#include "Emitter.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

namespace mlir::sparse24 {

/// Writes what include/sparse24/Emulator/HostProgram.h describes.
class HostCode {
public:
  explicit HostCode(ModuleOp module);

  LLVM::LLVMFuncOp getExecuteFunction();

  /// Moves the functions of `gpuModule` into the module and adds a description
  /// of each kernel, `<kernel>_emulator`. Gives their number.
  int64_t addKernels(gpu::GPUModuleOp gpuModule, int64_t staticSharedBytes,
                     const SiteTable &sites);

  /// Launches and the memory that they may access become calls. Programs
  /// without work for a GPU stay as they are.
  LogicalResult convertLaunches();

private:
  LLVM::LLVMFuncOp getFunction(StringRef name, Type result,
                               ArrayRef<Type> arguments);
  LLVM::GlobalOp createConstant(Type type, const Twine &name, Attribute value);
  LLVM::LLVMFuncOp createEntry(LLVM::LLVMFuncOp kernel);
  void createDescription(LLVM::LLVMFuncOp kernel, LLVM::LLVMFuncOp entry,
                         LLVM::GlobalOp siteText, LLVM::GlobalOp siteOffsets,
                         int64_t numSites, int64_t staticSharedBytes);

  LogicalResult convert(gpu::LaunchFuncOp launch);
  LogicalResult convert(gpu::MemsetOp memset);
  LogicalResult convert(memref::AllocOp alloc);
  LogicalResult convert(memref::DeallocOp dealloc);
  LogicalResult convert(memref::GetGlobalOp global);
  LogicalResult convert(WeightOp weight);
  LogicalResult convert(nvgpu::TmaCreateDescriptorOp create);
  LogicalResult convert(ResidentClustersOp resident);
  LogicalResult convertMemory();

  Value constant(Location loc, Type type, int64_t value);
  /// Calls a function of the emulator.
  Value call(Location loc, StringRef function, Type result,
             ValueRange arguments);
  /// The address of a constant text.
  Value createString(Location loc, StringRef text);
  int64_t getElementBytes(MemRefType type);
  SmallVector<Value> getSizes(Location loc, MemRefType type,
                              ValueRange dynamicSizes);
  Value createMemRef(Location loc, MemRefType type, Value address,
                     ArrayRef<Value> sizes);
  Value createSlot(Operation *op, Type type);
  MemRefDescriptor getDescriptor(Location loc, Value memref);

  ModuleOp module;
  SymbolTable symbolTable;
  DataLayout dataLayout;
  LLVMTypeConverter typeConverter;
  OpBuilder builder;
  Type i32Type, i64Type, ptrType, voidType;
  /// The description of each kernel.
  llvm::DenseMap<Attribute, LLVM::GlobalOp> descriptions;
};

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_TOEMULATOR_HOSTCODE_H
