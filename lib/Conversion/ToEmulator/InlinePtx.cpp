// Inline PTX, as far as kernels here and NVVM's own operations write it: a
// sequence of instructions on operands ($0, {$r0} has become $0 before), on
// registers that the text declares and on constants; no branches.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PtxArithmetic.h"
#include "PtxParser.h"

using namespace mlir;
using namespace mlir::sparse24;

namespace {

/// Writes the instructions of one inline_asm.
class InlinePtx {
public:
  InlinePtx(LLVM::InlineAsmOp op, Emitter &e) : op(op), e(e) {}
  FailureOr<SmallVector<Value>> lower();

private:
  LogicalResult readConstraints();
  LogicalResult emit(const PtxInstruction &instruction);
  LogicalResult emitPlain(const PtxInstruction &instruction);
  LogicalResult emitArithmetic(const PtxInstruction &instruction);

  /// The value of a source, as one for a register of `bits`.
  FailureOr<Value> read(const PtxOperand &operand, Type immediateType);
  LogicalResult readAll(ArrayRef<PtxOperand> operands,
                        SmallVectorImpl<Value> &values);
  /// The register that a destination names: its type, and where its value goes.
  Type getType(StringRef name);
  LogicalResult write(StringRef name, Value value);
  std::optional<unsigned> getNumber(StringRef name);
  bool isSpecialRegister(StringRef name) {
    return name.starts_with("%") && !getNumber(name) && !declared.count(name);
  }

  LogicalResult fail(const Twine &message) {
    return op.emitOpError("isn't known to the emulator: ") << message;
  }

  LLVM::InlineAsmOp op;
  Emitter &e;
  /// The current value of $N; those of outputs are null before the first write.
  SmallVector<Value> operands;
  SmallVector<Type> operandTypes;
  /// Outputs whose register is an input's, too.
  SmallVector<bool> isTied;
  unsigned numOutputs = 0;
  /// Registers that the text declares, with their values.
  llvm::StringMap<Type> declared;
  llvm::StringMap<Value> registers;
};

} // namespace

LogicalResult InlinePtx::readConstraints() {
  SmallVector<Type> outputTypes;
  if (op.getNumResults() == 1) {
    if (auto structType =
            dyn_cast<LLVM::LLVMStructType>(op.getResult(0).getType()))
      llvm::append_range(outputTypes, structType.getBody());
    else
      outputTypes.push_back(op.getResult(0).getType());
  }
  SmallVector<StringRef> constraints;
  op.getConstraints().split(constraints, ',', /*MaxSplit=*/-1,
                            /*KeepEmpty=*/false);
  auto inputs = op.getOperands();
  size_t nextInput = 0;
  for (StringRef constraint : constraints) {
    if (constraint.starts_with("~"))
      continue;
    unsigned tied;
    if (constraint.starts_with("=")) {
      if (numOutputs >= outputTypes.size())
        return fail("more outputs than results");
      operands.push_back({});
      operandTypes.push_back(outputTypes[numOutputs++]);
      isTied.push_back(false);
      continue;
    }
    if (nextInput >= inputs.size())
      return fail("more inputs than operands");
    Value input = inputs[nextInput++];
    // A tied input has a number of its own, too.
    operands.push_back(input);
    operandTypes.push_back(input.getType());
    if (!constraint.getAsInteger(10, tied) && tied < numOutputs) {
      operands[tied] = input;
      isTied[tied] = true;
    }
  }
  return success();
}

std::optional<unsigned> InlinePtx::getNumber(StringRef name) {
  unsigned number;
  if (!name.consume_front("$") && !name.consume_front("%"))
    return std::nullopt;
  // "${0:r}" is how LLVM writes a modifier.
  if (name.consume_front("{"))
    name = name.take_while([](char c) { return c >= '0' && c <= '9'; });
  if (name.getAsInteger(10, number) || number >= operands.size())
    return std::nullopt;
  return number;
}

Type InlinePtx::getType(StringRef name) {
  if (std::optional<unsigned> number = getNumber(name))
    return operandTypes[*number];
  return declared.lookup(name);
}

LogicalResult InlinePtx::write(StringRef name, Value value) {
  Type type = getType(name);
  if (!type)
    return fail("unknown register '" + name + "'");
  if (value.getType() != type)
    value = LLVM::BitcastOp::create(e.builder, e.loc, type, value);
  if (std::optional<unsigned> number = getNumber(name))
    operands[*number] = value;
  else
    registers[name] = value;
  return success();
}

FailureOr<Value> InlinePtx::read(const PtxOperand &operand,
                                 Type immediateType) {
  StringRef name = operand.name;
  Value value;
  if (std::optional<unsigned> number = getNumber(name))
    value = operands[*number];
  else if (registers.contains(name))
    value = registers[name];
  if (!value) {
    std::optional<int64_t> immediate = parsePtxInteger(name);
    if (!immediate)
      return fail("operand '" + name + "' has no value");
    return e.constant(immediateType, *immediate);
  }
  if (operand.isNegated)
    value =
        LLVM::XOrOp::create(e.builder, e.loc, value, e.constant(e.i1Type, 1));
  return value;
}

/// Operands in order; what is between braces or brackets, one after the other.
LogicalResult InlinePtx::readAll(ArrayRef<PtxOperand> sources,
                                 SmallVectorImpl<Value> &values) {
  for (const PtxOperand &source : sources) {
    if (source.kind != PtxOperand::single) {
      if (source.kind == PtxOperand::address) {
        FailureOr<Value> base = read(source.parts.front(), e.i64Type);
        if (failed(base))
          return failure();
        Value address = *base;
        if (isa<LLVM::LLVMPointerType>(address.getType()))
          address =
              LLVM::PtrToIntOp::create(e.builder, e.loc, e.i64Type, address);
        else if (address.getType() != e.i64Type)
          address = LLVM::ZExtOp::create(e.builder, e.loc, e.i64Type, address);
        if (source.offset)
          address = LLVM::AddOp::create(e.builder, e.loc, address,
                                        e.constant(e.i64Type, source.offset));
        values.push_back(address);
        if (failed(readAll(ArrayRef(source.parts).drop_front(), values)))
          return failure();
      } else if (failed(readAll(source.parts, values))) {
        return failure();
      }
      continue;
    }
    FailureOr<Value> value = read(source, e.i32Type);
    if (failed(value))
      return failure();
    values.push_back(*value);
  }
  return success();
}

LogicalResult InlinePtx::emitArithmetic(const PtxInstruction &instruction) {
  StringRef opcode = instruction.opcode;
  const PtxOperand &destination = instruction.operands.front();
  Type type = getType(destination.name);
  if (!type)
    return fail("unknown register '" + destination.name + "'");
  ArrayRef<PtxOperand> rest = ArrayRef(instruction.operands).drop_front();
  if (opcode.starts_with("mov") && rest.size() == 1 &&
      isSpecialRegister(rest[0].name)) {
    std::string special = (opcode + "." + rest[0].name).str();
    return write(destination.name, e.execute(special, {}, type)[0]);
  }
  // A comparison's constants have the type of what they are compared with.
  bool isComparison = opcode.starts_with("setp");
  Type immediateType = isComparison ? e.i32Type : type;
  SmallVector<Value> sources;
  for (const PtxOperand &source : rest) {
    FailureOr<Value> value = read(source, immediateType);
    if (failed(value))
      return failure();
    if (isComparison)
      immediateType = value->getType();
    sources.push_back(*value);
  }
  Value result = computePtx(e, opcode, type, sources);
  return result ? write(destination.name, result)
                : fail("'" + opcode + "' in this form");
}

LogicalResult InlinePtx::emitPlain(const PtxInstruction &instruction) {
  if (isPtxArithmetic(instruction.opcode) && !instruction.operands.empty() &&
      instruction.operands.front().kind == PtxOperand::single)
    return emitArithmetic(instruction);
  std::string opcode = instruction.opcode.str();
  ArrayRef<PtxOperand> rest(instruction.operands);
  SmallVector<Value> sources;
  SmallVector<StringRef> destinations;
  bool isProduct = StringRef(opcode).starts_with("wgmma.mma_async");
  if (hasPtxDestination(instruction)) {
    const PtxOperand &destination = rest.front();
    if (destination.kind == PtxOperand::single)
      destinations.push_back(destination.name);
    for (const PtxOperand &part : destination.parts)
      destinations.push_back(part.name);
    // A product adds to its destination.
    if (!isProduct)
      rest = rest.drop_front();
  }
  if (isProduct && rest.size() > 1 && rest[1].kind == PtxOperand::single)
    opcode += ".adesc";
  if (failed(readAll(rest, sources)))
    return failure();
  // Waiting for products: the text doesn't name the accumulators whose values
  // it brings, but they are tied.
  SmallVector<unsigned> waitedFor;
  if (StringRef(opcode).starts_with("wgmma.wait_group"))
    for (unsigned i = 0; i < numOutputs; ++i)
      if (isTied[i]) {
        waitedFor.push_back(i);
        sources.push_back(operands[i]);
      }
  // The emulator can't know how many there are, so the opcode says it.
  if (!waitedFor.empty())
    opcode += ".x" + std::to_string(waitedFor.size());
  SmallVector<Type> types;
  for (StringRef name : destinations) {
    // "_" is a sink; what goes there is a word or two.
    Type type = name == "_" ? e.i64Type : getType(name);
    if (!type)
      return fail("unknown register '" + name + "'");
    types.push_back(type);
  }
  for (unsigned i : waitedFor)
    types.push_back(operandTypes[i]);
  SmallVector<Value> results = e.execute(opcode, sources, types);
  for (auto [name, value] : llvm::zip(destinations, results))
    if (name != "_" && failed(write(name, value)))
      return failure();
  for (auto [i, value] :
       llvm::zip(waitedFor, ArrayRef(results).drop_front(destinations.size())))
    operands[i] = value;
  return success();
}

LogicalResult InlinePtx::emit(const PtxInstruction &instruction) {
  if (instruction.opcode.starts_with("bra"))
    return fail("it branches");
  if (!instruction.predicate)
    return emitPlain(instruction);
  // Registers that a predicated instruction writes would have to be merged.
  if (hasPtxDestination(instruction))
    return fail("a predicated instruction with a result");
  FailureOr<Value> predicate = read(*instruction.predicate, e.i1Type);
  if (failed(predicate))
    return failure();
  LogicalResult result = success();
  e.predicate(*predicate, [&] { result = emitPlain(instruction); });
  return result;
}

FailureOr<SmallVector<Value>> InlinePtx::lower() {
  if (failed(readConstraints()))
    return failure();
  std::string message;
  FailureOr<PtxText> text = parsePtx(op.getAsmString(), message);
  if (failed(text))
    return fail(message);
  for (const PtxRegister &declaration : text->registers)
    declared[declaration.name] =
        declaration.isFloat
            ? Type(declaration.bits == 64 ? e.builder.getF64Type()
                                          : e.builder.getF32Type())
            : Type(e.builder.getIntegerType(declaration.bits));
  for (const PtxInstruction &instruction : text->instructions)
    if (failed(emit(instruction)))
      return failure();
  if (op.getNumResults() == 0)
    return SmallVector<Value>();
  for (unsigned i = 0; i < numOutputs; ++i)
    if (!operands[i])
      operands[i] = LLVM::PoisonOp::create(e.builder, e.loc, operandTypes[i]);
  Type type = op.getResult(0).getType();
  if (!isa<LLVM::LLVMStructType>(type))
    return SmallVector<Value>{operands[0]};
  Value all = LLVM::PoisonOp::create(e.builder, e.loc, type);
  for (unsigned i = 0; i < numOutputs; ++i)
    all = LLVM::InsertValueOp::create(e.builder, e.loc, all, operands[i],
                                      ArrayRef<int64_t>{i});
  return SmallVector<Value>{all};
}

Lowered mlir::sparse24::lowerInlinePtx(Operation *op, Emitter &e) {
  auto inlineAsm = dyn_cast<LLVM::InlineAsmOp>(op);
  if (!inlineAsm)
    return std::nullopt;
  return InlinePtx(inlineAsm, e).lower();
}
