//===- PatternCode.h - The 2:4 arithmetic as operations ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What Support/Pattern.h defines, as code for any machine. Elements are held as
// their bits, integers: no processor changes those, whatever NaN they stand
// for. The unit of work is a word: the elements of the four neighbouring groups
// of a row that one word of metadata describes.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_CONVERSION_PATTERNCODE_H
#define SPARSE24_CONVERSION_PATTERNCODE_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Support/ElementType.h"
#include "llvm/Support/Alignment.h"

namespace mlir::sparse24 {

/// The constant sizes of the 2:4 pattern for one element type.
struct PatternShape {
  /// Fails, with a diagnostic at `op`, for types without a pattern.
  static FailureOr<PatternShape> get(Operation *op, Type elementType);

  int64_t groupSize = 4;
  int64_t kept = 2;
  /// Bytes of an element.
  int64_t bytes = 2;

  /// Elements of a word in a dense row, and in a row of values.
  int64_t getWordSize() const {
    return ::sparse24::kGroupsPerMetadataWord * groupSize;
  }
  int64_t getKeptOfWord() const {
    return ::sparse24::kGroupsPerMetadataWord * kept;
  }
};

//===----------------------------------------------------------------------===//
// Indices and control flow
//===----------------------------------------------------------------------===//

/// The size of a dimension as a value.
Value emitSize(ImplicitLocOpBuilder &b, Value memref, int64_t dim);
Value emitIndex(ImplicitLocOpBuilder &b, int64_t value);
Value emitI32(ImplicitLocOpBuilder &b, int64_t value);
Value emitF32(ImplicitLocOpBuilder &b, float value);
/// An affine expression of `operands` (d0, d1, …).
Value emitAffine(ImplicitLocOpBuilder &b, AffineExpr expr, ValueRange operands);
Value emitIsBelow(ImplicitLocOpBuilder &b, Value index, Value end);
/// Zero of an element type (+0.0 for floats).
Value emitZero(ImplicitLocOpBuilder &b, Type type);
/// Emits what is done only where the condition holds.
void emitIf(ImplicitLocOpBuilder &b, Value condition,
            function_ref<void(ImplicitLocOpBuilder &)> body);

//===----------------------------------------------------------------------===//
// Elements and groups
//===----------------------------------------------------------------------===//

/// The magnitude of an element of that type, given by its bits, as an i32 whose
/// signed order is that of pruning. It is 0 exactly for what counts as zero.
Value emitMagnitude(ImplicitLocOpBuilder &b, Value bits, Type elementType);
Value emitIsNonzero(ImplicitLocOpBuilder &b, Value bits, Type elementType);
/// The number, as f32, whose magnitude that is; infinity and NaN too.
Value emitFloat(ImplicitLocOpBuilder &b, Value magnitude, Type elementType);
/// Whether a magnitude of that type is NaN; null if the type has none.
Value emitIsNaN(ImplicitLocOpBuilder &b, Value magnitude, Type elementType);

/// What is known of a group that is compressed.
enum class GroupState {
  /// Nothing: the largest magnitudes are kept.
  Dense,
  /// It is said to be 2:4: the first nonzeros are kept.
  Claimed,
  /// It was pruned just now: all nonzeros are kept, which is cheaper.
  Pruned,
};

/// A word's kept elements and metadata, as they come group by group.
struct CompressedWord {
  SmallVector<Value> kept;
  /// An i32; null before the first group.
  Value metadata;

  CompressedWord() = default;
  /// Of all of a word's elements.
  CompressedWord(ImplicitLocOpBuilder &b, ArrayRef<Value> elements,
                 Type elementType, GroupState state);
  /// Adds group number `index` of the word.
  void add(ImplicitLocOpBuilder &b, ArrayRef<Value> group, int64_t index,
           Type elementType, GroupState state);
  /// The metadata as an i16.
  Value getMetadata(ImplicitLocOpBuilder &b) const;
};

/// Adds the elements of group `index` of a word to `elements`; `metadata` is an
/// i32.
void emitDecompressGroup(ImplicitLocOpBuilder &b, Value metadata, int64_t index,
                         ArrayRef<Value> kept, SmallVector<Value> &elements);

/// Prunes words of neighbouring rows in place: one row, or as many as a tile
/// has. `scores` are f32 bits for the one row, of criteria that have scores.
void emitPruneWord(ImplicitLocOpBuilder &b,
                   MutableArrayRef<SmallVector<Value>> rows,
                   ArrayRef<Value> scores, Type elementType,
                   Criterion criterion);

/// Prunes a tile in place, as Support's Transposable.h says: as many columns of
/// `rows`, the bits of their elements, from `column` on as there are rows.
void emitPruneTile(ImplicitLocOpBuilder &b,
                   MutableArrayRef<SmallVector<Value>> rows, int64_t column,
                   Type elementType);

//===----------------------------------------------------------------------===//
// Words in memory
//===----------------------------------------------------------------------===//

/// A matrix of which each word has `width` neighbours in a row: what is dense,
/// the kept values, or scores. (Of scores that all rows share one row.)
struct WordMatrix {
  Value memref;
  int64_t width;
  /// Words are whole, and as aligned as memory is: to 16 bytes, or their size.
  bool isWhole;
  /// What elements beyond the row's end are, as bits.
  int64_t padding = 0;

  MemRefType getType() const { return cast<MemRefType>(memref.getType()); }
  Type getElementType() const { return getType().getElementType(); }
  Type getBitsType() const;
  Value getColumn(ImplicitLocOpBuilder &b, Value word, int64_t i) const;

  /// The bits of a word's elements. Here and below, the row has the first.
  SmallVector<Value> load(ImplicitLocOpBuilder &b, Value row, Value word) const;
  void store(ImplicitLocOpBuilder &b, Value row, Value word,
             ArrayRef<Value> bits) const;

private:
  VectorType getVectorType() const;
  llvm::MaybeAlign getAlignment() const;
  SmallVector<Value> getIndices(Value row, Value column) const;
};

/// Neighbouring rows of a matrix that are pruned together: one, or those of a
/// tile.
struct RowTiles {
  Value matrix;
  int64_t number;
  /// The matrix has all rows of all tiles that are loaded.
  bool isWhole;

  /// A word's elements in each row of a tile, pruned by the criterion if there
  /// is one; of rows beyond the matrix zeros.
  SmallVector<SmallVector<Value>>
  load(ImplicitLocOpBuilder &b, const WordMatrix &dense,
       const std::optional<WordMatrix> &scores, Value tile, Value word,
       std::optional<Criterion> criterion) const;
  /// Calls `body` with each row's number and index, where the matrix has it.
  void forEach(
      ImplicitLocOpBuilder &b, Value tile,
      function_ref<void(ImplicitLocOpBuilder &, int64_t, Value)> body) const;

private:
  Value getRow(ImplicitLocOpBuilder &b, Value tile, int64_t r) const;
};

/// An element; of unsigned types, on which no operation works, its bits.
Value emitLoadElement(ImplicitLocOpBuilder &b, Value memref,
                      ValueRange indices);

/// Whether the elements lie one after the other, row by row.
bool isContiguous(Value memref);

} // namespace mlir::sparse24

#endif // SPARSE24_CONVERSION_PATTERNCODE_H
