// Products to check: random operands and their float64 reference.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Problem.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <thread>
#include <type_traits>

namespace sparse24::gpu {

void parallelFor(int64_t size, int64_t minimumPerThread,
                 const std::function<void(int64_t, int64_t)> &body) {
  int64_t cores = std::max(1u, std::thread::hardware_concurrency());
  int64_t numThreads =
      std::min(cores, size / std::max<int64_t>(1, minimumPerThread));
  if (numThreads <= 1) {
    body(0, size);
    return;
  }
  // More parts than threads: they don't take equally long.
  int64_t part = std::max<int64_t>(1, size / (numThreads * 4));
  std::atomic<int64_t> next{0};
  auto work = [&] {
    for (;;) {
      int64_t begin = next.fetch_add(part);
      if (begin >= size)
        return;
      body(begin, std::min(size, begin + part));
    }
  };
  std::vector<std::thread> threads;
  for (int64_t i = 1; i < numThreads; ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
}

namespace {

/// SplitMix64: a hash of the position gives each element its own random number,
/// in whatever order threads make them.
uint64_t randomBits(uint64_t seed, uint64_t position) {
  uint64_t z = seed + (position + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

uint16_t encode(Scalar type, float value) {
  return type == Scalar::f16 ? floatToF16(value) : floatToBF16(value);
}

float decode(Scalar type, const void *data, int64_t index) {
  if (type == Scalar::f32)
    return static_cast<const float *>(data)[index];
  uint16_t bits = static_cast<const uint16_t *>(data)[index];
  return type == Scalar::f16 ? f16ToFloat(bits) : bf16ToFloat(bits);
}

ElementType elementType(Scalar type) {
  return type == Scalar::f16 ? ElementType::F16 : ElementType::BF16;
}

/// A random nonzero value.
float randomValue(uint64_t bits, Data data) {
  float sign = bits & 1 ? -1.0f : 1.0f;
  if (data == Data::Exact)
    return sign * static_cast<float>(1 + (bits >> 1) % 3);
  // A 24-bit fraction, scaled down by up to 8.
  float fraction = static_cast<float>((bits >> 8 & 0xFFFFFF) + 1) * 0x1p-24f;
  return sign * fraction / static_cast<float>(1 << (bits >> 1 & 3));
}

} // namespace

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

SparseOperand::SparseOperand(Scalar type, int64_t rows, int64_t k, Data data,
                             uint64_t seed)
    : type(type), rows(rows), k(k) {
  static const int kPairs[6][2] = {{0, 1}, {0, 2}, {1, 2},
                                   {0, 3}, {1, 3}, {2, 3}};
  std::vector<uint16_t> dense(rows * k);
  parallelFor(rows, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t group = 0; group * 4 < k; ++group) {
        uint64_t bits = randomBits(seed, row * k + group);
        // The pairs without position 3 come first.
        const int *pair = kPairs[bits % (group ? 6 : 3)];
        unsigned kept = group ? (bits >> 8) % 16 : 2;
        for (int slot = 0; slot < 2; ++slot) {
          int64_t column = group * 4 + pair[slot];
          if (column >= k)
            continue;
          float value = randomValue(
              randomBits(seed ^ (slot + 1), row * k + column), data);
          // One group in eight keeps fewer: the first, or none.
          bool isZero = kept == 0 || (kept == 1 && slot == 1);
          dense[row * k + column] = encode(type, isZero ? -0.0f : value);
        }
      }
  });

  rowBegin.push_back(0);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < k; ++column) {
      float value = decode(type, dense.data(), row * k + column);
      if (value == 0)
        continue;
      columns.push_back(static_cast<int32_t>(column));
      values.push_back(value);
    }
    rowBegin.push_back(static_cast<int64_t>(columns.size()));
  }

  PackedLayout layout{PackedFamily::MmaSp, elementType(type), rows, k};
  packed.resize(layout.bytes());
  packDense(layout, MatrixRef::rowMajor(dense.data(), rows, k), packed.data());
}

DenseOperand::DenseOperand(Scalar type, int64_t k, int64_t columns, Data data,
                           uint64_t seed)
    : type(type), k(k), columns(columns), byRows(k * columns),
      byColumns(k * columns),
      paddedColumns(ceilDiv(columns, kNarrowPanel) * kNarrowPanel),
      floats(k * paddedColumns) {
  parallelFor(k, 1 + 16384 / columns, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        uint64_t bits = randomBits(seed, row * columns + column);
        float value = bits % 11 ? randomValue(bits >> 4, data) : 0.0f;
        uint16_t encoded = encode(type, value);
        float &number = floats[floatIndex(row, column)];
        number =
            type == Scalar::f16 ? f16ToFloat(encoded) : bf16ToFloat(encoded);
        if (row == SparseOperand::kSkippedColumn)
          encoded = encode(type, INFINITY);
        byRows[row * columns + column] = encoded;
        byColumns[column * k + row] = encoded;
      }
  });
}

//===----------------------------------------------------------------------===//
// The reference
//===----------------------------------------------------------------------===//

namespace {

/// One row's sums of `Width` columns, which stay in registers. Sums of small
/// integers are exact in float.
template <int64_t Width, bool WithMagnitudes>
void multiplyRow(const SparseOperand &sparse, const DenseOperand &dense,
                 int64_t row, int64_t column, double *sums,
                 double *magnitudes) {
  using Sum = std::conditional_t<WithMagnitudes, double, float>;
  Sum sum[Width] = {}, magnitude[Width] = {};
  const float *panel = &dense.floats[column * dense.k];
  for (int64_t i = sparse.rowBegin[row]; i < sparse.rowBegin[row + 1]; ++i) {
    Sum a = sparse.values[i];
    const float *b = panel + sparse.columns[i] * Width;
    for (int64_t n = 0; n < Width; ++n) {
      Sum product = a * static_cast<Sum>(b[n]);
      sum[n] += product;
      if (WithMagnitudes)
        magnitude[n] += std::fabs(product);
    }
  }
  std::copy(sum, sum + Width, sums);
  if (WithMagnitudes)
    std::copy(magnitude, magnitude + Width, magnitudes);
}

template <bool WithMagnitudes>
void multiply(const SparseOperand &sparse, const DenseOperand &dense,
              Reference &reference) {
  // A task is one panel and some rows: the panel stays in the cache.
  constexpr int64_t kWide = DenseOperand::kWidePanel;
  constexpr int64_t kNarrow = DenseOperand::kNarrowPanel;
  int64_t numWide = reference.stride / kWide;
  int64_t numNarrow = reference.stride % kWide / kNarrow;
  constexpr int64_t kRowsPerTask = 64;
  int64_t rowTasks = ceilDiv(sparse.rows, kRowsPerTask);
  parallelFor(
      (numWide + numNarrow) * rowTasks, 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
          int64_t tile = task / rowTasks;
          int64_t firstRow = task % rowTasks * kRowsPerTask;
          int64_t column = tile < numWide
                               ? tile * kWide
                               : numWide * kWide + (tile - numWide) * kNarrow;
          for (int64_t row = firstRow;
               row < std::min(sparse.rows, firstRow + kRowsPerTask); ++row) {
            int64_t at = row * reference.stride + column;
            double *magnitudes =
                WithMagnitudes ? &reference.magnitudes[at] : nullptr;
            if (tile < numWide)
              multiplyRow<kWide, WithMagnitudes>(
                  sparse, dense, row, column, &reference.sums[at], magnitudes);
            else
              multiplyRow<kNarrow, WithMagnitudes>(
                  sparse, dense, row, column, &reference.sums[at], magnitudes);
          }
        }
      });
}

} // namespace

Reference::Reference(const SparseOperand &sparse, const DenseOperand &dense,
                     Data data)
    : rows(sparse.rows), columns(dense.columns), stride(dense.paddedColumns),
      sums(rows * stride) {
  if (data == Data::Real) {
    magnitudes.resize(rows * stride);
    multiply<true>(sparse, dense, *this);
  } else {
    multiply<false>(sparse, dense, *this);
  }
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

Tolerance::Tolerance(Scalar output, int64_t k)
    : relative(output == Scalar::f32    ? 0x1p-24
               : output == Scalar::bf16 ? 0x1p-8
                                        : 0x1p-11),
      // Half of the smallest step, below which rounding isn't relative.
      absolute(output == Scalar::f16 ? 0x1p-25 : 0),
      accumulation(static_cast<double>(k) * 0x1p-24) {}

namespace {

/// The output type's nearest value to an exact sum.
float roundTo(Scalar type, double sum) {
  auto value = static_cast<float>(sum);
  if (type == Scalar::f32)
    return value;
  return type == Scalar::f16 ? f16ToFloat(floatToF16(value))
                             : bf16ToFloat(floatToBF16(value));
}

} // namespace

Comparison compare(const void *output, Scalar type, bool isTransposed,
                   const Reference &reference, Data data, int64_t k) {
  const Tolerance tolerance(type, k);
  Comparison result;
  std::mutex mutex;
  int64_t first = reference.rows * reference.columns;
  auto body = [&](int64_t begin, int64_t end) {
    Comparison part;
    int64_t partFirst = -1;
    for (int64_t row = begin; row < end; ++row)
      for (int64_t column = 0; column < reference.columns; ++column) {
        double got = decode(type, output,
                            isTransposed ? column * reference.rows + row
                                         : row * reference.columns + column);
        int64_t at = row * reference.stride + column;
        double want = reference.sums[at];
        bool isRight;
        if (data == Data::Exact) {
          isRight = got == roundTo(type, want);
        } else {
          double allowed = tolerance.relative * std::fabs(want) +
                           tolerance.absolute +
                           tolerance.accumulation * reference.magnitudes[at];
          double error = std::fabs(got - want);
          isRight = error <= allowed; // false for NaN
          if (isRight && error > part.worst * allowed)
            part.worst = error / allowed;
        }
        if (isRight)
          continue;
        ++part.wrong;
        if (partFirst >= 0)
          continue;
        partFirst = row * reference.columns + column;
        char text[160];
        std::snprintf(text, sizeof(text),
                      "sparse row %lld, dense column %lld: got %.9g, want %.9g",
                      static_cast<long long>(row),
                      static_cast<long long>(column), got, want);
        part.first = text;
      }
    std::lock_guard<std::mutex> lock(mutex);
    result.wrong += part.wrong;
    result.worst = std::max(result.worst, part.worst);
    if (partFirst >= 0 && partFirst < first) {
      first = partFirst;
      result.first = part.first;
    }
  };
  parallelFor(reference.rows, 1 + 32768 / reference.columns, body);
  return result;
}

} // namespace sparse24::gpu
