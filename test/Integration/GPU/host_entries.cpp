// The functions of cases.inc on the host, to test the checker without a GPU.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With the driver of test/FakeCuda, whose device memory is host memory, they
// stand in for compiled functions: check_matmul must pass with them, and must
// fail if SPARSE24_TEST_MISTAKE names a mistake for them to make:
//   tail        forgets the last column of W
//   unwritten   leaves the last output
//   guard       writes behind the output
//   race        starts its sums from a tiny amount in every other run

#include "Cases.h"
#include "sparse24/Runtime/Runtime.h"

#include <atomic>
#include <cstring>

using namespace sparse24;
using namespace sparse24::gpu;

namespace {

bool makesMistake(const char *name) {
  const char *mistake = std::getenv("SPARSE24_TEST_MISTAKE");
  return mistake && !std::strcmp(mistake, name);
}

float load(Scalar type, const uint16_t *data, int64_t index) {
  return type == Scalar::f16 ? f16ToFloat(data[index])
                             : bf16ToFloat(data[index]);
}

void store(Scalar type, void *data, int64_t index, float value) {
  if (type == Scalar::f32)
    static_cast<float *>(data)[index] = value;
  else
    static_cast<uint16_t *>(data)[index] =
        type == Scalar::f16 ? floatToF16(value) : floatToBF16(value);
}

int32_t multiply(Side side, Scalar element, Scalar output, int64_t rows,
                 int64_t k, bool isTransposed, MemRef<1> *packed,
                 MemRef<2> *dense, MemRef<2> *result) {
  if (int32_t status = sparse24CheckAligned(dense->aligned, 16))
    return status;
  bool byColumns = (side == Side::rhs) != isTransposed;
  int64_t columns = dense->sizes[byColumns ? 0 : 1];
  PackedLayout layout{
      PackedFamily::MmaSp,
      element == Scalar::f16 ? ElementType::F16 : ElementType::BF16, rows, k};
  int64_t perRow = valuesPerRow(layout.elementType, k);
  int64_t wordsPerRow = metadataWordsPerRow(layout.elementType, k);
  std::vector<uint16_t> values(rows * perRow), metadata(rows * wordsPerRow);
  unpack(layout, packed->aligned, values.data(), metadata.data());

  static std::atomic<int> numRuns{0};
  float noise = makesMistake("race") && ++numRuns % 2 ? 0x1p-24f : 0.0f;
  int64_t usedK = makesMistake("tail") ? k - 1 : k;
  const auto *x = static_cast<const uint16_t *>(dense->aligned);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      if (makesMistake("unwritten") && row == rows - 1 && column == columns - 1)
        continue;
      float sum = noise;
      for (int64_t slot = 0; slot < perRow; ++slot) {
        int64_t group = slot / 2;
        unsigned nibble =
            metadata[row * wordsPerRow + group / 4] >> (4 * (group % 4)) & 15;
        int64_t position = group * 4 + (slot % 2 ? nibble >> 2 : nibble & 3);
        if (position < usedK)
          sum += load(element, values.data(), row * perRow + slot) *
                 load(element, x,
                      byColumns ? column * k + position
                                : position * columns + column);
      }
      store(output, result->aligned,
            side == Side::lhs ? row * columns + column : column * rows + row,
            sum);
    }
  if (makesMistake("guard"))
    store(output, result->aligned, rows * columns, 1.0f);
  return 0;
}

} // namespace

extern "C" {
#define SPARSE24_CASE(NAME, SIDE, ELEMENT, OUTPUT, ROWS, K, COLUMNS,           \
                      TRANSPOSE, EXPECTED)                                     \
  int32_t NAME##_create(const char *, void **context) {                        \
    *context = nullptr;                                                        \
    return 0;                                                                  \
  }                                                                            \
  int32_t _mlir_ciface_##NAME##_run(void *, MemRef<1> *packed,                 \
                                    MemRef<2> *dense, MemRef<2> *output,       \
                                    void *) {                                  \
    return multiply(Side::SIDE, Scalar::ELEMENT, Scalar::OUTPUT, ROWS, K,      \
                    TRANSPOSE != 0, packed, dense, output);                    \
  }                                                                            \
  int32_t NAME##_destroy(void *) { return 0; }
#include "cases.inc"
}
