// NVVM's operations on matrices as PTX instructions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "InstructionText.h"
#include "ToEmulator.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::sparse24;

/// ".m16n8k32", or ".m8n8" of matrices that are moved.
template <typename ShapeAttr>
static std::string getShape(ShapeAttr shape) {
  std::string text =
      ".m" + std::to_string(shape.getM()) + "n" + std::to_string(shape.getN());
  if constexpr (!std::is_same_v<ShapeAttr, NVVM::LdStMatrixShapeAttr>)
    text += "k" + std::to_string(shape.getK());
  return text;
}

static std::string getTransposed(NVVM::MMALayout layout) {
  return layout == NVVM::MMALayout::col ? ".trans" : "";
}

// PTX ISA: ldmatrix; stmatrix.
static Values emit(NVVM::LdMatrixOp op, Emitter &e) {
  return e.execute("ldmatrix.sync.aligned" + getShape(op.getShape()) + ".x" +
                       std::to_string(op.getNum()) +
                       getTransposed(op.getLayout()) + ".shared" +
                       dot(stringifyLdStMatrixEltType(op.getEltType())),
                   op.getPtr(), op.getType());
}
static Values emit(NVVM::StMatrixOp op, Emitter &e) {
  return e.execute("stmatrix.sync.aligned" + getShape(op.getShape()) + ".x" +
                       std::to_string(op.getSources().size()) +
                       getTransposed(op.getLayout()) + ".shared" +
                       dot(stringifyLdStMatrixEltType(op.getEltType())),
                   concat({op.getPtr(), op.getSources()}));
}

/// The type of an accumulator's register.
static StringRef getAccumulatorType(Type structType) {
  Type type = cast<LLVM::LLVMStructType>(structType).getBody().front();
  type = getElementTypeOrSelf(type);
  return type.isF64()   ? "f64"
         : type.isF32() ? "f32"
         : type.isF16() ? "f16"
                        : "s32";
}

/// The types of D, A, B and C. Where the operation leaves A's open, they are
/// what its registers say.
template <typename MmaOp>
static std::string getMmaTypes(MmaOp op) {
  auto input = [](std::optional<NVVM::MMATypes> type,
                  Value operand) -> StringRef {
    if (type)
      return stringifyMMATypes(*type);
    Type element = getElementTypeOrSelf(operand.getType());
    return element.isF64() ? "f64" : element.isF32() ? "tf32" : "f16";
  };
  std::string text;
  if (op.getIntOverflowBehavior() == NVVM::MMAIntOverflow::satfinite)
    text += ".satfinite";
  StringRef accumulator = getAccumulatorType(op.getType());
  return text + dot(accumulator) +
         dot(input(op.getMultiplicandAPtxType(), op.getOperandA().front())) +
         dot(input(op.getMultiplicandBPtxType(), op.getOperandB().front())) +
         dot(accumulator);
}

// PTX ISA: mma.
static Values emit(NVVM::MmaOp op, Emitter &e) {
  return e.execute(
      "mma.sync.aligned" + getShape(op.getShapeAttr()) +
          dot(stringifyMMALayout(op.getLayoutA())) +
          dot(stringifyMMALayout(op.getLayoutB())) + getMmaTypes(op),
      concat({op.getOperandA(), op.getOperandB(), op.getOperandC()}),
      op.getType());
}

// PTX ISA: mma.sp.
static Values emit(NVVM::MmaSpOp op, Emitter &e) {
  return e.execute(std::string(op.getOrderedMetadata()
                                   ? "mma.sp::ordered_metadata"
                                   : "mma.sp") +
                       ".sync.aligned" + getShape(op.getShapeAttr()) +
                       ".row.col" + getMmaTypes(op),
                   concat({op.getOperandA(), op.getOperandB(), op.getOperandC(),
                           op.getSparseMetadata(), op.getSparsitySelector()}),
                   op.getType());
}

// PTX ISA: wgmma.
static Values emit(NVVM::WgmmaFenceAlignedOp, Emitter &e) {
  return e.execute("wgmma.fence.sync.aligned", {});
}
static Values emit(NVVM::WgmmaGroupSyncAlignedOp, Emitter &e) {
  return e.execute("wgmma.commit_group.sync.aligned", {});
}
static Values emit(NVVM::WgmmaWaitGroupSyncOp op, Emitter &e) {
  return e.execute("wgmma.wait_group.sync.aligned", e.constant(op.getGroup()));
}
static Values emit(NVVM::WgmmaMmaAsyncOp op, Emitter &e) {
  std::string opcode =
      "wgmma.mma_async.sync.aligned" + getShape(op.getShapeAttr());
  if (op.getSatfinite() == NVVM::MMAIntOverflow::satfinite)
    opcode += ".satfinite";
  opcode += dot(stringifyWGMMATypes(op.getTypeD())) +
            dot(stringifyWGMMATypes(op.getTypeA())) +
            dot(stringifyWGMMATypes(op.getTypeB())) + ".adesc";
  Values operands = {op.getInouts(), op.getDescriptorA(), op.getDescriptorB(),
                     e.constant(op.getScaleD() == NVVM::WGMMAScaleOut::one)};
  bool isInteger = op.getTypeD() == NVVM::WGMMATypes::s32;
  if (!isInteger) {
    operands.push_back(e.constant(static_cast<int32_t>(op.getScaleA())));
    operands.push_back(e.constant(static_cast<int32_t>(op.getScaleB())));
  }
  bool is16Bit = op.getTypeA() == NVVM::WGMMATypes::f16 ||
                 op.getTypeA() == NVVM::WGMMATypes::bf16;
  // A as rows and B as columns is what isn't transposed: K is contiguous.
  if (is16Bit) {
    operands.push_back(e.constant(op.getLayoutA() == NVVM::MMALayout::col));
    operands.push_back(e.constant(op.getLayoutB() == NVVM::MMALayout::row));
  }
  return e.execute(opcode, operands, op.getType());
}

/// Intrinsics that NVVM has no operation for, or no working one: the name says
/// it all ("llvm.nvvm.mma.sp.ordered.metadata.m16n8k64.row.col.f32.e4m3.…").
static Lowered emitIntrinsic(LLVM::CallIntrinsicOp op, Emitter &e) {
  StringRef name = op.getIntrin();
  std::string opcode;
  if (name.consume_front("llvm.nvvm.mma.sp.ordered.metadata."))
    opcode = "mma.sp::ordered_metadata.sync.aligned." + name.str();
  else if (name.consume_front("llvm.nvvm.mma.sp."))
    opcode = "mma.sp.sync.aligned." + name.str();
  else
    return std::nullopt;
  return FailureOr<Values>(
      e.execute(opcode, op.getArgs(), op->getResultTypes()));
}

Lowered mlir::sparse24::lowerMatrixInstruction(Operation *op, Emitter &e) {
  if (auto intrinsic = dyn_cast<LLVM::CallIntrinsicOp>(op))
    return emitIntrinsic(intrinsic, e);
  return dispatch<NVVM::LdMatrixOp, NVVM::MmaOp, NVVM::MmaSpOp,
                  NVVM::StMatrixOp, NVVM::WgmmaFenceAlignedOp,
                  NVVM::WgmmaGroupSyncAlignedOp, NVVM::WgmmaMmaAsyncOp,
                  NVVM::WgmmaWaitGroupSyncOp>(
      op, [&](auto known) { return emit(known, e); });
}
