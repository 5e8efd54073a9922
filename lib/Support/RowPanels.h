//===- RowPanels.h - Walking a matrix in panels of rows ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The kernels of GroupBlock.h want contiguous rows. This brings any strided
// matrix to them, panel by panel, transposing through a buffer where needed,
// and spreads the panels over threads.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_SUPPORT_ROWPANELS_H
#define SPARSE24_LIB_SUPPORT_ROWPANELS_H

#include "ScoreKernels.h"
#include "TileKernels.h"
#include "sparse24/Support/Pattern.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>

namespace sparse24::detail {

/// Rows of a panel: whole row blocks of both packed formats, and so many that a
/// column-major matrix is read in pieces of at least a cache line.
inline constexpr int64_t kPanelRows = 64;

/// Bytes of a row that are handled at a time: a multiple of a packed k block; a
/// panel of them stays in the second-level cache.
inline constexpr int64_t kChunkBytes = 2048;

/// Elements of a chunk.
constexpr int64_t chunkColumns(ElementType type) {
  return kChunkBytes / storageBytes(type);
}

/// Splits rows [0, rows) into ranges of whole panels and calls body(begin, end)
/// for them, from several threads if the work (`rowBytes` for a row) is worth
/// it.
void parallelForRows(int64_t rows, int64_t rowBytes, int numThreads,
                     const std::function<void(int64_t, int64_t)> &body);

/// Copies rows × columns elements between strided places.
void copyStrided(int64_t elementBytes, int64_t rows, int64_t columns,
                 const void *source, int64_t sourceRowStride,
                 int64_t sourceColumnStride, void *destination,
                 int64_t destinationRowStride, int64_t destinationColumnStride);

/// Reads or writes the chunks of a panel as contiguous rows: in place if they
/// are, else by way of a buffer.
class PanelBuffer {
public:
  explicit PanelBuffer(ElementType type) : elementBytes(storageBytes(type)) {}

  /// Makes rows [row, row + rows) × columns [k, k + columns) readable by row(),
  /// pruned if the selection is one of panels.
  void read(const MatrixRef &matrix, int64_t row, int64_t rows, int64_t k,
            int64_t columns, ElementType type, Selection selection) {
    if (!selection.isOfPanels())
      return read(matrix, row, rows, k, columns);
    viewBuffer();
    bool isOfTiles = selection == Selection::Transposable;
    if (isOfTiles)
      std::memset(base, 0, kPanelRows * kRowBytes);
    copyStrided(elementBytes, rows, columns, address(matrix, row, k),
                matrix.rowStride, matrix.kStride, base, rowElements(), 1);
    if (isOfTiles)
      return pruneTiles(type, base, kRowBytes, rows, columns);
    int64_t stride = selection == Selection::Importance ? matrix.k : 0;
    pruneByScores(type, base, kRowBytes, rows, columns, selection,
                  selection.scores + row * stride + k, stride);
  }
  /// The same as it is.
  void read(const MatrixRef &matrix, int64_t row, int64_t rows, int64_t k,
            int64_t columns) {
    if (matrix.kStride == 1)
      return view(const_cast<unsigned char *>(address(matrix, row, k)),
                  matrix.rowStride);
    viewBuffer();
    copyStrided(elementBytes, rows, columns, address(matrix, row, k),
                matrix.rowStride, matrix.kStride, base, rowElements(), 1);
  }

  /// Makes row() the place to write those rows and columns to; write() with the
  /// same arguments completes it.
  void prepareWrite(const MutableMatrixRef &matrix, int64_t row, int64_t k) {
    if (matrix.kStride == 1)
      return view(address(matrix, row, k), matrix.rowStride);
    viewBuffer();
  }
  void write(const MutableMatrixRef &matrix, int64_t row, int64_t rows,
             int64_t k, int64_t columns) {
    if (matrix.kStride != 1)
      copyStrided(elementBytes, rows, columns, base, rowElements(), 1,
                  address(matrix, row, k), matrix.rowStride, matrix.kStride);
  }

  /// Row `row` of the panel, counted from its first.
  unsigned char *row(int64_t row) const { return base + row * stride; }

private:
  /// A row of the buffer and one cache line, so that the rows of a column don't
  /// compete for one cache set.
  static constexpr int64_t kRowBytes = kChunkBytes + 64;

  int64_t rowElements() const { return kRowBytes / elementBytes; }

  template <typename Pointer>
  int64_t offset(const MatrixRefBase<Pointer> &matrix, int64_t row,
                 int64_t k) const {
    return (row * matrix.rowStride + k * matrix.kStride) * elementBytes;
  }
  const unsigned char *address(const MatrixRef &matrix, int64_t row,
                               int64_t k) const {
    return static_cast<const unsigned char *>(matrix.data) +
           offset(matrix, row, k);
  }
  unsigned char *address(const MutableMatrixRef &matrix, int64_t row,
                         int64_t k) const {
    return static_cast<unsigned char *>(matrix.data) + offset(matrix, row, k);
  }
  void view(unsigned char *first, int64_t rowStride) {
    base = first;
    stride = rowStride * elementBytes;
  }
  void viewBuffer() {
    if (!buffer)
      buffer.reset(new unsigned char[kPanelRows * kRowBytes]);
    base = buffer.get();
    stride = kRowBytes;
  }

  int64_t elementBytes;
  std::unique_ptr<unsigned char[]> buffer;
  unsigned char *base = nullptr;
  int64_t stride = 0;
};

/// Calls body(row, rows, k, columns) for the chunks of the panels of rows
/// [begin, end).
template <typename Body>
void forEachPanelChunk(ElementType type, int64_t begin, int64_t end, int64_t k,
                       Body body) {
  int64_t width = chunkColumns(type);
  for (int64_t row = begin; row < end; row += kPanelRows)
    for (int64_t column = 0; column < k; column += width)
      body(row, std::min(kPanelRows, end - row), column,
           std::min(width, k - column));
}

/// Calls body(row, k, data, columns) for every chunk of every row in
/// [begin, end), where `data` are columns [k, k + columns) of that row, pruned
/// if the selection is one of panels.
template <typename Body>
void forEachRowChunk(ElementType type, const MatrixRef &matrix, int64_t begin,
                     int64_t end, Selection selection, Body body) {
  PanelBuffer panel(type);
  auto forPanel = [&](int64_t row, int64_t rows, int64_t k, int64_t columns) {
    panel.read(matrix, row, rows, k, columns, type, selection);
    for (int64_t r = 0; r < rows; ++r)
      body(row + r, k, panel.row(r), columns);
  };
  forEachPanelChunk(type, begin, end, matrix.k, forPanel);
}

} // namespace sparse24::detail

#endif // SPARSE24_LIB_SUPPORT_ROWPANELS_H
