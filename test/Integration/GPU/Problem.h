// Products to check: random operands and their float64 reference.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TEST_INTEGRATION_GPU_PROBLEM_H
#define SPARSE24_TEST_INTEGRATION_GPU_PROBLEM_H

#include "sparse24/Support/PackedLayout.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sparse24::gpu {

/// Types of operands and outputs.
enum class Scalar { f16, bf16, f32 };

constexpr int64_t scalarBytes(Scalar type) {
  return type == Scalar::f32 ? 4 : 2;
}

/// Runs body(begin, end) over parts of [0, size) on all cores, on this thread
/// alone where there is little work.
void parallelFor(int64_t size, int64_t minimumPerThread,
                 const std::function<void(int64_t, int64_t)> &body);

/// What operands are made of.
enum class Data {
  /// Values between −1 and 1 of several magnitudes: outputs are compared with
  /// an error bound.
  Real,
  /// Small integers, so that every partial sum is exact in float32 whatever the
  /// order: outputs must be the exactly rounded result. One product too many or
  /// too few can't hide under an error bound.
  Exact,
};

/// A random 2:4 weight, dense and packed.
///
/// Some groups have fewer than two nonzeros, and some zeros are −0.0. No row
/// keeps column kSkippedColumn (where k > 3), though all keep two others of its
/// group: whatever is in that row of the other operand must not matter.
class SparseOperand {
public:
  static constexpr int64_t kSkippedColumn = 3;

  SparseOperand(Scalar type, int64_t rows, int64_t k, Data data, uint64_t seed);

  const Scalar type;
  const int64_t rows, k;
  std::vector<uint8_t> packed;

  /// The nonzeros of a row, from begin to the next row's begin.
  std::vector<int64_t> rowBegin;
  std::vector<int32_t> columns;
  std::vector<float> values;
};

/// A random k × columns matrix in both memory orders. Row kSkippedColumn is
/// infinite.
class DenseOperand {
public:
  DenseOperand(Scalar type, int64_t k, int64_t columns, Data data,
               uint64_t seed);

  const Scalar type;
  const int64_t k, columns;
  /// Row-major k × columns and columns × k.
  std::vector<uint16_t> byRows, byColumns;

  /// As floats, in panels of kWidePanel columns by all rows, the last columns
  /// in panels of kNarrowPanel; with zeros behind the columns. Whole rows would
  /// be a power of two apart and evict each other from the cache.
  static constexpr int64_t kWidePanel = 32;
  static constexpr int64_t kNarrowPanel = 8;
  const int64_t paddedColumns;
  std::vector<float> floats;

  int64_t floatIndex(int64_t row, int64_t column) const {
    int64_t wide = paddedColumns / kWidePanel * kWidePanel;
    int64_t width = column < wide ? kWidePanel : kNarrowPanel;
    return column / width * width * k + row * width + column % width;
  }
};

/// The product of both, rows × columns in rows of `stride` elements, in double
/// precision.
struct Reference {
  Reference(const SparseOperand &sparse, const DenseOperand &dense, Data data);

  int64_t rows, columns, stride;
  /// Σ a·b and Σ |a|·|b| over the kept elements. The latter is for Data::Real.
  std::vector<double> sums, magnitudes;
};

/// What is allowed of one output: |error| ≤ relative·|sum| + absolute +
/// accumulation·magnitude.
struct Tolerance {
  /// For products of K terms with float32 accumulation, rounded to `output`.
  ///
  /// The first part is one rounding to the output type. The second: K/2 kept
  /// products are added one by one at worst; tensor cores truncate, so that
  /// each addition loses less than 2^-23 of the partial sum, which is at most
  /// Σ|a|·|b|. That is K·2^-24 in all: c = 1 in c·K·u·(|A|·|B|), u = 2^-24.
  Tolerance(Scalar output, int64_t k);

  double relative, absolute, accumulation;
};

/// Counts what is wrong in an output that came back from the device.
struct Comparison {
  int64_t wrong = 0;
  /// The largest |error| / allowed error; 0 for Data::Exact.
  double worst = 0;
  /// Where the first wrong element is, and what it is.
  std::string first;
};

/// Compares rows × columns outputs, or their transpose.
Comparison compare(const void *output, Scalar type, bool isTransposed,
                   const Reference &reference, Data data, int64_t k);

} // namespace sparse24::gpu

#endif // SPARSE24_TEST_INTEGRATION_GPU_PROBLEM_H
