// sparse24-select-schedules: packs sparse operands and chooses schedules.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "sparse24/Dialect/Sparse24/Transforms/ScheduleModel.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"
#include "sparse24/Support/TensorMapParameters.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24SELECTSCHEDULESPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

/// The layout to pack the sparse operand in; null, with a diagnostic, if there
/// is none.
static LayoutAttr getLayout(MatmulOp op, TargetAttr target) {
  if (LayoutAttr layout = op.getLayoutAttr())
    return layout;
  ScheduleAttr schedule = op.getScheduleAttr();
  auto values = cast<RankedTensorType>(op.getValues().getType());
  InstructionFamily family =
      schedule ? schedule.getFamily() : target.getFamily();
  int64_t rows = values.getDimSize(0), k = op.getK();
  return LayoutAttr::getChecked(
      [&] { return op.emitOpError("can't be packed: "); }, op.getContext(),
      family, values.getElementType(), rows, k);
}

/// Packs values and metadata into one buffer.
static void pack(RewriterBase &rewriter, MatmulOp op, LayoutAttr layout) {
  rewriter.setInsertionPoint(op);
  Value init = tensor::EmptyOp::create(rewriter, op.getLoc(),
                                       ArrayRef<int64_t>{layout.getByteSize()},
                                       rewriter.getI8Type());
  auto packed = PackOp::create(rewriter, op.getLoc(), TypeRange{init.getType()},
                               layout, op.getValues(), op.getMetadata(), init);
  rewriter.modifyOpInPlace(op, [&] {
    op.getSparseMutable().assign(packed->getResult(0));
    op.setLayoutAttr(layout);
  });
}

static remark::RemarkOpts getRemarkOptions(MatmulOp op) {
  StringRef function;
  if (auto parent = op->getParentOfType<FunctionOpInterface>())
    function = parent.getName();
  return remark::RemarkOpts::name("sparse24-select-schedules")
      .category("sparse24")
      .function(function);
}

static void emitRemark(MatmulOp op, const ScheduleEstimate &estimate,
                       int64_t columns) {
  using remark::detail::Remark;
  auto remark = remark::passed(op.getLoc(), getRemarkOptions(op));
  if (!remark)
    return;
  remark << "chose a schedule" << Remark::Arg("Schedule", estimate.schedule)
         << Remark::Arg("Columns", columns)
         << Remark::Arg("Tiles", estimate.tiles)
         << Remark::Arg("Parts", estimate.schedule.getSplitK())
         << Remark::Arg("Waves", estimate.waves)
         << Remark::Arg("EstimatedMicroseconds",
                        llvm::formatv("{0:f1}", estimate.microseconds).str());
}

/// Whether an operation takes special functions of the hardware (ex2, rcp, …).
static bool isSpecial(Operation *op) {
  if (isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp,
          math::FloorOp, math::FmaOp, math::RoundOp, math::RoundEvenOp,
          math::TruncOp>(op))
    return false;
  return isa<math::MathDialect>(op->getDialect()) || isa<arith::DivFOp>(op);
}

/// A multiprocessor computes 128 sums or products a clock, but 16 special
/// functions, of which `exp`, `tanh` or a quotient take about two.
static double getEpilogueClocks(MatmulOp op) {
  double clocks = 0;
  op.getEpilogue().walk([&](Operation *inner) {
    if (isSpecial(inner))
      clocks += 2.0 / 16;
    else if (inner->getNumOperands() > 0 && !isa<YieldOp>(inner))
      clocks += 1.0 / 128;
  });
  return clocks;
}

/// wgmma reads 16-bit operands in either order, others only with K contiguous.
static bool needsTranspose(MatmulOp op) {
  return op.getLayout()->getFamily() == InstructionFamily::wgmma_sp &&
         op.getOperandElementType().getIntOrFloatBitWidth() != 16 &&
         !op.isDenseKContiguous();
}

static void transposeDense(RewriterBase &rewriter, MatmulOp op) {
  using remark::detail::Remark;
  if (auto remark = remark::analysis(op.getLoc(), getRemarkOptions(op)))
    remark << "transposes an operand" << Remark::Arg("Operand", "dense")
           << Remark::Arg("Type", op.getDense().getType())
           << Remark::Arg(
                  "Reason",
                  llvm::formatv("wgmma reads {0} only with K contiguous",
                                op.getOperandElementType())
                      .str())
           << Remark::Arg("Fix", op.isLhsSparse() ? "store it as N × K"
                                                  : "store it as M × K");
  rewriter.setInsertionPoint(op);
  Value transposed = transposeMatrix(rewriter, op.getLoc(), op.getDense());
  rewriter.modifyOpInPlace(op, [&] {
    op.getDenseMutable().assign(transposed);
    op.setTransposeDense(!op.getTransposeDense());
  });
}

namespace {
struct SelectSchedulesPass
    : mlir::sparse24::impl::Sparse24SelectSchedulesPassBase<
          SelectSchedulesPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    targetAttr = TargetAttr::getChecked(
        [&] {
          return emitError(UnknownLoc::get(context)) << getArgument() << ": ";
        },
        context, StringRef(target));
    return success(targetAttr != nullptr);
  }

  void runOnOperation() override {
    if (targetAttr.isCpu())
      return;
    IRRewriter rewriter(&getContext());
    WalkResult result = getOperation().walk([&](MatmulOp op) {
      return failed(select(rewriter, op)) ? WalkResult::interrupt()
                                          : WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

private:
  LogicalResult select(RewriterBase &rewriter, MatmulOp op);

  TargetAttr targetAttr;
};
} // namespace

LogicalResult SelectSchedulesPass::select(RewriterBase &rewriter, MatmulOp op) {
  if (!op.isPacked()) {
    auto values = dyn_cast<RankedTensorType>(op.getValues().getType());
    if (!values)
      return op.emitOpError("is on buffers; select schedules before "
                            "bufferization");
    if (values.isDynamicDim(0))
      return op.emitOpError("can't be packed: its sparse operand has a dynamic "
                            "number of rows");
    LayoutAttr layout = getLayout(op, targetAttr);
    if (!layout)
      return failure();
    pack(rewriter, op, layout);
  }
  if (op.getLayout()->getFamily() == InstructionFamily::wgmma_sp &&
      targetAttr.getFamily() != InstructionFamily::wgmma_sp)
    return op.emitOpError("is packed for wgmma_sp, which ")
           << target << " doesn't have";
  if (needsTranspose(op)) {
    if (isa<MemRefType>(op.getDense().getType()))
      return op.emitOpError("is on buffers, and its dense operand must be "
                            "transposed; select schedules before "
                            "bufferization");
    transposeDense(rewriter, op);
    ++numTransposed;
  }
  if (op.getSchedule())
    return success();

  LayoutAttr layout = *op.getLayout();
  auto output = cast<ShapedType>(op.getInit().getType());
  int64_t columns = output.getDimSize(op.isLhsSparse() ? 1 : 0);
  if (ShapedType::isDynamic(columns))
    columns = expectedN;
  // A product of no columns has nothing to estimate.
  columns = std::max<int64_t>(columns, 1);
  ProductShape shape{layout.getPackedLayout(), columns,
                     getMemoryBytes(output.getElementType())};
  shape.epilogueClocks = getEpilogueClocks(op);
  auto addOperand = [&](ShapedType type) {
    int64_t bytes = getMemoryBytes(type.getElementType());
    shape.operandBytes += bytes;
    shape.areOperandsCopied &=
        getTensorMapElementType(type.getElementType()) &&
        !type.isDynamicDim(1) &&
        type.getDimSize(1) * bytes %
                ::sparse24::TensorMapParameters::kAlignment ==
            0;
  };
  if (op.getAccumulate())
    addOperand(output);
  for (auto [i, type] : llvm::enumerate(op.getEpilogueOperands().getTypes())) {
    auto shaped = cast<ShapedType>(type);
    if (shaped.getRank() == 1)
      shape.vectorOperandBytes += getMemoryBytes(shaped.getElementType());
    if (shaped.getRank() != 2)
      continue;
    addOperand(shaped);
    shape.areOperandsCopied &= op.getEpilogueMap(i).isIdentity();
  }
  std::optional<ScheduleEstimate> estimate = chooseSchedule(shape, targetAttr);
  if (!estimate)
    return op.emitOpError("no schedule fits the shared memory of ") << target;
  op.setScheduleAttr(estimate->schedule);
  emitRemark(op, *estimate, columns);
  ++numScheduled;
  return success();
}
