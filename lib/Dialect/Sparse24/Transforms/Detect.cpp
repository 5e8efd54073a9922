// sparse24-detect: finds products that can be sparse and decides about them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "sparse24/Dialect/Sparse24/Transforms/Annotation.h"
#include "sparse24/Dialect/Sparse24/Transforms/Candidate.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24DETECTPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::ElementType;

namespace {
/// All that a remark tells about a candidate. Negative counts aren't known.
struct Decision {
  SparsifyAnnotation annotation;
  std::string reason, fix;
  int64_t groups = -1;
  int64_t violations = -1;
  int64_t nans = 0;
  double normKept = 1.0;
  int64_t bytesBefore = -1;
  int64_t bytesAfter = -1;

  bool isTaken() const { return reason.empty(); }
  Decision &miss(const Twine &why, const Twine &whatToDo) {
    reason = why.str();
    fix = whatToDo.str();
    return *this;
  }
};

struct DetectPass : mlir::sparse24::impl::Sparse24DetectPassBase<DetectPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    options = {target, prune, precision};
    return options.verify(context, getArgument());
  }
  void runOnOperation() override;

private:
  Decision decide(const MatrixProduct &product);
  void inspectConstant(const Candidate &candidate, Decision &decision);

  CandidateOptions options;
};
} // namespace

//===----------------------------------------------------------------------===//
// The decision
//===----------------------------------------------------------------------===//

/// The scores that a product has for its weight; else says what is missing.
static std::optional<HostTensor> readScores(const Candidate &candidate,
                                            Criterion criterion,
                                            Decision &decision) {
  StringRef name = Sparse24Dialect::getScoresAttrName();
  SmallVector<int64_t> shape =
      getScoresShape(criterion, {candidate.getRows(), candidate.product.k});
  std::string wanted =
      llvm::formatv("give the product an attribute {0}, f32 of {1:$[ x ]}",
                    name, llvm::make_range(shape.begin(), shape.end()));
  auto attribute = candidate.product.op->getAttrOfType<ElementsAttr>(name);
  std::optional<HostTensor> scores =
      attribute ? readConstant(attribute) : std::nullopt;
  if (!scores)
    decision.miss("pruning by " + stringifyCriterion(criterion) +
                      " needs scores, and there are none",
                  wanted);
  else if (scores->getType().getShape() != ArrayRef(shape))
    decision.miss("the scores don't have the shape that pruning by " +
                      stringifyCriterion(criterion) + " needs",
                  wanted);
  else
    return scores;
  return std::nullopt;
}

/// Counts what breaks the pattern in a constant weight, and decides about it.
void DetectPass::inspectConstant(const Candidate &candidate,
                                 Decision &decision) {
  Type elementType = candidate.elementType;
  ElementType type = *convertElementType(elementType);
  int64_t rows = candidate.getRows(), k = candidate.product.k;
  Type storedType =
      getElementTypeOrSelf(candidate.weight->chain.root.getType());
  decision.bytesBefore = rows * k * getElementBytes(storedType);
  decision.bytesAfter = rows * (::sparse24::valuesPerRow(type, k) *
                                    ::sparse24::storageBytes(type) +
                                ::sparse24::metadataWordsPerRow(type, k) * 2);

  std::optional<HostTensor> tensor = candidate.readWeight(elementType);
  if (!tensor) {
    decision.miss("the constant's data isn't there (an elided or missing "
                  "resource)",
                  "compile the module with its weights");
    return;
  }
  ::sparse24::MatrixRef matrix = candidate.getMatrix(*tensor);
  ::sparse24::PatternReport report = ::sparse24::checkPattern(type, matrix);
  decision.groups = report.groups;
  decision.violations = report.violatingGroups;
  decision.nans = report.nans;
  if (report.conforms())
    return;

  std::optional<Criterion> criterion =
      getPruningPermission(candidate.product.op, options);
  std::optional<HostTensor> scores;
  if (criterion && hasScores(*criterion)) {
    scores = readScores(candidate, *criterion, decision);
    if (!scores)
      return;
  }
  decision.annotation.prune = criterion;
  decision.normKept = ::sparse24::keptSquaredNorm(
      type, matrix,
      getSelection(criterion.value_or(Criterion::magnitude),
                   scores ? scores->getElements<float>() : nullptr));
  if (criterion)
    return;
  decision.miss(
      llvm::formatv("the weight isn't 2:4: {0} of {1} groups have more "
                    "nonzeros than the pattern keeps, the first in row {2} "
                    "at K = {3}",
                    report.violatingGroups, report.groups, report.firstRow,
                    report.firstGroup * ::sparse24::groupSize(type))
          .str(),
      "allow pruning: option prune=magnitude or attribute "
      "sparse24.allow_prune = \"magnitude\"");
}

Decision DetectPass::decide(const MatrixProduct &product) {
  Candidate candidate = examineProduct(product, options);
  Decision decision;
  decision.annotation.side = candidate.getSide();
  if (candidate.isRefused())
    return decision.miss(candidate.refusal.reason, candidate.refusal.fix);
  decision.annotation.elementType = candidate.elementType;
  if (!candidate.weight->isKnown2To4)
    inspectConstant(candidate, decision);
  return decision;
}

//===----------------------------------------------------------------------===//
// Remarks
//===----------------------------------------------------------------------===//

static void emitRemark(linalg::LinalgOp op, const MatrixProduct *product,
                       const Decision &decision) {
  using remark::detail::Remark;
  auto remark =
      beginRemark(op, "sparse24-detect", decision.isTaken(),
                  !decision.isTaken()         ? "stays dense"
                  : decision.annotation.prune ? "becomes sparse after pruning"
                                              : "becomes sparse, losslessly");
  if (!remark)
    return;
  if (product) {
    auto addSize = [&](StringRef name, int64_t size) {
      remark << Remark::Arg(name, ShapedType::isDynamic(size)
                                      ? std::string("?")
                                      : std::to_string(size));
    };
    addSize("M", product->m);
    addSize("N", product->n);
    addSize("K", product->k);
    remark << Remark::Arg("Side", stringifySide(decision.annotation.side));
  }
  if (decision.annotation.elementType)
    remark << Remark::Arg("ElementType", decision.annotation.elementType);
  auto addCount = [&](StringRef name, int64_t count) {
    if (count >= 0)
      remark << Remark::Arg(name, count);
  };
  addCount("Groups", decision.groups);
  addCount("Violations", decision.violations);
  if (decision.nans > 0)
    addCount("NaN", decision.nans);
  if (decision.groups >= 0)
    remark << Remark::Arg("NormKept",
                          llvm::formatv("{0:f4}", decision.normKept).str());
  addCount("BytesBefore", decision.bytesBefore);
  addCount("BytesAfter", decision.bytesAfter);
  if (!decision.isTaken()) {
    remark << Remark::Arg("Reason", decision.reason);
    remark << Remark::Arg("Fix", decision.fix);
  }
}

void DetectPass::runOnOperation() {
  getOperation().walk([&](linalg::LinalgOp op) {
    MatchFailure why;
    FailureOr<MatrixProduct> product = matchMatrixProduct(op, why);
    if (failed(product)) {
      if (why.isCandidate()) {
        ++numCandidates;
        emitRemark(op, nullptr, Decision().miss(why.reason, why.fix));
      }
      return;
    }
    ++numCandidates;
    Decision decision = decide(*product);
    emitRemark(op, &*product, decision);
    if (!decision.isTaken())
      return;
    ++numTaken;
    if (decision.annotation.prune)
      ++numPruned;
    op->setAttr(SparsifyAnnotation::attributeName,
                decision.annotation.toAttribute());
  });
}
