//===- Pattern.cpp - The 2:4 pattern and its logical format ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/Pattern.h"

#include "GroupKernels.h"
#include "RowPanels.h"

#include <cmath>
#include <mutex>
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

bool isZero(ElementType type, uint32_t bits) {
  return magnitudeRank(type, bits) == 0;
}

PatternReport checkPattern(ElementType type, const MatrixRef &matrix,
                           int numThreads) {
  PatternReport report;
  report.groups = matrix.rows * groupsPerRow(type, matrix.k);
  std::mutex mutex;
  auto checkRows = [&](auto group, int64_t begin, int64_t end) {
    using G = decltype(group);
    int64_t violating = 0, firstRow = -1, firstGroup = -1;
    forEachRowChunk(
        type, matrix, begin, end,
        [&](int64_t row, int64_t k, const void *data, int64_t columns) {
          int64_t groups = groupsPerRow(type, columns);
          for (int64_t g = 0; g < groups; ++g) {
            if (G::countNonzeros(loadGroup<G>(data, g, columns)) <=
                G::kMaxNonzeros)
              continue;
            ++violating;
            // Chunks come panel by panel, so a later one may be further up.
            int64_t here = k / groupSize(type) + g;
            if (firstRow < 0 || row < firstRow ||
                (row == firstRow && here < firstGroup)) {
              firstRow = row;
              firstGroup = here;
            }
          }
        });
    std::lock_guard<std::mutex> lock(mutex);
    report.violatingGroups += violating;
    if (firstRow >= 0 && (report.firstRow < 0 || firstRow < report.firstRow)) {
      report.firstRow = firstRow;
      report.firstGroup = firstGroup;
    }
  };
  parallelForRows(
      matrix.rows, matrix.k * storageBytes(type), numThreads,
      [&](int64_t begin, int64_t end) {
        withGroup(type, [&](auto group) { checkRows(group, begin, end); });
      });
  return report;
}

//===----------------------------------------------------------------------===//
// Pruning
//===----------------------------------------------------------------------===//

/// Prunes a contiguous row of k elements; `result` may be `row`.
template <typename G>
static void pruneRow(const void *row, int64_t k, void *result) {
  constexpr int64_t size =
      sizeof(typename G::Raw) / sizeof(typename G::Element);
  auto *out = static_cast<unsigned char *>(result);
  for (int64_t g = 0, groups = ceilDiv(k, size); g < groups; ++g) {
    auto raw = loadGroup<G>(row, g, k);
    unsigned nibble = G::nibbleOfLargest(raw);
    auto pruned = G::decompress(G::compress(raw, nibble), nibble);
    int64_t elements = std::min(size, k - g * size);
    std::memcpy(out + g * sizeof(raw), &pruned,
                elements * sizeof(typename G::Element));
  }
}

void prune(ElementType type, const MatrixRef &matrix,
           const MutableMatrixRef &result, int numThreads) {
  auto pruneRows = [&](auto group, int64_t begin, int64_t end) {
    using G = decltype(group);
    PanelBuffer input(type), output(type);
    for (int64_t row = begin; row < end; row += kPanelRows) {
      int64_t rows = std::min(kPanelRows, end - row);
      for (int64_t k = 0; k < matrix.k; k += chunkColumns(type)) {
        int64_t columns = std::min(chunkColumns(type), matrix.k - k);
        input.read(matrix, row, rows, k, columns);
        for (int64_t r = 0; r < rows; ++r)
          pruneRow<G>(input.row(r), columns, output.scratchRow(r));
        output.write(result, row, rows, k, columns);
      }
    }
  };
  parallelForRows(
      matrix.rows, matrix.k * storageBytes(type), numThreads,
      [&](int64_t begin, int64_t end) {
        withGroup(type, [&](auto group) { pruneRows(group, begin, end); });
      });
}

/// The sum of the squares of what is finite.
static double squaredNorm(ElementType type, const void *data, int64_t count,
                          std::vector<float> &scratch) {
  convertToFloat(type, data, scratch.data(), count);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double value = scratch[i];
    sum += std::isfinite(value) ? value * value : 0.0;
  }
  return sum;
}

double keptSquaredNorm(ElementType type, const MatrixRef &matrix,
                       int numThreads) {
  // One pair of sums for each panel, added up in order: the result doesn't
  // depend on the number of threads.
  int64_t panels = ceilDiv(matrix.rows, kPanelRows);
  std::vector<double> total(panels), kept(panels);
  auto sumRows = [&](auto group, int64_t begin, int64_t end) {
    using G = decltype(group);
    std::vector<float> scratch(chunkColumns(type));
    std::vector<unsigned char> pruned(kChunkBytes);
    forEachRowChunk(
        type, matrix, begin, end,
        [&](int64_t row, int64_t, const void *data, int64_t columns) {
          total[row / kPanelRows] += squaredNorm(type, data, columns, scratch);
          pruneRow<G>(data, columns, pruned.data());
          kept[row / kPanelRows] +=
              squaredNorm(type, pruned.data(), columns, scratch);
        });
  };
  parallelForRows(matrix.rows, matrix.k * storageBytes(type), numThreads,
                  [&](int64_t begin, int64_t end) {
                    withGroup(type,
                              [&](auto group) { sumRows(group, begin, end); });
                  });
  double totalSum = 0, keptSum = 0;
  for (int64_t panel = 0; panel < panels; ++panel) {
    totalSum += total[panel];
    keptSum += kept[panel];
  }
  return totalSum > 0 ? keptSum / totalSum : 1.0;
}

//===----------------------------------------------------------------------===//
// Compressing
//===----------------------------------------------------------------------===//

void compress(ElementType type, const MatrixRef &matrix, void *values,
              uint16_t *metadata, Selection selection, int numThreads) {
  int64_t valueRowBytes = valuesPerRow(type, matrix.k) * storageBytes(type);
  int64_t metadataRowWords = metadataWordsPerRow(type, matrix.k);
  auto compressRows = [&](auto group, int64_t begin, int64_t end) {
    using G = decltype(group);
    forEachRowChunk(
        type, matrix, begin, end,
        [&](int64_t row, int64_t k, const void *data, int64_t columns) {
          auto *rowValues = static_cast<unsigned char *>(values) +
                            row * valueRowBytes +
                            valuesPerRow(type, k) * storageBytes(type);
          uint16_t *rowMetadata =
              metadata + row * metadataRowWords + metadataWordsPerRow(type, k);
          if (selection == Selection::Magnitude)
            compressRow<G, Selection::Magnitude>(data, columns, rowValues,
                                                 rowMetadata);
          else
            compressRow<G, Selection::FirstNonzeros>(data, columns, rowValues,
                                                     rowMetadata);
        });
  };
  parallelForRows(
      matrix.rows, matrix.k * storageBytes(type), numThreads,
      [&](int64_t begin, int64_t end) {
        withGroup(type, [&](auto group) { compressRows(group, begin, end); });
      });
}

/// Decompresses groups [firstGroup, …) of a row into `columns` contiguous
/// elements.
template <typename G>
static void decompressRow(const unsigned char *values, const uint16_t *metadata,
                          int64_t firstGroup, int64_t columns,
                          unsigned char *result) {
  using Kept = typename G::Kept;
  constexpr int64_t size =
      sizeof(typename G::Raw) / sizeof(typename G::Element);
  for (int64_t g = 0, groups = ceilDiv(columns, size); g < groups; ++g) {
    int64_t index = firstGroup + g;
    unsigned nibble = metadata[index / kGroupsPerMetadataWord] >>
                          4 * (index % kGroupsPerMetadataWord) &
                      0xF;
    auto raw = G::decompress(load<Kept>(values + index * sizeof(Kept)), nibble);
    int64_t elements = std::min(size, columns - g * size);
    std::memcpy(result + g * sizeof(raw), &raw,
                elements * sizeof(typename G::Element));
  }
}

void decompress(ElementType type, const void *values, const uint16_t *metadata,
                const MutableMatrixRef &result, int numThreads) {
  int64_t valueRowBytes = valuesPerRow(type, result.k) * storageBytes(type);
  int64_t metadataRowWords = metadataWordsPerRow(type, result.k);
  auto decompressRows = [&](auto group, int64_t begin, int64_t end) {
    PanelBuffer output(type);
    for (int64_t row = begin; row < end; row += kPanelRows) {
      int64_t rows = std::min(kPanelRows, end - row);
      for (int64_t k = 0; k < result.k; k += chunkColumns(type)) {
        int64_t columns = std::min(chunkColumns(type), result.k - k);
        for (int64_t r = 0; r < rows; ++r)
          decompressRow<decltype(group)>(
              static_cast<const unsigned char *>(values) +
                  (row + r) * valueRowBytes,
              metadata + (row + r) * metadataRowWords, k / groupSize(type),
              columns, output.scratchRow(r));
        output.write(result, row, rows, k, columns);
      }
    }
  };
  parallelForRows(
      result.rows, result.k * storageBytes(type), numThreads,
      [&](int64_t begin, int64_t end) {
        withGroup(type, [&](auto group) { decompressRows(group, begin, end); });
      });
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
