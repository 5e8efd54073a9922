// The table of compiled products that make_modules.py writes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TEST_INTEGRATION_GPU_CASES_H
#define SPARSE24_TEST_INTEGRATION_GPU_CASES_H

#include "Device.h"
#include "Problem.h"

#include <vector>

namespace sparse24::gpu {

enum class Side { lhs, rhs };

/// One compiled function and what it computes.
///   lhs: D[rows × columns] = W[rows × k] · X[k × columns]
///   rhs: D[columns × rows] = X[columns × k] · W[rows × k]ᵀ
/// With transposeDense X is given the other way round.
struct Case {
  const char *name;
  Side side;
  Scalar element, output;
  int64_t rows, k;
  /// 0 if dynamic.
  int64_t columns;
  bool transposeDense;
  /// What the schedule was chosen for, if dynamic.
  int64_t expectedColumns;

  int32_t (*create)(const char *weights, void **context);
  int32_t (*run)(void *context, MemRef<1> *packed, MemRef<2> *dense,
                 MemRef<2> *output, void *stream);
  int32_t (*destroy)(void *context);

  /// Whether X lies in memory as columns × k.
  bool isDenseByColumns() const {
    return (side == Side::rhs) != transposeDense;
  }
  MemRef<2> denseRef(void *data, int64_t n) const {
    return isDenseByColumns() ? memref(data, n, k) : memref(data, k, n);
  }
  MemRef<2> outputRef(void *data, int64_t n) const {
    return side == Side::lhs ? memref(data, rows, n) : memref(data, n, rows);
  }
};

inline const char *text(Side side) { return side == Side::lhs ? "lhs" : "rhs"; }
inline const char *text(Scalar type) {
  return type == Scalar::f16 ? "f16" : type == Scalar::bf16 ? "bf16" : "f32";
}

} // namespace sparse24::gpu

extern "C" {
#define SPARSE24_CASE(NAME, SIDE, ELEMENT, OUTPUT, ROWS, K, COLUMNS,           \
                      TRANSPOSE, EXPECTED)                                     \
  int32_t NAME##_create(const char *weights, void **context);                  \
  int32_t _mlir_ciface_##NAME##_run(                                           \
      void *context, sparse24::gpu::MemRef<1> *packed,                         \
      sparse24::gpu::MemRef<2> *dense, sparse24::gpu::MemRef<2> *output,       \
      void *stream);                                                           \
  int32_t NAME##_destroy(void *context);
#include "cases.inc"
#undef SPARSE24_CASE
}

namespace sparse24::gpu {

inline std::vector<Case> allCases() {
  return {
#define SPARSE24_CASE(NAME, SIDE, ELEMENT, OUTPUT, ROWS, K, COLUMNS,           \
                      TRANSPOSE, EXPECTED)                                     \
  {#NAME,                                                                      \
   Side::SIDE,                                                                 \
   Scalar::ELEMENT,                                                            \
   Scalar::OUTPUT,                                                             \
   ROWS,                                                                       \
   K,                                                                          \
   COLUMNS,                                                                    \
   TRANSPOSE != 0,                                                             \
   EXPECTED,                                                                   \
   NAME##_create,                                                              \
   _mlir_ciface_##NAME##_run,                                                  \
   NAME##_destroy},
#include "cases.inc"
#undef SPARSE24_CASE
  };
}

} // namespace sparse24::gpu

#endif // SPARSE24_TEST_INTEGRATION_GPU_CASES_H
