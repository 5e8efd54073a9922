// The host's side: descriptions of kernels, launches, allocations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "HostCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "sparse24/Conversion/KernelLaunch.h"
#include "sparse24/Conversion/TensorMap.h"
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
  addTensorMapConversion(typeConverter);
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

Value HostCode::call(Location loc, StringRef function, Type result,
                     ValueRange arguments) {
  auto callee =
      getFunction(function, result, llvm::to_vector(arguments.getTypes()));
  auto op = LLVM::CallOp::create(builder, loc, callee, arguments);
  return op->getNumResults() ? op.getResult() : Value();
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

Value HostCode::createString(Location loc, StringRef text) {
  std::string bytes = text.str() + '\0';
  LLVM::GlobalOp global = createConstant(
      LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size()),
      "sparse24_string", builder.getStringAttr(bytes));
  return LLVM::AddressOfOp::create(builder, loc, global);
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
  auto type = LLVM::LLVMStructType::getLiteral(
      builder.getContext(), {ptrType, ptrType, ptrType, ptrType, i32Type,
                             i32Type, i32Type, i32Type, i32Type});
  LLVM::GlobalOp global = createConstant(type, name + "_emulator", {});
  global.setLinkage(LLVM::Linkage::External);
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&global.getInitializerRegion());
  SmallVector<Value> fields = {
      createString(loc, name),
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

Value HostCode::createSlot(Operation *op, Type type) {
  OpBuilder::InsertionGuard guard(builder);
  Operation *function = op;
  while (!isa<FunctionOpInterface>(function))
    function = function->getParentOp();
  builder.setInsertionPointToStart(&function->getRegion(0).front());
  return LLVM::AllocaOp::create(builder, op->getLoc(), ptrType, type,
                                constant(op->getLoc(), i64Type, 1),
                                kTensorMapAlignment);
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
  SmallVector<Value> slots;
  for (auto [value, isPointedTo] :
       createKernelParameters(builder, launch, typeConverter)) {
    slots.push_back(isPointedTo ? value : createSlot(launch, value.getType()));
    if (!isPointedTo)
      LLVM::StoreOp::create(builder, loc, value, slots.back());
  }
  Value arguments = createSlot(
      launch,
      LLVM::LLVMArrayType::get(ptrType, std::max<size_t>(slots.size(), 1)));
  for (auto [number, slot] : llvm::enumerate(slots)) {
    Value pointer = LLVM::GEPOp::create(
        builder, loc, ptrType, ptrType, arguments,
        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(number)});
    LLVM::StoreOp::create(builder, loc, slot, pointer);
  }
  SmallVector<Value> operands = {
      LLVM::AddressOfOp::create(builder, loc, description)};
  llvm::append_range(operands, createLaunchExtents(builder, launch));
  Value shared = launch.getDynamicSharedMemorySize();
  operands.push_back(shared ? shared : constant(loc, i32Type, 0));
  operands.push_back(arguments);
  call(loc, "sparse24EmulatorLaunch", voidType, operands);
  return success();
}

LogicalResult HostCode::convertLaunches() {
  // Everything happens at once: there is nothing to wait for.
  SetVector<Operation *> done;
  module.walk([&](Operation *op) {
    if (isa<gpu::LaunchFuncOp, gpu::MemsetOp>(op))
      done.insert(op);
  });
  if (done.empty())
    return success();
  for (Operation *op : done) {
    auto launch = dyn_cast<gpu::LaunchFuncOp>(op);
    if (failed(launch ? convert(launch) : convert(cast<gpu::MemsetOp>(op))))
      return failure();
  }
  module.walk([&](gpu::WaitOp wait) { done.insert(wait); });
  for (Operation *op : done)
    for (Operation *user : op->getUsers())
      if (!done.contains(user))
        return user->emitOpError("waits for a launch or a memset, which the "
                                 "emulator can't do");
  for (Operation *op : done) {
    op->dropAllUses();
    op->erase();
  }
  return convertMemory();
}
