// The operands of a `wgmma.sp` kernel's epilogue: where they are kept, and how
// they get there.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpEpilogueOperands.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::sparse24;
namespace mma_sp = ::sparse24::mma_sp;

using Extent = EpilogueOperand::Extent;

//===----------------------------------------------------------------------===//
// Where operands are kept
//===----------------------------------------------------------------------===//

/// Whether a dimension of the output is along the kernel's rows.
static bool isRow(const WgmmaSpKernelSpec &spec, AffineExpr expr) {
  return cast<AffineDimExpr>(expr).getPosition() ==
         (spec.isOutputTransposed() ? 1u : 0u);
}

EpilogueOperand::EpilogueOperand(const WgmmaSpKernelSpec &spec, Value memref,
                                 AffineMap map, bool isInit)
    : memref(memref), map(map), isInit(isInit) {
  elementType = isInit ? spec.matmul.getOutputElementType()
                       : getElementTypeOrSelf(memref.getType());
  if (map.getNumResults() == 0) {
    extent = Extent::Scalar;
  } else if (map.getNumResults() == 2) {
    extent = Extent::Full;
    bool isAligned = isInit ? spec.isOutputAligned : spec.areOperandsAligned;
    PanelLayout layout(spec, elementType);
    if (isAligned && map.isIdentity() && layout.isCopyable())
      panel = layout;
  } else if (isRow(spec, map.getResult(0))) {
    extent = Extent::Rows;
    share = spec.getConsumerRows();
  } else {
    extent = Extent::Cols;
    share = spec.schedule.getTileCols();
  }
}

/// The operands as the operation has them.
static SmallVector<EpilogueOperand> getOperands(const WgmmaSpKernelSpec &spec) {
  MatmulOp matmul = spec.matmul;
  SmallVector<EpilogueOperand> operands;
  for (auto [memref, map] : llvm::zip_equal(
           matmul.getEpilogueOperands(),
           matmul.getEpilogueMaps().getAsValueRange<AffineMapAttr>()))
    operands.emplace_back(spec, memref, map, /*isInit=*/false);
  if (matmul.getAccumulate())
    operands.emplace_back(
        spec, matmul.getInit(),
        AffineMap::getMultiDimIdentityMap(2, matmul.getContext()),
        /*isInit=*/true);
  // What doesn't fit into a stage is loaded from global memory.
  if (OperandStages(spec, operands).getColumns() == 0)
    for (EpilogueOperand &operand : operands)
      operand.panel.reset();
  return operands;
}

/// The operands as the kernel's arguments are.
static SmallVector<EpilogueOperand>
getOperands(const WgmmaSpKernelContext &context) {
  SmallVector<EpilogueOperand> operands = getOperands(context.spec);
  for (auto [operand, argument] : llvm::zip(operands, context.epilogueOperands))
    operand.memref = argument;
  if (!operands.empty() && operands.back().isInit)
    operands.back().memref =
        operands.back().panel ? context.outputMap : context.output;
  return operands;
}

std::optional<TensorMapShape>
mlir::sparse24::getEpilogueOperandMap(const WgmmaSpKernelSpec &spec,
                                      int64_t operand) {
  std::optional<PanelLayout> panel = getOperands(spec)[operand].panel;
  return panel ? std::optional(panel->box) : std::nullopt;
}

static int64_t getPanelBytes(const PanelLayout &panel, int64_t cols) {
  return wgmma_sp::kM * cols * panel.getElementBytes();
}

/// What a consumer's panels of some operands take, each as aligned as its
/// swizzle wants.
static int64_t getConsumerBytes(ArrayRef<EpilogueOperand> operands,
                                int64_t cols) {
  int64_t bytes = 0;
  for (const EpilogueOperand &operand : operands)
    if (operand.panel)
      bytes += llvm::alignTo(getPanelBytes(*operand.panel, cols),
                             wgmma_sp::kSwizzleAlignment);
  return bytes;
}

OperandStages::OperandStages(const WgmmaSpKernelSpec &spec,
                             ArrayRef<EpilogueOperand> operands)
    : operands(operands), consumers(spec.getTeamConsumers()) {
  if (llvm::none_of(operands, [](const EpilogueOperand &o) { return o.panel; }))
    return;
  int64_t tileCols = spec.schedule.getTileCols();
  wgmma_sp::OutputPieces pieces{tileCols, spec.getOutputBytes()};
  // As many of the output's pieces as fit, in whole boxes.
  for (int64_t number = pieces.perBlock(); number > 0; --number) {
    int64_t cols = std::min(number * pieces.pieceColumns(), tileCols);
    bool isWhole = llvm::all_of(operands, [&](const EpilogueOperand &operand) {
      return !operand.panel || cols % operand.panel->boxCols == 0;
    });
    if (isWhole && consumers * getConsumerBytes(operands, cols) <=
                       Stages(spec).denseBytes) {
      columns = cols;
      return;
    }
  }
}

int64_t OperandStages::getBytes(int64_t cols) const {
  int64_t bytes = 0;
  for (const EpilogueOperand &operand : operands)
    if (operand.panel)
      bytes += consumers * getPanelBytes(*operand.panel, cols);
  return bytes;
}

IndexValue OperandStages::getPlace(IndexValue consumer,
                                   const EpilogueOperand &operand) const {
  ArrayRef<EpilogueOperand> before =
      operands.take_front(&operand - operands.data());
  return consumer * getConsumerBytes(operands, columns) +
         getConsumerBytes(before, columns);
}

int64_t mlir::sparse24::getNumOperandStages(const WgmmaSpKernelSpec &spec) {
  SmallVector<EpilogueOperand> operands = getOperands(spec);
  int64_t columns = OperandStages(spec, operands).getColumns();
  return columns == 0
             ? 0
             : spec.getBlocks() *
                   llvm::divideCeil(spec.schedule.getTileCols(), columns);
}

//===----------------------------------------------------------------------===//
// The producer's copies
//===----------------------------------------------------------------------===//

void mlir::sparse24::emitOperandCopies(WgmmaSpKernelContext &context,
                                       OutputTile tile,
                                       PipelinePosition &position) {
  const WgmmaSpKernelSpec &spec = context.spec;
  SmallVector<EpilogueOperand> operands = getOperands(context);
  OperandStages stages(spec, operands);
  if (stages.getColumns() == 0)
    return;
  auto copy = [&](int64_t consumer, int64_t block, int64_t col, int64_t cols,
                  const EpilogueOperand &operand) {
    IndexValue begin = Stages(spec).dense(position.stage) +
                       stages.getPlace(context.constant(consumer), operand);
    IndexValue firstRow =
        tile.row + (consumer * spec.getConsumerRows() + block * wgmma_sp::kM);
    forEachBox(*operand.panel, cols, [&](int64_t boxRow, int64_t boxCol) {
      int64_t offset = operand.panel->getBoxOffset(boxRow, boxCol) *
                       operand.panel->getElementBytes();
      context.copyBox(
          operand.memref,
          getCoordinates(spec, firstRow + boxRow, tile.col + (col + boxCol)),
          begin + offset, position.stage);
    });
  };
  int64_t tileCols = spec.schedule.getTileCols();
  for (int64_t block = 0; block < spec.getBlocks(); ++block)
    for (int64_t col = 0; col < tileCols; col += stages.getColumns()) {
      int64_t cols = std::min(stages.getColumns(), tileCols - col);
      context.waitUntilEmpty(position);
      context.full.arriveExpecting(position.stage,
                                   context.constant(stages.getBytes(cols)));
      for (int64_t consumer = 0; consumer < spec.getTeamConsumers(); ++consumer)
        for (const EpilogueOperand &operand : operands)
          if (operand.panel)
            copy(consumer, block, col, cols, operand);
      position = context.getNext(position);
    }
}

//===----------------------------------------------------------------------===//
// The consumers' values
//===----------------------------------------------------------------------===//

EpilogueOperands::EpilogueOperands(WgmmaSpKernelContext &context,
                                   OutputTile origin, IndexValue shared)
    : context(context), b(context.builder), spec(context.spec), origin(origin),
      operands(getOperands(context)), stages(spec, operands),
      threadRow(wgmma_sp::elementD(context.thread, 0).row),
      threadCol(wgmma_sp::elementD(context.thread, 0).column) {
  int64_t used = 0;
  for (EpilogueOperand &operand : operands) {
    if (!operand.share)
      continue;
    operand.staged = viewSharedMemory(b, shared + used, {operand.share},
                                      operand.elementType);
    used += operand.getShareBytes();
  }
}

int64_t EpilogueOperands::getSharedMemoryBytes(const WgmmaSpKernelSpec &spec) {
  // Halves of tiles have the same places: consumers aren't in step.
  WgmmaSpKernelSpec whole = spec;
  whole.isHalf = false;
  int64_t bytes = 0;
  for (const EpilogueOperand &operand : getOperands(whole))
    bytes += operand.getShareBytes();
  return bytes;
}

void EpilogueOperands::stage() {
  for (EpilogueOperand &operand : operands) {
    if (!operand.share)
      continue;
    bool isRows = operand.extent == Extent::Rows;
    IndexValue first = isRows ? origin.row : origin.col;
    IndexValue last = (isRows ? context.rows : context.cols) - 1;
    int64_t share = operand.share;
    for (int64_t done = 0; done < share; done += wgmma_sp::kLanes) {
      IndexValue index = context.thread + done;
      auto copy = [&] {
        Value element = memref::LoadOp::create(
            b, operand.memref, ValueRange{(first + index).min(last).widen()});
        memref::StoreOp::create(b, element, operand.staged,
                                ValueRange{index.widen()});
      };
      if (done + wgmma_sp::kLanes <= share)
        copy();
      else
        context.emitIf(index < share, copy);
    }
  }
}

void EpilogueOperands::beginTile() {
  for (EpilogueOperand &operand : operands)
    if (operand.extent == Extent::Scalar)
      operand.values = {
          memref::LoadOp::create(b, operand.memref, ValueRange())};
}

void EpilogueOperands::beginBlock(int64_t block) {
  for (EpilogueOperand &operand : operands) {
    if (operand.extent != Extent::Rows)
      continue;
    operand.values.clear();
    // The thread's second row is eight rows further down.
    for (int64_t row : {block * wgmma_sp::kM, block * wgmma_sp::kM + 8})
      operand.values.push_back(memref::LoadOp::create(
          b, operand.staged, ValueRange{(threadRow + row).widen()}));
  }
}

/// An element of a matrix in global memory.
Value EpilogueOperands::loadGlobal(const EpilogueOperand &operand,
                                   IndexValue row, IndexValue col) {
  auto load = [&](IndexValue row, IndexValue col) -> Value {
    SmallVector<Value> indices;
    for (AffineExpr expr : operand.map.getResults())
      indices.push_back((isRow(spec, expr) ? row : col).widen());
    return memref::LoadOp::create(b, operand.memref, indices);
  };
  // What lies outside is never stored.
  if (!operand.isInit)
    return load(row.min(context.rows - 1), col.min(context.cols - 1));
  // Unlike other operands, the output beyond the tile may be written meanwhile.
  Value isInside =
      arith::AndIOp::create(b, row < context.rows, col < context.cols);
  auto ifOp = scf::IfOp::create(b, operand.elementType, isInside,
                                /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  scf::YieldOp::create(b, load(row, col));
  b.setInsertionPointToStart(ifOp.elseBlock());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(operand.elementType));
  scf::YieldOp::create(b, zero);
  return ifOp.getResult(0);
}

/// The thread's elements of some columns in a stage.
void EpilogueOperands::loadPanel(EpilogueOperand &operand, IndexValue stage,
                                 int64_t col, int64_t cols) {
  const PanelLayout &panel = *operand.panel;
  Value memory = viewSharedMemory(
      b,
      Stages(spec).dense(stage) +
          stages.getPlace(context.getConsumerInTeam(), operand),
      {wgmma_sp::kM * stages.getColumns()}, operand.elementType);
  int64_t begin = col % stages.getColumns();
  auto loadMatrices = [&](int64_t col) {
    int64_t numMatrices = panel.getWidth() / PanelLayout::kColumns * 2;
    Value matrices = nvgpu::LdMatrixOp::create(
        b, VectorType::get({numMatrices, 2}, operand.elementType), memory,
        ValueRange{
            panel.getMatrixOffset(context.thread, col, numMatrices).widen()},
        panel.transposed, numMatrices);
    for (int64_t i = 0; i < 2 * numMatrices; ++i)
      operand.values.push_back(vector::ExtractOp::create(
          b, matrices, ArrayRef<int64_t>{i / 2, i % 2}));
  };
  auto loadElements = [&](int64_t col) {
    auto getIndices = [&](int64_t i) {
      return SmallVector<Value>{
          panel.getElementOffset(context.thread, col, i).widen()};
    };
    for (int64_t i = 0; i < mma_sp::kRegistersC; i += 2) {
      if (panel.transposed) {
        for (int64_t j : {i, i + 1})
          operand.values.push_back(
              memref::LoadOp::create(b, memory, getIndices(j)));
        continue;
      }
      // Two neighbours in a row.
      llvm::append_range(operand.values,
                         loadNeighbours(b, memory, getIndices(i), 2));
    }
  };
  bool areMatrices = panel.getElementBytes() == 2;
  int64_t step = areMatrices ? panel.getWidth() : PanelLayout::kColumns;
  for (int64_t c = begin; c < begin + cols; c += step)
    areMatrices ? loadMatrices(c) : loadElements(c);
}

void EpilogueOperands::beginColumns(int64_t block, int64_t col, int64_t cols,
                                    const PipelinePosition &position) {
  firstCol = col;
  for (EpilogueOperand &operand : operands) {
    if (operand.extent != Extent::Full)
      continue;
    operand.values.clear();
    if (operand.panel) {
      loadPanel(operand, position.stage, col, cols);
      continue;
    }
    for (int64_t c = col; c < col + cols; c += PanelLayout::kColumns)
      for (int64_t i = 0; i < mma_sp::kRegistersC; ++i)
        operand.values.push_back(loadGlobal(
            operand,
            origin.row + threadRow + (block * wgmma_sp::kM + i / 2 * 8),
            origin.col + threadCol + (c + i % 2)));
  }
}

SmallVector<SmallVector<Value>> EpilogueOperands::getColumnBlock(int64_t col) {
  SmallVector<SmallVector<Value>> elements(mma_sp::kRegistersC);
  for (EpilogueOperand &operand : operands) {
    SmallVector<Value> pair;
    if (operand.extent == Extent::Cols)
      pair = loadNeighbours(b, operand.staged,
                            ValueRange{(threadCol + col).widen()}, 2);
    for (auto [i, values] : llvm::enumerate(elements)) {
      switch (operand.extent) {
      case Extent::Scalar:
        values.push_back(operand.values.front());
        break;
      case Extent::Rows:
        values.push_back(operand.values[i / 2]);
        break;
      case Extent::Cols:
        values.push_back(pair[i % 2]);
        break;
      case Extent::Full:
        values.push_back(
            operand.values[(col - firstCol) / PanelLayout::kColumns *
                               mma_sp::kRegistersC +
                           i]);
        break;
      }
    }
  }
  return elements;
}

bool EpilogueOperands::beginsStage(int64_t col) const {
  return stages.getColumns() != 0 && col % stages.getColumns() == 0;
}

bool EpilogueOperands::endsStage(int64_t endCol) const {
  return beginsStage(endCol) ||
         (stages.getColumns() != 0 && endCol == spec.schedule.getTileCols());
}
