//===- RowPanels.h - Walking a matrix in panels of rows ----------*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The kernels of GroupKernels.h want contiguous rows. This brings any strided
// matrix to them, panel by panel, transposing through a buffer where needed,
// and spreads the panels over threads.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_SUPPORT_ROWPANELS_H
#define SPARSE24_LIB_SUPPORT_ROWPANELS_H

#include "sparse24/Support/Pattern.h"

#include <algorithm>
#include <functional>
#include <memory>

namespace sparse24::detail {

/// Rows of a panel: four row blocks of the packed format, and so many that a
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
  /// A row of the buffer and one cache line, so that the rows of a column don't
  /// compete for one cache set.
  static constexpr int64_t kRowBytes = kChunkBytes + 64;

  explicit PanelBuffer(ElementType type) : elementBytes(storageBytes(type)) {}

  /// Makes rows [row, row + rows) × columns [k, k + columns) readable.
  void read(const MatrixRef &matrix, int64_t row, int64_t rows, int64_t k,
            int64_t columns) {
    auto *data = static_cast<const unsigned char *>(matrix.data) +
                 (row * matrix.rowStride + k * matrix.kStride) * elementBytes;
    if (matrix.kStride == 1) {
      base = data;
      stride = matrix.rowStride * elementBytes;
      return;
    }
    allocate();
    copyStrided(elementBytes, rows, columns, data, matrix.rowStride,
                matrix.kStride, buffer.get(), kRowBytes / elementBytes, 1);
    base = buffer.get();
    stride = kRowBytes;
  }
  /// Row `row` of what was read, counted from the panel's first.
  const unsigned char *row(int64_t row) const { return base + row * stride; }

  /// Room for a row that write() will put into its place.
  unsigned char *scratchRow(int64_t row) {
    allocate();
    return buffer.get() + row * kRowBytes;
  }
  void write(const MutableMatrixRef &matrix, int64_t row, int64_t rows,
             int64_t k, int64_t columns) {
    auto *data = static_cast<unsigned char *>(matrix.data) +
                 (row * matrix.rowStride + k * matrix.kStride) * elementBytes;
    copyStrided(elementBytes, rows, columns, buffer.get(),
                kRowBytes / elementBytes, 1, data, matrix.rowStride,
                matrix.kStride);
  }

private:
  void allocate() {
    if (!buffer)
      buffer.reset(new unsigned char[kPanelRows * kRowBytes]);
  }

  int64_t elementBytes;
  std::unique_ptr<unsigned char[]> buffer;
  const unsigned char *base = nullptr;
  int64_t stride = 0;
};

/// Calls body(row, k, data, columns) for every chunk of every row in
/// [begin, end), where `data` are columns [k, k + columns) of that row.
template <typename Body>
void forEachRowChunk(ElementType type, const MatrixRef &matrix, int64_t begin,
                     int64_t end, Body body) {
  PanelBuffer panel(type);
  for (int64_t row = begin; row < end; row += kPanelRows) {
    int64_t rows = std::min(kPanelRows, end - row);
    for (int64_t k = 0; k < matrix.k; k += chunkColumns(type)) {
      int64_t columns = std::min(chunkColumns(type), matrix.k - k);
      panel.read(matrix, row, rows, k, columns);
      for (int64_t r = 0; r < rows; ++r)
        body(row + r, k, panel.row(r), columns);
    }
  }
}

} // namespace sparse24::detail

#endif // SPARSE24_LIB_SUPPORT_ROWPANELS_H
