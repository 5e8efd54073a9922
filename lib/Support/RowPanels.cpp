//===- RowPanels.cpp - Walking a matrix in panels of rows -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RowPanels.h"

#include <cstring>
#include <thread>
#include <type_traits>
#include <vector>

namespace sparse24::detail {

/// Less than this is not worth a thread.
static constexpr int64_t kMinBytesPerThread = 1 << 19;

void parallelForRows(int64_t rows, int64_t rowBytes, int numThreads,
                     const std::function<void(int64_t, int64_t)> &body) {
  int64_t panels = ceilDiv(rows, kPanelRows);
  int64_t threads =
      numThreads > 0
          ? numThreads
          : std::max<int64_t>(1, std::thread::hardware_concurrency());
  threads =
      std::min({threads, panels, 1 + rows * rowBytes / kMinBytesPerThread});
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
  std::vector<std::thread> workers;
  for (int64_t thread = 1; thread < threads; ++thread)
    workers.emplace_back(run, thread);
  run(0);
  for (std::thread &worker : workers)
    worker.join();
}

/// `bytes` is sizeof(element): the elements may be of any type of that size.
template <int64_t bytes>
static void copyElements(int64_t rows, int64_t columns,
                         const unsigned char *source, int64_t sourceRowStride,
                         int64_t sourceColumnStride, unsigned char *destination,
                         int64_t destinationRowStride,
                         int64_t destinationColumnStride) {
  // In strips as wide as a cache line, so that the lines of both sides stay
  // cached until all of their elements are moved.
  constexpr int64_t strip = 64 / bytes;
  for (int64_t begin = 0; begin < columns; begin += strip) {
    int64_t end = std::min(begin + strip, columns);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = begin; c < end; ++c)
        std::memcpy(
            destination +
                (r * destinationRowStride + c * destinationColumnStride) *
                    bytes,
            source + (r * sourceRowStride + c * sourceColumnStride) * bytes,
            bytes);
  }
}

void copyStrided(int64_t elementBytes, int64_t rows, int64_t columns,
                 const void *source, int64_t sourceRowStride,
                 int64_t sourceColumnStride, void *destination,
                 int64_t destinationRowStride,
                 int64_t destinationColumnStride) {
  auto copy = [&](auto bytes) {
    copyElements<decltype(bytes)::value>(
        rows, columns, static_cast<const unsigned char *>(source),
        sourceRowStride, sourceColumnStride,
        static_cast<unsigned char *>(destination), destinationRowStride,
        destinationColumnStride);
  };
  if (elementBytes == 1)
    copy(std::integral_constant<int64_t, 1>());
  else if (elementBytes == 2)
    copy(std::integral_constant<int64_t, 2>());
  else
    copy(std::integral_constant<int64_t, 4>());
}

} // namespace sparse24::detail
