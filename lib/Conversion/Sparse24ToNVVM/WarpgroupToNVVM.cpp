// Products of a warpgroup to inline PTX.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WarpgroupToNVVM.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

using namespace mlir;
using namespace mlir::sparse24;

namespace {

/// Inline PTX whose accumulators are operands and results in the same
/// registers: so LLVM neither copies them nor moves what reads them across.
class WarpgroupAsm {
public:
  explicit WarpgroupAsm(ImplicitLocOpBuilder &builder) : b(builder) {}

  /// Adds accumulators; gives the PTX list of their registers.
  std::string addAccumulators(Value vector);
  /// To be called once all accumulators are added. Gives the operand's text.
  std::string addInput(Value value);
  std::string addInputs(Value vector);

  /// Emits the text; gives the vectors of accumulators that come out.
  SmallVector<Value> emit(StringRef text);

private:
  /// The registers of a vector: f32 and i32 one by one, f16 in pairs.
  SmallVector<Value> getRegisters(Value vector);
  Value fromRegisters(VectorType type, ArrayRef<Value> registers);
  static StringRef getConstraint(Type type) {
    if (type.isF32())
      return "f";
    return type.isInteger(64) ? "l" : "r";
  }

  ImplicitLocOpBuilder &b;
  SmallVector<VectorType> vectors;
  SmallVector<Value> accumulators, inputs;
};

struct LowerMmaSp : OpRewritePattern<WarpgroupMmaSpOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(WarpgroupMmaSpOp op,
                                PatternRewriter &rewriter) const override;
};

struct LowerWait : OpRewritePattern<WarpgroupWaitOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(WarpgroupWaitOp op,
                                PatternRewriter &rewriter) const override;
};

} // namespace

//===----------------------------------------------------------------------===//
// Inline PTX
//===----------------------------------------------------------------------===//

SmallVector<Value> WarpgroupAsm::getRegisters(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  if (type.getElementType().isF16()) {
    type = VectorType::get(type.getNumElements() / 2, b.getI32Type());
    vector = vector::BitCastOp::create(b, type, vector);
  }
  SmallVector<Value> registers;
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    registers.push_back(vector::ExtractOp::create(b, vector, i));
  return registers;
}

Value WarpgroupAsm::fromRegisters(VectorType type, ArrayRef<Value> registers) {
  Type element = registers.front().getType();
  auto flat = VectorType::get(registers.size(), element);
  Value vector = vector::FromElementsOp::create(b, flat, registers);
  return flat == type ? vector : vector::BitCastOp::create(b, type, vector);
}

std::string WarpgroupAsm::addAccumulators(Value vector) {
  vectors.push_back(cast<VectorType>(vector.getType()));
  std::string list;
  for (Value accumulator : getRegisters(vector)) {
    list += (list.empty() ? "$" : ", $") + std::to_string(accumulators.size());
    accumulators.push_back(accumulator);
  }
  return "{" + list + "}";
}

std::string WarpgroupAsm::addInput(Value value) {
  inputs.push_back(value);
  // Results are numbered first, then the operands tied to them.
  return "$" + std::to_string(2 * accumulators.size() + inputs.size() - 1);
}

std::string WarpgroupAsm::addInputs(Value vector) {
  std::string list;
  for (Value value : getRegisters(vector))
    list += (list.empty() ? "" : ", ") + addInput(value);
  return "{" + list + "}";
}

SmallVector<Value> WarpgroupAsm::emit(StringRef text) {
  SmallVector<std::string> constraints;
  SmallVector<Type> types;
  for (Value accumulator : accumulators) {
    types.push_back(accumulator.getType());
    constraints.push_back(("=" + getConstraint(types.back())).str());
  }
  for (size_t i = 0; i < accumulators.size(); ++i)
    constraints.push_back(std::to_string(i));
  for (Value input : inputs)
    constraints.push_back(getConstraint(input.getType()).str());
  constraints.push_back("~{memory}");

  SmallVector<Value> operands(accumulators);
  llvm::append_range(operands, inputs);
  auto structType = LLVM::LLVMStructType::getLiteral(b.getContext(), types);
  bool isSingle = types.size() == 1;
  Type resultType = isSingle ? types.front() : Type(structType);
  auto inlineAsm = LLVM::InlineAsmOp::create(
      b, types.empty() ? Type() : resultType, operands, text,
      llvm::join(constraints, ","), /*has_side_effects=*/true,
      /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT),
      ArrayAttr());

  SmallVector<Value> registers;
  for (size_t i = 0; i < types.size(); ++i)
    registers.push_back(
        isSingle ? inlineAsm.getResult(0)
                 : LLVM::ExtractValueOp::create(b, inlineAsm.getResult(0), i)
                       .getResult());
  SmallVector<Value> results;
  ArrayRef<Value> rest(registers);
  for (VectorType type : vectors) {
    size_t count = type.getElementType().isF16() ? type.getNumElements() / 2
                                                 : type.getNumElements();
    results.push_back(fromRegisters(type, rest.take_front(count)));
    rest = rest.drop_front(count);
  }
  return results;
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

static StringRef getPtxType(Type type) {
  if (type.isF16())
    return "f16";
  if (type.isBF16())
    return "bf16";
  if (type.isF32())
    return "tf32";
  if (type.isUnsignedInteger(8))
    return "u8";
  if (type.isInteger(8))
    return "s8";
  return isa<Float8E4M3FNType>(type) ? "e4m3" : "e5m2";
}

LogicalResult LowerMmaSp::matchAndRewrite(WarpgroupMmaSpOp op,
                                          PatternRewriter &rewriter) const {
  ImplicitLocOpBuilder b(op.getLoc(), rewriter);
  WarpgroupAsm ptx(b);
  Type accumulatorType =
      cast<VectorType>(op.getAccumulators().getType()).getElementType();
  bool isInteger = accumulatorType.isInteger(32);
  StringRef resultType = isInteger                 ? "s32"
                         : accumulatorType.isF16() ? "f16"
                                                   : "f32";
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "wgmma.mma_async.sp.sync.aligned.m" << op.getM() << "n" << op.getN()
     << "k" << op.getK() << "." << resultType << "."
     << getPtxType(op.getAType()) << "." << getPtxType(op.getBType()) << " "
     << ptx.addAccumulators(op.getAccumulators()) << ", "
     << (op.isAInRegisters() ? ptx.addInputs(op.getA())
                             : ptx.addInput(op.getA()))
     << ", " << ptx.addInput(op.getB()) << ", "
     << ptx.addInput(op.getMetadata()) << ", " << op.getSelector() << ", "
     << (op.getOverwrite() ? 0 : 1);
  if (!isInteger)
    os << ", " << (op.getNegateA() ? -1 : 1) << ", "
       << (op.getNegateB() ? -1 : 1);
  // Only 16-bit operands in shared memory have an order to state.
  if (op.getAType().isF16() || op.getAType().isBF16()) {
    if (!op.isAInRegisters())
      os << ", " << int(op.getTransposeA());
    os << ", " << int(op.getTransposeB());
  }
  os << ";";
  rewriter.replaceOp(op, ptx.emit(text));
  return success();
}

LogicalResult LowerWait::matchAndRewrite(WarpgroupWaitOp op,
                                         PatternRewriter &rewriter) const {
  ImplicitLocOpBuilder b(op.getLoc(), rewriter);
  WarpgroupAsm ptx(b);
  for (Value accumulators : op.getAccumulators())
    ptx.addAccumulators(accumulators);
  for (Value word : op.getMetadata())
    ptx.addInput(word);
  rewriter.replaceOp(op, ptx.emit("wgmma.wait_group.sync.aligned " +
                                  std::to_string(op.getPending()) + ";"));
  return success();
}

void mlir::sparse24::populateWarpgroupPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerMmaSp, LowerWait>(patterns.getContext());
}
