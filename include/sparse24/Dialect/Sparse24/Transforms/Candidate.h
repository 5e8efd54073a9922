// What passes have to know of a product before they make it sparse.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_CANDIDATE_H
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_CANDIDATE_H

#include "mlir/IR/Remarks.h"
#include "sparse24/Dialect/Sparse24/Transforms/HostTensor.h"
#include "sparse24/Dialect/Sparse24/Transforms/MatrixProduct.h"
#include "sparse24/Support/Pattern.h"

namespace mlir::sparse24 {

/// What is compiled for, and what is permitted where the program doesn't say:
/// the options that detect, slide and permute-channels share.
struct CandidateOptions {
  std::string target, prune, precision;

  /// Emits an error in the name of `pass` if one of them is unknown.
  LogicalResult verify(MLIRContext *context, StringRef pass) const;
};

/// Emits an error unless `value` is one of those that an option may have.
LogicalResult verifyOption(MLIRContext *context, StringRef pass,
                           StringRef option, StringRef value,
                           ArrayRef<StringRef> known);

/// The value of a permission: that of the nearest attribute, else the option's.
StringRef getPermission(Operation *op, StringRef attribute, StringRef byOption);

/// The criterion that may prune the product's weight; none without permission.
std::optional<Criterion> getPruningPermission(Operation *op,
                                              const CandidateOptions &options);

/// What is known about the weight of a product.
struct WeightFacts {
  Side side = Side::lhs;
  WeightChain chain;
  /// The constant at the chain's root, if it is one.
  ElementsAttr constant;
  bool isKnown2To4 = false;
};

/// A product with the weight that would be sparse and the type that would be
/// multiplied, or the reason why there is none.
struct Candidate {
  MatrixProduct product;
  std::optional<WeightFacts> weight;
  Type elementType;
  MatchFailure refusal;

  bool isRefused() const { return refusal.isCandidate(); }
  Side getSide() const { return weight ? weight->side : Side::lhs; }
  /// The weight's number of rows.
  int64_t getRows() const { return product.getRows(getSide()); }

  /// The elements of a constant weight, converted to `elementType`, still in
  /// the order in which the chain's root stores them; nothing if they aren't
  /// there.
  std::optional<HostTensor> readWeight(Type elementType) const;
  /// Whether the chain's root stores the weight as K × rows.
  bool isColumnMajor() const;
  /// What readWeight() gave, as rows × K.
  ::sparse24::MatrixRef getMatrix(const HostTensor &tensor) const;
};

/// Finds the weight and the type of a product. Whether a constant weight has
/// the pattern isn't looked at.
Candidate examineProduct(const MatrixProduct &product,
                         const CandidateOptions &options);

/// Calls `visit`, which may rewrite products, for those under `root` whose
/// weight is a constant. What is refused, sparse24-detect explains.
void forEachConstantWeight(Operation *root, const CandidateOptions &options,
                           function_ref<void(const Candidate &)> visit);

/// A short name of the place: the name in a NameLoc, else file and line.
std::string describeLocation(Location loc);

/// Begins a remark of `pass` about a product, which may go on if it is true:
/// `what` has become of it, or why not, and its place as `Layer`.
remark::detail::InFlightRemark beginRemark(Operation *op, StringRef pass,
                                           bool isPassed, StringRef what);

} // namespace mlir::sparse24

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_CANDIDATE_H
