//===- RowPanels.cpp - Walking a matrix in panels of rows -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RowPanels.h"

#include "Threads.h"

#include <cstring>

namespace sparse24::detail {

/// Less than this is not worth a thread.
static constexpr int64_t kMinBytesPerThread = 1 << 19;

void parallelForRows(int64_t rows, int64_t rowBytes, int numThreads,
                     const std::function<void(int64_t, int64_t)> &body) {
  int64_t panels = ceilDiv(rows, kPanelRows);
  int64_t threads = std::min({getNumThreads(numThreads), panels,
                              1 + rows * rowBytes / kMinBytesPerThread});
  if (threads <= 1) {
    if (rows > 0)
      body(0, rows);
    return;
  }

  auto run = [&](int64_t thread) {
    int64_t begin = panels * thread / threads * kPanelRows;
    int64_t end = panels * (thread + 1) / threads * kPanelRows;
    body(begin, std::min(end, rows));
  };
  runOnThreads(threads, run);
}

//===----------------------------------------------------------------------===//
// Copies between strides
//===----------------------------------------------------------------------===//

/// Transposes a tile of elements that has as many rows as there are elements in
/// 64 bits: halves trade places, then the halves of the halves, and so on.
template <int elementBits>
static void transposeTile(uint64_t (&rows)[64 / elementBits]) {
  constexpr int size = 64 / elementBits;
  for (int width = 32; width >= elementBits; width /= 2) {
    // The lower `width` bits of every 2·width bits.
    uint64_t lower = ~uint64_t(0) / ((uint64_t(1) << width) + 1);
    int distance = width / elementBits;
    for (int i = 0; i < size; ++i) {
      if (i & distance)
        continue;
      uint64_t trade = (rows[i] >> width ^ rows[i + distance]) & lower;
      rows[i] ^= trade << width;
      rows[i + distance] ^= trade;
    }
  }
}

namespace {

/// One side of a copy: element (r, c) at address + r·rowStride +
/// c·columnStride, in bytes.
template <typename Byte>
struct Strided {
  Byte *data;
  int64_t rowStride;
  int64_t columnStride;

  Byte *at(int64_t row, int64_t column) const {
    return data + row * rowStride + column * columnStride;
  }
  Strided from(int64_t row, int64_t column) const {
    return {at(row, column), rowStride, columnStride};
  }
  Strided transposed() const { return {data, columnStride, rowStride}; }
};

} // namespace

/// Copies rows [0, rows) × columns [begin, end) element by element. `bytes` is
/// sizeof(element): here and below the elements may be of any type of that
/// size.
template <int bytes>
static void copyElements(int64_t rows, int64_t begin, int64_t end,
                         Strided<const unsigned char> source,
                         Strided<unsigned char> destination) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = begin; c < end; ++c)
      std::memcpy(destination.at(r, c), source.at(r, c), bytes);
}

/// Copies, tile by tile, from contiguous columns to contiguous rows. What is
/// left at the edges is copied element by element.
template <int bytes>
static void transpose(int64_t rows, int64_t columns,
                      Strided<const unsigned char> source,
                      Strided<unsigned char> destination) {
  constexpr int64_t tile = 8 / bytes;
  int64_t tiledRows = rows / tile * tile, tiledColumns = columns / tile * tile;
  for (int64_t r = 0; r < tiledRows; r += tile)
    for (int64_t c = 0; c < tiledColumns; c += tile) {
      uint64_t words[tile];
      for (int64_t i = 0; i < tile; ++i)
        std::memcpy(&words[i], source.at(r, c + i), 8);
      transposeTile<8 * bytes>(words);
      for (int64_t i = 0; i < tile; ++i)
        std::memcpy(destination.at(r + i, c), &words[i], 8);
    }
  copyElements<bytes>(tiledRows, tiledColumns, columns, source, destination);
  copyElements<bytes>(rows - tiledRows, 0, columns, source.from(tiledRows, 0),
                      destination.from(tiledRows, 0));
}

template <int bytes>
static void copyTyped(int64_t rows, int64_t columns,
                      Strided<const unsigned char> source,
                      Strided<unsigned char> destination) {
  // In strips as wide as a cache line, so that the lines of both sides stay
  // cached until all of their elements are moved.
  constexpr int64_t strip = 64 / bytes;
  for (int64_t c = 0; c < columns; c += strip) {
    int64_t width = std::min(strip, columns - c);
    auto from = source.from(0, c);
    auto to = destination.from(0, c);
    if (from.rowStride == bytes && to.columnStride == bytes)
      transpose<bytes>(rows, width, from, to);
    else if (from.columnStride == bytes && to.rowStride == bytes)
      transpose<bytes>(width, rows, from.transposed(), to.transposed());
    else
      copyElements<bytes>(rows, 0, width, from, to);
  }
}

void copyStrided(int64_t elementBytes, int64_t rows, int64_t columns,
                 const void *source, int64_t sourceRowStride,
                 int64_t sourceColumnStride, void *destination,
                 int64_t destinationRowStride,
                 int64_t destinationColumnStride) {
  Strided<const unsigned char> from = {
      static_cast<const unsigned char *>(source),
      sourceRowStride * elementBytes, sourceColumnStride * elementBytes};
  Strided<unsigned char> to = {static_cast<unsigned char *>(destination),
                               destinationRowStride * elementBytes,
                               destinationColumnStride * elementBytes};
  if (elementBytes == 1)
    copyTyped<1>(rows, columns, from, to);
  else if (elementBytes == 2)
    copyTyped<2>(rows, columns, from, to);
  else
    copyTyped<4>(rows, columns, from, to);
}

} // namespace sparse24::detail
