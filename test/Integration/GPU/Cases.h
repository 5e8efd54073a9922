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
  PackedLayout layout;
  Operation operation;
  bool transposeDense;
  /// What the schedule was chosen for.
  int64_t expectedColumns;
  /// What the function runs with.
  std::vector<int64_t> columns;

  int32_t (*create)(const char *weights, void **context);
  /// How it is called depends on the number of its operands: see run().
  void (*runFunction)();
  int32_t (*destroy)(void *context);

  int64_t rows() const { return layout.rows; }
  int64_t k() const { return layout.k; }
  bool isOutputTransposed() const { return side == Side::rhs; }
  /// Whether X lies in memory as columns × k.
  bool isDenseByColumns() const {
    return (side == Side::rhs) != transposeDense;
  }
  MemRef<2> denseRef(void *data, int64_t n) const {
    return isDenseByColumns() ? memref(data, n, k()) : memref(data, k(), n);
  }
  MemRef<2> outputRef(void *data, int64_t n) const {
    return side == Side::lhs ? memref(data, rows(), n)
                             : memref(data, n, rows());
  }
  int64_t outputBytes(int64_t n) const {
    return rows() * n * scalarBytes(operation.output);
  }

  /// `operands` are the descriptors of operation.operands().
  int32_t run(void *context, MemRef<1> *packed, MemRef<2> *dense,
              const std::vector<void *> &operands, MemRef<2> *output,
              void *stream) const;
};

inline PackedLayout parseLayout(const char *text) {
  PackedLayout layout;
  if (!PackedLayout::parse(text, layout))
    Device::die(std::string("not a layout: ") + text);
  return layout;
}

inline const char *text(Side side) { return side == Side::lhs ? "lhs" : "rhs"; }

} // namespace sparse24::gpu

// The parameters of functions with so many operands, and their names.
#define SPARSE24_PARAMETERS_0
#define SPARSE24_PARAMETERS_1 void *o0,
#define SPARSE24_PARAMETERS_2 void *o0, void *o1,
#define SPARSE24_OPERANDS_0
#define SPARSE24_OPERANDS_1 o0
#define SPARSE24_OPERANDS_2 o0, o1

extern "C" {
#define SPARSE24_CASE(NAME, SIDE, LAYOUT, OUTPUT, EPILOGUE, ACCUMULATE,        \
                      TRANSPOSE, EXPECTED, OPERANDS, ...)                      \
  int32_t NAME##_create(const char *weights, void **context);                  \
  int32_t _mlir_ciface_##NAME##_run(                                           \
      void *context, sparse24::gpu::MemRef<1> *packed,                         \
      sparse24::gpu::MemRef<2> *dense,                                         \
      SPARSE24_PARAMETERS_##OPERANDS sparse24::gpu::MemRef<2> *output,         \
      void *stream);                                                           \
  int32_t NAME##_destroy(void *context);
#include "cases.inc"
#undef SPARSE24_CASE
}

namespace sparse24::gpu {

inline int32_t Case::run(void *context, MemRef<1> *packed, MemRef<2> *dense,
                         const std::vector<void *> &operands, MemRef<2> *output,
                         void *stream) const {
  auto call = [&](auto... operand) {
    using Function = int32_t (*)(void *, MemRef<1> *, MemRef<2> *,
                                 decltype(operand)..., MemRef<2> *, void *);
    return reinterpret_cast<Function>(runFunction)(context, packed, dense,
                                                   operand..., output, stream);
  };
  switch (operands.size()) {
  case 0:
    return call();
  case 1:
    return call(operands[0]);
  default:
    return call(operands[0], operands[1]);
  }
}

inline std::vector<Case> allCases() {
  return {
#define SPARSE24_CASE(NAME, SIDE, LAYOUT, OUTPUT, EPILOGUE, ACCUMULATE,        \
                      TRANSPOSE, EXPECTED, OPERANDS, ...)                      \
  {#NAME,                                                                      \
   Side::SIDE,                                                                 \
   parseLayout(LAYOUT),                                                        \
   {parseLayout(LAYOUT).elementType, Scalar::OUTPUT, Epilogue::EPILOGUE,       \
    ACCUMULATE != 0},                                                          \
   TRANSPOSE != 0,                                                             \
   EXPECTED,                                                                   \
   {__VA_ARGS__},                                                              \
   NAME##_create,                                                              \
   reinterpret_cast<void (*)()>(_mlir_ciface_##NAME##_run),                    \
   NAME##_destroy},
#include "cases.inc"
#undef SPARSE24_CASE
  };
}

} // namespace sparse24::gpu

#endif // SPARSE24_TEST_INTEGRATION_GPU_CASES_H
