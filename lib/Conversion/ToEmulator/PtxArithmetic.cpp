// PTX instructions that a CPU has, too.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PtxArithmetic.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::sparse24;

bool mlir::sparse24::isPtxArithmetic(StringRef opcode) {
  return llvm::is_contained({"add", "and",   "cvt",  "cvta", "ex2",
                             "lg2", "mov",   "mul",  "not",  "or",
                             "rcp", "rsqrt", "selp", "setp", "shl",
                             "shr", "sqrt",  "sub",  "tanh", "xor"},
                            opcode.split('.').first);
}

static LLVM::ICmpPredicate getComparison(StringRef name, bool isSigned) {
  using P = LLVM::ICmpPredicate;
  return llvm::StringSwitch<P>(name)
      .Case("ne", P::ne)
      .Cases({"lt", "lo"}, isSigned ? P::slt : P::ult)
      .Cases({"le", "ls"}, isSigned ? P::sle : P::ule)
      .Cases({"gt", "hi"}, isSigned ? P::sgt : P::ugt)
      .Cases({"ge", "hs"}, isSigned ? P::sge : P::uge)
      .Default(P::eq);
}

/// The value as an integer of another width.
static Value resize(Emitter &e, Value value, Type type, bool isSigned) {
  if (isa<LLVM::LLVMPointerType>(value.getType()))
    value = LLVM::PtrToIntOp::create(e.builder, e.loc, e.i64Type, value);
  int64_t have = getRegisterBits(value.getType()), want = getRegisterBits(type);
  if (have > want)
    return LLVM::TruncOp::create(e.builder, e.loc, type, value);
  if (have < want && isSigned)
    return LLVM::SExtOp::create(e.builder, e.loc, type, value);
  if (have < want)
    return LLVM::ZExtOp::create(e.builder, e.loc, type, value);
  return value;
}

/// PTX ISA: cvt, to an integer from one, to tf32, or to a pair of 16-bit
/// floats.
static Value convert(Emitter &e, StringRef opcode, Type type,
                     ArrayRef<Value> sources) {
  auto [rest, from] = opcode.rsplit('.');
  StringRef to = rest.rsplit('.').second;
  if (sources.size() == 2 && from == "f32" &&
      (to == "bf16x2" || to == "f16x2")) {
    Type element = to == "f16x2" ? Type(e.builder.getF16Type())
                                 : Type(e.builder.getBF16Type());
    Value pair =
        LLVM::PoisonOp::create(e.builder, e.loc, VectorType::get({2}, element));
    // The first source is the upper half.
    for (int32_t i : {0, 1})
      pair = LLVM::InsertElementOp::create(
          e.builder, e.loc, pair,
          LLVM::FPTruncOp::create(e.builder, e.loc, element, sources[1 - i]),
          e.constant(i));
    return pair;
  }
  if (sources.size() != 1)
    return {};
  if (to == "tf32" && from == "f32" && opcode.contains(".rna")) {
    // Half of the last bit that is kept; a NaN stays one.
    Value bits =
        LLVM::BitcastOp::create(e.builder, e.loc, e.i32Type, sources[0]);
    Value sum = LLVM::AddOp::create(e.builder, e.loc, bits, e.constant(0x1000));
    Value rounded =
        LLVM::AndOp::create(e.builder, e.loc, sum, e.constant(~0x1FFF));
    Value isNaN = LLVM::FCmpOp::create(
        e.builder, e.loc, LLVM::FCmpPredicate::uno, sources[0], sources[0]);
    return LLVM::SelectOp::create(e.builder, e.loc, isNaN, bits, rounded);
  }
  if (isa<IntegerType>(type) && !isa<FloatType>(sources[0].getType()))
    return resize(e, sources[0], type, from.starts_with("s"));
  return {};
}

/// Functions of f32, of which PTX has approximations.
static Value computeFunction(Emitter &e, StringRef name, Value x) {
  OpBuilder &b = e.builder;
  Type type = x.getType();
  auto reciprocal = [&](Value y) -> Value {
    Value one =
        LLVM::ConstantOp::create(b, e.loc, type, b.getFloatAttr(type, 1));
    return LLVM::FDivOp::create(b, e.loc, one, y);
  };
  if (name == "ex2")
    return LLVM::Exp2Op::create(b, e.loc, type, x);
  if (name == "lg2")
    return LLVM::Log2Op::create(b, e.loc, type, x);
  if (name == "sqrt")
    return LLVM::SqrtOp::create(b, e.loc, type, x);
  if (name == "tanh")
    return LLVM::TanhOp::create(b, e.loc, type, x);
  if (name == "rcp")
    return reciprocal(x);
  if (name == "rsqrt")
    return reciprocal(LLVM::SqrtOp::create(b, e.loc, type, x));
  return {};
}

static Value computeBinary(Emitter &e, StringRef name, Value a, Value b,
                           bool isSigned) {
  OpBuilder &builder = e.builder;
  if (isa<FloatType>(a.getType())) {
    if (name == "add")
      return LLVM::FAddOp::create(builder, e.loc, a, b);
    if (name == "sub")
      return LLVM::FSubOp::create(builder, e.loc, a, b);
    if (name == "mul")
      return LLVM::FMulOp::create(builder, e.loc, a, b);
    return {};
  }
  if (name == "add")
    return LLVM::AddOp::create(builder, e.loc, a, b);
  if (name == "sub")
    return LLVM::SubOp::create(builder, e.loc, a, b);
  if (name == "mul")
    return LLVM::MulOp::create(builder, e.loc, a, b);
  if (name == "and")
    return LLVM::AndOp::create(builder, e.loc, a, b);
  if (name == "or")
    return LLVM::OrOp::create(builder, e.loc, a, b);
  if (name == "xor")
    return LLVM::XOrOp::create(builder, e.loc, a, b);
  if (name == "shl")
    return LLVM::ShlOp::create(builder, e.loc, a, b);
  if (name == "shr" && isSigned)
    return LLVM::AShrOp::create(builder, e.loc, a, b);
  if (name == "shr")
    return LLVM::LShrOp::create(builder, e.loc, a, b);
  return {};
}

Value mlir::sparse24::computePtx(Emitter &e, StringRef opcode, Type type,
                                 ArrayRef<Value> sources) {
  auto [name, qualifiers] = opcode.split('.');
  bool isSigned = opcode.rsplit('.').second.starts_with("s");
  if (name == "cvt")
    return convert(e, opcode, type, sources);
  if (sources.size() == 1) {
    if (name == "mov")
      return sources[0];
    if (name == "not")
      return LLVM::XOrOp::create(e.builder, e.loc, sources[0],
                                 e.constant(sources[0].getType(), -1));
    if (name == "cvta" && qualifiers.starts_with("to.shared")) {
      Value address = resize(e, sources[0], e.i64Type, false);
      address = LLVM::AndOp::create(e.builder, e.loc, address,
                                    e.constant(e.i64Type, ~kGenericShared));
      return resize(e, address, type, false);
    }
    return isa<FloatType>(sources[0].getType())
               ? computeFunction(e, name, sources[0])
               : Value();
  }
  if (sources.size() == 3 && name == "selp")
    return LLVM::SelectOp::create(e.builder, e.loc, sources[2], sources[0],
                                  sources[1]);
  if (sources.size() != 2 || sources[0].getType() != sources[1].getType())
    return {};
  if (name == "setp")
    return isa<IntegerType>(sources[0].getType())
               ? Value(LLVM::ICmpOp::create(
                     e.builder, e.loc,
                     getComparison(qualifiers.split('.').first, isSigned),
                     sources[0], sources[1]))
               : Value();
  return computeBinary(e, name, sources[0], sources[1], isSigned);
}
