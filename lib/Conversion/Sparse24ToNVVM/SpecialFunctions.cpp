// Functions that a GPU's special function unit computes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SpecialFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

/// PTX ISA, ex2 and rcp: relative errors of 2^-22.5 and 2^-23.
static Value createSpecialFunction(ImplicitLocOpBuilder &b, StringRef opcode,
                                   Value x) {
  return LLVM::InlineAsmOp::create(
             b, x.getType(), x, (opcode + " $0, $1;").str(), "=f,f",
             /*has_side_effects=*/false, /*is_align_stack=*/false,
             LLVM::tailcallkind::TailCallKind::None,
             LLVM::AsmDialectAttr::get(b.getContext(),
                                       LLVM::AsmDialect::AD_ATT),
             ArrayAttr())
      .getResult(0);
}

namespace {

/// GELU's 1 + tanh(x) = 2 / (1 + exp(-2·x)). The sum on the left loses its last
/// bits where tanh is near -1, the quotient keeps them.
struct LowerOnePlusTanh : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::AddFOp op,
                                PatternRewriter &rewriter) const override;
};

} // namespace

LogicalResult
LowerOnePlusTanh::matchAndRewrite(arith::AddFOp op,
                                  PatternRewriter &rewriter) const {
  Value lhs = op.getLhs(), rhs = op.getRhs();
  if (matchPattern(lhs, m_OneFloat()))
    std::swap(lhs, rhs);
  auto tanh = lhs.getDefiningOp<math::TanhOp>();
  if (!tanh || !matchPattern(rhs, m_OneFloat()) || !op.getType().isF32())
    return failure();
  ImplicitLocOpBuilder b(op.getLoc(), rewriter);
  auto constant = [&](float value) -> Value {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
  };
  constexpr float minusTwoOverLn2 = -2.88539008F;
  Value power = createSpecialFunction(
      b, "ex2.approx.ftz.f32",
      arith::MulFOp::create(b, tanh.getOperand(), constant(minusTwoOverLn2)));
  Value half = constant(0.5F);
  Value divisor = math::FmaOp::create(b, power, half, half);
  rewriter.replaceOp(op,
                     createSpecialFunction(b, "rcp.approx.ftz.f32", divisor));
  return success();
}

void mlir::sparse24::populateSpecialFunctionPatterns(
    RewritePatternSet &patterns) {
  patterns.add<LowerOnePlusTanh>(patterns.getContext());
}
