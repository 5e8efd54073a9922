// sparse24-slide: spreads N:M weights over 2:4 windows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "sparse24/Dialect/Sparse24/Transforms/Candidate.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"
#include "sparse24/Support/Windows.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24SLIDEPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::ElementType;
using ::sparse24::MatrixRef;
using ::sparse24::MutableMatrixRef;
using ::sparse24::Windows;

namespace {
struct SlidePass : mlir::sparse24::impl::Sparse24SlidePassBase<SlidePass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    options = {target, /*prune=*/"none", precision};
    return options.verify(context, getArgument());
  }
  void runOnOperation() override;

private:
  void visit(const Candidate &candidate);

  CandidateOptions options;
};
} // namespace

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// The constant of the windows, in the storage order of the weight operand.
static HostTensor spreadWeight(const Candidate &candidate, ElementType type,
                               const Windows &windows,
                               const MatrixRef &weight) {
  const MatrixProduct &product = candidate.product;
  Side side = candidate.getSide();
  int64_t rows = weight.rows, k = windows.spreadK(weight.k);
  Type elementType = getElementTypeOrSelf(product.getOperand(side).getType());
  bool isColumnMajor = product.needsTranspose(side);
  HostTensor result = HostTensor::allocate(
      isColumnMajor ? RankedTensorType::get({k, rows}, elementType)
                    : RankedTensorType::get({rows, k}, elementType));
  void *data = result.getMutableData();
  ::sparse24::spread(type, windows, weight,
                     isColumnMajor
                         ? MutableMatrixRef::columnMajor(data, rows, k)
                         : MutableMatrixRef::rowMajor(data, rows, k));
  return result;
}

namespace {
/// An affine expression with C++'s operators, for Windows::source().
struct AffineIndex {
  AffineExpr expr;

  AffineIndex operator+(AffineIndex other) const { return {expr + other.expr}; }
  AffineIndex operator*(int64_t factor) const { return {expr * factor}; }
  AffineIndex operator/(int64_t divisor) const {
    return {expr.floorDiv(divisor)};
  }
  AffineIndex operator%(int64_t divisor) const { return {expr % divisor}; }
};
} // namespace

/// What each window multiplies: the dense operand's elements, those that two
/// windows cover twice.
static Value gatherWindows(OpBuilder &builder, const Candidate &candidate,
                           const Windows &windows) {
  const MatrixProduct &product = candidate.product;
  Side side = candidate.getSide();
  AffineIndex column{builder.getAffineDimExpr(0)};
  AffineMap source = AffineMap::get(1, 0, windows.source(column).expr);
  return gatherChannels(
      builder, product.op->getLoc(), product.getOther(side),
      product.getDenseChannelDim(side), windows.spreadK(product.k),
      /*channels=*/Value(), /*mayExceed=*/product.k % windows.blockSize() != 0,
      [&](OpBuilder &b, Location loc, Value position) -> Value {
        return affine::AffineApplyOp::create(b, loc, source, position);
      });
}

//===----------------------------------------------------------------------===//
// Remarks
//===----------------------------------------------------------------------===//

static std::string describePattern(const Windows &windows) {
  return llvm::formatv("{0}:{1}", windows.maxNonzeros(), windows.blockSize());
}

/// Says where the weight has too many nonzeros even for the widest windows.
static void explainMisfit(Operation *op, ElementType type,
                          const Windows &widest, const MatrixRef &weight) {
  using remark::detail::Remark;
  auto remark = beginRemark(op, "sparse24-slide", /*isPassed=*/false,
                            "fits into no windows");
  if (!remark)
    return;
  ::sparse24::WindowsReport report =
      ::sparse24::checkWindows(type, widest, weight);
  std::string reason = llvm::formatv(
      "{0} of {1} blocks of {2} along K have more than {3} nonzeros, the first "
      "in row {4} at K = {5}",
      report.violatingBlocks, report.blocks, widest.blockSize(),
      widest.maxNonzeros(), report.firstRow,
      report.firstBlock * widest.blockSize());
  remark << Remark::Arg("Reason", reason)
         << Remark::Arg("Fix", "prune the weight to " +
                                   describePattern(widest) + " or sparser");
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Rewrites the product if its weight is a constant that isn't 2:4 but fits
/// into windows.
void SlidePass::visit(const Candidate &candidate) {
  using remark::detail::Remark;
  const MatrixProduct &product = candidate.product;
  Operation *op = product.op;
  Side side = candidate.getSide();
  ElementType multiplied = *convertElementType(candidate.elementType);
  std::optional<HostTensor> rounded =
      candidate.readWeight(candidate.elementType);
  if (!rounded ||
      ::sparse24::checkPattern(multiplied, candidate.getMatrix(*rounded))
          .conforms())
    return;

  // The program goes on with what isn't rounded yet.
  Type elementType = getElementTypeOrSelf(product.getOperand(side).getType());
  ElementType type = *convertElementType(elementType);
  HostTensor tensor = *candidate.readWeight(elementType);
  MatrixRef weight = candidate.getMatrix(tensor);
  int64_t unit = ::sparse24::keptPerGroup(multiplied);
  std::optional<Windows> windows = ::sparse24::findWindows(type, unit, weight);
  if (!windows)
    return explainMisfit(op, type, Windows{unit, Windows::kMaxCells}, weight);

  OpBuilder builder(op);
  Value spread = arith::ConstantOp::create(
      builder, product.getOperand(side).getLoc(),
      cast<TypedAttr>(Attribute(makeResource(
          spreadWeight(candidate, type, *windows, weight), "windows"))));
  Value gathered = gatherWindows(builder, candidate, *windows);
  op->setOperand(product.getOperandNumber(side), spread);
  op->setOperand(1 - product.getOperandNumber(side), gathered);
  ++numSpread;
  if (auto remark = beginRemark(op, getArgument(), /*isPassed=*/true,
                                "becomes 2:4 without loss"))
    remark << Remark::Arg("Pattern", describePattern(*windows))
           << Remark::Arg("K", product.k)
           << Remark::Arg("SpreadK", windows->spreadK(product.k))
           << Remark::Arg("Side", stringifySide(side));
}

void SlidePass::runOnOperation() {
  forEachConstantWeight(getOperation(), options,
                        [&](const Candidate &candidate) { visit(candidate); });
}
