// Verifiers of the warpgroup's operations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Support/WgmmaSp.h"

using namespace mlir;
using namespace mlir::sparse24;

namespace {
/// Types that multiply with each other.
enum class Family { f16, bf16, tf32, integer, f8 };
} // namespace

static std::optional<Family> getFamily(Type type) {
  if (type.isF16())
    return Family::f16;
  if (type.isBF16())
    return Family::bf16;
  if (type.isF32())
    return Family::tf32;
  if (type.isSignlessInteger(8) || type.isUnsignedInteger(8))
    return Family::integer;
  if (isa<Float8E4M3FNType, Float8E5M2Type>(type))
    return Family::f8;
  return std::nullopt;
}

static int64_t getInstructionK(Family family) {
  switch (family) {
  case Family::f16:
  case Family::bf16:
    return 32;
  case Family::tf32:
    return 16;
  case Family::integer:
  case Family::f8:
    return 64;
  }
  llvm_unreachable("unknown family");
}

static bool isAccumulator(Type type, Family family) {
  if (family == Family::integer)
    return type.isInteger(32);
  return type.isF32() ||
         (type.isF16() && (family == Family::f16 || family == Family::f8));
}

LogicalResult WarpgroupMmaSpOp::verify() {
  std::optional<Family> family = getFamily(getAType());
  if (!family || family != getFamily(getBType()))
    return emitOpError("mma_sp_c1: A and B are of types ")
           << getAType() << " and " << getBType()
           << ", which no instruction multiplies";
  bool isInteger = *family == Family::integer;
  bool is8Bit = isInteger || *family == Family::f8;
  bool is16Bit = *family == Family::f16 || *family == Family::bf16;

  if (getShape().size() != 3)
    return emitOpError("mma_sp_c2: the shape must be [64, n, k]");
  int64_t n = getN(), k = getInstructionK(*family);
  if (getM() != 64 || getK() != k || !::sparse24::wgmma_sp::isN(n, isInteger))
    return emitOpError("mma_sp_c2: the shape is [")
           << getShape() << "], but for " << getAType()
           << " it must be [64, n, " << k << "] with n a multiple of "
           << (isInteger ? "8 up to 32, of 16 beyond," : "8") << " up to 256";

  auto type = cast<VectorType>(getAccumulators().getType());
  if (type.getDimSize(0) != n / 2)
    return emitOpError("mma_sp_c3: the operand 'accumulators' has ")
           << type.getDimSize(0) << " elements, but a thread has " << n / 2
           << " of a result with " << n << " columns";
  if (!isAccumulator(type.getElementType(), *family))
    return emitOpError("mma_sp_c3: the operand 'accumulators' is of ")
           << type.getElementType() << ", which products of " << getAType()
           << " aren't added up in";

  uint32_t selector = getSelector();
  if (selector > (is8Bit ? 0u : 1u))
    return emitOpError("mma_sp_c4: the selector is ")
           << selector << ", but must be "
           << (is8Bit ? "0 for 8-bit types" : "0 or 1");
  if ((getTransposeA() || getTransposeB()) && !is16Bit)
    return emitOpError("mma_sp_c5: only 16-bit operands are transposed, not ")
           << getAType();
  if (getTransposeA() && isAInRegisters())
    return emitOpError("mma_sp_c5: the operand 'a' is in registers, where it "
                       "can't be transposed");
  if ((getNegateA() || getNegateB()) && isInteger)
    return emitOpError("mma_sp_c6: integers can't be negated");
  return success();
}

LogicalResult
WarpgroupWaitOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                  ValueRange operands,
                                  DictionaryAttr attributes,
                                  OpaqueProperties properties,
                                  RegionRange regions,
                                  SmallVectorImpl<Type> &results) {
  WarpgroupWaitOpAdaptor adaptor(operands, attributes, properties, regions);
  llvm::append_range(results, adaptor.getAccumulators().getTypes());
  return success();
}

LogicalResult WarpgroupWaitOp::verify() {
  if (static_cast<int32_t>(getPending()) < 0)
    return emitOpError("wait_c1: 'pending' is ")
           << static_cast<int32_t>(getPending())
           << ", but groups in flight can't be fewer than 0";
  return success();
}
