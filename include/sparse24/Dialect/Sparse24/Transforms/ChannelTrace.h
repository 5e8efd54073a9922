// Where the order of a tensor's channels is decided.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_CHANNELTRACE_H
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_CHANNELTRACE_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::sparse24 {

/// The constants whose order along one dimension decides in which order an
/// operand's elements come along one of its dimensions (its channels). The
/// order is followed backwards through `linalg` operations and elementwise
/// ones: into the weight of a product and the bias that is added to it, for
/// example. All between depends on the channels one by one and is used on the
/// way only, so that it may be computed in any order.
class ChannelTrace {
public:
  /// Follows dimension `dim` of `operand`. If there is something other than
  /// constants that decides about the order, or something that would notice,
  /// fails and says in `why` what.
  static FailureOr<ChannelTrace> follow(OpOperand &operand, int64_t dim,
                                        std::string &why);

  /// Brings channel permutation[i] to i, for all i: gives each place where one
  /// of the constants is read the constant in the new order, named for `name`.
  void permute(OpBuilder &builder, ArrayRef<int64_t> permutation,
               StringRef name);

private:
  LogicalResult followOperand(OpOperand &operand, int64_t dim);
  LogicalResult followStructured(Operation *op, int64_t dim);
  LogicalResult checkUses();
  LogicalResult fail(const Twine &why);

  /// The operations whose result will be in another order, and along which
  /// dimension.
  llvm::MapVector<Operation *, int64_t> dims;
  /// The operands that will be in another order.
  llvm::SetVector<OpOperand *> followed;
  /// Those that are constants.
  SmallVector<std::pair<OpOperand *, int64_t>> constants;
  std::string reason;
};

} // namespace mlir::sparse24

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_CHANNELTRACE_H
