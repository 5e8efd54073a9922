// Memory accesses of kernels as PTX instructions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ToEmulator.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::sparse24;

/// The widest access of one instruction.
static constexpr int64_t kMaxAccessBytes = 16;

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

/// What PTX puts behind the opcode: ".shared", or nothing for generic.
static StringRef getSpaceSuffix(unsigned space) {
  switch (space) {
  case kGlobal:
    return ".global";
  case kShared:
    return ".shared";
  case kSharedCluster:
    return ".shared::cluster";
  case kConstant:
    return ".const";
  default:
    return "";
  }
}

namespace {
/// One instruction's share of an access.
struct Piece {
  int64_t offset, bytes;
};
} // namespace

/// Splits an access as NVPTX does: no instruction needs more alignment than the
/// access is said to have.
static SmallVector<Piece> split(int64_t bytes, int64_t alignment) {
  SmallVector<Piece> pieces;
  int64_t widest = std::min(alignment, kMaxAccessBytes);
  for (int64_t offset = 0; offset < bytes;) {
    int64_t size =
        std::min<int64_t>(widest, llvm::bit_floor<uint64_t>(bytes - offset));
    pieces.push_back({offset, size});
    offset += size;
  }
  return pieces;
}

/// Of a piece of so many bytes of a value.
static std::string getAccessType(int64_t bytes, Type type) {
  auto vector = dyn_cast<VectorType>(type);
  bool isOf64Bits =
      vector && getRegisterBits(vector) / vector.getNumElements() == 64;
  if (bytes == 16)
    return isOf64Bits ? ".v2.b64" : ".v4.b32";
  if (bytes == 8)
    return vector && !isOf64Bits ? ".v2.b32" : ".b64";
  return ".b" + std::to_string(8 * bytes);
}

/// The qualifiers between opcode and space: PTX ISA, 9.7.9.8: ld; 9.7.9.11: st.
static std::string getQualifiers(LLVM::AtomicOrdering ordering,
                                 std::optional<StringRef> scope,
                                 bool isVolatile) {
  if (isVolatile)
    return ".volatile";
  if (ordering == LLVM::AtomicOrdering::not_atomic)
    return "";
  StringRef scopeName = scope.value_or("");
  std::string suffix = scopeName == "block"     ? ".cta"
                       : scopeName == "cluster" ? ".cluster"
                       : scopeName == "device"  ? ".gpu"
                                                : ".sys";
  switch (ordering) {
  case LLVM::AtomicOrdering::acquire:
    return ".acquire" + suffix;
  case LLVM::AtomicOrdering::release:
    return ".release" + suffix;
  case LLVM::AtomicOrdering::acq_rel:
  case LLVM::AtomicOrdering::seq_cst:
    return ".acq_rel" + suffix;
  default:
    return ".relaxed" + suffix;
  }
}

/// The integer type that carries values of `type` in memory.
static Type getStorageType(Emitter &e, Type type, int64_t bytes) {
  return e.builder.getIntegerType(8 * bytes);
}

static bool isScalarOrVector(Type type) {
  return isa<LLVM::LLVMPointerType, VectorType, IntegerType, FloatType>(type);
}

static FailureOr<int64_t> getAlignment(Operation *op, Type type,
                                       std::optional<uint64_t> alignment) {
  if (!isScalarOrVector(type)) {
    op->emitOpError("accesses an aggregate that isn't in the thread's own "
                    "memory, which kernels for the emulator may not");
    return failure();
  }
  if (alignment)
    return static_cast<int64_t>(*alignment);
  return static_cast<int64_t>(
      llvm::bit_ceil<uint64_t>(llvm::divideCeil(getRegisterBits(type), 8)));
}

/// PTX ISA, 9.7.9.8: ld.
static SmallVector<Value> emitLoad(Emitter &e, StringRef opcode, Value pointer,
                                   Type type, int64_t alignment) {
  int64_t bytes = llvm::divideCeil(getRegisterBits(type), 8);
  SmallVector<Piece> pieces = split(bytes, alignment);
  auto load = [&](Piece piece, Type pieceType) {
    return e.execute(opcode.str() + getAccessType(piece.bytes, type),
                     e.offsetPointer(pointer, piece.offset), pieceType)[0];
  };
  if (pieces.size() == 1 && getRegisterBits(type) % 8 == 0)
    return {load(pieces[0], type)};
  // Put together, and then made what it is.
  Type wide = getStorageType(e, type, bytes);
  Value all = e.constant(wide, 0);
  for (Piece piece : pieces) {
    Value part = load(piece, getStorageType(e, type, piece.bytes));
    if (piece.bytes != bytes)
      part = LLVM::ZExtOp::create(e.builder, e.loc, wide, part);
    part = LLVM::ShlOp::create(e.builder, e.loc, part,
                               e.constant(wide, 8 * piece.offset));
    all = LLVM::OrOp::create(e.builder, e.loc, all, part);
  }
  Type exact = e.builder.getIntegerType(getRegisterBits(type));
  if (exact != wide)
    all = LLVM::TruncOp::create(e.builder, e.loc, exact, all);
  if (isa<LLVM::LLVMPointerType>(type))
    return {LLVM::IntToPtrOp::create(e.builder, e.loc, type, all)};
  if (type != exact)
    all = LLVM::BitcastOp::create(e.builder, e.loc, type, all);
  return {all};
}

/// PTX ISA, 9.7.9.11: st.
static void emitStore(Emitter &e, StringRef opcode, Value pointer, Value value,
                      int64_t alignment) {
  Type type = value.getType();
  int64_t bytes = llvm::divideCeil(getRegisterBits(type), 8);
  SmallVector<Piece> pieces = split(bytes, alignment);
  auto store = [&](Piece piece, Value part) {
    e.execute(opcode.str() + getAccessType(piece.bytes, type),
              {e.offsetPointer(pointer, piece.offset), part});
  };
  if (pieces.size() == 1)
    return store(pieces[0], value);
  Type exact = e.builder.getIntegerType(getRegisterBits(type));
  if (isa<LLVM::LLVMPointerType>(type))
    value = LLVM::PtrToIntOp::create(e.builder, e.loc, exact, value);
  else if (type != exact)
    value = LLVM::BitcastOp::create(e.builder, e.loc, exact, value);
  Type wide = getStorageType(e, type, bytes);
  if (wide != exact)
    value = LLVM::ZExtOp::create(e.builder, e.loc, wide, value);
  for (Piece piece : pieces) {
    Value part = LLVM::LShrOp::create(e.builder, e.loc, value,
                                      e.constant(wide, 8 * piece.offset));
    store(piece,
          LLVM::TruncOp::create(e.builder, e.loc,
                                getStorageType(e, type, piece.bytes), part));
  }
}

static Lowered lower(LLVM::LoadOp op, Emitter &e) {
  if (isLocal(op.getAddr()))
    return std::nullopt;
  Type type = op.getType();
  FailureOr<int64_t> alignment = getAlignment(op, type, op.getAlignment());
  if (failed(alignment))
    return failure();
  std::string opcode = "ld" + getQualifiers(op.getOrdering(), op.getSyncscope(),
                                            op.getVolatile_());
  opcode += getSpaceSuffix(getSpace(op.getAddr()));
  return emitLoad(e, opcode, op.getAddr(), type, *alignment);
}

static Lowered lower(LLVM::StoreOp op, Emitter &e) {
  if (isLocal(op.getAddr()))
    return std::nullopt;
  FailureOr<int64_t> alignment =
      getAlignment(op, op.getValue().getType(), op.getAlignment());
  if (failed(alignment))
    return failure();
  std::string opcode = "st" + getQualifiers(op.getOrdering(), op.getSyncscope(),
                                            op.getVolatile_());
  opcode += getSpaceSuffix(getSpace(op.getAddr()));
  emitStore(e, opcode, op.getAddr(), op.getValue(), *alignment);
  return SmallVector<Value>();
}

/// Copies of a constant size, in the widest pieces that any alignment allows.
template <typename CopyOp>
static Lowered lowerCopy(CopyOp op, Emitter &e) {
  bool fromLocal = isLocal(op.getSrc()), toLocal = isLocal(op.getDst());
  if (fromLocal && toLocal)
    return std::nullopt;
  APInt bytes;
  if (!matchPattern(op.getLen(), m_ConstantInt(&bytes))) {
    op.emitOpError("copies a size that isn't constant");
    return failure();
  }
  for (int64_t i = 0, n = bytes.getSExtValue(); i < n; ++i) {
    Value from = e.offsetPointer(op.getSrc(), i),
          to = e.offsetPointer(op.getDst(), i);
    Value byte =
        fromLocal
            ? Value(LLVM::LoadOp::create(e.builder, e.loc, e.i8Type, from))
            : emitLoad(e, ("ld" + getSpaceSuffix(getSpace(from))).str(), from,
                       e.i8Type, 1)[0];
    if (toLocal)
      LLVM::StoreOp::create(e.builder, e.loc, byte, to);
    else
      emitStore(e, ("st" + getSpaceSuffix(getSpace(to))).str(), to, byte, 1);
  }
  return SmallVector<Value>();
}

//===----------------------------------------------------------------------===//
// Atomics
//===----------------------------------------------------------------------===//

/// The operation and type of an atomic, as PTX writes them; empty if it has
/// none.
static std::string getAtomicOperation(LLVM::AtomicBinOp kind, Type type) {
  std::string bits = std::to_string(getRegisterBits(type));
  switch (kind) {
  case LLVM::AtomicBinOp::xchg:
    return ".exch.b" + bits;
  case LLVM::AtomicBinOp::add:
  case LLVM::AtomicBinOp::sub:
    return ".add.u" + bits;
  case LLVM::AtomicBinOp::_and:
    return ".and.b" + bits;
  case LLVM::AtomicBinOp::_or:
    return ".or.b" + bits;
  case LLVM::AtomicBinOp::_xor:
    return ".xor.b" + bits;
  case LLVM::AtomicBinOp::max:
    return ".max.s" + bits;
  case LLVM::AtomicBinOp::min:
    return ".min.s" + bits;
  case LLVM::AtomicBinOp::umax:
    return ".max.u" + bits;
  case LLVM::AtomicBinOp::umin:
    return ".min.u" + bits;
  case LLVM::AtomicBinOp::uinc_wrap:
    return ".inc.u" + bits;
  case LLVM::AtomicBinOp::udec_wrap:
    return ".dec.u" + bits;
  case LLVM::AtomicBinOp::fadd: {
    Type element = getElementTypeOrSelf(type);
    std::string name = element.isBF16()
                           ? "bf16"
                           : "f" + std::to_string(getRegisterBits(element));
    if (isa<VectorType>(type))
      name += "x2";
    return (getRegisterBits(element) == 16 ? ".add.noftz." : ".add.") + name;
  }
  default:
    return "";
  }
}

/// PTX ISA, 9.7.13.9: atom.
static Lowered lower(LLVM::AtomicRMWOp op, Emitter &e) {
  if (isLocal(op.getPtr()))
    return std::nullopt;
  Value value = op.getVal();
  std::string operation = getAtomicOperation(op.getBinOp(), value.getType());
  if (operation.empty()) {
    op.emitOpError("has no PTX instruction");
    return failure();
  }
  if (op.getBinOp() == LLVM::AtomicBinOp::sub)
    value = LLVM::SubOp::create(e.builder, e.loc,
                                e.constant(value.getType(), 0), value);
  std::string opcode =
      "atom" + getQualifiers(op.getOrdering(), op.getSyncscope(), false);
  opcode += getSpaceSuffix(getSpace(op.getPtr()));
  return e.execute(opcode + operation, {op.getPtr(), value}, value.getType());
}

/// PTX ISA, 9.7.13.9: atom, of which .cas gives the old value.
static Lowered lower(LLVM::AtomicCmpXchgOp op, Emitter &e) {
  if (isLocal(op.getPtr()))
    return std::nullopt;
  Type type = op.getVal().getType();
  std::string opcode =
      "atom" + getQualifiers(op.getSuccessOrdering(), op.getSyncscope(), false);
  opcode += getSpaceSuffix(getSpace(op.getPtr()));
  opcode += ".cas.b" + std::to_string(getRegisterBits(type));
  Value old =
      e.execute(opcode, {op.getPtr(), op.getCmp(), op.getVal()}, type)[0];
  Value isEqual = LLVM::ICmpOp::create(
      e.builder, e.loc, LLVM::ICmpPredicate::eq, old, op.getCmp());
  Value result = LLVM::PoisonOp::create(e.builder, e.loc, op.getType());
  result = LLVM::InsertValueOp::create(e.builder, e.loc, result, old,
                                       ArrayRef<int64_t>{0});
  result = LLVM::InsertValueOp::create(e.builder, e.loc, result, isEqual,
                                       ArrayRef<int64_t>{1});
  return SmallVector<Value>{result};
}

Lowered mlir::sparse24::lowerMemoryAccess(Operation *op, Emitter &e) {
  return llvm::TypeSwitch<Operation *, Lowered>(op)
      .Case<LLVM::LoadOp, LLVM::StoreOp, LLVM::AtomicRMWOp,
            LLVM::AtomicCmpXchgOp>(
          [&](auto access) { return lower(access, e); })
      .Case<LLVM::MemcpyOp, LLVM::MemmoveOp>(
          [&](auto copy) { return lowerCopy(copy, e); })
      .Default(Lowered());
}
