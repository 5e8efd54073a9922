//===- Windows.cpp - N:M patterns spread over 2:4 windows -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/Windows.h"

#include "RowPanels.h"

#include <mutex>

namespace sparse24 {

using namespace detail;

namespace {

/// The positions of one block of a row, as bits. Beyond K they are +0.0.
struct Block {
  static constexpr int64_t kMaxSize = Windows::kMaxCells * 2;

  uint32_t bits[kMaxSize] = {};
  bool isNonzero[kMaxSize] = {};
  int64_t nonzeros = 0;
};

/// Reads and writes single elements of a strided matrix.
template <typename Pointer>
class Elements {
public:
  Elements(ElementType type, const MatrixRefBase<Pointer> &matrix)
      : type(type), bytes(storageBytes(type)), matrix(matrix) {}

  Block readBlock(const Windows &windows, int64_t row, int64_t block) const {
    Block result;
    int64_t first = block * windows.blockSize();
    int64_t size = std::min(windows.blockSize(), matrix.k - first);
    for (int64_t i = 0; i < size; ++i) {
      std::memcpy(&result.bits[i], address(row, first + i), bytes);
      result.isNonzero[i] = !isZero(type, result.bits[i]);
      result.nonzeros += result.isNonzero[i];
    }
    return result;
  }
  void write(int64_t row, int64_t k, uint32_t bits) const {
    std::memcpy(address(row, k), &bits, bytes);
  }

private:
  auto *address(int64_t row, int64_t k) const {
    using Byte = std::conditional_t<std::is_same_v<Pointer, const void *>,
                                    const unsigned char, unsigned char>;
    return static_cast<Byte *>(matrix.data) +
           (row * matrix.rowStride + k * matrix.kStride) * bytes;
  }

  ElementType type;
  int64_t bytes;
  MatrixRefBase<Pointer> matrix;
};

/// Calls body(row, block) for all blocks of rows [begin, end): down the rows of
/// a panel first, so that either storage order is read line by line.
template <typename Body>
void forEachBlock(int64_t begin, int64_t end, int64_t blocks, Body body) {
  for (int64_t panel = begin; panel < end; panel += kPanelRows)
    for (int64_t block = 0; block < blocks; ++block)
      for (int64_t row = panel, e = std::min(panel + kPanelRows, end); row < e;
           ++row)
        body(row, block);
}

} // namespace

WindowsReport checkWindows(ElementType type, const Windows &windows,
                           const MatrixRef &matrix, int numThreads) {
  WindowsReport report;
  int64_t blocks = windows.blocks(matrix.k);
  report.blocks = matrix.rows * blocks;
  Elements elements(type, matrix);
  std::mutex mutex;
  auto isBefore = [](const WindowsReport &a, const WindowsReport &b) {
    return std::pair(a.firstRow, a.firstBlock) <
           std::pair(b.firstRow, b.firstBlock);
  };
  auto checkRows = [&](int64_t begin, int64_t end) {
    WindowsReport found;
    forEachBlock(begin, end, blocks, [&](int64_t row, int64_t block) {
      if (elements.readBlock(windows, row, block).nonzeros <=
          windows.maxNonzeros())
        return;
      WindowsReport here{0, found.violatingBlocks + 1, row, block};
      if (!found.conforms() && isBefore(found, here)) {
        here.firstRow = found.firstRow;
        here.firstBlock = found.firstBlock;
      }
      found = here;
    });

    std::lock_guard<std::mutex> lock(mutex);
    if (!found.conforms() && (report.conforms() || isBefore(found, report))) {
      report.firstRow = found.firstRow;
      report.firstBlock = found.firstBlock;
    }
    report.violatingBlocks += found.violatingBlocks;
  };
  parallelForRows(matrix.rows, matrix.k * storageBytes(type), numThreads,
                  checkRows);
  return report;
}

std::optional<Windows> findWindows(ElementType type, int64_t unit,
                                   const MatrixRef &matrix, int numThreads) {
  for (int64_t cells = Windows::kMinCells; cells <= Windows::kMaxCells;
       ++cells) {
    Windows windows{unit, cells};
    if (checkWindows(type, windows, matrix, numThreads).conforms())
      return windows;
  }
  return std::nullopt;
}

void spread(ElementType type, const Windows &windows, const MatrixRef &matrix,
            const MutableMatrixRef &result, int numThreads) {
  Elements source(type, matrix);
  Elements target(type, result);
  auto spreadBlock = [&](int64_t row, int64_t index) {
    Block block = source.readBlock(windows, row, index);
    bool isPlaced[Block::kMaxSize] = {};
    int64_t column = index * windows.spreadSize();
    for (int64_t window = 0; window < windows.count(); ++window) {
      int64_t room = windows.unit;
      for (int64_t j = 0; j < windows.windowSize(); ++j, ++column) {
        int64_t i = window * windows.unit + j;
        bool isTaken = !isPlaced[i] && (!block.isNonzero[i] || room > 0);
        room -= isTaken && block.isNonzero[i];
        isPlaced[i] |= isTaken;
        target.write(row, column, isTaken ? block.bits[i] : 0);
      }
    }
  };
  auto spreadRows = [&](int64_t begin, int64_t end) {
    forEachBlock(begin, end, windows.blocks(matrix.k), spreadBlock);
  };
  parallelForRows(matrix.rows, matrix.k * storageBytes(type), numThreads,
                  spreadRows);
}

} // namespace sparse24
