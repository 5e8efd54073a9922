// The host's side: descriptions of kernels, launches, allocations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "HostCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::sparse24;

HostCode::HostCode(ModuleOp module)
    : module(module), symbolTable(module), dataLayout(module),
      typeConverter(module.getContext()), builder(module.getContext()) {
  i32Type = builder.getI32Type();
  i64Type = builder.getI64Type();
  ptrType = LLVM::LLVMPointerType::get(module.getContext());
  voidType = LLVM::LLVMVoidType::get(module.getContext());
}

LLVM::LLVMFuncOp HostCode::getFunction(StringRef name, Type result,
                                       ArrayRef<Type> arguments) {
  if (auto known = symbolTable.lookup<LLVM::LLVMFuncOp>(name))
    return known;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  auto function =
      LLVM::LLVMFuncOp::create(builder, module.getLoc(), name,
                               LLVM::LLVMFunctionType::get(result, arguments));
  symbolTable.insert(function);
  return function;
}

LLVM::LLVMFuncOp HostCode::getExecuteFunction() {
  LLVM::LLVMFuncOp function = getFunction("sparse24EmulatorExecute", voidType,
                                          {i32Type, ptrType, ptrType});
  // Whether lanes execute an instruction together must not change.
  function.setConvergent(true);
  return function;
}

Value HostCode::constant(Location loc, Type type, int64_t value) {
  return LLVM::ConstantOp::create(builder, loc, type,
                                  builder.getIntegerAttr(type, value));
}

LLVM::GlobalOp HostCode::createConstant(Type type, const Twine &name,
                                        Attribute value) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  auto global = LLVM::GlobalOp::create(
      builder, module.getLoc(), type,
      /*isConstant=*/true, LLVM::Linkage::Internal, name.str(), value);
  symbolTable.insert(global);
  return global;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// A function that takes the kernel's arguments from an array of pointers to
/// them. What is passed by value stays where it is.
LLVM::LLVMFuncOp HostCode::createEntry(LLVM::LLVMFuncOp kernel) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = kernel.getLoc();
  builder.setInsertionPointAfter(kernel);
  auto entry = LLVM::LLVMFuncOp::create(
      builder, loc, (kernel.getSymName() + "_entry").str(),
      LLVM::LLVMFunctionType::get(voidType, ptrType));
  symbolTable.insert(entry);
  Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  for (auto [number, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    Value slot = LLVM::GEPOp::create(
        builder, loc, ptrType, ptrType, block->getArgument(0),
        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(number)});
    Value argument = LLVM::LoadOp::create(builder, loc, ptrType, slot);
    if (!kernel.getArgAttr(number, LLVM::LLVMDialect::getByValAttrName()))
      argument = LLVM::LoadOp::create(builder, loc, type, argument);
    arguments.push_back(argument);
  }
  LLVM::CallOp::create(builder, loc, kernel, arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange());
  return entry;
}

/// The fields here, and their order, are CompiledKernel's.
void HostCode::createDescription(LLVM::LLVMFuncOp kernel,
                                 LLVM::LLVMFuncOp entry,
                                 LLVM::GlobalOp siteText,
                                 LLVM::GlobalOp siteOffsets, int64_t numSites,
                                 int64_t staticSharedBytes) {
  Location loc = kernel.getLoc();
  SmallVector<int32_t> cluster(3, 0);
  if (auto asked = kernel->getAttrOfType<DenseI32ArrayAttr>(
          NVVM::NVVMDialect::getClusterDimAttrName())) {
    cluster.assign(3, 1);
    llvm::copy(asked.asArrayRef(), cluster.begin());
  }
  std::string name = kernel.getSymName().str();
  LLVM::GlobalOp nameText = createConstant(
      LLVM::LLVMArrayType::get(builder.getI8Type(), name.size() + 1),
      name + "_name",
      builder.getStringAttr(StringRef(name.c_str(), name.size() + 1)));
  auto type = LLVM::LLVMStructType::getLiteral(
      builder.getContext(), {ptrType, ptrType, ptrType, ptrType, i32Type,
                             i32Type, i32Type, i32Type, i32Type});
  LLVM::GlobalOp global = createConstant(type, name + "_emulator", {});
  global.setLinkage(LLVM::Linkage::External);
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&global.getInitializerRegion());
  SmallVector<Value> fields = {
      LLVM::AddressOfOp::create(builder, loc, nameText),
      LLVM::AddressOfOp::create(builder, loc, entry),
      LLVM::AddressOfOp::create(builder, loc, siteText),
      LLVM::AddressOfOp::create(builder, loc, siteOffsets),
      constant(loc, i32Type, numSites),
      constant(loc, i32Type, staticSharedBytes)};
  for (int32_t extent : cluster)
    fields.push_back(constant(loc, i32Type, extent));
  Value value = LLVM::PoisonOp::create(builder, loc, type);
  for (auto [position, field] : llvm::enumerate(fields))
    value = LLVM::InsertValueOp::create(
        builder, loc, value, field,
        ArrayRef<int64_t>{static_cast<int64_t>(position)});
  LLVM::ReturnOp::create(builder, loc, value);
}

/// What only means something on a GPU.
static void removeDeviceAttributes(LLVM::LLVMFuncOp function) {
  for (NamedAttribute attribute :
       llvm::to_vector(function->getDiscardableAttrs()))
    if (attribute.getName().getValue().starts_with("nvvm.") ||
        attribute.getName().getValue().starts_with("gpu."))
      function->removeDiscardableAttr(attribute.getName());
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    function.removeArgAttr(i, LLVM::LLVMDialect::getByValAttrName());
    function.removeArgAttr(
        i, StringAttr::get(function.getContext(),
                           NVVM::NVVMDialect::getGridConstantAttrName()));
  }
}

int64_t HostCode::addKernels(gpu::GPUModuleOp gpuModule,
                             int64_t staticSharedBytes,
                             const SiteTable &sites) {
  StringAttr moduleSymbol = gpuModule.getSymNameAttr();
  StringRef moduleName = moduleSymbol.getValue();
  // Its name is free for a kernel.
  symbolTable.remove(gpuModule);
  std::string text = sites.getText().str();
  text += '\0';
  LLVM::GlobalOp siteText =
      createConstant(LLVM::LLVMArrayType::get(builder.getI8Type(), text.size()),
                     moduleName + "_sites", builder.getStringAttr(text));
  SmallVector<int32_t> offsets(sites.getOffsets());
  // An empty table would have no element type to say.
  offsets.resize(std::max<size_t>(offsets.size(), 1));
  auto offsetsType = LLVM::LLVMArrayType::get(i32Type, offsets.size());
  LLVM::GlobalOp siteOffsets =
      createConstant(offsetsType, moduleName + "_site_offsets",
                     builder.getI32TensorAttr(offsets));

  SmallVector<std::pair<LLVM::LLVMFuncOp, SymbolRefAttr>> kernels;
  for (Operation &op : llvm::make_early_inc_range(*gpuModule.getBody())) {
    auto symbol = dyn_cast<SymbolOpInterface>(op);
    if (!symbol)
      continue;
    auto reference = SymbolRefAttr::get(
        moduleSymbol, {FlatSymbolRefAttr::get(symbol.getNameAttr())});
    auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
    if (function && function.isExternal()) {
      if (symbolTable.lookup(function.getSymName())) {
        function.erase();
        continue;
      }
    } else if (symbolTable.lookup(symbol.getName())) {
      std::string name = (moduleName + "_" + symbol.getName()).str();
      auto newName = builder.getStringAttr(name);
      (void)SymbolTable::replaceAllSymbolUses(&op, newName, gpuModule);
      symbol.setName(newName);
    }
    if (function &&
        function->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()))
      kernels.push_back({function, reference});
    op.remove();
    symbolTable.insert(&op);
  }
  for (auto [kernel, reference] : kernels) {
    LLVM::LLVMFuncOp entry = createEntry(kernel);
    createDescription(kernel, entry, siteText, siteOffsets, sites.size(),
                      staticSharedBytes);
    descriptions[reference] = symbolTable.lookup<LLVM::GlobalOp>(
        (kernel.getSymName() + "_emulator").str());
    removeDeviceAttributes(kernel);
  }
  return kernels.size();
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

Value HostCode::toI64(Location loc, Value value) {
  if (value.getType().isIndex())
    return arith::IndexCastOp::create(builder, loc, i64Type, value);
  if (value.getType() != i64Type)
    return arith::ExtSIOp::create(builder, loc, i64Type, value);
  return value;
}

Value HostCode::createSlot(Operation *op, Type type) {
  OpBuilder::InsertionGuard guard(builder);
  Operation *function = op;
  while (!isa<FunctionOpInterface>(function))
    function = function->getParentOp();
  builder.setInsertionPointToStart(&function->getRegion(0).front());
  // The alignment is what a tensor map needs.
  return LLVM::AllocaOp::create(builder, op->getLoc(), ptrType, type,
                                constant(op->getLoc(), i64Type, 1),
                                /*alignment=*/64);
}

MemRefDescriptor HostCode::getDescriptor(Location loc, Value memref) {
  Type type = typeConverter.convertType(memref.getType());
  return MemRefDescriptor(
      UnrealizedConversionCastOp::create(builder, loc, type, memref)
          .getResult(0));
}

LogicalResult HostCode::convert(gpu::LaunchFuncOp launch) {
  Location loc = launch.getLoc();
  LLVM::GlobalOp description = descriptions.lookup(launch.getKernel());
  if (!description)
    return launch.emitOpError("launches '")
           << launch.getKernel()
           << "', which isn't a kernel in a 'gpu.module' of this module";
  builder.setInsertionPoint(launch);
  SmallVector<Value> fields;
  for (Value operand : launch.getKernelOperands()) {
    if (auto type = dyn_cast<MemRefType>(operand.getType())) {
      MemRefDescriptor::unpack(builder, loc, getDescriptor(loc, operand), type,
                               fields);
      continue;
    }
    Type type = typeConverter.convertType(operand.getType());
    if (type != operand.getType())
      operand = UnrealizedConversionCastOp::create(builder, loc, type, operand)
                    .getResult(0);
    fields.push_back(operand);
  }
  Value arguments = createSlot(
      launch,
      LLVM::LLVMArrayType::get(ptrType, std::max<size_t>(fields.size(), 1)));
  for (auto [number, field] : llvm::enumerate(fields)) {
    Value slot = createSlot(launch, field.getType());
    LLVM::StoreOp::create(builder, loc, field, slot);
    Value pointer = LLVM::GEPOp::create(
        builder, loc, ptrType, ptrType, arguments,
        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(number)});
    LLVM::StoreOp::create(builder, loc, slot, pointer);
  }
  gpu::KernelDim3 grid = launch.getGridSizeOperandValues();
  gpu::KernelDim3 block = launch.getBlockSizeOperandValues();
  SmallVector<Value> operands = {
      LLVM::AddressOfOp::create(builder, loc, description)};
  for (Value extent : {grid.x, grid.y, grid.z, block.x, block.y, block.z})
    operands.push_back(toI64(loc, extent));
  if (launch.hasClusterSize()) {
    gpu::KernelDim3 cluster = launch.getClusterSizeOperandValues();
    for (Value extent : {cluster.x, cluster.y, cluster.z})
      operands.push_back(toI64(loc, extent));
  } else {
    operands.append(3, constant(loc, i64Type, 1));
  }
  Value shared = launch.getDynamicSharedMemorySize();
  operands.push_back(shared ? shared : constant(loc, i32Type, 0));
  operands.push_back(arguments);
  SmallVector<Type> types(10, i64Type);
  types.front() = ptrType;
  types.append({i32Type, ptrType});
  LLVM::CallOp::create(builder, loc,
                       getFunction("sparse24EmulatorLaunch", voidType, types),
                       operands);
  return success();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void HostCode::convert(memref::AllocOp alloc) {
  Location loc = alloc.getLoc();
  MemRefType type = alloc.getType();
  builder.setInsertionPoint(alloc);
  MemRefDescriptor descriptor =
      MemRefDescriptor::poison(builder, loc, typeConverter.convertType(type));
  Value stride = constant(loc, i64Type, 1);
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    Value size =
        type.isDynamicDim(dim)
            ? toI64(loc, alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)])
            : constant(loc, i64Type, type.getDimSize(dim));
    descriptor.setSize(builder, loc, dim, size);
    descriptor.setStride(builder, loc, dim, stride);
    stride = arith::MulIOp::create(builder, loc, stride, size);
  }
  int64_t elementBytes =
      dataLayout.getTypeSize(type.getElementType()).getFixedValue();
  Value bytes = arith::MulIOp::create(builder, loc, stride,
                                      constant(loc, i64Type, elementBytes));
  Value alignment = constant(loc, i64Type, alloc.getAlignment().value_or(16));
  Value address = LLVM::CallOp::create(builder, loc,
                                       getFunction("sparse24EmulatorAllocate",
                                                   ptrType, {i64Type, i64Type}),
                                       ValueRange{bytes, alignment})
                      .getResult();
  descriptor.setAllocatedPtr(builder, loc, address);
  descriptor.setAlignedPtr(builder, loc, address);
  descriptor.setConstantOffset(builder, loc, 0);
  Value memref =
      UnrealizedConversionCastOp::create(builder, loc, type, Value(descriptor))
          .getResult(0);
  alloc.replaceAllUsesWith(memref);
  alloc.erase();
}

void HostCode::convert(memref::DeallocOp dealloc) {
  Location loc = dealloc.getLoc();
  builder.setInsertionPoint(dealloc);
  Value address =
      getDescriptor(loc, dealloc.getMemref()).allocatedPtr(builder, loc);
  LLVM::CallOp::create(builder, loc,
                       getFunction("sparse24EmulatorFree", voidType, ptrType),
                       address);
  dealloc.erase();
}

void HostCode::convert(memref::GetGlobalOp global) {
  Location loc = global.getLoc();
  MemRefType type = global.getType();
  builder.setInsertionPointAfter(global);
  Value address =
      getDescriptor(loc, global.getResult()).alignedPtr(builder, loc);
  int64_t bytes = type.getNumElements() *
                  dataLayout.getTypeSize(type.getElementType()).getFixedValue();
  LLVM::CallOp::create(
      builder, loc,
      getFunction("sparse24EmulatorConstant", voidType, {ptrType, i64Type}),
      ValueRange{address, constant(loc, i64Type, bytes)});
}

LogicalResult HostCode::convertLaunches() {
  SmallVector<gpu::LaunchFuncOp> launches;
  module.walk([&](gpu::LaunchFuncOp launch) { launches.push_back(launch); });
  if (launches.empty())
    return success();
  // Everything happens at once: there is nothing to wait for.
  SetVector<Operation *> done;
  WalkResult result = module.walk([](WeightOp weight) {
    weight.emitOpError("reads a weight file, which programs for the emulator "
                       "don't have: compile without weights-file");
    return WalkResult::interrupt();
  });
  if (result.wasInterrupted())
    return failure();
  for (gpu::LaunchFuncOp launch : launches) {
    if (failed(convert(launch)))
      return failure();
    done.insert(launch);
  }
  module.walk([&](gpu::WaitOp wait) { done.insert(wait); });
  for (Operation *op : done)
    for (Operation *user : op->getUsers())
      if (!done.contains(user))
        return user->emitOpError("waits for a launch, which the emulator can't "
                                 "do");
  for (Operation *op : done) {
    op->dropAllUses();
    op->erase();
  }
  module.walk([&](Operation *op) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      convert(alloc);
    else if (auto dealloc = dyn_cast<memref::DeallocOp>(op))
      convert(dealloc);
    else if (auto global = dyn_cast<memref::GetGlobalOp>(op))
      convert(global);
  });
  return success();
}
