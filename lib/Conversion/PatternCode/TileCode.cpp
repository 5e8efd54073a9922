// Masks that are 2:4 both ways: Support's search as code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/PatternCode.h"
#include "sparse24/Support/Transposable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::sparse24;
namespace transposable = ::sparse24::transposable;

namespace {

/// Arithmetic of transposable::selectTile() that emits it.
struct Emitter {
  using Score = Value;
  using Mask = Value;

  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value constant(uint32_t mask) { return emitI32(b, mask); }
  Value join(Value x, Value y) { return arith::OrIOp::create(b, x, y); }
  Value isLess(Value x, Value y) {
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, y);
  }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, condition, yes, no);
  }

  /// Whether an element's magnitude, an integer, compares so with another.
  Value compare(arith::CmpIPredicate predicate, Value magnitude,
                uint32_t other) {
    return arith::CmpIOp::create(b, predicate, magnitude, constant(other));
  }

  ImplicitLocOpBuilder &b;
};

} // namespace

static Value emitScore(Emitter &emitter, Value magnitude, Type type) {
  using P = arith::CmpIPredicate;
  ImplicitLocOpBuilder &b = emitter.b;
  Value score = emitFloat(b, magnitude, type);
  if (type.isInteger())
    return score;
  if (type.isBF16() || type.isF32()) {
    Value limit = emitF32(b, transposable::kFiniteScore);
    score = emitter.select(emitter.isLess(limit, score), limit, score);
  }
  if (!isa<Float8E4M3FNType>(type)) {
    uint32_t infinity =
        ::sparse24::largestNumberRank(*convertElementType(type));
    score = emitter.select(emitter.compare(P::eq, magnitude, infinity),
                           emitF32(b, transposable::kInfinityScore), score);
  }
  return emitter.select(emitIsNaN(b, magnitude, type),
                        emitF32(b, transposable::kNaNScore), score);
}

void mlir::sparse24::emitPruneTile(ImplicitLocOpBuilder &b,
                                   MutableArrayRef<SmallVector<Value>> rows,
                                   int64_t column, Type elementType) {
  Emitter emitter{b};
  auto size = static_cast<int64_t>(rows.size());
  std::array<std::array<Value, 4>, 4> scores;
  for (int64_t r = 0; r < size; ++r)
    for (int64_t c = 0; c < size; ++c)
      scores[r][c] =
          emitScore(emitter, emitMagnitude(b, rows[r][column + c], elementType),
                    elementType);
  Value mask = size == 4 ? transposable::selectTile(emitter, scores)
                         : transposable::selectPairTile(emitter, scores);
  Value zero = emitZero(b, rows[0][column].getType());
  for (int64_t r = 0; r < size; ++r)
    for (int64_t c = 0; c < size; ++c) {
      Value bit =
          arith::AndIOp::create(b, mask, emitter.constant(1u << (4 * r + c)));
      Value isKept = emitter.compare(arith::CmpIPredicate::ne, bit, 0);
      Value &element = rows[r][column + c];
      element = emitter.select(isKept, element, zero);
    }
}
