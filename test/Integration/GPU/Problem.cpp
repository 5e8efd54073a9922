// Products to check: random operands and their float64 reference.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Problem.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
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

double decode(Scalar type, const void *data, int64_t index) {
  switch (type) {
  case Scalar::f16:
    return f16ToFloat(static_cast<const uint16_t *>(data)[index]);
  case Scalar::bf16:
    return bf16ToFloat(static_cast<const uint16_t *>(data)[index]);
  case Scalar::f32:
    return static_cast<const float *>(data)[index];
  case Scalar::s32:
    return static_cast<const int32_t *>(data)[index];
  case Scalar::s8:
    return static_cast<const int8_t *>(data)[index];
  }
  return 0;
}

void encode(Scalar type, void *data, int64_t index, double value) {
  switch (type) {
  case Scalar::f16:
    static_cast<uint16_t *>(data)[index] =
        floatToF16(static_cast<float>(value));
    break;
  case Scalar::bf16:
    static_cast<uint16_t *>(data)[index] =
        floatToBF16(static_cast<float>(value));
    break;
  case Scalar::f32:
    static_cast<float *>(data)[index] = static_cast<float>(value);
    break;
  case Scalar::s32:
    static_cast<int32_t *>(data)[index] = static_cast<int32_t>(
        std::clamp(std::nearbyint(value), -0x1p31, 0x1p31 - 1));
    break;
  case Scalar::s8:
    static_cast<int8_t *>(data)[index] =
        static_cast<int8_t>(std::clamp(std::nearbyint(value), -128.0, 127.0));
    break;
  }
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

/// A float between −1 and 1 of one of several magnitudes; its fraction has 24
/// bits.
float randomReal(uint64_t bits) {
  float fraction = static_cast<float>((bits >> 8 & 0xFFFFFF) + 1) * 0x1p-24f;
  return (bits & 1 ? -fraction : fraction) /
         static_cast<float>(1 << (bits >> 1 & 3));
}

/// A nonzero integer from −limit to limit.
float randomInteger(uint64_t bits, uint64_t limit) {
  auto magnitude = static_cast<float>(1 + (bits >> 1) % limit);
  return bits & 1 ? -magnitude : magnitude;
}

/// A random element, nonzero unless it is rounded to zero.
float randomElement(ElementType type, uint64_t bits, Data data) {
  bool isReal = data == Data::Real;
  if (type == ElementType::S8)
    return randomInteger(bits, isReal ? 128 : 3);
  if (type == ElementType::U8)
    return std::fabs(randomInteger(bits, isReal ? 255 : 3));
  return isReal ? randomReal(bits) : randomInteger(bits, 3);
}

/// Writes elements as they are stored; of tf32 also the bits that the hardware
/// ignores.
void store(ElementType type, const float *from, void *to, int64_t count) {
  if (type == ElementType::TF32)
    std::memcpy(to, from, count * sizeof(float));
  else
    convertFromFloat(type, from, to, count);
}

/// What must not matter: an infinity, or what is nearest to it.
float extreme(ElementType type) {
  switch (type) {
  case ElementType::E4M3:
    return NAN;
  case ElementType::S8:
  case ElementType::U8:
    return 255; // saturates
  default:
    return INFINITY;
  }
}

} // namespace

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

SparseOperand::SparseOperand(const PackedLayout &layout, Data data,
                             uint64_t seed)
    : rows(layout.rows) {
  // The pairs without position 3 come first.
  static const int kPairs[6][2] = {{0, 1}, {0, 2}, {1, 2},
                                   {0, 3}, {1, 3}, {2, 3}};
  const ElementType type = layout.elementType;
  const int64_t k = layout.k, size = groupSize(type), kept = keptPerGroup(type);
  std::vector<uint8_t> dense(rows * k * storageBytes(type));
  std::vector<float> read(rows * k);
  parallelFor(rows, 64, [&](int64_t begin, int64_t end) {
    std::vector<float> elements(k);
    for (int64_t row = begin; row < end; ++row) {
      std::fill(elements.begin(), elements.end(), 0.0f);
      for (int64_t group = 0; group * size < k; ++group) {
        uint64_t bits = randomBits(seed, row * k + group);
        bool hasSkipped = group == kSkippedColumn / size;
        const int *pair = kPairs[bits % (hasSkipped ? 3 : 6)];
        unsigned fullness = (bits >> 8) % 16;
        for (int slot = 0; slot < kept; ++slot) {
          int position = size == 4    ? pair[slot]
                         : hasSkipped ? 0
                                      : static_cast<int>(bits % 2);
          int64_t column = group * size + position;
          if (column >= k)
            continue;
          // One group in eight keeps fewer: the first, or none.
          bool isZero = fullness == 0 || (fullness == 1 && slot == 1);
          elements[column] =
              isZero
                  ? -0.0f
                  : randomElement(
                        type, randomBits(seed ^ (slot + 1), row * k + column),
                        data);
        }
      }
      void *stored = &dense[row * k * storageBytes(type)];
      store(type, elements.data(), stored, k);
      convertToFloat(type, stored, &read[row * k], k);
    }
  });

  rowBegin.push_back(0);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < k; ++column) {
      float value = read[row * k + column];
      if (value == 0)
        continue;
      columns.push_back(static_cast<int32_t>(column));
      values.push_back(value);
    }
    rowBegin.push_back(static_cast<int64_t>(columns.size()));
  }

  packed.resize(layout.bytes());
  packDense(layout, MatrixRef::rowMajor(dense.data(), rows, k), packed.data());
}

DenseOperand::DenseOperand(ElementType type, int64_t k, int64_t columns,
                           Data data, uint64_t seed)
    : k(k), columns(columns), byRows(k * columns * storageBytes(type)),
      byColumns(byRows.size()),
      paddedColumns(ceilDiv(columns, kNarrowPanel) * kNarrowPanel),
      floats(k * paddedColumns) {
  const int64_t size = storageBytes(type);
  parallelFor(k, 1 + 16384 / columns, [&](int64_t begin, int64_t end) {
    std::vector<float> elements(columns), read(columns);
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        uint64_t bits = randomBits(seed, row * columns + column);
        elements[column] =
            bits % 11 ? randomElement(type, bits >> 4, data) : 0.0f;
      }
      uint8_t *stored = &byRows[row * columns * size];
      store(type, elements.data(), stored, columns);
      convertToFloat(type, stored, read.data(), columns);
      for (int64_t column = 0; column < columns; ++column)
        floats[floatIndex(row, column)] = read[column];
      if (row == SparseOperand::kSkippedColumn) {
        std::fill(elements.begin(), elements.end(), extreme(type));
        store(type, elements.data(), stored, columns);
      }
      for (int64_t column = 0; column < columns; ++column)
        std::copy_n(stored + column * size, size,
                    &byColumns[(column * k + row) * size]);
    }
  });
}

std::vector<OperandType> Operation::operands() const {
  std::vector<OperandType> types;
  switch (epilogue) {
  case Epilogue::none:
  case Epilogue::convert:
    break;
  case Epilogue::row_scale:
    types = {{Indexing::row, Scalar::f32}};
    break;
  case Epilogue::column_scale:
    types = {{Indexing::column, Scalar::f32}};
    break;
  case Epilogue::tensor_scale:
    types = {{Indexing::tensor, Scalar::f32}};
    break;
  case Epilogue::bias_gelu:
    types = {{Indexing::row, Scalar::f32}};
    break;
  case Epilogue::gelu:
    types = {{Indexing::row, Scalar::f32}, {Indexing::element, Scalar::bf16}};
    break;
  }
  if (accumulate)
    types.push_back({Indexing::element, output, /*isInit=*/true});
  return types;
}

EpilogueOperand::EpilogueOperand(const OperandType &type,
                                 const Operation &operation, int64_t rows,
                                 int64_t columns, bool isTransposed, Data data,
                                 uint64_t seed)
    : type(type) {
  switch (type.indexing) {
  case Indexing::row:
    sizes = {rows};
    rowStride = 1;
    break;
  case Indexing::column:
    sizes = {columns};
    columnStride = 1;
    break;
  case Indexing::tensor:
    break;
  case Indexing::element:
    sizes = isTransposed ? std::vector<int64_t>{columns, rows}
                         : std::vector<int64_t>{rows, columns};
    rowStride = isTransposed ? 1 : columns;
    columnStride = isTransposed ? rows : 1;
    break;
  }
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  bytes.resize(count * scalarBytes(type.type));

  bool isScale = !type.isInit && !hasGelu(operation.epilogue);
  auto randomValue = [&](uint64_t bits) {
    if (type.type == Scalar::s32)
      return randomInteger(bits, 1000);
    if (isScale && data == Data::Exact)
      return std::ldexp(1.0f, static_cast<int>(bits % 5) - 2);
    // What is left of a sum of bytes times the scale is to fit into a byte.
    if (isScale && isInteger(operation.element))
      return randomReal(bits) * 0x1p-10f;
    return data == Data::Real ? randomReal(bits) : randomInteger(bits, 3);
  };
  parallelFor(count, 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      encode(type.type, bytes.data(), i, randomValue(randomBits(seed, i)));
  });
}

//===----------------------------------------------------------------------===//
// The reference
//===----------------------------------------------------------------------===//

namespace {

/// One row's sums of `Width` columns, which stay in registers. Those of
/// Data::Exact are exact in float.
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

Expected expect(const Operation &operation, int64_t k, double sum,
                double magnitude, const std::vector<EpilogueOperand> &operands,
                int64_t row, int64_t column) {
  // One rounding to float32.
  constexpr double kRounding = 0x1p-24;
  double unit = isInteger(operation.element)           ? 0
                : storageBytes(operation.element) == 1 ? 0x1p-13
                                                       : 0x1p-23;
  Expected result = {sum, static_cast<double>(k) / 2 * unit * magnitude};
  auto at = [&](size_t i) { return operands[i].at(row, column); };
  if (operation.accumulate) {
    double init = at(operands.size() - 1);
    result.value += init;
    result.error += unit * (magnitude + std::fabs(init));
  }
  switch (operation.epilogue) {
  case Epilogue::none:
    break;
  case Epilogue::convert:
    result.error += kRounding * std::fabs(result.value);
    break;
  case Epilogue::row_scale:
  case Epilogue::column_scale:
  case Epilogue::tensor_scale:
    result.value *= at(0);
    // Of the product, and of an integer made a float.
    result.error = result.error * std::fabs(at(0)) +
                   2 * kRounding * std::fabs(result.value);
    break;
  case Epilogue::bias_gelu:
  case Epilogue::gelu: {
    double x = result.value + at(0);
    double inner = 0.797884561 * (x + 0.044715 * x * x * x);
    result.value = 0.5 * x * (1 + std::tanh(inner));
    // Its slope is below 1.13. In units of 2^-24: MLIR's tanh is off by 7, its
    // argument by 4 roundings, which tanh makes less than half, and 3 more
    // roundings follow. With the factor x / 2 that is less than 2^-21 |x|.
    result.error = 1.13 * (result.error + kRounding * std::fabs(x)) +
                   0x1p-21 * std::fabs(x);
    if (operation.epilogue == Epilogue::gelu) {
      result.value += at(1);
      result.error += kRounding * std::fabs(result.value);
    }
    break;
  }
  }
  return result;
}

namespace {

/// What rounding to the output's type may change: a share of the value and an
/// amount. The latter is half of the smallest step, below which rounding isn't
/// relative.
double roundingError(Scalar type, double value) {
  double magnitude = std::fabs(value);
  switch (type) {
  case Scalar::f16:
    return 0x1p-11 * magnitude + 0x1p-25;
  case Scalar::bf16:
    return 0x1p-8 * magnitude;
  case Scalar::f32:
    return 0x1p-24 * magnitude;
  case Scalar::s32:
  case Scalar::s8:
    return 0.5;
  }
  return 0;
}

double roundTo(Scalar type, double value) {
  alignas(4) unsigned char bits[4];
  encode(type, bits, 0, value);
  return decode(type, bits, 0);
}

} // namespace

Comparison compare(const void *output, const Operation &operation,
                   bool isTransposed, const Reference &reference,
                   const std::vector<EpilogueOperand> &operands, Data data,
                   int64_t k) {
  const Scalar type = operation.output;
  // The sums of bytes are exact in any case.
  const bool isExact = (data == Data::Exact || type == Scalar::s32) &&
                       !hasGelu(operation.epilogue);
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
        double magnitude = data == Data::Real ? reference.magnitudes[at] : 0;
        Expected expected = expect(operation, k, reference.sums[at], magnitude,
                                   operands, row, column);
        double want = expected.value;
        bool isRight;
        if (isExact) {
          isRight = got == roundTo(type, want);
        } else {
          if (type == Scalar::s8)
            want = std::clamp(want, -128.0, 127.0);
          double allowed = expected.error + roundingError(type, want);
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
