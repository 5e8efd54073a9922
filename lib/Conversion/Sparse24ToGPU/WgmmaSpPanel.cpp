// How matrices of the output's shape lie in a `wgmma.sp` kernel's shared
// memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaSpPanel.h"

#include "sparse24/Support/TensorMapParameters.h"

using namespace mlir;
using namespace mlir::sparse24;
namespace mma_sp = ::sparse24::mma_sp;

PanelLayout::PanelLayout(const WgmmaSpKernelSpec &spec, Type elementType)
    : transposed(spec.isOutputTransposed()) {
  // Rows of a box are no longer than 128 bytes, and boxes divide the tile.
  int64_t limit =
      wgmma_sp::OutputPieces::kRowBytes / getMemoryBytes(elementType);
  boxCols = limit;
  while (spec.schedule.getTileCols() % boxCols != 0)
    boxCols /= 2;
  boxRows = transposed ? std::min<int64_t>(limit, wgmma_sp::kM) : wgmma_sp::kM;
  box = {transposed ? boxRows : boxCols, transposed ? boxCols : boxRows,
         elementType};
}

bool PanelLayout::isCopyable() const {
  return getTensorMapElementType(box.elementType) &&
         box.getRowBytes() % ::sparse24::TensorMapParameters::kAlignment == 0;
}

IndexValue PanelLayout::getOffset(IndexValue row, int64_t boxCol,
                                  IndexValue col) const {
  IndexValue inBox = transposed ? box.getOffset(col, row % boxRows)
                                : box.getOffset(row % boxRows, col);
  return row / boxRows * (boxRows * boxCols) + inBox + getBoxOffset(0, boxCol);
}

IndexValue PanelLayout::getMatrixOffset(IndexValue thread, int64_t col,
                                        int64_t numMatrices) const {
  // Lane 8·i + r says where row r of matrix i is.
  IndexValue lane = thread % mma_sp::kLanes;
  IndexValue matrix = lane / 8 % numMatrices;
  IndexValue row = thread / mma_sp::kLanes * mma_sp::kM + matrix % 2 * 8;
  IndexValue inBox = matrix / 2 * kColumns + col % boxCols;
  if (transposed)
    inBox = inBox + lane % 8;
  else
    row = row + lane % 8;
  return getOffset(row, llvm::alignDown(col, boxCols), inBox);
}

IndexValue PanelLayout::getElementOffset(IndexValue thread, int64_t col,
                                         int64_t index) const {
  auto [row, inBlock] = wgmma_sp::elementD(thread, static_cast<int>(index));
  return getOffset(row, llvm::alignDown(col, boxCols), inBlock + col % boxCols);
}

void mlir::sparse24::forEachBox(const PanelLayout &layout, int64_t cols,
                                function_ref<void(int64_t, int64_t)> body) {
  for (int64_t col = 0; col < cols; col += layout.boxCols)
    for (int64_t row = 0; row < wgmma_sp::kM; row += layout.boxRows)
      body(row, col);
}

SmallVector<Value> mlir::sparse24::getCoordinates(const WgmmaSpKernelSpec &spec,
                                                  IndexValue row,
                                                  IndexValue col) {
  if (spec.isOutputTransposed())
    return {row, col};
  return {col, row};
}
