// Writes the calls by which compiled kernels execute instructions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Emitter.h"

#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::sparse24;

//===----------------------------------------------------------------------===//
// SiteTable
//===----------------------------------------------------------------------===//

/// "file:line:column" of the innermost place that has one.
static std::string getLocationText(Location location) {
  std::string text;
  location->walk([&](Location inner) {
    auto file = dyn_cast<FileLineColLoc>(inner);
    if (!file)
      return WalkResult::advance();
    llvm::raw_string_ostream(text) << file.getFilename().getValue() << ':'
                                   << file.getLine() << ':' << file.getColumn();
    return WalkResult::interrupt();
  });
  return text.empty() ? "unknown" : text;
}

int32_t SiteTable::addText(StringRef string) {
  auto [entry, isNew] = known.try_emplace(string, text.size());
  if (isNew) {
    text += string;
    text += '\0';
  }
  return entry->second;
}

int32_t SiteTable::add(StringRef opcode, Location location) {
  int32_t site = size();
  offsets.push_back(addText(opcode));
  offsets.push_back(addText(getLocationText(location)));
  return site;
}

//===----------------------------------------------------------------------===//
// Emitter
//===----------------------------------------------------------------------===//

int64_t mlir::sparse24::getRegisterBits(Type type) {
  if (isa<LLVM::LLVMPointerType>(type))
    return 64;
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * getRegisterBits(vector.getElementType());
  return type.getIntOrFloatBitWidth();
}

static bool fillsWords(Type type) { return getRegisterBits(type) % 32 == 0; }

Emitter::Emitter(LLVM::LLVMFuncOp function, LLVM::LLVMFuncOp execute,
                 SiteTable &sites)
    : builder(function.getContext()), loc(function.getLoc()),
      i1Type(builder.getI1Type()), i8Type(builder.getI8Type()),
      i16Type(builder.getI16Type()), i32Type(builder.getI32Type()),
      i64Type(builder.getI64Type()),
      ptrType(LLVM::LLVMPointerType::get(builder.getContext())),
      executeFunction(execute), sites(sites) {
  builder.setInsertionPointToStart(&function.getBody().front());
  Value one = constant(1);
  in = LLVM::AllocaOp::create(builder, loc, ptrType, i32Type, one);
  out = LLVM::AllocaOp::create(builder, loc, ptrType, i32Type, one);
}

void Emitter::finish() {
  builder.setInsertionPoint(in);
  in.setElemType(LLVM::LLVMArrayType::get(i32Type, inWords));
  out.setElemType(LLVM::LLVMArrayType::get(i32Type, outWords));
}

void Emitter::setOperation(Operation *op) {
  builder.setInsertionPoint(op);
  loc = op->getLoc();
}

Value Emitter::constant(Type type, int64_t value) {
  return LLVM::ConstantOp::create(builder, loc, type,
                                  builder.getIntegerAttr(type, value));
}

Value Emitter::offsetPointer(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(
      builder, loc, pointer.getType(), i8Type, pointer,
      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

int64_t Emitter::storeWords(Value value, int64_t word) {
  Type type = value.getType();
  if (auto structType = dyn_cast<LLVM::LLVMStructType>(type)) {
    for (int64_t i = 0, e = structType.getBody().size(); i < e; ++i)
      word = storeWords(LLVM::ExtractValueOp::create(builder, loc, value,
                                                     ArrayRef<int64_t>{i}),
                        word);
    return word;
  }
  int64_t bits = getRegisterBits(type);
  if (!fillsWords(type)) {
    auto intType = builder.getIntegerType(bits);
    if (type != intType)
      value = LLVM::BitcastOp::create(builder, loc, intType, value);
    value = LLVM::ZExtOp::create(
        builder, loc, builder.getIntegerType(llvm::alignTo(bits, 32)), value);
  }
  LLVM::StoreOp::create(builder, loc, value, offsetPointer(in, 4 * word),
                        /*alignment=*/4);
  return word + llvm::divideCeil(bits, 32);
}

Value Emitter::loadWords(Type type, int64_t &word) {
  if (auto structType = dyn_cast<LLVM::LLVMStructType>(type)) {
    Value value = LLVM::PoisonOp::create(builder, loc, type);
    for (auto [i, field] : llvm::enumerate(structType.getBody()))
      value = LLVM::InsertValueOp::create(
          builder, loc, value, loadWords(field, word),
          ArrayRef<int64_t>{static_cast<int64_t>(i)});
    return value;
  }
  int64_t bits = getRegisterBits(type);
  Type loadType =
      fillsWords(type) ? type : builder.getIntegerType(llvm::alignTo(bits, 32));
  Value value =
      LLVM::LoadOp::create(builder, loc, loadType, offsetPointer(out, 4 * word),
                           /*alignment=*/4);
  word += llvm::divideCeil(bits, 32);
  if (loadType == type)
    return value;
  auto intType = builder.getIntegerType(bits);
  value = LLVM::TruncOp::create(builder, loc, intType, value);
  if (type != intType)
    value = LLVM::BitcastOp::create(builder, loc, type, value);
  return value;
}

SmallVector<Value> Emitter::execute(StringRef opcode, ValueRange operands,
                                    TypeRange resultTypes) {
  int64_t word = 0;
  for (Value operand : operands)
    word = storeWords(operand, word);
  inWords = std::max(inWords, word);
  Value site = constant(sites.add(opcode, loc));
  LLVM::CallOp::create(builder, loc, executeFunction,
                       ValueRange{site, in, out});
  SmallVector<Value> results;
  word = 0;
  for (Type type : resultTypes)
    results.push_back(loadWords(type, word));
  outWords = std::max(outWords, word);
  return results;
}

void Emitter::predicate(Value predicate, function_ref<void()> body) {
  Block *before = builder.getInsertionBlock();
  Block *after = before->splitBlock(builder.getInsertionPoint());
  Block *then = builder.createBlock(after);
  body();
  LLVM::BrOp::create(builder, loc, after);
  builder.setInsertionPointToEnd(before);
  LLVM::CondBrOp::create(builder, loc, predicate, then, after);
  builder.setInsertionPointToStart(after);
}

void Emitter::repeatUntil(function_ref<Value()> body) {
  Block *before = builder.getInsertionBlock();
  Block *after = before->splitBlock(builder.getInsertionPoint());
  Block *loop = builder.createBlock(after);
  Value isOver = body();
  LLVM::CondBrOp::create(builder, loc, isOver, after, loop);
  builder.setInsertionPointToEnd(before);
  LLVM::BrOp::create(builder, loc, loop);
  builder.setInsertionPointToStart(after);
}
