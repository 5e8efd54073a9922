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

/// Types of outputs and of epilogue operands.
enum class Scalar { f16, bf16, f32, s32, s8 };

constexpr int64_t scalarBytes(Scalar type) {
  return type == Scalar::f32 || type == Scalar::s32 ? 4
         : type == Scalar::s8                       ? 1
                                                    : 2;
}

double decode(Scalar type, const void *data, int64_t index);
/// Rounds to nearest, ties to even; integers saturate.
void encode(Scalar type, void *data, int64_t index, double value);

/// Runs body(begin, end) over parts of [0, size) on all cores, on this thread
/// alone where there is little work.
void parallelFor(int64_t size, int64_t minimumPerThread,
                 const std::function<void(int64_t, int64_t)> &body);

/// What operands are made of.
enum class Data {
  /// Floats between −1 and 1 of several magnitudes, integers of the whole
  /// range:
  /// outputs are compared with an error bound.
  Real,
  /// Small integers, so that every partial sum is exact whatever the order, and
  /// scales that are powers of two: outputs must be the exactly rounded result.
  /// One product too many or too few can't hide under an error bound. Sums stay
  /// below 9·k/2, which is exact in float32, and in the 13 bits with which
  /// Hopper's wgmma adds 8-bit floats up to k = 1820.
  Exact,
};

//===----------------------------------------------------------------------===//
// What is computed
//===----------------------------------------------------------------------===//

/// What becomes of the accumulator: EPILOGUES of products.py.
enum class Epilogue {
  none,
  convert,
  row_scale,
  column_scale,
  tensor_scale,
  bias_gelu,
  gelu,
};
inline bool hasGelu(Epilogue epilogue) {
  return epilogue == Epilogue::bias_gelu || epilogue == Epilogue::gelu;
}

/// What an epilogue operand is indexed by: the sparse operand's rows, the dense
/// one's columns, nothing, or both.
enum class Indexing { row, column, tensor, element };

/// An operand of a compiled function besides the two matrices.
struct OperandType {
  Indexing indexing;
  Scalar type;
  /// Whether the accumulator starts from it.
  bool isInit = false;
};

/// A product, apart from its sizes.
struct Operation {
  ElementType element;
  Scalar output;
  Epilogue epilogue = Epilogue::none;
  bool accumulate = false;

  /// What the compiled function takes besides the matrices, in order.
  std::vector<OperandType> operands() const;
};

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// A random 2:4 weight (of tf32 1:2), dense and packed.
///
/// Some groups have fewer nonzeros than they may, and some zeros are −0.0. No
/// row keeps column kSkippedColumn (where k > 3): whatever is in that row of
/// the other operand must not matter.
class SparseOperand {
public:
  static constexpr int64_t kSkippedColumn = 3;

  SparseOperand(const PackedLayout &layout, Data data, uint64_t seed);

  const int64_t rows;
  std::vector<uint8_t> packed;

  /// The nonzeros of a row, from begin to the next row's begin, as the hardware
  /// reads them.
  std::vector<int64_t> rowBegin;
  std::vector<int32_t> columns;
  std::vector<float> values;
};

/// A random k × columns matrix in both memory orders. Row kSkippedColumn is
/// infinite, or the nearest to it that the type has.
class DenseOperand {
public:
  DenseOperand(ElementType type, int64_t k, int64_t columns, Data data,
               uint64_t seed);

  const int64_t k, columns;
  /// Row-major k × columns and columns × k.
  std::vector<uint8_t> byRows, byColumns;

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

/// An operand of the epilogue, or what the sum starts from, with random
/// elements. Like the output it is rows × columns or, transposed, columns ×
/// rows.
class EpilogueOperand {
public:
  EpilogueOperand(const OperandType &type, const Operation &operation,
                  int64_t rows, int64_t columns, bool isTransposed, Data data,
                  uint64_t seed);

  const OperandType type;
  std::vector<uint8_t> bytes;
  std::vector<int64_t> sizes;

  double at(int64_t row, int64_t column) const {
    return decode(type.type, bytes.data(),
                  row * rowStride + column * columnStride);
  }

private:
  int64_t rowStride = 0, columnStride = 0;
};

//===----------------------------------------------------------------------===//
// The reference
//===----------------------------------------------------------------------===//

/// The product of both, rows × columns in rows of `stride` elements, in double
/// precision.
struct Reference {
  Reference(const SparseOperand &sparse, const DenseOperand &dense, Data data);

  int64_t rows, columns, stride;
  /// Σ a·b and Σ |a|·|b| over the kept elements. The latter is for Data::Real.
  std::vector<double> sums, magnitudes;
};

/// An output before it is rounded, and how far what the kernel rounds may be
/// from it.
struct Expected {
  double value;
  double error;
};

/// Evaluates one output of `operation`.
///
/// The sum: K/2 kept products are added one by one at worst. Tensor cores
/// truncate, so that each addition loses less than a unit in the last place of
/// the largest term, which is at most Σ|a|·|b|. A unit is 2^-23, and 2^-13 of
/// Hopper's products of 8-bit floats, which it adds with fewer bits
/// (test/Emulator/Hardware has kernels that show it). That is K·unit/2 in all:
/// c = 1 in c·K·u·(|A|·|B|), u = unit/2. Integers are exact.
///
/// The epilogue in float32: each operation adds one rounding, and errors before
/// it grow with its slope.
Expected expect(const Operation &operation, int64_t k, double sum,
                double magnitude, const std::vector<EpilogueOperand> &operands,
                int64_t row, int64_t column);

/// Counts what is wrong in an output that came back from the device.
struct Comparison {
  int64_t wrong = 0;
  /// The largest |error| / allowed error where it isn't 0.
  double worst = 0;
  /// Where the first wrong element is, and what it is.
  std::string first;
};

/// Compares rows × columns outputs, or their transpose. Allowed is what
/// expect() says and one rounding to the output's type; of Data::Exact, if the
/// epilogue is exact too, only the rounded result.
Comparison compare(const void *output, const Operation &operation,
                   bool isTransposed, const Reference &reference,
                   const std::vector<EpilogueOperand> &operands, Data data,
                   int64_t k);

} // namespace sparse24::gpu

#endif // SPARSE24_TEST_INTEGRATION_GPU_PROBLEM_H
