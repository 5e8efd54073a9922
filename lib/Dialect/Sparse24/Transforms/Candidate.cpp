// What passes have to know of a product before they make it sparse.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Candidate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::ElementType;

//===----------------------------------------------------------------------===//
// Options and permissions
//===----------------------------------------------------------------------===//

LogicalResult mlir::sparse24::verifyOption(MLIRContext *context, StringRef pass,
                                           StringRef option, StringRef value,
                                           ArrayRef<StringRef> known) {
  if (llvm::is_contained(known, value))
    return success();
  return emitError(UnknownLoc::get(context))
         << pass << ": unknown " << option << " '" << value
         << "', expected one of " << llvm::join(known, ", ");
}

LogicalResult CandidateOptions::verify(MLIRContext *context,
                                       StringRef pass) const {
  SmallVector<StringRef> criteria = getCriterionNames();
  criteria.insert(criteria.begin(), "none");
  if (failed(verifyOption(context, pass, "prune", prune, criteria)) ||
      failed(verifyOption(context, pass, "precision", precision,
                          {"none", "bf16", "f16", "tf32"})))
    return failure();
  SmallVector<StringRef> chips(TargetAttr::getKnownChips());
  return verifyOption(context, pass, "target", target, chips);
}

StringRef mlir::sparse24::getPermission(Operation *op, StringRef attribute,
                                        StringRef byOption) {
  for (; op; op = op->getParentOp())
    if (auto value = op->getAttrOfType<StringAttr>(attribute))
      return value.getValue();
  return byOption;
}

std::optional<Criterion>
mlir::sparse24::getPruningPermission(Operation *op,
                                     const CandidateOptions &options) {
  return symbolizeCriterion(getPermission(
      op, Sparse24Dialect::getAllowPruneAttrName(), options.prune));
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

static std::optional<WeightFacts> findWeight(const MatrixProduct &product) {
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

std::optional<HostTensor> Candidate::readWeight(Type elementType) const {
  std::optional<HostTensor> tensor = readConstant(weight->constant);
  if (!tensor)
    return std::nullopt;
  HostTensor result = *tensor;
  for (const WeightStep &step : weight->chain.steps)
    if (step.kind == WeightStep::Kind::Truncate)
      result = applyStep(step, result);
  return convertHost(result, elementType);
}

bool Candidate::isColumnMajor() const {
  return weight->chain.isTransposed() != product.needsTranspose(weight->side);
}

::sparse24::MatrixRef Candidate::getMatrix(const HostTensor &tensor) const {
  const void *data = tensor.getData().data();
  return isColumnMajor()
             ? ::sparse24::MatrixRef::columnMajor(data, getRows(), product.k)
             : ::sparse24::MatrixRef::rowMajor(data, getRows(), product.k);
}

//===----------------------------------------------------------------------===//
// The element type
//===----------------------------------------------------------------------===//

/// The type that is multiplied; null, with the reason, if there is none.
static Type chooseElementType(const MatrixProduct &product,
                              const CandidateOptions &options,
                              MatchFailure &refusal) {
  MLIRContext *context = product.op->getContext();
  auto refuse = [&](const Twine &reason, const Twine &fix) {
    refusal = {reason.str(), fix.str()};
    return Type();
  };
  Type lhs = getElementTypeOrSelf(product.lhs.getType());
  Type rhs = getElementTypeOrSelf(product.rhs.getType());
  Type out = getElementTypeOrSelf(product.init.getType());
  if (lhs != rhs)
    return refuse("the operands' element types differ",
                  "bring both to one type");
  Type elementType = lhs;
  if (lhs.isF32()) {
    StringRef allowed = getPermission(product.op, Sparse24Dialect::getAllowPrecisionAttrName(),
                                      options.precision);
    Builder builder(context);
    if (allowed == "bf16")
      elementType = builder.getBF16Type();
    else if (allowed == "f16")
      elementType = builder.getF16Type();
    else if (allowed != "tf32")
      return refuse("f32 operands need permission for a lower precision",
                    "option precision=bf16 (or f16, tf32) or attribute "
                    "sparse24.allow_precision = \"bf16\"");
  }
  if (!convertElementType(elementType))
    return refuse("no Sparse Tensor Core multiplies " +
                      llvm::formatv("{0}", elementType).str(),
                  "use f16, bf16, f32 (as tf32), i8, f8E4M3FN or f8E5M2");
  bool isInteger = isa<IntegerType>(elementType);
  if (isInteger ? !out.isInteger(32)
                : !(out.isF32() || out.isF16() || out.isBF16()))
    return refuse("the output's element type isn't one that kernels write",
                  isInteger ? "use i32" : "use f32, f16 or bf16");
  ArrayRef<ElementType> supported =
      TargetAttr::get(context, options.target).getElementTypes();
  if (!llvm::is_contained(supported, *convertElementType(elementType))) {
    std::string names;
    llvm::raw_string_ostream os(names);
    llvm::interleave(
        supported, os,
        [&](ElementType type) { os << convertElementType(context, type); },
        " or ");
    return refuse("the kernels for " + options.target + " don't multiply " +
                      llvm::formatv("{0}", elementType).str(),
                  (lhs.isF32() ? "option precision=" : "use ") + names);
  }
  return elementType;
}

Candidate mlir::sparse24::examineProduct(const MatrixProduct &product,
                                         const CandidateOptions &options) {
  Candidate candidate;
  candidate.product = product;
  candidate.weight = findWeight(product);
  if (!candidate.weight)
    candidate.refusal = {
        "neither operand is a constant or made by sparse24.prune or "
        "sparse24.decompress along the summed dimension",
        "make the weight a constant, or prune it with sparse24.prune"};
  else if (ShapedType::isDynamic(product.k))
    candidate.refusal = {"the summed dimension K is dynamic", "make K static"};
  else if (ShapedType::isDynamic(candidate.getRows()))
    candidate.refusal = {"the weight's number of rows is dynamic",
                         "make the weight's shape static"};
  else if (product.k == 0 || candidate.getRows() == 0)
    candidate.refusal = {"the weight is empty", "nothing to gain here"};
  else
    candidate.elementType =
        chooseElementType(product, options, candidate.refusal);
  return candidate;
}

void mlir::sparse24::forEachConstantWeight(
    Operation *root, const CandidateOptions &options,
    function_ref<void(const Candidate &)> visit) {
  SmallVector<linalg::LinalgOp> ops;
  root->walk([&](linalg::LinalgOp op) { ops.push_back(op); });
  for (linalg::LinalgOp op : ops) {
    MatchFailure why;
    FailureOr<MatrixProduct> product = matchMatrixProduct(op, why);
    if (failed(product))
      continue;
    Candidate candidate = examineProduct(*product, options);
    if (!candidate.isRefused() && !candidate.weight->isKnown2To4)
      visit(candidate);
  }
}

//===----------------------------------------------------------------------===//
// Remarks
//===----------------------------------------------------------------------===//

std::string mlir::sparse24::describeLocation(Location loc) {
  if (auto name = loc->findInstanceOf<NameLoc>())
    return name.getName().str();
  if (auto file = loc->findInstanceOf<FileLineColLoc>())
    return llvm::formatv("{0}:{1}", file.getFilename().getValue(),
                         file.getLine())
        .str();
  return "?";
}

remark::detail::InFlightRemark mlir::sparse24::beginRemark(Operation *op,
                                                           StringRef pass,
                                                           bool isPassed,
                                                           StringRef what) {
  using remark::detail::Remark;
  StringRef function;
  if (auto parent = op->getParentOfType<FunctionOpInterface>())
    function = parent.getName();
  auto options =
      remark::RemarkOpts::name(pass).category("sparse24").function(function);
  auto remark = isPassed ? remark::passed(op->getLoc(), options)
                         : remark::missed(op->getLoc(), options);
  if (remark)
    remark << what << Remark::Arg("Layer", describeLocation(op->getLoc()));
  return remark;
}
