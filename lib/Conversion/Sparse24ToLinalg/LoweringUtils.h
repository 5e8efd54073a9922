// Helpers that the lowerings of the single operations share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TOLINALG_LOWERINGUTILS_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TOLINALG_LOWERINGUTILS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Support/ElementType.h"

namespace mlir::sparse24 {

/// The constant sizes of the 2:4 pattern for one element type.
struct PatternShape {
  /// Fails, with a diagnostic at `op`, for types without a pattern.
  static FailureOr<PatternShape> get(Operation *op, Type elementType);

  int64_t groupSize = 4;
  int64_t kept = 2;
  /// Bytes of an element.
  int64_t bytes = 2;
};

/// Emits a loop from 0 to `end`, in steps of one.
void emitLoop(ImplicitLocOpBuilder &b, Value end,
              function_ref<void(ImplicitLocOpBuilder &, Value)> body);

/// The size of a dimension as a value.
Value emitSize(ImplicitLocOpBuilder &b, Value memref, int64_t dim);
Value emitIndex(ImplicitLocOpBuilder &b, int64_t value);
/// An affine expression of `operands` (d0, d1, …).
Value emitAffine(ImplicitLocOpBuilder &b, AffineExpr expr, ValueRange operands);
/// Zero of an element type (+0.0 for floats).
Value emitZero(ImplicitLocOpBuilder &b, Type type);

/// For the `n` elements of a group, with `keys` to order them: which ones are
/// kept if the `kept` largest are, and among equal ones the first.
SmallVector<Value> emitKeptFlags(ImplicitLocOpBuilder &b, ArrayRef<Value> keys,
                                 int64_t kept);
/// The magnitude of an element of that type, given by its bits, as an i32 whose
/// signed order is that of pruning. It is 0 exactly for what counts as zero.
Value emitMagnitude(ImplicitLocOpBuilder &b, Value bits, Type elementType);

/// Prunes a tile in place, as Support's Transposable.h says: as many columns of
/// `rows`, the bits of their elements, from `column` on as there are rows.
void emitPruneTile(ImplicitLocOpBuilder &b,
                   MutableArrayRef<SmallVector<Value>> rows, int64_t column,
                   Type elementType);

/// The logical column of kept element number `kept` of a row, from the 16-bit
/// metadata word that its group's nibble is in.
Value emitKeptPosition(ImplicitLocOpBuilder &b, Value kept, Value word,
                       PatternShape shape);

/// Where a packed buffer holds an element.
class PackedView {
public:
  /// Makes typed views of the two regions of `packed`: of elements, or of their
  /// bits.
  PackedView(ImplicitLocOpBuilder &b, Value packed, LayoutAttr layout,
             PatternShape shape, Type valueType);

  Value values, words;
  /// (row, kept column) -> element of `values`.
  AffineExpr valueIndex;
  /// (row, 16-bit word of the logical metadata) -> element of `words`.
  AffineExpr wordIndex;
  /// The sizes with padding.
  int64_t rows, keptColumns, wordColumns;
  /// So many elements from a multiple of that on are neighbours in both.
  int64_t valueChunk;
};

void populateMatmulLowering(RewritePatternSet &patterns);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TOLINALG_LOWERINGUTILS_H
