// The attribute by which sparse24-detect tells sparse24-sparsify what to do.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_ANNOTATION_H
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_ANNOTATION_H

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

namespace mlir::sparse24 {

/// The decision about one product: the meaning of `sparse24.sparsify`.
struct SparsifyAnnotation {
  static constexpr llvm::StringLiteral attributeName = "sparse24.sparsify";

  Side side = Side::lhs;
  /// The type that is multiplied; f32 stands for tf32.
  Type elementType;
  /// How to bring the weight to the pattern; none if it has it already.
  std::optional<Criterion> prune;

  DictionaryAttr toAttribute() const;
  /// Reads the attribute of `op`; emits an error if it is malformed.
  static FailureOr<SparsifyAnnotation> get(Operation *op);
};

} // namespace mlir::sparse24

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_ANNOTATION_H
