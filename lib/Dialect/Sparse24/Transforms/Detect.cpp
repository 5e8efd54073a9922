// sparse24-detect: finds products that can be sparse and decides about them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "sparse24/Dialect/Sparse24/Transforms/Annotation.h"
#include "sparse24/Dialect/Sparse24/Transforms/HostTensor.h"
#include "sparse24/Dialect/Sparse24/Transforms/MatrixProduct.h"
#include "sparse24/Support/Pattern.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24DETECTPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::ElementType;

namespace {
/// What is known about the weight of a candidate.
struct WeightFacts {
  Side side = Side::lhs;
  WeightChain chain;
  /// The constant at the chain's root, if it is one.
  ElementsAttr constant;
  bool isKnown2To4 = false;
};

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

  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  std::optional<WeightFacts> findWeight(const MatrixProduct &product);
  Decision decide(const MatrixProduct &product);
  void chooseElementType(const MatrixProduct &product, Decision &decision);
  void inspectConstant(const MatrixProduct &product, const WeightFacts &weight,
                       Decision &decision);
  StringRef getPermission(Operation *op, StringRef attribute,
                          StringRef byOption);
};
} // namespace

LogicalResult DetectPass::initialize(MLIRContext *context) {
  auto isOneOf = [&](StringRef option, StringRef value,
                     ArrayRef<StringRef> known) -> LogicalResult {
    if (llvm::is_contained(known, value))
      return success();
    return emitError(UnknownLoc::get(context))
           << getArgument() << ": unknown " << option << " '" << value
           << "', expected one of " << llvm::join(known, ", ");
  };
  SmallVector<StringRef> criteria = getCriterionNames();
  criteria.insert(criteria.begin(), "none");
  if (failed(isOneOf("prune", prune, criteria)) ||
      failed(isOneOf("precision", precision, {"none", "bf16", "f16", "tf32"})))
    return failure();
  SmallVector<StringRef> chips(TargetAttr::getKnownChips());
  return isOneOf("target", target, chips);
}

/// The value of a permission: that of the nearest attribute, else the option's.
StringRef DetectPass::getPermission(Operation *op, StringRef attribute,
                                    StringRef byOption) {
  for (; op; op = op->getParentOp())
    if (auto value = op->getAttrOfType<StringAttr>(attribute))
      return value.getValue();
  return byOption;
}

//===----------------------------------------------------------------------===//
// The weight
//===----------------------------------------------------------------------===//

/// Whether the chain ends in an operation whose result is 2:4 along its last
/// dimension, and brings those groups along the summed dimension. Tiles are 2:4
/// along both.
static bool isSparseByConstruction(const WeightChain &chain,
                                   bool needsTranspose) {
  auto prune = chain.root.getDefiningOp<PruneOp>();
  if (!prune && !chain.root.getDefiningOp<DecompressOp>())
    return false;
  return chain.isTransposed() == needsTranspose ||
         (prune && prune.getCriterion() == Criterion::transposable);
}

std::optional<WeightFacts>
DetectPass::findWeight(const MatrixProduct &product) {
  std::optional<WeightFacts> found;
  for (Side side : {Side::rhs, Side::lhs}) {
    WeightFacts facts;
    facts.side = side;
    facts.chain = traceWeight(product.getOperand(side));
    facts.isKnown2To4 =
        isSparseByConstruction(facts.chain, product.needsTranspose(side));
    if (facts.isKnown2To4)
      return facts;
    if (!found && matchPattern(facts.chain.root, m_Constant(&facts.constant)))
      found = facts;
  }
  return found;
}

/// The elements of a constant weight as they will be multiplied, still in the
/// order in which the chain's root stores them.
static std::optional<HostTensor> evaluateWeight(const WeightFacts &weight,
                                                Type elementType) {
  std::optional<HostTensor> tensor = readConstant(weight.constant);
  if (!tensor)
    return std::nullopt;
  HostTensor result = *tensor;
  for (const WeightStep &step : weight.chain.steps)
    if (step.kind == WeightStep::Kind::Truncate)
      result = applyStep(step, result);
  return convertHost(result, elementType);
}

/// The scores that a product has for its weight; else says what is missing.
static std::optional<HostTensor> readScores(const MatrixProduct &product,
                                            Criterion criterion, int64_t rows,
                                            Decision &decision) {
  StringRef name = Sparse24Dialect::getScoresAttrName();
  SmallVector<int64_t> shape =
      getScoresShape(criterion, ArrayRef{rows, product.k});
  std::string wanted =
      llvm::formatv("give the product an attribute {0}, f32 of {1:$[ x ]}",
                    name, llvm::make_range(shape.begin(), shape.end()));
  auto attribute = product.op->getAttrOfType<ElementsAttr>(name);
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

void DetectPass::inspectConstant(const MatrixProduct &product,
                                 const WeightFacts &weight,
                                 Decision &decision) {
  Type elementType = decision.annotation.elementType;
  ElementType type = *convertElementType(elementType);
  int64_t rows = product.getRows(weight.side);
  decision.bytesBefore =
      rows * product.k *
      getElementBytes(getElementTypeOrSelf(weight.chain.root.getType()));
  decision.bytesAfter =
      rows * (::sparse24::valuesPerRow(type, product.k) *
                  ::sparse24::storageBytes(type) +
              ::sparse24::metadataWordsPerRow(type, product.k) * 2);

  std::optional<HostTensor> tensor = evaluateWeight(weight, elementType);
  if (!tensor) {
    decision.miss("the constant's data isn't there (an elided or missing "
                  "resource)",
                  "compile the module with its weights");
    return;
  }
  // The root's rows run along K if it takes a transposition to bring them there.
  const void *data = tensor->getData().data();
  bool isColumnMajor =
      weight.chain.isTransposed() != product.needsTranspose(weight.side);
  auto matrix =
      isColumnMajor
          ? ::sparse24::MatrixRef::columnMajor(data, rows, product.k)
          : ::sparse24::MatrixRef::rowMajor(data, rows, product.k);
  ::sparse24::PatternReport report = ::sparse24::checkPattern(type, matrix);
  decision.groups = report.groups;
  decision.violations = report.violatingGroups;
  decision.nans = report.nans;
  if (report.conforms())
    return;

  std::optional<Criterion> criterion = symbolizeCriterion(
      getPermission(product.op, Sparse24Dialect::getAllowPruneAttrName(), prune));
  std::optional<HostTensor> scores;
  if (criterion && hasScores(*criterion)) {
    scores = readScores(product, *criterion, rows, decision);
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

//===----------------------------------------------------------------------===//
// The decision
//===----------------------------------------------------------------------===//

/// Sets the type that is multiplied, or says why there is none.
void DetectPass::chooseElementType(const MatrixProduct &product,
                                   Decision &decision) {
  Type lhs = getElementTypeOrSelf(product.lhs.getType());
  Type rhs = getElementTypeOrSelf(product.rhs.getType());
  Type out = getElementTypeOrSelf(product.init.getType());
  if (lhs != rhs) {
    decision.miss("the operands' element types differ",
                  "bring both to one type");
    return;
  }
  Type elementType = lhs;
  if (lhs.isF32()) {
    StringRef allowed =
        getPermission(product.op, "sparse24.allow_precision", precision);
    Builder builder(&getContext());
    if (allowed == "bf16")
      elementType = builder.getBF16Type();
    else if (allowed == "f16")
      elementType = builder.getF16Type();
    else if (allowed != "tf32") {
      decision.miss("f32 operands need permission for a lower precision",
                    "option precision=bf16 (or f16, tf32) or attribute "
                    "sparse24.allow_precision = \"bf16\"");
      return;
    }
  }
  if (!convertElementType(elementType)) {
    std::string name = llvm::formatv("{0}", elementType).str();
    decision.miss("no Sparse Tensor Core multiplies " + name,
                  "use f16, bf16, f32 (as tf32), i8, f8E4M3FN or f8E5M2");
    return;
  }
  bool isInteger = isa<IntegerType>(elementType);
  if (isInteger ? !out.isInteger(32)
                : !(out.isF32() || out.isF16() || out.isBF16())) {
    decision.miss("the output's element type isn't one that kernels write",
                  isInteger ? "use i32" : "use f32, f16 or bf16");
    return;
  }
  ArrayRef<ElementType> supported =
      TargetAttr::get(&getContext(), target).getElementTypes();
  if (!llvm::is_contained(supported, *convertElementType(elementType))) {
    std::string names;
    llvm::raw_string_ostream os(names);
    llvm::interleave(
        supported, os,
        [&](ElementType type) {
          os << convertElementType(&getContext(), type);
        },
        " or ");
    decision.miss("the kernels for " + target + " don't multiply " +
                      llvm::formatv("{0}", elementType).str(),
                  (lhs.isF32() ? "option precision=" : "use ") + names);
    return;
  }
  decision.annotation.elementType = elementType;
}

Decision DetectPass::decide(const MatrixProduct &product) {
  Decision decision;
  std::optional<WeightFacts> weight = findWeight(product);
  if (!weight)
    return decision.miss(
        "neither operand is a constant or made by sparse24.prune or "
        "sparse24.decompress along the summed dimension",
        "make the weight a constant, or prune it with sparse24.prune");
  decision.annotation.side = weight->side;
  if (ShapedType::isDynamic(product.k))
    return decision.miss("the summed dimension K is dynamic", "make K static");
  if (ShapedType::isDynamic(product.getRows(weight->side)))
    return decision.miss("the weight's number of rows is dynamic",
                         "make the weight's shape static");
  if (product.k == 0 || product.getRows(weight->side) == 0)
    return decision.miss("the weight is empty", "nothing to gain here");
  chooseElementType(product, decision);
  if (!decision.isTaken() || weight->isKnown2To4)
    return decision;
  inspectConstant(product, *weight, decision);
  return decision;
}

//===----------------------------------------------------------------------===//
// Remarks
//===----------------------------------------------------------------------===//

/// A short name of the place: the name in a NameLoc, else file and line.
static std::string describeLocation(Location loc) {
  if (auto name = loc->findInstanceOf<NameLoc>())
    return name.getName().str();
  if (auto file = loc->findInstanceOf<FileLineColLoc>())
    return llvm::formatv("{0}:{1}", file.getFilename().getValue(),
                         file.getLine())
        .str();
  return "?";
}

static void emitRemark(linalg::LinalgOp op, const MatrixProduct *product,
                       const Decision &decision) {
  using remark::detail::Remark;
  StringRef function;
  if (auto parent = op->getParentOfType<FunctionOpInterface>())
    function = parent.getName();
  auto options = remark::RemarkOpts::name("sparse24-detect")
                     .category("sparse24")
                     .function(function);
  auto remark = decision.isTaken() ? remark::passed(op.getLoc(), options)
                                   : remark::missed(op.getLoc(), options);
  if (!remark)
    return;

  if (!decision.isTaken())
    remark << "stays dense";
  else if (decision.annotation.prune)
    remark << "becomes sparse after pruning";
  else
    remark << "becomes sparse, losslessly";
  remark << Remark::Arg("Layer", describeLocation(op.getLoc()));
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
