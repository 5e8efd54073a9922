// What all generated kernels of products have in common.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelSpec.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "sparse24/Dialect/Sparse24/Transforms/Utils.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::sparse24;

bool KernelSpec::isDenseKContiguous() const {
  return matmul.isDenseKContiguous();
}

bool KernelSpec::isOutputTransposed() const { return !matmul.isLhsSparse(); }

::sparse24::PackedLayout KernelSpec::getPackedLayout() const {
  return matmul.getLayout()->getPackedLayout();
}

int64_t KernelSpec::getElementBytes() const {
  return getMemoryBytes(matmul.getOperandElementType());
}

int64_t KernelSpec::getOutputBytes() const {
  return getMemoryBytes(matmul.getOutputElementType());
}

std::string KernelSpec::getName() const {
  std::string types;
  llvm::raw_string_ostream(types)
      << matmul.getOperandElementType() << "_" << matmul.getOutputElementType();
  return llvm::formatv("matmul_{0}_{1}_{2}x{3}x{4}",
                       stringifyInstructionFamily(schedule.getFamily()), types,
                       schedule.getTileRows(), schedule.getTileCols(),
                       schedule.getTileK());
}

std::string KernelSpec::getCommonKey() const {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << getName() << schedule << matmul.getAccumulatorType()
     << matmul.getAccumulate() << isDenseKContiguous() << isOutputTransposed()
     << matmul.getEpilogueMaps();
  for (Value operand : matmul.getEpilogueOperands())
    os << getElementTypeOrSelf(operand.getType());
  for (Block &block : matmul.getEpilogue())
    for (Operation &inner : block)
      inner.print(os, OpPrintingFlags().useLocalScope());
  return key;
}

MemRefType mlir::sparse24::getArgumentType(Value operand) {
  auto type = cast<MemRefType>(operand.getType());
  return MemRefType::get(
      SmallVector<int64_t>(type.getRank(), ShapedType::kDynamic),
      type.getElementType());
}

gpu::GPUFuncOp mlir::sparse24::createKernel(OpBuilder &builder, Location loc,
                                            StringRef name,
                                            TypeRange argumentTypes,
                                            int64_t numThreads,
                                            int64_t minCtas) {
  auto func = gpu::GPUFuncOp::create(
      builder, loc, name, builder.getFunctionType(argumentTypes, {}));
  func->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                builder.getUnitAttr());
  func.setKnownBlockSizeAttr(
      builder.getDenseI32ArrayAttr({static_cast<int32_t>(numThreads), 1, 1}));
  // Otherwise ptxas trades a few spilled registers for CTAs that shared memory
  // has no room for anyway. It also fixes the registers at entry, which
  // warpgroups may then share out.
  func->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                builder.getI32IntegerAttr(minCtas));
  return func;
}

Value mlir::sparse24::createInlinePtx(ImplicitLocOpBuilder &b, Type resultType,
                                      ValueRange operands, StringRef text,
                                      StringRef constraints) {
  return LLVM::InlineAsmOp::create(
             b, resultType, operands, text, constraints,
             /*has_side_effects=*/true, /*is_align_stack=*/false,
             LLVM::tailcallkind::TailCallKind::None,
             LLVM::AsmDialectAttr::get(b.getContext(),
                                       LLVM::AsmDialect::AD_ATT),
             ArrayAttr())
      .getResult(0);
}

/// Whether an element's memory has bits that aren't its own: vectors of such
/// elements lie there otherwise than the elements do.
static bool isPadded(Type elementType) {
  return elementType.getIntOrFloatBitWidth() != 8 * getMemoryBytes(elementType);
}

static SmallVector<Value> getNeighbour(ImplicitLocOpBuilder &b,
                                       ValueRange indices, int64_t number) {
  auto neighbour = llvm::to_vector_of<Value>(indices);
  neighbour.back() = IndexValue(b, neighbour.back()) + number;
  return neighbour;
}

static llvm::MaybeAlign getAlignment(Type elementType, int64_t number) {
  return llvm::MaybeAlign(number * getMemoryBytes(elementType));
}

SmallVector<Value> mlir::sparse24::loadNeighbours(ImplicitLocOpBuilder &b,
                                                  Value memref,
                                                  ValueRange indices,
                                                  int64_t number) {
  Type type = getElementTypeOrSelf(memref.getType());
  SmallVector<Value> elements;
  if (isPadded(type)) {
    for (int64_t i = 0; i < number; ++i)
      elements.push_back(
          memref::LoadOp::create(b, memref, getNeighbour(b, indices, i)));
    return elements;
  }
  Value vector = vector::LoadOp::create(
      b, VectorType::get({number}, type), memref, indices,
      /*nontemporal=*/false, getAlignment(type, number));
  for (int64_t i = 0; i < number; ++i)
    elements.push_back(vector::ExtractOp::create(b, vector, i));
  return elements;
}

void mlir::sparse24::storeNeighbours(ImplicitLocOpBuilder &b,
                                     ValueRange elements, Value memref,
                                     ValueRange indices) {
  Type type = getElementTypeOrSelf(memref.getType());
  auto number = static_cast<int64_t>(elements.size());
  if (isPadded(type)) {
    for (int64_t i = 0; i < number; ++i)
      memref::StoreOp::create(b, elements[i], memref,
                              getNeighbour(b, indices, i));
    return;
  }
  Value vector = vector::FromElementsOp::create(
      b, VectorType::get({number}, type), elements);
  vector::StoreOp::create(b, vector, memref, indices, /*nontemporal=*/false,
                          getAlignment(type, number));
}

static IndexValue getSize(ImplicitLocOpBuilder &b, Value memref, bool second) {
  return {b, b.createOrFold<memref::DimOp>(memref, int64_t(second))};
}

IndexValue mlir::sparse24::getRows(ImplicitLocOpBuilder &b,
                                   const KernelSpec &spec, Value output) {
  return getSize(b, output, spec.isOutputTransposed());
}

IndexValue mlir::sparse24::getCols(ImplicitLocOpBuilder &b,
                                   const KernelSpec &spec, Value output) {
  return getSize(b, output, !spec.isOutputTransposed());
}

std::pair<IndexValue, IndexValue>
mlir::sparse24::getTileInGroups(IndexValue index, IndexValue rowTiles,
                                IndexValue colTiles, int64_t groupRows) {
  IndexValue tilesPerGroup = colTiles * groupRows;
  IndexValue firstRow = index / tilesPerGroup * groupRows;
  // The last group may be lower.
  IndexValue rowsInGroup = (rowTiles - firstRow).min(groupRows);
  IndexValue inGroup = index % tilesPerGroup;
  return {firstRow + inGroup % rowsInGroup, inGroup / rowsInGroup};
}
