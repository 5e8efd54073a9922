// Recognition of linalg operations that multiply two matrices.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_MATRIXPRODUCT_H
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_MATRIXPRODUCT_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

namespace mlir::sparse24 {

/// A linalg operation that computes out[m, n] += sum over k of
/// lhs[m, k] * rhs[k, n], whatever the order in which its operands come and
/// are stored. Dynamic sizes are `ShapedType::kDynamic`.
struct MatrixProduct {
  Operation *op = nullptr;
  Value lhs, rhs, init;
  /// The number of the operand of `op` that is `lhs`; `rhs` is the other one of
  /// the first two.
  unsigned lhsNumber = 0;
  /// Whether `lhs` is stored as K×M.
  bool lhsTransposed = false;
  /// Whether `rhs` is stored as N×K.
  bool rhsTransposed = false;
  int64_t m = ShapedType::kDynamic;
  int64_t n = ShapedType::kDynamic;
  int64_t k = ShapedType::kDynamic;

  Value getOperand(Side side) const { return side == Side::lhs ? lhs : rhs; }
  Value getOther(Side side) const { return side == Side::lhs ? rhs : lhs; }

  /// Whether the operand on `side` must be transposed to be rows × K, the form
  /// in which a sparse operand is stored.
  bool needsTranspose(Side side) const {
    return side == Side::lhs ? lhsTransposed : !rhsTransposed;
  }
  /// Whether the operand that stays dense when `side` is sparse is stored
  /// transposed, as `transposeDense` of `sparse24.matmul` means it.
  bool isDenseTransposed(Side side) const {
    return side == Side::lhs ? rhsTransposed : lhsTransposed;
  }
  /// The number of the operand of `op` on `side`.
  unsigned getOperandNumber(Side side) const {
    return side == Side::lhs ? lhsNumber : 1 - lhsNumber;
  }
  /// The dimension of the operand that stays dense when `side` is sparse that
  /// is summed over: its channels.
  int64_t getDenseChannelDim(Side side) const {
    return isDenseTransposed(side) == (side == Side::lhs) ? 1 : 0;
  }
  /// The number of rows of the operand on `side` in its rows × K form.
  int64_t getRows(Side side) const { return side == Side::lhs ? m : n; }
};

/// Why an operation that is a contraction isn't a product that can be sparse,
/// and what would make it one. Empty if it is no contraction at all.
struct MatchFailure {
  std::string reason;
  std::string fix;
  bool isCandidate() const { return !reason.empty(); }
};

/// Matches `op`, on tensors, as a product of two 2-D matrices.
FailureOr<MatrixProduct> matchMatrixProduct(linalg::LinalgOp op,
                                            MatchFailure &why);

/// Whether `init` is known to be zero, so that a product overwrites it.
bool isZeroInit(Value init);

} // namespace mlir::sparse24

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_MATRIXPRODUCT_H
