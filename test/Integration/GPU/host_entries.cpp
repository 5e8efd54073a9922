// The functions of cases.inc on the host, to test the checker without a GPU.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With the driver of test/FakeCuda, whose device memory is host memory, they
// stand in for compiled functions: check_matmul must pass with them, and must
// fail if SPARSE24_TEST_MISTAKE names a mistake for them to make:
//   tail        forgets the last column of W
//   unwritten   leaves the last output
//   guard       writes behind the output
//   race        starts its sums from another number in every other run
//   epilogue    indexes the epilogue's operands by the row and column before

#include "Cases.h"
#include "sparse24/Runtime/Runtime.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

using namespace sparse24;
using namespace sparse24::gpu;

namespace {

bool makesMistake(const char *name) {
  const char *mistake = std::getenv("SPARSE24_TEST_MISTAKE");
  return mistake && !std::strcmp(mistake, name);
}

/// A compiled function and its arguments.
struct Call {
  Side side;
  PackedLayout layout;
  Operation operation;
  bool transposeDense;
  MemRef<1> *packed;
  MemRef<2> *dense;
  std::vector<void *> operands;
  MemRef<2> *output;

  int32_t run() const;

private:
  float loadDense(int64_t position, int64_t column) const;
  /// The element of an operand for an output.
  float loadOperand(size_t number, int64_t row, int64_t column) const;
  float applyEpilogue(float value, int64_t row, int64_t column) const;
  int64_t columns() const { return output->sizes[side == Side::lhs ? 1 : 0]; }
  int64_t outputIndex(int64_t row, int64_t column) const {
    return side == Side::lhs ? row * columns() + column
                             : column * layout.rows + row;
  }
};

float Call::loadDense(int64_t position, int64_t column) const {
  bool byColumns = (side == Side::rhs) != transposeDense;
  int64_t index =
      byColumns ? column * layout.k + position : position * columns() + column;
  float value;
  convertToFloat(layout.elementType,
                 static_cast<const char *>(dense->aligned) +
                     index * storageBytes(layout.elementType),
                 &value, 1);
  return value;
}

float Call::loadOperand(size_t number, int64_t row, int64_t column) const {
  if (makesMistake("epilogue")) {
    row = std::max<int64_t>(row - 1, 0);
    column = std::max<int64_t>(column - 1, 0);
  }
  OperandType type = operation.operands()[number];
  int64_t index = type.indexing == Indexing::row      ? row
                  : type.indexing == Indexing::column ? column
                  : type.indexing == Indexing::tensor
                      ? 0
                      : outputIndex(row, column);
  return static_cast<float>(
      decode(type.type,
             static_cast<const MemRef<2> *>(operands[number])->aligned, index));
}

float Call::applyEpilogue(float value, int64_t row, int64_t column) const {
  switch (operation.epilogue) {
  case Epilogue::none:
  case Epilogue::convert:
    return value;
  case Epilogue::row_scale:
  case Epilogue::column_scale:
  case Epilogue::tensor_scale:
    return value * loadOperand(0, row, column);
  case Epilogue::bias_gelu:
  case Epilogue::gelu:
    break;
  }
  float x = value + loadOperand(0, row, column);
  float inner = 0.797884561f * (x + 0.044715f * x * x * x);
  float gelu = 0.5f * x * (1 + std::tanh(inner));
  return operation.epilogue == Epilogue::gelu
             ? gelu + loadOperand(1, row, column)
             : gelu;
}

int32_t Call::run() const {
  if (int32_t status = sparse24CheckAligned(dense->aligned, 16))
    return status;
  const ElementType type = layout.elementType;
  const int64_t rows = layout.rows, k = layout.k;
  const int64_t perRow = valuesPerRow(type, k), kept = keptPerGroup(type);
  const int64_t wordsPerRow = metadataWordsPerRow(type, k);
  std::vector<char> stored(rows * perRow * storageBytes(type));
  std::vector<uint16_t> metadata(rows * wordsPerRow);
  unpack(layout, packed->aligned, stored.data(), metadata.data());
  std::vector<float> values(rows * perRow);
  convertToFloat(type, stored.data(), values.data(), rows * perRow);

  static std::atomic<int> numRuns{0};
  bool isOther = columns() > 0 && ++numRuns % 2 == 0;
  double noise = makesMistake("race") && isOther ? 1 : 0;
  int64_t usedK = makesMistake("tail") ? k - 1 : k;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns(); ++column) {
      if (makesMistake("unwritten") && row == rows - 1 &&
          column == columns() - 1)
        continue;
      double sum = noise;
      if (operation.accumulate)
        sum += loadOperand(operands.size() - 1, row, column);
      for (int64_t slot = 0; slot < perRow; ++slot) {
        int64_t group = slot / kept;
        unsigned nibble =
            metadata[row * wordsPerRow + group / 4] >> (4 * (group % 4)) & 15;
        // Of tf32 the nibble names both halves of the element.
        int64_t position =
            kept == 1 ? group * 2 + (nibble & 3) / 2
                      : group * 4 + (slot % 2 ? nibble >> 2 : nibble & 3);
        if (position < usedK)
          sum += static_cast<double>(values[row * perRow + slot]) *
                 static_cast<double>(loadDense(position, column));
      }
      if (operation.epilogue != Epilogue::none)
        sum = applyEpilogue(static_cast<float>(sum), row, column);
      encode(operation.output, output->aligned, outputIndex(row, column), sum);
    }
  if (makesMistake("guard"))
    encode(operation.output, output->aligned, rows * columns(), 1);
  return 0;
}

} // namespace

extern "C" {
#define SPARSE24_CASE(NAME, SIDE, LAYOUT, OUTPUT, EPILOGUE, ACCUMULATE,        \
                      TRANSPOSE, EXPECTED, OPERANDS, ...)                      \
  int32_t NAME##_create(const char *, void **context) {                        \
    *context = nullptr;                                                        \
    return 0;                                                                  \
  }                                                                            \
  int32_t _mlir_ciface_##NAME##_run(                                           \
      void *, MemRef<1> *packed, MemRef<2> *dense,                             \
      SPARSE24_PARAMETERS_##OPERANDS MemRef<2> *output, void *) {              \
    PackedLayout layout = parseLayout(LAYOUT);                                 \
    Operation operation = {layout.elementType, Scalar::OUTPUT,                 \
                           Epilogue::EPILOGUE, ACCUMULATE != 0};               \
    return Call{Side::SIDE,                                                    \
                layout,                                                        \
                operation,                                                     \
                TRANSPOSE != 0,                                                \
                packed,                                                        \
                dense,                                                         \
                {SPARSE24_OPERANDS_##OPERANDS},                                \
                output}                                                        \
        .run();                                                                \
  }                                                                            \
  int32_t NAME##_destroy(void *) { return 0; }
#include "cases.inc"
}
