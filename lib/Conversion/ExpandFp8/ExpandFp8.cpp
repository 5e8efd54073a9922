// sparse24-expand-fp8: expands extensions of 8-bit floats.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24EXPANDFP8PASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;

/// f8E5M2 is the upper half of f16.
static Value emitE5M2ToF16(ImplicitLocOpBuilder &b, Value bits) {
  Value shift = arith::ConstantOp::create(b, b.getI16IntegerAttr(8));
  Value high = arith::ShLIOp::create(b, bits, shift);
  return arith::BitcastOp::create(b, b.getF16Type(), high);
}

/// f8E4M3FN, moved to f16's fields, reads 2^8 times too small (their exponents'
/// biases are 7 and 15), subnormals too; all products are exact. All ones is NaN.
static Value emitE4M3ToF16(ImplicitLocOpBuilder &b, Value bits) {
  auto constant = [&](int16_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI16IntegerAttr(value));
  };
  Value magnitude = arith::AndIOp::create(b, bits, constant(0x7F));
  Value sign = arith::AndIOp::create(b, bits, constant(0x80));
  Value fields = arith::OrIOp::create(
      b, arith::ShLIOp::create(b, magnitude, constant(7)),
      arith::ShLIOp::create(b, sign, constant(8)));
  Value scaled = arith::MulFOp::create(
      b, arith::BitcastOp::create(b, b.getF16Type(), fields),
      arith::ConstantOp::create(b, b.getF16FloatAttr(256.0f)));
  Value isNaN = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, magnitude,
                                      constant(0x7F));
  Value nan =
      arith::BitcastOp::create(b, b.getF16Type(), constant(0x7E00));
  return arith::SelectOp::create(b, isNaN, nan, scaled);
}

namespace {
struct ExpandExtension : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const override {
    Type from = op.getIn().getType();
    if (!isa<Float8E4M3FNType, Float8E5M2Type>(from))
      return rewriter.notifyMatchFailure(op, "no scalar f8E4M3FN or f8E5M2");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value byte = arith::BitcastOp::create(b, b.getI8Type(), op.getIn());
    Value bits = arith::ExtUIOp::create(b, b.getI16Type(), byte);
    Value half = isa<Float8E5M2Type>(from) ? emitE5M2ToF16(b, bits)
                                           : emitE4M3ToF16(b, bits);
    if (!op.getType().isF16())
      half = arith::ExtFOp::create(b, op.getType(), half);
    rewriter.replaceOp(op, half);
    return success();
  }
};

struct ExpandFp8Pass : mlir::sparse24::impl::Sparse24ExpandFp8PassBase<ExpandFp8Pass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    set.add<ExpandExtension>(context);
    patterns = std::move(set);
    return success();
  }
  void runOnOperation() override {
    walkAndApplyPatterns(getOperation(), patterns);
  }

  FrozenRewritePatternSet patterns;
};
} // namespace
