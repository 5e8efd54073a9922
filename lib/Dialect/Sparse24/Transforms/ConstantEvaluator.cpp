// Native evaluation of the operations that prepare constant weights.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/ConstantEvaluator.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "sparse24/Support/PackedLayout.h"
#include "sparse24/Support/Pattern.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::ElementType;
using ::sparse24::MatrixRef;
using ::sparse24::PackedLayout;
using ::sparse24::Selection;

//===----------------------------------------------------------------------===//
// Which values are constant
//===----------------------------------------------------------------------===//

/// The tensors that decide the value of `op`, one of the operations that this
/// pass evaluates; none if it isn't one of them.
static SmallVector<Value> getEvaluatedInputs(Operation *op) {
  if (isa<PruneOp, CompressOp, DecompressOp, PackOp>(op))
    return cast<DestinationStyleOpInterface>(op).getDpsInputs();
  if (op->getNumResults() != 1)
    return {};
  WeightChain chain = traceWeight(op->getResult(0));
  if (chain.steps.empty())
    return {};
  return {chain.root};
}

/// A constant whose elements can be read.
static ElementsAttr getConstant(Value value) {
  ElementsAttr attribute;
  if (isa<RankedTensorType>(value.getType()) &&
      matchPattern(value, m_Constant(&attribute)))
    return attribute;
  return {};
}

bool ConstantEvaluator::isEvaluated(Operation *op) {
  return !getEvaluatedInputs(op).empty();
}

bool ConstantEvaluator::isEvaluable(Value value) {
  if (auto it = evaluable.find(value); it != evaluable.end())
    return it->second;
  bool result = static_cast<bool>(getConstant(value));
  if (Operation *op = value.getDefiningOp(); op && !result) {
    SmallVector<Value> inputs = getEvaluatedInputs(op);
    auto type = dyn_cast<RankedTensorType>(value.getType());
    result = !inputs.empty() && type && type.hasStaticShape() &&
             llvm::all_of(inputs, [&](Value v) { return isEvaluable(v); });
  }
  evaluable[value] = result;
  return result;
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

/// A matrix to compress, in whichever order it lies in memory.
struct ConstantEvaluator::CompressSource {
  HostTensor tensor, scores;
  MatrixRef matrix;
  Selection selection = Selection::FirstNonzeros;
};

static FailureOr<ElementType> getPatternType(Operation *op, Type elementType) {
  if (auto type = convertElementType(elementType))
    return *type;
  return op->emitOpError("has no 2:4 pattern for element type ") << elementType;
}

FailureOr<HostTensor> ConstantEvaluator::evaluate(Value value) {
  if (ElementsAttr attribute = getConstant(value)) {
    if (std::optional<HostTensor> tensor = readConstant(attribute))
      return *tensor;
    return emitError(value.getLoc())
           << "the constant's data isn't there (an elided or missing resource)";
  }
  Operation *op = value.getDefiningOp();
  return llvm::TypeSwitch<Operation *, FailureOr<HostTensor>>(op)
      .Case<PruneOp>([&](PruneOp prune) { return evaluatePrune(prune); })
      .Case<CompressOp>([&](CompressOp compress) {
        return evaluateCompress(compress,
                                cast<OpResult>(value).getResultNumber());
      })
      .Case<DecompressOp>(
          [&](DecompressOp decompress) { return evaluateDecompress(decompress); })
      .Case<PackOp>([&](PackOp pack) { return evaluatePack(pack); })
      .Default([&](Operation *) { return evaluateChain(traceWeight(value)); });
}

FailureOr<HostTensor> ConstantEvaluator::evaluateChain(const WeightChain &chain) {
  FailureOr<HostTensor> tensor = evaluate(chain.root);
  for (const WeightStep &step : chain.steps) {
    if (failed(tensor))
      return failure();
    tensor = applyStep(step, *tensor);
  }
  return tensor;
}

static MatrixRef rowMajor(const HostTensor &tensor) {
  return MatrixRef::rowMajor(tensor.getData().data(),
                             tensor.getType().getDimSize(0),
                             tensor.getType().getDimSize(1));
}

FailureOr<HostTensor> ConstantEvaluator::evaluateScores(Value scores) {
  return scores ? evaluate(scores) : HostTensor();
}

FailureOr<HostTensor> ConstantEvaluator::evaluatePrune(PruneOp op) {
  FailureOr<HostTensor> input = evaluate(op.getInput());
  FailureOr<HostTensor> scores = evaluateScores(op.getScores());
  if (failed(input) || failed(scores))
    return failure();
  FailureOr<ElementType> type = getPatternType(op, input->getType().getElementType());
  if (failed(type))
    return failure();
  HostTensor result = HostTensor::allocate(input->getType());
  ::sparse24::prune(*type, rowMajor(*input),
                    ::sparse24::MutableMatrixRef::rowMajor(
                        result.getMutableData(), input->getType().getDimSize(0),
                        input->getType().getDimSize(1)),
                    getSelection(op.getCriterion(), scores->getElements<float>()),
                    numThreads);
  return result;
}

/// Gathers pruning and transposition into the way in which the source is read,
/// so that neither needs a matrix of its own.
FailureOr<ConstantEvaluator::CompressSource>
ConstantEvaluator::getCompressSource(CompressOp op) {
  CompressSource source;
  Value input = op.getInput();
  std::optional<Criterion> criterion = op.getCriterion();
  Value scores = op.getScores();
  if (auto prune = input.getDefiningOp<PruneOp>(); prune && !criterion) {
    criterion = prune.getCriterion();
    scores = prune.getScores();
    input = prune.getInput();
  }
  if (criterion) {
    FailureOr<HostTensor> tensor = evaluateScores(scores);
    if (failed(tensor))
      return failure();
    source.scores = *tensor;
    source.selection =
        getSelection(*criterion, source.scores.getElements<float>());
  }
  auto inputType = cast<RankedTensorType>(input.getType());
  int64_t rows = inputType.getDimSize(0), k = inputType.getDimSize(1);

  WeightChain chain = traceWeight(input);
  FailureOr<HostTensor> tensor = evaluate(chain.root);
  if (failed(tensor))
    return failure();
  for (const WeightStep &step : chain.steps)
    if (step.kind == WeightStep::Kind::Truncate)
      tensor = applyStep(step, *tensor);
  source.tensor = *tensor;
  const void *data = source.tensor.getData().data();
  source.matrix = chain.isTransposed() ? MatrixRef::columnMajor(data, rows, k)
                                       : MatrixRef::rowMajor(data, rows, k);
  if (source.selection != Selection::FirstNonzeros)
    return source;

  FailureOr<ElementType> type = getPatternType(op, inputType.getElementType());
  if (failed(type))
    return failure();
  ::sparse24::PatternReport report =
      ::sparse24::checkPattern(*type, source.matrix, numThreads);
  if (!report.conforms())
    return op->emitOpError("input isn't 2:4: ")
           << report.violatingGroups << " of " << report.groups
           << " groups have more nonzeros than the pattern keeps, the first "
              "is group "
           << report.firstGroup << " of row " << report.firstRow
           << "; prune it first (sparse24.prune)";
  return source;
}

FailureOr<HostTensor> ConstantEvaluator::evaluateCompress(CompressOp op,
                                                  unsigned result) {
  Value value = op->getResult(result);
  if (auto it = compressed.find(value); it != compressed.end()) {
    HostTensor tensor = it->second;
    compressed.erase(it);
    return tensor;
  }
  FailureOr<CompressSource> source = getCompressSource(op);
  if (failed(source))
    return failure();
  FailureOr<ElementType> type =
      getPatternType(op, getElementTypeOrSelf(op.getInput().getType()));
  if (failed(type))
    return failure();
  SmallVector<HostTensor> results;
  for (Type resultType : op->getResultTypes())
    results.push_back(
        HostTensor::allocate(cast<RankedTensorType>(resultType)));
  auto compressTo = [&](const MatrixRef &matrix, Selection selection,
                        size_t first) {
    ::sparse24::compress(
        *type, matrix, results[first].getMutableData(),
        reinterpret_cast<uint16_t *>(results[first + 1].getMutableData()),
        selection, numThreads);
  };
  if (results.size() == 2) {
    compressTo(source->matrix, source->selection, 0);
  } else {
    // Both ways by one mask.
    auto inputType = cast<RankedTensorType>(op.getInput().getType());
    int64_t rows = inputType.getDimSize(0), k = inputType.getDimSize(1);
    HostTensor pruned = HostTensor::allocate(inputType);
    ::sparse24::prune(*type, source->matrix,
                      ::sparse24::MutableMatrixRef::rowMajor(
                          pruned.getMutableData(), rows, k),
                      source->selection, numThreads);
    const void *data = pruned.getData().data();
    compressTo(MatrixRef::rowMajor(data, rows, k), Selection::FirstNonzeros, 0);
    compressTo(MatrixRef::columnMajor(data, k, rows), Selection::FirstNonzeros,
               2);
  }
  compressed.clear();
  for (auto [i, tensor] : llvm::enumerate(results))
    if (i != result)
      compressed[op->getResult(i)] = tensor;
  return results[result];
}

FailureOr<HostTensor> ConstantEvaluator::evaluateDecompress(DecompressOp op) {
  FailureOr<HostTensor> values = evaluate(op.getValues());
  if (failed(values))
    return failure();
  FailureOr<HostTensor> metadata = evaluate(op.getMetadata());
  if (failed(metadata))
    return failure();
  auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
  FailureOr<ElementType> type = getPatternType(op, resultType.getElementType());
  if (failed(type))
    return failure();
  int64_t rows = resultType.getDimSize(0), k = resultType.getDimSize(1);
  const auto *words =
      reinterpret_cast<const uint16_t *>(metadata->getData().data());
  std::string error;
  if (!::sparse24::verifyMetadata(*type, words, rows, k, error))
    return op->emitOpError("metadata is malformed: ") << error;
  HostTensor result = HostTensor::allocate(resultType);
  ::sparse24::decompress(*type, values->getData().data(), words,
                         ::sparse24::MutableMatrixRef::rowMajor(
                             result.getMutableData(), rows, k),
                         numThreads);
  return result;
}

FailureOr<HostTensor> ConstantEvaluator::evaluatePack(PackOp op) {
  LayoutAttr layoutAttr = op.getLayout();
  PackedLayout layout = layoutAttr.getPackedLayout();
  HostTensor result = HostTensor::allocate(
      cast<RankedTensorType>(op->getResult(0).getType()));

  // Straight from the dense matrix where there is one.
  auto compress = op.getValues().getDefiningOp<CompressOp>();
  if (compress && op.getValues() == compress->getResult(0) &&
      op.getMetadata() == compress->getResult(1)) {
    FailureOr<CompressSource> source = getCompressSource(compress);
    if (failed(source))
      return failure();
    ::sparse24::packDense(layout, source->matrix, result.getMutableData(),
                          source->selection, numThreads);
    return result;
  }
  FailureOr<HostTensor> values = evaluate(op.getValues());
  if (failed(values))
    return failure();
  FailureOr<HostTensor> metadata = evaluate(op.getMetadata());
  if (failed(metadata))
    return failure();
  ::sparse24::pack(
      layout, values->getData().data(),
      reinterpret_cast<const uint16_t *>(metadata->getData().data()),
      result.getMutableData(), numThreads);
  return result;
}
