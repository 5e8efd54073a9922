// Puts an `mma.sp` kernel together from its parts.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MmaSpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::sparse24;
namespace mma_sp = ::sparse24::mma_sp;

bool MmaSpKernelSpec::isDenseKContiguous() const {
  return matmul.isDenseKContiguous();
}

bool MmaSpKernelSpec::isOutputTransposed() const {
  return !matmul.isLhsSparse();
}

::sparse24::PackedLayout MmaSpKernelSpec::getPackedLayout() const {
  return matmul.getLayout()->getPackedLayout();
}

int64_t MmaSpKernelSpec::getNumThreads() const {
  return schedule.getWarpRows() * schedule.getWarpCols() * mma_sp::kLanes;
}

int64_t MmaSpKernelSpec::getSharedMemoryBytes() const {
  return std::max(getMainloopSharedMemoryBytes(*this),
                  getEpilogueSharedMemoryBytes(*this));
}

std::string MmaSpKernelSpec::getName() const {
  std::string types;
  llvm::raw_string_ostream(types)
      << matmul.getOperandElementType() << "_" << matmul.getOutputElementType();
  return llvm::formatv("matmul_mma_sp_{0}_{1}x{2}x{3}", types,
                       schedule.getTileRows(), schedule.getTileCols(),
                       schedule.getTileK());
}

std::string MmaSpKernelSpec::getKey() const {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << getName() << schedule << matmul.getAccumulatorType()
     << matmul.getAccumulate() << isDenseKContiguous() << isOutputTransposed()
     << denseCopyBytes << matmul.getEpilogueMaps();
  for (Value operand : matmul.getEpilogueOperands())
    os << getElementTypeOrSelf(operand.getType());
  for (Block &block : matmul.getEpilogue())
    for (Operation &inner : block)
      inner.print(os, OpPrintingFlags().useLocalScope());
  return key;
}

WarpTile mlir::sparse24::getWarpTile(ScheduleAttr schedule) {
  return {schedule.getTileRows() / schedule.getWarpRows() / mma_sp::kM,
          schedule.getTileCols() / schedule.getWarpCols() / mma_sp::kN};
}

/// The type of a kernel's argument for an operand: sizes are dynamic, so that
/// shapes share kernels.
static MemRefType getArgumentType(Value operand) {
  auto type = cast<MemRefType>(operand.getType());
  return MemRefType::get(
      SmallVector<int64_t>(type.getRank(), ShapedType::kDynamic),
      type.getElementType());
}

gpu::GPUFuncOp mlir::sparse24::buildMmaSpKernel(OpBuilder &builder,
                                                Location loc, StringRef name,
                                                const MmaSpKernelSpec &spec) {
  MatmulOp matmul = spec.matmul;
  SmallVector<Type> argumentTypes = {getArgumentType(matmul.getPacked()),
                                     getArgumentType(matmul.getDense()),
                                     getArgumentType(matmul.getInit())};
  for (Value operand : matmul.getEpilogueOperands())
    argumentTypes.push_back(getArgumentType(operand));
  auto func = gpu::GPUFuncOp::create(
      builder, loc, name, builder.getFunctionType(argumentTypes, {}));
  func->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                builder.getUnitAttr());
  func.setKnownBlockSizeAttr(builder.getDenseI32ArrayAttr(
      {static_cast<int32_t>(spec.getNumThreads()), 1, 1}));
  // Otherwise ptxas trades a few spilled registers for CTAs that shared memory
  // has no room for anyway.
  func->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                builder.getI32IntegerAttr(1));

  auto b = ImplicitLocOpBuilder::atBlockBegin(loc, &func.getBody().front());
  Value packed = func.getArgument(0), dense = func.getArgument(1),
        output = func.getArgument(2);
  auto size = [&](Value memref, bool second) -> IndexValue {
    return {b, memref::DimOp::create(b, memref, second)};
  };
  IndexValue rows = size(output, spec.isOutputTransposed());
  IndexValue cols = size(output, !spec.isOutputTransposed());
  IndexValue k = size(dense, spec.isDenseKContiguous());

  IndexValue thread(b, gpu::ThreadIdOp::create(b, gpu::Dimension::x));
  IndexValue warp = thread / mma_sp::kLanes;
  ScheduleAttr schedule = spec.schedule;
  WarpTile warpTile = getWarpTile(schedule);
  auto [tileRow, tileCol] = emitTileOrigin(b, schedule, rows, cols);
  MmaSpKernelContext context{
      b,
      spec,
      packed,
      dense,
      output,
      llvm::to_vector_of<Value>(func.getArguments().drop_front(3)),
      rows,
      cols,
      k,
      thread,
      thread % mma_sp::kLanes,
      /*warpRow=*/warp / schedule.getWarpCols() * warpTile.getRows(),
      /*warpCol=*/warp % schedule.getWarpCols() * warpTile.getCols(),
      tileRow,
      tileCol};

  emitEpilogue(context, emitMainloop(context));
  gpu::ReturnOp::create(b);
  return func;
}
