// Sparse instructions that upstream does not lower, or not well.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SpecialFunctions.h"
#include "TensorMapArguments.h"
#include "WarpgroupToNVVM.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "sparse24/Conversion/Passes.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24CONVERTTONVVMPASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {

/// nvgpu.mma.sp.sync -> nvvm.mma.sp.sync with ordered metadata.
struct LowerMmaSparseSync : OpRewritePattern<nvgpu::MmaSparseSyncOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nvgpu::MmaSparseSyncOp op,
                                PatternRewriter &rewriter) const override;
};

/// Upstream turns these into calls of libdevice, which only the CUDA Toolkit
/// brings; as arithmetic they need nothing.
void populateMathPatterns(RewritePatternSet &patterns) {
  static const llvm::StringSet<> approximated = {
      math::AcosOp::getOperationName(),  math::AsinOp::getOperationName(),
      math::AtanOp::getOperationName(),  math::Atan2Op::getOperationName(),
      math::CosOp::getOperationName(),   math::ErfOp::getOperationName(),
      math::ErfcOp::getOperationName(),  math::ExpOp::getOperationName(),
      math::ExpM1Op::getOperationName(), math::LogOp::getOperationName(),
      math::Log1pOp::getOperationName(), math::Log2Op::getOperationName(),
      math::SinOp::getOperationName(),   math::TanhOp::getOperationName(),
  };
  auto isApproximated = [](StringRef name) {
    return approximated.contains(name);
  };
  populateMathF32ExpansionPatterns(patterns, isApproximated);
  populateMathPolynomialApproximationPatterns(patterns, isApproximated);
  math::populateExpansionPatterns(patterns, {"rsqrt", "powf", "exp2f"});
}

struct ConvertToNVVM
    : public mlir::sparse24::impl::Sparse24ConvertToNVVMPassBase<
          ConvertToNVVM> {
  using Sparse24ConvertToNVVMPassBase::Sparse24ConvertToNVVMPassBase;
  void runOnOperation() override {
    getOperation()->walk(convertTensorMapArguments);
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerMmaSparseSync>(&getContext());
    populateWarpgroupPatterns(patterns);
    // Fragments are cast between flat and per-register vectors, for which
    // convert-gpu-to-nvvm has no pattern.
    vector::populateVectorShapeCastLoweringPatterns(patterns);
    vector::populateVectorInsertExtractStridedSliceTransforms(patterns);
    // Before their parts become something else.
    RewritePatternSet formulas(&getContext());
    populateSpecialFunctionPatterns(formulas);
    if (failed(applyPatternsGreedily(getOperation(), std::move(formulas))))
      return signalPassFailure();
    populateMathPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

/// The PTX type of a multiplicand; f32 operands are read as tf32.
static FailureOr<NVVM::MMATypes> getPtxType(Type type) {
  if (type.isF16())
    return NVVM::MMATypes::f16;
  if (type.isBF16())
    return NVVM::MMATypes::bf16;
  if (type.isF32())
    return NVVM::MMATypes::tf32;
  if (type.isUnsignedInteger(8))
    return NVVM::MMATypes::u8;
  if (type.isInteger(8))
    return NVVM::MMATypes::s8;
  return failure();
}

/// The 32-bit registers of a fragment of `registers × elements`.
static SmallVector<Value> getRegisters(ImplicitLocOpBuilder &b,
                                       Value fragment) {
  auto type = cast<VectorType>(fragment.getType());
  SmallVector<Value> registers;
  for (int64_t i = 0; i < type.getDimSize(0); ++i) {
    Value elements = vector::ExtractOp::create(b, fragment, i);
    if (!type.getElementType().isF16()) {
      auto wordType = VectorType::get({1}, b.getI32Type());
      elements = vector::ExtractOp::create(
          b, vector::BitCastOp::create(b, wordType, elements), 0);
    }
    registers.push_back(elements);
  }
  return registers;
}

LogicalResult
LowerMmaSparseSync::matchAndRewrite(nvgpu::MmaSparseSyncOp op,
                                    PatternRewriter &rewriter) const {
  auto accumulatorType = cast<VectorType>(op.getMatrixC().getType());
  Type scalarType = accumulatorType.getElementType();
  if (!scalarType.isF32() && !scalarType.isInteger(32))
    return rewriter.notifyMatchFailure(op, "accumulator is not f32 or s32");
  FailureOr<NVVM::MMATypes> ptxType =
      getPtxType(cast<VectorType>(op.getMatrixA().getType()).getElementType());
  if (failed(ptxType))
    return rewriter.notifyMatchFailure(op, "no such multiplicand type");

  ImplicitLocOpBuilder b(op.getLoc(), rewriter);
  SmallVector<Value> accumulators;
  for (int64_t i = 0; i < accumulatorType.getNumElements(); ++i)
    accumulators.push_back(vector::ExtractOp::create(
        b, op.getMatrixC(), ArrayRef<int64_t>{i / 2, i % 2}));
  Value metadata = vector::ExtractOp::create(
      b,
      vector::BitCastOp::create(b, VectorType::get({1}, b.getI32Type()),
                                op.getSparseMetadata()),
      0);
  Value selector =
      LLVM::ConstantOp::create(b, b.getI32Type(), op.getSparsitySelectorAttr());
  auto structType = LLVM::LLVMStructType::getLiteral(
      b.getContext(), SmallVector<Type>(accumulators.size(), scalarType));
  auto mma = NVVM::MmaSpOp::create(
      b, structType, getRegisters(b, op.getMatrixA()),
      getRegisters(b, op.getMatrixB()), accumulators, metadata, selector,
      op.getMmaShapeAsArray(), /*intOverflow=*/std::nullopt,
      std::array<NVVM::MMATypes, 2>{*ptxType, *ptxType});
  mma.setOrderedMetadata(true);
  if (scalarType.isInteger(32))
    mma.setIntOverflowBehavior(NVVM::MMAIntOverflow::wrapped);

  SmallVector<Value> results;
  for (int64_t i = 0; i < accumulatorType.getNumElements(); ++i)
    results.push_back(LLVM::ExtractValueOp::create(b, mma, i));
  rewriter.replaceOp(
      op, vector::FromElementsOp::create(b, accumulatorType, results));
  return success();
}
