// Native evaluation of the operations that prepare constant weights.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_CONSTANTEVALUATOR_H
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_CONSTANTEVALUATOR_H

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Dialect/Sparse24/Transforms/HostTensor.h"

namespace mlir::sparse24 {

/// Computes values that depend on nothing but constants, through `prune`,
/// `compress`, `decompress`, `pack`, transposition and truncation.
class ConstantEvaluator {
public:
  /// `numThreads` as in Support: 0 means one for each core.
  explicit ConstantEvaluator(int numThreads) : numThreads(numThreads) {}

  /// Whether `op` is one of the operations above.
  static bool isEvaluated(Operation *op);
  /// Whether `value` is a constant tensor or computed from such by them.
  bool isEvaluable(Value value);
  /// Computes an evaluable value; fails with a diagnostic.
  FailureOr<HostTensor> evaluate(Value value);

private:
  struct CompressSource;

  /// Of a criterion without scores an empty tensor.
  FailureOr<HostTensor> evaluateScores(Value scores);
  FailureOr<HostTensor> evaluateChain(const WeightChain &chain);
  FailureOr<HostTensor> evaluatePrune(PruneOp op);
  FailureOr<HostTensor> evaluateCompress(CompressOp op, unsigned result);
  FailureOr<HostTensor> evaluateDecompress(DecompressOp op);
  FailureOr<HostTensor> evaluatePack(PackOp op);
  FailureOr<CompressSource> getCompressSource(CompressOp op);

  int numThreads;
  DenseMap<Value, bool> evaluable;
  /// The other results of the compression evaluated last.
  DenseMap<Value, HostTensor> compressed;
};

} // namespace mlir::sparse24

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_CONSTANTEVALUATOR_H
