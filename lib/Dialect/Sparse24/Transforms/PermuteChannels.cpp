// sparse24-permute-channels: orders channels so that pruning keeps more.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "sparse24/Dialect/Sparse24/Transforms/Candidate.h"
#include "sparse24/Dialect/Sparse24/Transforms/ChannelTrace.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"
#include "sparse24/Support/ChannelPermutation.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24PERMUTECHANNELSPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::ElementType;

namespace {
struct PermuteChannelsPass
    : mlir::sparse24::impl::Sparse24PermuteChannelsPassBase<
          PermuteChannelsPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    options = {target, prune, precision};
    if (failed(verifyOption(context, getArgument(), "permute", permute,
                            {"none", "producers", "all"})))
      return failure();
    return options.verify(context, getArgument());
  }
  void runOnOperation() override;

private:
  void visit(const Candidate &candidate);

  CandidateOptions options;
};

/// What becomes of one product, to be told.
struct Outcome {
  std::optional<double> normBefore;
  double normAfter = 1.0;
  int64_t searchedRows = 0;
  StringRef where;
  std::string reason, fix;

  bool isDone() const { return reason.empty(); }
};
} // namespace

static std::string formatNorm(double norm) {
  return llvm::formatv("{0:f4}", norm).str();
}

static void emitRemark(const Candidate &candidate, StringRef pass,
                       const Outcome &outcome) {
  using remark::detail::Remark;
  auto remark = beginRemark(candidate.product.op, pass, outcome.isDone(),
                            outcome.isDone() ? "orders channels for pruning"
                                             : "keeps the order of channels");
  if (!remark)
    return;
  remark << Remark::Arg("K", candidate.product.k)
         << Remark::Arg("Rows", candidate.getRows());
  if (outcome.normBefore)
    remark << Remark::Arg("NormKept", formatNorm(*outcome.normBefore));
  if (outcome.searchedRows)
    remark << Remark::Arg("NormKeptAfter", formatNorm(outcome.normAfter))
           << Remark::Arg("RowsSearched", outcome.searchedRows);
  if (outcome.isDone())
    remark << Remark::Arg("Where", outcome.where);
  else
    remark << Remark::Arg("Reason", outcome.reason)
           << Remark::Arg("Fix", outcome.fix);
}

/// The share of the squared norm that is kept when columns are in that order.
static double getNormKept(const Candidate &candidate, const HostTensor &tensor,
                          ArrayRef<int64_t> permutation) {
  HostTensor permuted =
      permuteHost(tensor, candidate.isColumnMajor() ? 0 : 1, permutation);
  return ::sparse24::keptSquaredNorm(*convertElementType(candidate.elementType),
                                     candidate.getMatrix(permuted));
}

/// The dense operand with its channels in that order, by a table at run time.
static Value gatherAtRunTime(OpBuilder &builder, const MatrixProduct &product,
                             Side side, ArrayRef<int64_t> permutation) {
  Location loc = product.op->getLoc();
  SmallVector<int32_t> channels(permutation.begin(), permutation.end());
  auto type = RankedTensorType::get({product.k}, builder.getI32Type());
  Value table = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(type, ArrayRef(channels)));
  return gatherChannels(
      builder, loc, product.getOther(side), product.getDenseChannelDim(side),
      product.k, table, /*mayExceed=*/false,
      [](OpBuilder &b, Location loc, Value channel) -> Value {
        return arith::IndexCastOp::create(b, loc, b.getIndexType(), channel);
      });
}

void PermuteChannelsPass::visit(const Candidate &candidate) {
  const MatrixProduct &product = candidate.product;
  Side side = candidate.getSide();
  ElementType type = *convertElementType(candidate.elementType);
  std::optional<HostTensor> tensor =
      candidate.readWeight(candidate.elementType);
  if (!tensor)
    return;
  ::sparse24::MatrixRef matrix = candidate.getMatrix(*tensor);
  std::optional<Criterion> criterion =
      getPruningPermission(product.op, options);
  if (!criterion || ::sparse24::checkPattern(type, matrix).conforms())
    return;

  Outcome outcome;
  auto refuse = [&](const Twine &reason, const Twine &fix) {
    outcome.reason = reason.str();
    outcome.fix = fix.str();
    emitRemark(candidate, getArgument(), outcome);
  };
  if (*criterion != Criterion::magnitude)
    return refuse("the search is for what is pruned by magnitude",
                  "option prune=magnitude or attribute sparse24.allow_prune = "
                  "\"magnitude\"");
  outcome.normBefore = ::sparse24::keptSquaredNorm(type, matrix);

  std::string why;
  FailureOr<ChannelTrace> weight = ChannelTrace::follow(
      product.op->getOpOperand(product.getOperandNumber(side)),
      product.needsTranspose(side) ? 0 : 1, why);
  if (failed(weight))
    return refuse("the weight's columns can't be moved: " + why,
                  "make the weight a constant of this product alone");
  FailureOr<ChannelTrace> producer = ChannelTrace::follow(
      product.op->getOpOperand(1 - product.getOperandNumber(side)),
      product.getDenseChannelDim(side), why);
  if (failed(producer) && permute != "all")
    return refuse("the activations' channels can't be moved in advance: " + why,
                  "option permute=all moves them at run time");

  ::sparse24::PermutationBounds bounds;
  bounds.sweeps = sweeps;
  std::vector<int64_t> permutation =
      ::sparse24::findChannelPermutation(type, matrix, bounds);
  outcome.searchedRows = bounds.searchedRows(type, matrix.rows, matrix.k);
  outcome.normAfter = getNormKept(candidate, *tensor, permutation);
  if (outcome.normAfter <= *outcome.normBefore)
    return refuse("no order that keeps more was found",
                  "nothing, or more sweeps (option permute-sweeps)");

  std::string name = "permuted";
  OpBuilder builder(product.op);
  if (succeeded(producer)) {
    outcome.where = "producer";
    producer->permute(builder, permutation, name);
  } else {
    outcome.where = "activations";
    Value gathered = gatherAtRunTime(builder, product, side, permutation);
    product.op->setOperand(1 - product.getOperandNumber(side), gathered);
  }
  weight->permute(builder, permutation, name);
  ++numPermuted;
  emitRemark(candidate, getArgument(), outcome);
}

void PermuteChannelsPass::runOnOperation() {
  if (permute == "none")
    return;
  forEachConstantWeight(getOperation(), options,
                        [&](const Candidate &candidate) { visit(candidate); });
}
