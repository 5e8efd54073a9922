// Calls of the runtime, and the constants that it reads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RuntimeCalls.h"

#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "sparse24/Runtime/Runtime.h"

using namespace mlir;
using namespace mlir::sparse24;

//===----------------------------------------------------------------------===//
// ModuleDescription
//===----------------------------------------------------------------------===//

int32_t ModuleDescription::addKernel(SymbolRefAttr kernel,
                                     int64_t dynamicSharedMemoryBytes) {
  images.insert(kernel.getRootReference());
  auto image = llvm::find(images, kernel.getRootReference());
  int32_t number = kernels.size();
  auto [entry, isNew] =
      kernels.insert({kernel,
                      {number, static_cast<int32_t>(image - images.begin()),
                       dynamicSharedMemoryBytes}});
  int64_t &bytes = entry->second.dynamicSharedMemoryBytes;
  bytes = std::max(bytes, dynamicSharedMemoryBytes);
  return entry->second.number;
}

bool ModuleDescription::countClusters(SymbolRefAttr kernel, int64_t threads,
                                      int64_t cluster) {
  Kernel &counted = kernels.find(kernel)->second;
  if (counted.cluster == 0) {
    counted.threads = threads;
    counted.cluster = cluster;
  }
  return counted.threads == threads && counted.cluster == cluster;
}

int32_t ModuleDescription::addWeight(StringAttr name, uint64_t layoutHash,
                                     uint64_t bytes) {
  for (auto [number, weight] : llvm::enumerate(weights))
    if (weight.name == name && weight.layoutHash == layoutHash)
      return number;
  weights.push_back({name, layoutHash, bytes});
  return weights.size() - 1;
}

//===----------------------------------------------------------------------===//
// RuntimeBuilder
//===----------------------------------------------------------------------===//

RuntimeBuilder::RuntimeBuilder(ModuleOp module)
    : module(module), symbolTable(module),
      moduleBuilder(OpBuilder::atBlockEnd(module.getBody())) {
  i32Type = moduleBuilder.getI32Type();
  i64Type = moduleBuilder.getI64Type();
  ptrType = LLVM::LLVMPointerType::get(module.getContext());
}

LLVM::GlobalOp RuntimeBuilder::createConstant(Location loc, Type type,
                                              const Twine &name,
                                              Attribute value,
                                              uint64_t alignment) {
  OpBuilder::InsertionGuard guard(moduleBuilder);
  moduleBuilder.setInsertionPointToStart(module.getBody());
  auto global = LLVM::GlobalOp::create(
      moduleBuilder, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal,
      name.str(), value, alignment);
  symbolTable.insert(global);
  return global;
}

/// Which of a binary's objects to embed: the one its handler selects, else the
/// first.
static gpu::ObjectAttr selectObject(gpu::BinaryOp binary) {
  ArrayRef<Attribute> objects = binary.getObjects().getValue();
  auto handler = dyn_cast_or_null<gpu::SelectObjectAttr>(
      binary.getOffloadingHandlerAttr());
  Attribute target = handler ? handler.getTarget() : Attribute();
  if (!target)
    return cast<gpu::ObjectAttr>(objects.front());
  if (auto index = dyn_cast<IntegerAttr>(target)) {
    int64_t number = index.getInt();
    return number >= 0 && number < static_cast<int64_t>(objects.size())
               ? cast<gpu::ObjectAttr>(objects[number])
               : gpu::ObjectAttr();
  }
  for (Attribute object : objects)
    if (cast<gpu::ObjectAttr>(object).getTarget() == target)
      return cast<gpu::ObjectAttr>(object);
  return {};
}

FailureOr<LLVM::GlobalOp>
RuntimeBuilder::getOrCreateImage(gpu::BinaryOp binary) {
  LLVM::GlobalOp &image = images[binary.getSymNameAttr()];
  if (image)
    return image;
  gpu::ObjectAttr object = selectObject(binary);
  if (!object)
    return binary.emitOpError("has no object that its handler selects");
  if (object.getFormat() == gpu::CompilationTarget::Offload)
    return binary.emitOpError(
        "holds LLVM bitcode, which the driver can't load; serialize it with "
        "format isa, bin or fatbin");

  std::string bytes = object.getObject().getValue().str();
  bool isText = object.getFormat() == gpu::CompilationTarget::Assembly;
  if (isText && (bytes.empty() || bytes.back() != '\0'))
    bytes.push_back('\0');
  // The driver wants cubins aligned; 64 bytes are enough for any of its loads.
  image = createConstant(
      binary.getLoc(),
      LLVM::LLVMArrayType::get(moduleBuilder.getI8Type(), bytes.size()),
      binary.getSymName() + "_image", moduleBuilder.getStringAttr(bytes), 64);
  return image;
}

Value RuntimeBuilder::createString(OpBuilder &builder, Location loc,
                                   StringRef text) {
  LLVM::GlobalOp &global = strings[text];
  if (!global) {
    std::string bytes = text.str() + '\0';
    global = createConstant(
        loc, LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size()),
        "sparse24_string", builder.getStringAttr(bytes));
  }
  return LLVM::AddressOfOp::create(builder, loc, global);
}

Value RuntimeBuilder::createStruct(OpBuilder &builder, Location loc,
                                   LLVM::LLVMStructType type,
                                   ValueRange fields) {
  Value value = LLVM::PoisonOp::create(builder, loc, type);
  for (auto [position, field] : llvm::enumerate(fields))
    value = LLVM::InsertValueOp::create(builder, loc, value, field,
                                        static_cast<int64_t>(position));
  return value;
}

/// Runs `build` to make a constant's value.
static void initialize(LLVM::GlobalOp global,
                       function_ref<Value(OpBuilder &)> build) {
  OpBuilder builder(global.getContext());
  builder.createBlock(&global.getInitializerRegion());
  Value value = build(builder);
  LLVM::ReturnOp::create(builder, global.getLoc(), value);
}

Value RuntimeBuilder::createArray(
    OpBuilder &builder, Location loc, const Twine &name,
    LLVM::LLVMStructType elementType, size_t size,
    function_ref<SmallVector<Value>(OpBuilder &, size_t)> getFields) {
  if (size == 0)
    return LLVM::ZeroOp::create(builder, loc, ptrType);
  auto arrayType = LLVM::LLVMArrayType::get(elementType, size);
  LLVM::GlobalOp global = createConstant(loc, arrayType, name);
  initialize(global, [&](OpBuilder &inner) -> Value {
    Value array = LLVM::PoisonOp::create(inner, loc, arrayType);
    for (size_t i = 0; i < size; ++i)
      array = LLVM::InsertValueOp::create(
          inner, loc, array,
          createStruct(inner, loc, elementType, getFields(inner, i)),
          static_cast<int64_t>(i));
    return array;
  });
  return LLVM::AddressOfOp::create(builder, loc, global);
}

/// The fields here, and their order, are those of Runtime.h's structures.
LLVM::GlobalOp
RuntimeBuilder::createDescription(Location loc, StringRef name,
                                  const ModuleDescription &description) {
  MLIRContext *context = module.getContext();
  auto structType = [&](ArrayRef<Type> fields) {
    return LLVM::LLVMStructType::getLiteral(context, fields);
  };
  auto imageType = structType({ptrType, i64Type});
  auto kernelType = structType({ptrType, i32Type, i32Type, i32Type, i32Type});
  auto weightType = structType({ptrType, i64Type, i64Type});
  auto moduleType = structType(
      {i32Type, i32Type, ptrType, i32Type, i32Type, ptrType, ptrType, i32Type});
  auto constant = [&](OpBuilder &builder, Type type, int64_t value) -> Value {
    return LLVM::ConstantOp::create(builder, loc, type,
                                    builder.getIntegerAttr(type, value));
  };

  ArrayRef<StringAttr> imageNames = description.getImages();
  auto kernels = description.getKernels().getArrayRef();
  ArrayRef<ModuleDescription::Weight> weights = description.getWeights();

  LLVM::GlobalOp global = createConstant(loc, moduleType, name + "_module");
  initialize(global, [&](OpBuilder &builder) {
    Value imageArray = createArray(
        builder, loc, name + "_images", imageType, imageNames.size(),
        [&](OpBuilder &inner, size_t i) -> SmallVector<Value> {
          LLVM::GlobalOp image = images.at(imageNames[i]);
          auto bytes = cast<LLVM::LLVMArrayType>(image.getType());
          return {LLVM::AddressOfOp::create(inner, loc, image),
                  constant(inner, i64Type, bytes.getNumElements())};
        });
    Value kernelArray = createArray(
        builder, loc, name + "_kernels", kernelType, kernels.size(),
        [&](OpBuilder &inner, size_t i) -> SmallVector<Value> {
          const auto &[symbol, kernel] = kernels[i];
          return {createString(inner, loc, symbol.getLeafReference()),
                  constant(inner, i32Type, kernel.image),
                  constant(inner, i32Type, kernel.dynamicSharedMemoryBytes),
                  constant(inner, i32Type, kernel.threads),
                  constant(inner, i32Type, kernel.cluster)};
        });
    Value weightArray =
        createArray(builder, loc, name + "_weights", weightType, weights.size(),
                    [&](OpBuilder &inner, size_t i) -> SmallVector<Value> {
                      return {createString(inner, loc, weights[i].name),
                              constant(inner, i64Type, weights[i].layoutHash),
                              constant(inner, i64Type, weights[i].bytes)};
                    });
    return createStruct(
        builder, loc, moduleType,
        {constant(builder, i32Type, SPARSE24_RUNTIME_ABI_VERSION),
         constant(builder, i32Type, imageNames.size()), imageArray,
         constant(builder, i32Type, kernels.size()),
         constant(builder, i32Type, weights.size()), kernelArray, weightArray,
         constant(builder, i32Type, description.hasTemporaries())});
  });
  return global;
}

void RuntimeBuilder::createEntries(Location loc, StringRef name,
                                   const ModuleDescription &description) {
  auto createFunction = [&](StringRef suffix, ArrayRef<Type> arguments) {
    auto function = LLVM::LLVMFuncOp::create(
        moduleBuilder, loc, (name + suffix).str(),
        LLVM::LLVMFunctionType::get(i32Type, arguments));
    symbolTable.insert(function);
    return function;
  };
  LLVM::GlobalOp global = createDescription(loc, name, description);

  LLVM::LLVMFuncOp create = createFunction("_create", {ptrType, ptrType});
  Block *entry = create.addEntryBlock(moduleBuilder);
  OpBuilder builder = OpBuilder::atBlockEnd(entry);
  Value status = call(builder, loc, "sparse24ContextCreate", i32Type,
                      {LLVM::AddressOfOp::create(builder, loc, global),
                       entry->getArgument(0), entry->getArgument(1)});
  LLVM::ReturnOp::create(builder, loc, status);

  LLVM::LLVMFuncOp destroy = createFunction("_destroy", {ptrType});
  entry = destroy.addEntryBlock(moduleBuilder);
  builder.setInsertionPointToEnd(entry);
  status = call(builder, loc, "sparse24ContextDestroy", i32Type,
                entry->getArguments());
  LLVM::ReturnOp::create(builder, loc, status);
}

Value RuntimeBuilder::call(OpBuilder &builder, Location loc, StringRef function,
                           Type resultType, ValueRange arguments) {
  auto callee = symbolTable.lookup<LLVM::LLVMFuncOp>(function);
  if (!callee) {
    OpBuilder::InsertionGuard guard(moduleBuilder);
    moduleBuilder.setInsertionPointToStart(module.getBody());
    callee = LLVM::LLVMFuncOp::create(
        moduleBuilder, module.getLoc(), function,
        LLVM::LLVMFunctionType::get(resultType,
                                    llvm::to_vector(arguments.getTypes())));
    symbolTable.insert(callee);
  }
  return LLVM::CallOp::create(builder, loc, callee, arguments).getResult();
}
