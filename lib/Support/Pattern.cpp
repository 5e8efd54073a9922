//===- Pattern.cpp - The 2:4 pattern and its logical format ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/Pattern.h"

#include "RowKernels.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <numeric>
#include <vector>

namespace sparse24 {

using namespace detail;

//===----------------------------------------------------------------------===//
// Looking at the pattern
//===----------------------------------------------------------------------===//

uint32_t magnitudeRank(ElementType type, uint32_t bits) {
  switch (type) {
  case ElementType::F16:
  case ElementType::BF16:
    return bits & 0x7FFFu;
  case ElementType::TF32:
    return bits & 0x7FFFFFFFu;
  case ElementType::S8:
    return bits & 0x80u ? 0x100u - (bits & 0xFFu) : bits & 0xFFu;
  case ElementType::U8:
    return bits & 0xFFu;
  default:
    return bits & 0x7Fu;
  }
}

uint32_t largestNumberRank(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return 0x7C00;
  case ElementType::BF16:
    return 0x7F80;
  case ElementType::TF32:
    return 0x7F800000;
  case ElementType::S8:
    return 128;
  case ElementType::U8:
    return 255;
  case ElementType::E4M3:
    return 0x7E;
  default:
    return 0x7C;
  }
}

bool isZero(ElementType type, uint32_t bits) {
  return magnitudeRank(type, bits) == 0;
}

PatternReport checkPattern(ElementType type, const MatrixRef &matrix,
                           int numThreads) {
  PatternReport report;
  report.groups = matrix.rows * groupsPerRow(type, matrix.k);
  std::mutex mutex;
  auto checkRows = [&](auto block, int64_t begin, int64_t end) {
    PatternReport found;
    auto largestNumber =
        static_cast<typename decltype(block)::Rank>(largestNumberRank(type));
    auto checkChunk = [&](int64_t row, int64_t k, const void *data,
                          int64_t columns) {
      forEachBlock(block, data, columns, [&](int64_t b) {
        int violations = block.countViolations();
        found.violatingGroups += violations;
        found.nans += block.countAbove(largestNumber);
        // Chunks come panel by panel: a later one may be further up.
        if (violations == 0 || (found.firstRow >= 0 && row >= found.firstRow))
          return;
        found.firstRow = row;
        found.firstGroup =
            k / groupSize(type) + b * block.kGroups + block.firstViolation();
      });
    };
    forEachRowChunk(type, matrix, begin, end, Selection::FirstNonzeros,
                    checkChunk);

    std::lock_guard<std::mutex> lock(mutex);
    report.violatingGroups += found.violatingGroups;
    report.nans += found.nans;
    if (!found.conforms() &&
        (report.firstRow < 0 || found.firstRow < report.firstRow)) {
      report.firstRow = found.firstRow;
      report.firstGroup = found.firstGroup;
    }
  };
  parallelForBlockRows(type, matrix, numThreads, checkRows);
  return report;
}

/// Adds the squares of what is finite. `numSums` sums side by side, because the
/// order of additions of a single one would have to be kept, which can't be
/// vectorized.
template <size_t numSums>
static double sumOfSquares(std::vector<float> &values, int64_t count) {
  // Fill up to a multiple.
  values.resize(count);
  values.resize(ceilDiv(count, numSums) * numSums);
  double sums[numSums] = {};
  for (size_t i = 0; i < values.size(); i += numSums)
    for (size_t j = 0; j < numSums; ++j) {
      float value = values[i + j];
      bool isFinite = std::fabs(value) <= std::numeric_limits<float>::max();
      double finite = isFinite ? value : 0.0f;
      sums[j] += finite * finite;
    }
  return std::accumulate(sums, sums + numSums, 0.0);
}

double keptSquaredNorm(ElementType type, const MatrixRef &matrix,
                       Selection selection, int numThreads) {
  // One pair of sums for each panel, added up in order: the result doesn't
  // depend on the number of threads.
  int64_t panels = ceilDiv(matrix.rows, kPanelRows);
  std::vector<double> total(panels), kept(panels);
  auto sumRows = [&](auto block, int64_t begin, int64_t end) {
    std::vector<float> values(chunkColumns(type));
    std::vector<unsigned char> pruned(kChunkBytes);
    auto norm = [&](const void *data, int64_t columns) {
      values.resize(columns);
      convertToFloat(type, data, values.data(), columns);
      return sumOfSquares<8>(values, columns);
    };
    PanelBuffer all(type), prunedPanel(type);
    auto sumPanel = [&](int64_t row, int64_t rows, int64_t k, int64_t columns) {
      all.read(matrix, row, rows, k, columns);
      if (selection.isOfPanels())
        prunedPanel.read(matrix, row, rows, k, columns, type, selection);
      for (int64_t r = 0; r < rows; ++r) {
        pruneRow(block, (selection.isOfPanels() ? prunedPanel : all).row(r),
                 columns, pruned.data());
        total[row / kPanelRows] += norm(all.row(r), columns);
        kept[row / kPanelRows] += norm(pruned.data(), columns);
      }
    };
    forEachPanelChunk(type, begin, end, matrix.k, sumPanel);
  };
  parallelForBlockRows(type, matrix, numThreads, sumRows);
  double totalSum = std::accumulate(total.begin(), total.end(), 0.0);
  double keptSum = std::accumulate(kept.begin(), kept.end(), 0.0);
  return totalSum > 0 ? keptSum / totalSum : 1.0;
}

//===----------------------------------------------------------------------===//
// Dense to compressed and back
//===----------------------------------------------------------------------===//

void prune(ElementType type, const MatrixRef &matrix,
           const MutableMatrixRef &result, Selection selection,
           int numThreads) {
  auto pruneRows = [&](auto block, int64_t begin, int64_t end) {
    PanelBuffer input(type), output(type);
    auto prunePanel = [&](int64_t row, int64_t rows, int64_t k,
                          int64_t columns) {
      input.read(matrix, row, rows, k, columns, type, selection);
      output.prepareWrite(result, row, k);
      for (int64_t r = 0; r < rows; ++r)
        if (selection.isOfPanels())
          std::memcpy(output.row(r), input.row(r),
                      columns * storageBytes(type));
        else
          pruneRow(block, input.row(r), columns, output.row(r));
      output.write(result, row, rows, k, columns);
    };
    forEachPanelChunk(type, begin, end, matrix.k, prunePanel);
  };
  parallelForBlockRows(type, matrix, numThreads, pruneRows);
}

void compress(ElementType type, const MatrixRef &matrix, void *values,
              uint16_t *metadata, Selection selection, int numThreads) {
  auto *out = static_cast<unsigned char *>(values);
  auto compressRows = [&](auto block, int64_t begin, int64_t end) {
    CompressedChunk chunk;
    auto compressChunk = [&](int64_t row, int64_t k, const void *data,
                             int64_t columns) {
      compressRow(block, data, columns, selection, chunk);
      LogicalChunk(type, matrix.k, out, metadata, row, k, columns)
          .copyFrom(chunk);
    };
    forEachRowChunk(type, matrix, begin, end, selection, compressChunk);
  };
  parallelForBlockRows(type, matrix, numThreads, compressRows);
}

void decompress(ElementType type, const void *values, const uint16_t *metadata,
                const MutableMatrixRef &result, int numThreads) {
  auto *in = static_cast<const unsigned char *>(values);
  auto decompressRows = [&](auto block, int64_t begin, int64_t end) {
    CompressedChunk chunk = {};
    PanelBuffer output(type);
    auto decompressPanel = [&](int64_t row, int64_t rows, int64_t k,
                               int64_t columns) {
      output.prepareWrite(result, row, k);
      for (int64_t r = 0; r < rows; ++r) {
        LogicalChunk(type, result.k, in, metadata, row + r, k, columns)
            .copyTo(chunk);
        decompressRow(block, chunk, columns, output.row(r));
      }
      output.write(result, row, rows, k, columns);
    };
    forEachPanelChunk(type, begin, end, result.k, decompressPanel);
  };
  parallelForBlockRows(type, result, numThreads, decompressRows);
}

bool verifyMetadata(ElementType type, const uint16_t *metadata, int64_t rows,
                    int64_t k, std::string &error) {
  int64_t groups = groupsPerRow(type, k);
  int64_t words = metadataWordsPerRow(type, k);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t g = 0; g < words * kGroupsPerMetadataWord; ++g) {
      unsigned nibble = metadata[row * words + g / kGroupsPerMetadataWord] >>
                            4 * (g % kGroupsPerMetadataWord) &
                        0xF;
      bool isPadding = g >= groups;
      if (isPadding ? nibble == kFirstKeptNibble : isLegalNibble(type, nibble))
        continue;
      constexpr char digits[] = "0123456789ABCDEF";
      error = "metadata of row " + std::to_string(row) + ", group " +
              std::to_string(g) + " is 0x" + digits[nibble] + ", " +
              (isPadding ? "but padding must be 0x4"
                         : std::string("not a legal nibble of ") +
                               elementTypeName(type));
      return false;
    }
  return true;
}

} // namespace sparse24
