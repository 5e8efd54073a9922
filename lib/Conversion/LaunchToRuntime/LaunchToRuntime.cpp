// Turns functions that launch kernels into entries of the runtime.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RuntimeCalls.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "sparse24/Conversion/KernelLaunch.h"
#include "sparse24/Conversion/Memset.h"
#include "sparse24/Conversion/Passes.h"
#include "sparse24/Conversion/TensorMap.h"
#include "sparse24/Conversion/WeightLayout.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Support/WeightFile.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24CONVERTLAUNCHTORUNTIMEPASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {

/// What kernels assume of the base addresses of their arguments.
constexpr int64_t kArgumentAlignment = 16;

/// What all functions of a module share.
struct ModuleState {
  explicit ModuleState(ModuleOp module)
      : module(module), dataLayout(module),
        typeConverter(module.getContext(),
                      LowerToLLVMOptions(module.getContext(), dataLayout)),
        runtime(module) {
    addTensorMapConversion(typeConverter);
  }

  ModuleOp module;
  DataLayout dataLayout;
  LLVMTypeConverter typeConverter;
  RuntimeBuilder runtime;
};

/// Rewrites one function.
class EntryLowering {
public:
  EntryLowering(ModuleState &state, func::FuncOp function)
      : module(state.module), dataLayout(state.dataLayout),
        typeConverter(state.typeConverter), runtime(state.runtime),
        function(function), builder(function.getContext()) {}

  LogicalResult run();
  int64_t getNumLaunches() const { return numLaunches; }

private:
  LogicalResult verifySignature();
  LogicalResult verifyOperation(Operation *op);
  void changeSignature();
  void checkArguments();

  /// The number of a kernel with so much dynamic shared memory, which `user`
  /// refers to; or says what is wrong.
  FailureOr<int32_t> addKernel(Operation *user, SymbolRefAttr kernel,
                               int64_t sharedMemoryBytes);
  LogicalResult convert(gpu::LaunchFuncOp launch);
  /// Writes the array of pointers to a kernel's parameters.
  Value createParameters(gpu::LaunchFuncOp launch);
  LogicalResult convert(memref::AllocOp alloc);
  LogicalResult convert(memref::DeallocOp dealloc);
  LogicalResult convert(memref::CopyOp copy);
  LogicalResult convert(gpu::MemsetOp memset);
  LogicalResult convert(WeightOp weight);
  LogicalResult convert(nvgpu::TmaCreateDescriptorOp create);
  LogicalResult convert(ResidentClustersOp resident);
  LogicalResult convert(func::ReturnOp returnOp);

  /// Calls a function that returns a status, unless an earlier one failed. The
  /// arguments are made only where the call is.
  void callGuarded(Location loc, StringRef callee,
                   function_ref<SmallVector<Value>()> getArguments);
  /// Writes the status that the function returns, if it's the first failure.
  void keepFirstFailure(Location loc, Value status);

  Value constant(Location loc, Type type, int64_t value);
  Value toI64(Location loc, Value value);
  /// A slot on the stack, made at the function's beginning whatever loop the
  /// user is in.
  Value createSlot(Location loc, Type type, int64_t alignment = 0);
  MemRefDescriptor getDescriptor(Location loc, Value memref);
  /// A contiguous memref at an address.
  Value createMemRef(Location loc, MemRefType type, Value address,
                     ValueRange dynamicSizes);
  Value getByteSize(Location loc, MemRefType type, ValueRange dynamicSizes);
  int64_t getElementBytes(MemRefType type);

  ModuleOp module;
  DataLayout &dataLayout;
  LLVMTypeConverter &typeConverter;
  RuntimeBuilder &runtime;
  func::FuncOp function;
  OpBuilder builder;
  ModuleDescription description;
  Type i32Type, i64Type;
  LLVM::LLVMPointerType ptrType;
  Value context, stream, statusSlot;
  int64_t numLaunches = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

LogicalResult EntryLowering::verifySignature() {
  if (function.getNumResults() != 0)
    return function.emitOpError("has results; turn them into arguments first "
                                "(-buffer-results-to-out-params)");
  for (auto [number, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto memref = dyn_cast<MemRefType>(type);
    if (memref ? !memref.getLayout().isIdentity() : !type.isIntOrIndexOrFloat())
      return function.emitOpError("argument #")
             << number << " of type " << type
             << " is neither a scalar nor a memref with identity layout";
  }
  for (StringRef suffix : {"_create", "_run", "_destroy"})
    if (runtime.getSymbolTable().lookup((function.getName() + suffix).str()))
      return function.emitOpError("needs the name '")
             << function.getName() << suffix << "', which is taken";
  return success();
}

/// Host code may compute and launch; it can't look into device memory.
LogicalResult EntryLowering::verifyOperation(Operation *op) {
  if (isa<gpu::LaunchFuncOp, gpu::MemsetOp, memref::AllocOp, memref::DeallocOp,
          memref::CopyOp, WeightOp, nvgpu::TmaCreateDescriptorOp,
          func::ReturnOp>(op))
    return success();
  if (isa<func::CallOp, func::CallIndirectOp>(op))
    return op->emitOpError("can't be part of an entry of the runtime; inline "
                           "calls first (-inline)");
  if (isa<memref::GetGlobalOp>(op))
    return op->emitOpError(
        "refers to a constant in host memory, which kernels can't read; "
        "constants belong into the weight file (-sparse24-fold-constants)");
  if (op->hasTrait<OpTrait::HasRecursiveMemoryEffects>() ||
      isMemoryEffectFree(op))
    return success();
  return op->emitOpError("has effects that host code can't have: all memrefs "
                         "here are device memory");
}

//===----------------------------------------------------------------------===//
// The function's frame
//===----------------------------------------------------------------------===//

LogicalResult EntryLowering::run() {
  if (failed(verifySignature()))
    return failure();
  SmallVector<Operation *> operations;
  WalkResult walk =
      function.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
        operations.push_back(op);
        return failed(verifyOperation(op)) ? WalkResult::interrupt()
                                           : WalkResult::advance();
      });
  if (walk.wasInterrupted())
    return failure();

  std::string name = function.getName().str();
  changeSignature();
  checkArguments();
  for (Operation *op : operations) {
    builder.setInsertionPoint(op);
    LogicalResult result =
        llvm::TypeSwitch<Operation *, LogicalResult>(op)
            .Case<gpu::LaunchFuncOp, gpu::MemsetOp, memref::AllocOp,
                  memref::DeallocOp, memref::CopyOp, WeightOp,
                  nvgpu::TmaCreateDescriptorOp, ResidentClustersOp,
                  func::ReturnOp>(
                [&](auto concrete) { return convert(concrete); })
            .Default(success());
    if (failed(result))
      return failure();
  }
  runtime.createEntries(function.getLoc(), name, description);
  return success();
}

void EntryLowering::changeSignature() {
  MLIRContext *mlirContext = builder.getContext();
  Location loc = function.getLoc();
  i32Type = builder.getI32Type();
  i64Type = builder.getI64Type();
  ptrType = LLVM::LLVMPointerType::get(mlirContext);

  Block &entry = function.getBody().front();
  context = entry.insertArgument(0u, ptrType, loc);
  stream = entry.addArgument(ptrType, loc);
  function.setFunctionType(
      FunctionType::get(mlirContext, entry.getArgumentTypes(), {i32Type}));
  function.removeArgAttrsAttr();
  function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                    builder.getUnitAttr());
  std::string name = (function.getName() + "_run").str();
  runtime.getSymbolTable().remove(function);
  function.setName(name);
  runtime.getSymbolTable().insert(function);

  builder.setInsertionPointToStart(&entry);
  statusSlot = createSlot(loc, i32Type);
  builder.setInsertionPointAfterValue(statusSlot);
  LLVM::StoreOp::create(builder, loc, constant(loc, i32Type, 0), statusSlot);
}

/// Checks the alignment of the memrefs whose contents the function uses.
void EntryLowering::checkArguments() {
  for (Value argument : function.getArguments().drop_front().drop_back()) {
    bool isUsed = llvm::any_of(argument.getUsers(), [](Operation *user) {
      return !isa<memref::DimOp>(user);
    });
    if (!isUsed || !isa<MemRefType>(argument.getType()))
      continue;
    Location loc = argument.getLoc();
    callGuarded(loc, "sparse24CheckAligned", [&]() -> SmallVector<Value> {
      return {getDescriptor(loc, argument).alignedPtr(builder, loc),
              constant(loc, i64Type, kArgumentAlignment)};
    });
  }
}

LogicalResult EntryLowering::convert(func::ReturnOp returnOp) {
  Value status =
      LLVM::LoadOp::create(builder, returnOp.getLoc(), i32Type, statusSlot);
  returnOp->setOperands(status);
  return success();
}

void EntryLowering::callGuarded(
    Location loc, StringRef callee,
    function_ref<SmallVector<Value>()> getArguments) {
  Value status = LLVM::LoadOp::create(builder, loc, i32Type, statusSlot);
  Value isFine = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                       status, constant(loc, i32Type, 0));
  auto ifOp = scf::IfOp::create(builder, loc, isFine);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(ifOp.thenBlock());
    Value result = runtime.call(builder, loc, callee, i32Type, getArguments());
    LLVM::StoreOp::create(builder, loc, result, statusSlot);
  }
}

void EntryLowering::keepFirstFailure(Location loc, Value status) {
  Value first = LLVM::LoadOp::create(builder, loc, i32Type, statusSlot);
  Value isFine = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                       first, constant(loc, i32Type, 0));
  LLVM::StoreOp::create(
      builder, loc,
      arith::SelectOp::create(builder, loc, isFine, status, first), statusSlot);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value EntryLowering::constant(Location loc, Type type, int64_t value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getIntegerAttr(type, value));
}

Value EntryLowering::toI64(Location loc, Value value) {
  if (value.getType() == i64Type)
    return value;
  return arith::IndexCastOp::create(builder, loc, i64Type, value);
}

Value EntryLowering::createSlot(Location loc, Type type, int64_t alignment) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&function.getBody().front());
  return LLVM::AllocaOp::create(builder, loc, ptrType, type,
                                constant(loc, i64Type, 1), alignment);
}

MemRefDescriptor EntryLowering::getDescriptor(Location loc, Value memref) {
  Type type = typeConverter.convertType(memref.getType());
  return MemRefDescriptor(
      UnrealizedConversionCastOp::create(builder, loc, type, memref)
          .getResult(0));
}

int64_t EntryLowering::getElementBytes(MemRefType type) {
  return dataLayout.getTypeSize(type.getElementType()).getFixedValue();
}

Value EntryLowering::getByteSize(Location loc, MemRefType type,
                                 ValueRange dynamicSizes) {
  int64_t staticBytes = getElementBytes(type);
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      staticBytes *= size;
  Value bytes = constant(loc, i64Type, staticBytes);
  for (Value size : dynamicSizes)
    bytes = arith::MulIOp::create(builder, loc, bytes, toI64(loc, size));
  return bytes;
}

Value EntryLowering::createMemRef(Location loc, MemRefType type, Value address,
                                  ValueRange dynamicSizes) {
  MemRefDescriptor descriptor =
      MemRefDescriptor::poison(builder, loc, typeConverter.convertType(type));
  descriptor.setAllocatedPtr(builder, loc, address);
  descriptor.setAlignedPtr(builder, loc, address);
  descriptor.setConstantOffset(builder, loc, 0);
  Value stride = constant(loc, i64Type, 1);
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    Value size = type.isDynamicDim(dim)
                     ? toI64(loc, dynamicSizes[type.getDynamicDimIndex(dim)])
                     : constant(loc, i64Type, type.getDimSize(dim));
    descriptor.setSize(builder, loc, dim, size);
    descriptor.setStride(builder, loc, dim, stride);
    stride = arith::MulIOp::create(builder, loc, stride, size);
  }
  return UnrealizedConversionCastOp::create(builder, loc, type,
                                            Value(descriptor))
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

Value EntryLowering::createParameters(gpu::LaunchFuncOp launch) {
  Location loc = launch.getLoc();
  SmallVector<KernelParameter> parameters =
      createKernelParameters(builder, launch, typeConverter);
  if (parameters.empty())
    return LLVM::ZeroOp::create(builder, loc, ptrType);

  SmallVector<Type> fieldTypes;
  for (const KernelParameter &parameter : parameters)
    if (!parameter.isPointedTo)
      fieldTypes.push_back(parameter.value.getType());
  auto fieldsType =
      LLVM::LLVMStructType::getLiteral(builder.getContext(), fieldTypes);
  auto paramsType = LLVM::LLVMArrayType::get(ptrType, parameters.size());
  Value storage = createSlot(loc, fieldsType);
  Value params = createSlot(loc, paramsType);
  int32_t numStored = 0;
  for (auto [number, parameter] : llvm::enumerate(parameters)) {
    Value address = parameter.value;
    if (!parameter.isPointedTo) {
      address = LLVM::GEPOp::create(builder, loc, ptrType, fieldsType, storage,
                                    ArrayRef<LLVM::GEPArg>{0, numStored++});
      LLVM::StoreOp::create(builder, loc, parameter.value, address);
    }
    Value slot = LLVM::GEPOp::create(
        builder, loc, ptrType, paramsType, params,
        ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(number)});
    LLVM::StoreOp::create(builder, loc, address, slot);
  }
  return params;
}

FailureOr<int32_t> EntryLowering::addKernel(Operation *user,
                                            SymbolRefAttr kernel,
                                            int64_t sharedMemoryBytes) {
  StringAttr binaryName = kernel.getRootReference();
  auto binary = runtime.getSymbolTable().lookup<gpu::BinaryOp>(binaryName);
  if (!binary)
    return user->emitOpError("refers to a kernel of '")
           << binaryName.getValue()
           << "', which isn't a 'gpu.binary'; serialize kernels first "
              "(-gpu-module-to-binary)";
  if (failed(runtime.getOrCreateImage(binary)))
    return failure();
  return description.addKernel(kernel, sharedMemoryBytes);
}

LogicalResult EntryLowering::convert(gpu::LaunchFuncOp launch) {
  Location loc = launch.getLoc();
  if (launch.getAsyncToken() || !launch.getAsyncDependencies().empty() ||
      launch.getAsyncObject())
    return launch.emitOpError("is asynchronous; the runtime launches on the "
                              "stream that its caller gives");
  APInt sharedMemory(32, 0);
  if (Value size = launch.getDynamicSharedMemorySize())
    if (!matchPattern(size, m_ConstantInt(&sharedMemory)))
      return launch.emitOpError("needs a constant size of dynamic shared "
                                "memory");

  int64_t sharedMemoryBytes = sharedMemory.getSExtValue();
  FailureOr<int32_t> kernel =
      addKernel(launch, launch.getKernel(), sharedMemoryBytes);
  if (failed(kernel))
    return failure();
  callGuarded(loc, "sparse24Launch", [&] {
    Value params = createParameters(launch);
    SmallVector<Value> arguments = {context, constant(loc, i32Type, *kernel)};
    llvm::append_range(arguments, createLaunchExtents(builder, launch));
    arguments.append(
        {constant(loc, i64Type, sharedMemoryBytes), stream, params});
    return arguments;
  });
  launch.erase();
  ++numLaunches;
  return success();
}

LogicalResult EntryLowering::convert(memref::AllocOp alloc) {
  Location loc = alloc.getLoc();
  MemRefType type = alloc.getType();
  if (!type.getLayout().isIdentity())
    return alloc.emitOpError("must have an identity layout");
  description.addTemporary();
  // Null where the allocation fails or is skipped: freeing it does nothing.
  Value slot = createSlot(loc, ptrType);
  LLVM::StoreOp::create(builder, loc,
                        LLVM::ZeroOp::create(builder, loc, ptrType), slot);
  callGuarded(loc, "sparse24Alloc", [&]() -> SmallVector<Value> {
    return {context, getByteSize(loc, type, alloc.getDynamicSizes()), stream,
            slot};
  });
  Value address = LLVM::LoadOp::create(builder, loc, ptrType, slot);
  alloc.replaceAllUsesWith(
      createMemRef(loc, type, address, alloc.getDynamicSizes()));
  alloc.erase();
  return success();
}

LogicalResult EntryLowering::convert(memref::DeallocOp dealloc) {
  Location loc = dealloc.getLoc();
  // Not guarded: after a failure temporaries are freed all the same.
  MemRefDescriptor descriptor = getDescriptor(loc, dealloc.getMemref());
  Value status =
      runtime.call(builder, loc, "sparse24Free", i32Type,
                   {context, descriptor.allocatedPtr(builder, loc), stream});
  keepFirstFailure(loc, status);
  dealloc.erase();
  return success();
}

LogicalResult EntryLowering::convert(memref::CopyOp copy) {
  Location loc = copy.getLoc();
  auto sourceType = cast<MemRefType>(copy.getSource().getType());
  auto targetType = cast<MemRefType>(copy.getTarget().getType());
  for (MemRefType type : {sourceType, targetType})
    if (!type.areTrailingDimsContiguous(type.getRank()))
      return copy.emitOpError("of ")
             << type << " isn't contiguous; make a kernel of it";
  callGuarded(loc, "sparse24Memcpy", [&]() -> SmallVector<Value> {
    MemRefDescriptor source = getDescriptor(loc, copy.getSource());
    MemRefDescriptor target = getDescriptor(loc, copy.getTarget());
    SmallVector<Value> dynamicSizes;
    for (int64_t dim = 0; dim < sourceType.getRank(); ++dim)
      if (sourceType.isDynamicDim(dim))
        dynamicSizes.push_back(source.size(builder, loc, dim));
    return {context, target.bufferPtr(builder, loc, typeConverter, targetType),
            source.bufferPtr(builder, loc, typeConverter, sourceType),
            getByteSize(loc, sourceType, dynamicSizes), stream};
  });
  copy.erase();
  return success();
}

LogicalResult EntryLowering::convert(gpu::MemsetOp memset) {
  if (memset.getAsyncToken() || !memset.getAsyncDependencies().empty())
    return memset.emitOpError("is asynchronous; the runtime fills memory on "
                              "the stream that its caller gives");
  if (failed(verifyMemset(memset)))
    return failure();
  callGuarded(memset.getLoc(), "sparse24Memset32", [&] {
    SmallVector<Value> arguments =
        createMemsetArguments(builder, memset, typeConverter);
    arguments.insert(arguments.begin(), context);
    arguments.push_back(stream);
    return arguments;
  });
  memset.erase();
  return success();
}

LogicalResult EntryLowering::convert(WeightOp weight) {
  Location loc = weight.getLoc();
  auto type = dyn_cast<MemRefType>(weight.getType());
  if (!type || !type.hasStaticShape() || !type.getLayout().isIdentity())
    return weight.emitOpError("must be a memref with a static shape and an "
                              "identity layout by now");
  int32_t number =
      description.addWeight(weight.getNameAttr(), getLayoutHash(weight, type),
                            type.getNumElements() * getElementBytes(type));
  Value address = runtime.call(builder, loc, "sparse24ContextWeight", ptrType,
                               {context, constant(loc, i32Type, number)});
  weight.replaceAllUsesWith(createMemRef(loc, type, address, {}));
  weight.erase();
  return success();
}

LogicalResult EntryLowering::convert(nvgpu::TmaCreateDescriptorOp create) {
  if (failed(verifyTensorMap(create)))
    return failure();
  Location loc = create.getLoc();
  Value map;
  callGuarded(loc, "sparse24EncodeTensorMap", [&] {
    SmallVector<Value> arguments = createTensorMapArguments(
        builder, create, typeConverter,
        [&](Type type) { return createSlot(loc, type, kTensorMapAlignment); });
    map = arguments.front();
    arguments.insert(arguments.begin(), context);
    return arguments;
  });
  replaceTensorMap(create, map);
  return success();
}

LogicalResult EntryLowering::convert(ResidentClustersOp resident) {
  SymbolRefAttr name = resident.getKernel();
  FailureOr<int32_t> kernel = addKernel(
      resident, name, static_cast<int64_t>(resident.getSharedMemoryBytes()));
  if (failed(kernel))
    return failure();
  if (!description.countClusters(name, resident.getThreads(),
                                 resident.getCluster()))
    return resident.emitOpError("asks for other clusters of ")
           << name << " than another operation of this function";
  Location loc = resident.getLoc();
  Value number = runtime.call(builder, loc, "sparse24ResidentClusters", i64Type,
                              {context, constant(loc, i32Type, *kernel)});
  resident.replaceAllUsesWith(
      arith::IndexCastOp::create(builder, loc, builder.getIndexType(), number)
          .getResult());
  resident.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

/// Drops attributes that a stock mlir-translate can't read.
void dropForeignAttributes(Operation *op) {
  for (NamedAttribute attribute : llvm::to_vector(op->getDiscardableAttrs())) {
    StringRef dialect = attribute.getName().strref().split('.').first;
    if (dialect != "llvm" && dialect != "dlti")
      op->removeDiscardableAttr(attribute.getName());
  }
}

/// Entries change their signature, so nothing in the module may call them. All
/// uses are gathered at once: asking for each entry would be quadratic.
LogicalResult verifyNotCalled(ModuleOp module, ArrayRef<func::FuncOp> entries) {
  auto uses = SymbolTable::getSymbolUses(&module.getBodyRegion());
  if (!uses)
    return module.emitOpError("has operations whose symbol uses aren't known");
  llvm::DenseSet<StringAttr> used;
  for (SymbolTable::SymbolUse use : *uses)
    used.insert(use.getSymbolRef().getRootReference());
  for (func::FuncOp function : entries)
    if (used.contains(function.getSymNameAttr()))
      return function.emitOpError(
          "is called by another function; inline calls first (-inline)");
  return success();
}

struct ConvertLaunchToRuntime
    : mlir::sparse24::impl::Sparse24ConvertLaunchToRuntimePassBase<
          ConvertLaunchToRuntime> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ModuleState state(module);
    SmallVector<func::FuncOp> entries;
    for (auto function : module.getOps<func::FuncOp>()) {
      dropForeignAttributes(function);
      if (function.isPublic() && !function.isExternal())
        entries.push_back(function);
    }
    if (failed(verifyNotCalled(module, entries)))
      return signalPassFailure();
    for (func::FuncOp function : entries) {
      EntryLowering lowering(state, function);
      if (failed(lowering.run()))
        return signalPassFailure();
      ++numEntries;
      numLaunches += lowering.getNumLaunches();
    }
    for (auto binary :
         llvm::make_early_inc_range(module.getOps<gpu::BinaryOp>()))
      binary.erase();
    dropForeignAttributes(module);
  }
};

} // namespace
