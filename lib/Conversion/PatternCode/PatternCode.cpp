// Groups and their elements.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/PatternCode.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::sparse24;

static constexpr int64_t kGroups = ::sparse24::kGroupsPerMetadataWord;

FailureOr<PatternShape> PatternShape::get(Operation *op, Type elementType) {
  bool isInteger =
      elementType.isSignlessInteger(8) || elementType.isUnsignedInteger(8);
  if (!isInteger && !isa<Float16Type, BFloat16Type, Float32Type,
                         Float8E4M3FNType, Float8E5M2Type>(elementType))
    return op->emitOpError("has no lowering to loops for element type ")
           << elementType;
  PatternShape shape;
  shape.bytes = elementType.getIntOrFloatBitWidth() / 8;
  if (elementType.isF32()) {
    shape.groupSize = 2;
    shape.kept = 1;
  }
  return shape;
}

Value mlir::sparse24::emitSize(ImplicitLocOpBuilder &b, Value memref,
                               int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return emitIndex(b, type.getDimSize(dim));
  return memref::DimOp::create(b, memref, dim);
}

Value mlir::sparse24::emitIndex(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value mlir::sparse24::emitAffine(ImplicitLocOpBuilder &b, AffineExpr expr,
                                 ValueRange operands) {
  return affine::AffineApplyOp::create(
      b, AffineMap::get(operands.size(), 0, expr), operands);
}

Value mlir::sparse24::emitZero(ImplicitLocOpBuilder &b, Type type) {
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

Value mlir::sparse24::emitI32(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantOp::create(
      b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
}

Value mlir::sparse24::emitIsBelow(ImplicitLocOpBuilder &b, Value index,
                                  Value end) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, end);
}

void mlir::sparse24::emitIf(ImplicitLocOpBuilder &b, Value condition,
                            function_ref<void(ImplicitLocOpBuilder &)> body) {
  scf::IfOp::create(b, condition, [&](OpBuilder &builder, Location loc) {
    ImplicitLocOpBuilder inner(loc, builder);
    body(inner);
    scf::YieldOp::create(inner);
  });
}

Value mlir::sparse24::emitF32(ImplicitLocOpBuilder &b, float value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
}

static Value emitSelect(ImplicitLocOpBuilder &b, Value condition, Value yes,
                        Value no) {
  return arith::SelectOp::create(b, condition, yes, no);
}

static Value emitNot(ImplicitLocOpBuilder &b, Value flag) {
  Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
  return arith::XOrIOp::create(b, flag, yes);
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Value mlir::sparse24::emitMagnitude(ImplicitLocOpBuilder &b, Value bits,
                                    Type elementType) {
  Type i32 = b.getI32Type();
  if (elementType.isSignlessInteger())
    return math::AbsIOp::create(b, arith::ExtSIOp::create(b, i32, bits));
  unsigned width = elementType.getIntOrFloatBitWidth();
  if (width < 32)
    bits = arith::ExtUIOp::create(b, i32, bits);
  if (elementType.isUnsignedInteger())
    return bits;
  return arith::AndIOp::create(
      b, bits, emitI32(b, llvm::maskTrailingOnes<uint32_t>(width - 1)));
}

Value mlir::sparse24::emitIsNonzero(ImplicitLocOpBuilder &b, Value bits,
                                    Type elementType) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                               emitMagnitude(b, bits, elementType),
                               emitI32(b, 0));
}

Value mlir::sparse24::emitIsNaN(ImplicitLocOpBuilder &b, Value magnitude,
                                Type elementType) {
  ::sparse24::ElementType type = *convertElementType(elementType);
  if (::sparse24::isInteger(type))
    return {};
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, magnitude,
                               emitI32(b, ::sparse24::largestNumberRank(type)));
}

// Its bits are moved to where a wider type has them.
Value mlir::sparse24::emitFloat(ImplicitLocOpBuilder &b, Value magnitude,
                                Type type) {
  Type f32 = b.getF32Type();
  if (type.isInteger())
    return arith::SIToFPOp::create(b, f32, magnitude);
  if (type.isF32())
    return arith::BitcastOp::create(b, f32, magnitude);
  auto shift = [&](int64_t bits) -> Value {
    return arith::ShLIOp::create(b, magnitude, emitI32(b, bits));
  };
  if (type.isBF16())
    return arith::BitcastOp::create(b, f32, shift(16));
  // f16 has e5m2's exponents, and those of e4m3 are 8 less there.
  Value bits =
      type.isF16() ? magnitude : shift(isa<Float8E5M2Type>(type) ? 8 : 7);
  Value half = arith::BitcastOp::create(
      b, b.getF16Type(), arith::TruncIOp::create(b, b.getI16Type(), bits));
  Value wide = arith::ExtFOp::create(b, f32, half);
  if (!isa<Float8E4M3FNType>(type))
    return wide;
  // It has no infinity, and one NaN.
  Value nan = arith::ConstantOp::create(
      b, b.getF32Type(),
      b.getFloatAttr(f32, APFloat::getNaN(APFloat::IEEEsingle())));
  return emitSelect(b, emitIsNaN(b, magnitude, type), nan,
                    arith::MulFOp::create(b, wide, emitF32(b, 256)));
}

//===----------------------------------------------------------------------===//
// What a group keeps
//===----------------------------------------------------------------------===//

/// At least two of three.
static Value emitMajority(ImplicitLocOpBuilder &b, Value x, Value y, Value z) {
  Value either = arith::OrIOp::create(b, x, y);
  return arith::OrIOp::create(b, arith::AndIOp::create(b, x, y),
                              arith::AndIOp::create(b, either, z));
}

/// Which elements of a group are kept if those of the largest keys are, and
/// among equal ones the first: as Support's GroupBlock, does i go before j? The
/// two that go before at least two others are kept.
static SmallVector<Value> emitLargest(ImplicitLocOpBuilder &b,
                                      ArrayRef<Value> keys) {
  auto isBefore = [&](int64_t i, int64_t j) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::sge, keys[i],
                                 keys[j]);
  };
  if (keys.size() == 2) {
    Value first = isBefore(0, 1);
    return {first, emitNot(b, first)};
  }
  Value before01 = isBefore(0, 1), before02 = isBefore(0, 2),
        before03 = isBefore(0, 3), before12 = isBefore(1, 2),
        before13 = isBefore(1, 3), before23 = isBefore(2, 3);
  return {emitMajority(b, before01, before02, before03),
          emitMajority(b, emitNot(b, before01), before12, before13),
          emitMajority(b, emitNot(b, before02), emitNot(b, before12), before23),
          emitMajority(b, emitNot(b, before03), emitNot(b, before13),
                       emitNot(b, before23))};
}

/// The same of a group that has no more nonzeros than it keeps, from which
/// elements aren't zero. Of four, flag 1 counts only if flag 0 isn't set, and
/// flag 2 only if flag 3 isn't: fillers are the zeros of lowest index.
static SmallVector<Value> emitNonzerosAndFillers(ImplicitLocOpBuilder &b,
                                                 ArrayRef<Value> nonzero) {
  SmallVector<Value> flags(nonzero);
  Value isFull = nonzero.size() == 2
                     ? nonzero[1]
                     : emitMajority(b, nonzero[1], nonzero[2], nonzero[3]);
  flags[0] = arith::OrIOp::create(b, nonzero[0], emitNot(b, isFull));
  return flags;
}

static SmallVector<Value> emitKeptFlags(ImplicitLocOpBuilder &b,
                                        ArrayRef<Value> group, Type elementType,
                                        GroupState state) {
  if (state == GroupState::Dense)
    return emitLargest(b, llvm::map_to_vector(group, [&](Value bits) {
                         return emitMagnitude(b, bits, elementType);
                       }));
  SmallVector<Value> nonzero = llvm::map_to_vector(
      group, [&](Value bits) { return emitIsNonzero(b, bits, elementType); });
  if (state == GroupState::Pruned)
    return emitNonzerosAndFillers(b, nonzero);
  return emitLargest(b, llvm::map_to_vector(nonzero, [&](Value flag) -> Value {
                       return arith::ExtUIOp::create(b, b.getI32Type(), flag);
                     }));
}

CompressedWord::CompressedWord(ImplicitLocOpBuilder &b,
                               ArrayRef<Value> elements, Type elementType,
                               GroupState state) {
  size_t size = elements.size() / kGroups;
  for (int64_t i = 0; i < kGroups; ++i)
    add(b, elements.slice(i * size, size), i, elementType, state);
}

void CompressedWord::add(ImplicitLocOpBuilder &b, ArrayRef<Value> x,
                         int64_t index, Type elementType, GroupState state) {
  SmallVector<Value> flags = emitKeptFlags(b, x, elementType, state);
  auto code = [&](int64_t value) { return emitI32(b, value << 4 * index); };
  Value nibble;
  if (x.size() == 2) {
    kept.push_back(emitSelect(b, flags[0], x[0], x[1]));
    nibble = emitSelect(b, flags[0], code(0x4), code(0xE));
  } else {
    // The first kept one is at 0, 1 or 2, the second at 3, 2 or 1.
    kept.push_back(
        emitSelect(b, flags[0], x[0], emitSelect(b, flags[1], x[1], x[2])));
    kept.push_back(
        emitSelect(b, flags[3], x[3], emitSelect(b, flags[2], x[2], x[1])));
    Value first = emitSelect(b, flags[0], code(0),
                             emitSelect(b, flags[1], code(1), code(2)));
    Value second =
        emitSelect(b, flags[3], code(3 << 2),
                   emitSelect(b, flags[2], code(2 << 2), code(1 << 2)));
    nibble = arith::OrIOp::create(b, first, second);
  }
  metadata = metadata ? arith::OrIOp::create(b, metadata, nibble) : nibble;
}

Value CompressedWord::getMetadata(ImplicitLocOpBuilder &b) const {
  return arith::TruncIOp::create(b, b.getI16Type(), metadata);
}

void mlir::sparse24::emitDecompressGroup(ImplicitLocOpBuilder &b,
                                         Value metadata, int64_t index,
                                         ArrayRef<Value> kept,
                                         SmallVector<Value> &elements) {
  auto getBits = [&](int64_t shift, int64_t mask) -> Value {
    Value shifted =
        arith::ShRUIOp::create(b, metadata, emitI32(b, 4 * index + shift));
    return arith::AndIOp::create(b, shifted, emitI32(b, mask));
  };
  auto isEqual = [&](Value bits, int64_t position) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, bits,
                                 emitI32(b, position));
  };
  Value zero = emitZero(b, kept.front().getType());
  if (kept.size() == 1) {
    // tf32's nibbles 0x4 and 0xE differ in bit 1.
    Value position = getBits(1, 1);
    for (int64_t i : {0, 1})
      elements.push_back(emitSelect(b, isEqual(position, i), kept[0], zero));
    return;
  }
  Value first = getBits(0, 3), second = getBits(2, 3);
  for (int64_t i = 0; i < 4; ++i)
    elements.push_back(
        emitSelect(b, isEqual(first, i), kept[0],
                   emitSelect(b, isEqual(second, i), kept[1], zero)));
}

//===----------------------------------------------------------------------===//
// Pruning
//===----------------------------------------------------------------------===//

/// A number's place in the order of numbers, an i32: NaN is the largest, and
/// both zeros are equal.
static Value emitOrderKey(ImplicitLocOpBuilder &b, Value bits) {
  Value magnitude = emitMagnitude(b, bits, b.getF32Type());
  Value isNegative =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, bits, emitI32(b, 0));
  Value negative = arith::SubIOp::create(b, emitI32(b, 0), magnitude);
  return emitSelect(b, emitIsNaN(b, magnitude, b.getF32Type()),
                    emitI32(b, std::numeric_limits<int32_t>::max()),
                    emitSelect(b, isNegative, negative, magnitude));
}

/// What an element is ordered by.
static Value emitKey(ImplicitLocOpBuilder &b, Value bits, Value score,
                     Type elementType, Criterion criterion) {
  if (criterion == Criterion::importance)
    return emitOrderKey(b, score);
  Value magnitude = emitMagnitude(b, bits, elementType);
  if (criterion == Criterion::magnitude)
    return magnitude;
  // Wanda.
  Type f32 = b.getF32Type();
  Value factor = arith::BitcastOp::create(b, f32, emitMagnitude(b, score, f32));
  Value product =
      arith::MulFOp::create(b, emitFloat(b, magnitude, elementType), factor);
  Value key =
      emitOrderKey(b, arith::BitcastOp::create(b, b.getI32Type(), product));
  // The sign of a NaN isn't known, but its key is. What has none can't be −0.
  Value isZero = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, magnitude,
                                       emitI32(b, 0));
  return emitSelect(b, isZero, emitI32(b, 0), key);
}

void mlir::sparse24::emitPruneWord(ImplicitLocOpBuilder &b,
                                   MutableArrayRef<SmallVector<Value>> rows,
                                   ArrayRef<Value> scores, Type elementType,
                                   Criterion criterion) {
  size_t size = rows.front().size() / kGroups;
  for (int64_t i = 0; i < kGroups; ++i) {
    if (criterion == Criterion::transposable) {
      emitPruneTile(b, rows, i * size, elementType);
      continue;
    }
    auto group = MutableArrayRef(rows.front()).slice(i * size, size);
    SmallVector<Value> keys;
    for (auto [j, bits] : llvm::enumerate(group))
      keys.push_back(emitKey(b, bits,
                             scores.empty() ? Value() : scores[i * size + j],
                             elementType, criterion));
    Value zero = emitZero(b, group.front().getType());
    for (auto [flag, element] : llvm::zip_equal(emitLargest(b, keys), group))
      element = emitSelect(b, flag, element, zero);
  }
}
