// How matrices of the output's shape lie in a `wgmma.sp` kernel's shared
// memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_WGMMASPPANEL_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_WGMMASPPANEL_H

#include "WgmmaSpKernel.h"

namespace mlir::sparse24 {

/// A panel of 64 rows and some columns, as the copy engine reads and writes it:
/// boxes of the matrix' tensor map one after the other, first those with the
/// same columns. Threads read and write what they hold of the accumulators.
struct PanelLayout {
  PanelLayout(const WgmmaSpKernelSpec &spec, Type elementType);

  int64_t getElementBytes() const { return getMemoryBytes(box.elementType); }
  /// The first element of the box at that row and column of a panel.
  int64_t getBoxOffset(int64_t row, int64_t col) const {
    int64_t number = col / boxCols * (wgmma_sp::kM / boxRows) + row / boxRows;
    return number * boxRows * boxCols;
  }
  /// Where an element of a panel lies: in column `boxCol`, which begins a box,
  /// and `col` columns further within the box.
  IndexValue getOffset(IndexValue row, int64_t boxCol, IndexValue col) const;

  /// `ldmatrix` and `stmatrix` take matrices of 8 × 8 elements of 16 bits, a
  /// register each: here those of one or two column blocks from `col` on, of
  /// rows 0 to 7 and 8 to 15 of a warp. Where the row lies that the thread
  /// says.
  IndexValue getMatrixOffset(IndexValue thread, int64_t col,
                             int64_t numMatrices) const;
  /// Where element `index` (as in wgmma_sp::elementD) of the column block at
  /// `col` lies.
  IndexValue getElementOffset(IndexValue thread, int64_t col,
                              int64_t index) const;
  /// Whether the copy engine can: it knows some types only, and rows of boxes
  /// are multiples of 16 bytes long.
  bool isCopyable() const;

  /// The columns that are read and written at a time: two column blocks.
  int64_t getWidth() const { return std::min<int64_t>(2 * kColumns, boxCols); }

  /// Columns of the accumulators that a thread has in neighbouring registers.
  static constexpr int64_t kColumns = ::sparse24::mma_sp::kN;

  /// Rows of the kernel's output are columns of memory's.
  bool transposed;
  /// Of a box, along the kernel's rows and columns.
  int64_t boxRows, boxCols;
  TensorMapShape box;
};

/// Calls `body` with the row and column of each box of a panel.
void forEachBox(const PanelLayout &layout, int64_t cols,
                function_ref<void(int64_t, int64_t)> body);

/// The coordinates of a place in the output, as a tensor map takes them.
SmallVector<Value> getCoordinates(const WgmmaSpKernelSpec &spec, IndexValue row,
                                  IndexValue col);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_WGMMASPPANEL_H
