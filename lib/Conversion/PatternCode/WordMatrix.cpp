// Words of a matrix in memory, and rows of them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/PatternCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::sparse24;

bool mlir::sparse24::isContiguous(Value memref) {
  return cast<MemRefType>(memref.getType()).getLayout().isIdentity();
}

static VectorType getSingle(Type elementType) {
  return VectorType::get({1}, elementType);
}

/// The element's bits. As a vector of one, which no step of a lowering takes
/// for a number: bf16 are widened where processors haven't got them, and a NaN
/// may come back as another. (And operations take no unsigned types.)
static Value emitLoadBits(ImplicitLocOpBuilder &b, Value memref,
                          ValueRange indices) {
  Type type = cast<MemRefType>(memref.getType()).getElementType();
  Value vector = vector::LoadOp::create(b, getSingle(type), memref, indices);
  vector = b.createOrFold<vector::BitCastOp>(
      getSingle(b.getIntegerType(type.getIntOrFloatBitWidth())), vector);
  return vector::ExtractOp::create(b, vector, 0);
}

static void emitStoreBits(ImplicitLocOpBuilder &b, Value bits, Value memref,
                          ValueRange indices) {
  Type type = cast<MemRefType>(memref.getType()).getElementType();
  Value vector = vector::FromElementsOp::create(b, getSingle(bits.getType()),
                                                ValueRange{bits});
  vector::StoreOp::create(
      b, b.createOrFold<vector::BitCastOp>(getSingle(type), vector), memref,
      indices);
}

Value mlir::sparse24::emitLoadElement(ImplicitLocOpBuilder &b, Value memref,
                                      ValueRange indices) {
  if (cast<MemRefType>(memref.getType()).getElementType().isUnsignedInteger())
    return emitLoadBits(b, memref, indices);
  return memref::LoadOp::create(b, memref, indices);
}

Type WordMatrix::getBitsType() const {
  return IntegerType::get(memref.getContext(),
                          getElementType().getIntOrFloatBitWidth());
}

VectorType WordMatrix::getVectorType() const {
  return VectorType::get({width}, getElementType());
}

llvm::MaybeAlign WordMatrix::getAlignment() const {
  int64_t bytes = width * getElementType().getIntOrFloatBitWidth() / 8;
  return llvm::MaybeAlign(std::min<int64_t>(bytes, 16));
}

Value WordMatrix::getColumn(ImplicitLocOpBuilder &b, Value word,
                            int64_t i) const {
  return emitAffine(b, b.getAffineDimExpr(0) * width + i, {word});
}

SmallVector<Value> WordMatrix::getIndices(Value row, Value column) const {
  if (getType().getRank() == 1)
    return {column};
  return {row, column};
}

SmallVector<Value> WordMatrix::load(ImplicitLocOpBuilder &b, Value row,
                                    Value word) const {
  SmallVector<Value> elements;
  if (isWhole) {
    Value vector = vector::LoadOp::create(
        b, getVectorType(), memref, getIndices(row, getColumn(b, word, 0)),
        /*nontemporal=*/false, getAlignment());
    vector = b.createOrFold<vector::BitCastOp>(
        VectorType::get({width}, getBitsType()), vector);
    for (int64_t i = 0; i < width; ++i)
      elements.push_back(vector::ExtractOp::create(b, vector, i));
    return elements;
  }
  Value size = emitSize(b, memref, getType().getRank() - 1);
  Value last = arith::SubIOp::create(b, size, emitIndex(b, 1));
  Value beyond =
      arith::ConstantOp::create(b, b.getIntegerAttr(getBitsType(), padding));
  for (int64_t i = 0; i < width; ++i) {
    Value column = getColumn(b, word, i);
    Value isIn = emitIsBelow(b, column, size);
    Value safe = arith::MinUIOp::create(b, column, last);
    Value element = emitLoadBits(b, memref, getIndices(row, safe));
    elements.push_back(arith::SelectOp::create(b, isIn, element, beyond));
  }
  return elements;
}

void WordMatrix::store(ImplicitLocOpBuilder &b, Value row, Value word,
                       ArrayRef<Value> bits) const {
  if (isWhole) {
    Value vector = vector::FromElementsOp::create(
        b, VectorType::get({width}, getBitsType()), bits);
    vector = b.createOrFold<vector::BitCastOp>(getVectorType(), vector);
    vector::StoreOp::create(b, vector, memref,
                            getIndices(row, getColumn(b, word, 0)),
                            /*nontemporal=*/false, getAlignment());
    return;
  }
  // From the last to the first, and what is beyond the row's end goes to its
  // last element, which comes after: no branch for each. (With them, and the
  // masks of tiles, predicates are so many that ptxas 13.0 mixed some up.)
  Value size = emitSize(b, memref, getType().getRank() - 1);
  Value last = arith::SubIOp::create(b, size, emitIndex(b, 1));
  for (int64_t i = width - 1; i >= 0; --i) {
    Value column =
        arith::MinUIOp::create(b, getColumn(b, word, i), last);
    emitStoreBits(b, bits[i], memref, getIndices(row, column));
  }
}

//===----------------------------------------------------------------------===//
// RowTiles
//===----------------------------------------------------------------------===//

Value RowTiles::getRow(ImplicitLocOpBuilder &b, Value tile, int64_t r) const {
  return emitAffine(b, b.getAffineDimExpr(0) * number + r, {tile});
}

SmallVector<SmallVector<Value>>
RowTiles::load(ImplicitLocOpBuilder &b, const WordMatrix &dense,
               const std::optional<WordMatrix> &scores, Value tile, Value word,
               std::optional<Criterion> criterion) const {
  SmallVector<SmallVector<Value>> elements;
  Value size = emitSize(b, matrix, 0);
  Value last = arith::SubIOp::create(b, size, emitIndex(b, 1));
  for (int64_t r = 0; r < number; ++r) {
    Value row = getRow(b, tile, r);
    if (isWhole) {
      elements.push_back(dense.load(b, row, word));
      continue;
    }
    SmallVector<Value> loaded =
        dense.load(b, arith::MinUIOp::create(b, row, last), word);
    Value isIn = emitIsBelow(b, row, size);
    for (Value &element : loaded)
      element = arith::SelectOp::create(b, isIn, element,
                                        emitZero(b, element.getType()));
    elements.push_back(loaded);
  }
  if (!criterion)
    return elements;
  // Criteria with scores prune single rows.
  SmallVector<Value> scoresOfWord;
  if (scores)
    scoresOfWord = scores->load(b, getRow(b, tile, 0), word);
  emitPruneWord(b, elements, scoresOfWord, dense.getElementType(), *criterion);
  return elements;
}

void RowTiles::forEach(
    ImplicitLocOpBuilder &b, Value tile,
    function_ref<void(ImplicitLocOpBuilder &, int64_t, Value)> body) const {
  for (int64_t r = 0; r < number; ++r) {
    Value row = getRow(b, tile, r);
    if (isWhole) {
      body(b, r, row);
      continue;
    }
    emitIf(b, emitIsBelow(b, row, emitSize(b, matrix, 0)),
           [&](ImplicitLocOpBuilder &b) { body(b, r, row); });
  }
}
