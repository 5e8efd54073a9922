// Index arithmetic that reads like arithmetic and builds `arith` operations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_INDEXVALUE_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_INDEXVALUE_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::sparse24 {

/// A non-negative value of type `index`, or of `i32` where registers are scarce
/// (GPUs compute 64 bits in two), with C++'s operators on it. The maps
/// of Support/MmaSp.h are templates over the coordinate's type: with integers
/// they compute a position, with this class they build the code that does.
class IndexValue {
public:
  IndexValue(ImplicitLocOpBuilder &builder, Value value)
      : builder(&builder), value(value) {}
  IndexValue(ImplicitLocOpBuilder &builder, int64_t constant)
      : builder(&builder),
        value(arith::ConstantIndexOp::create(builder, constant)) {}

  operator Value() const { return value; }
  /// The value in 32 bits, which it is known to fit, and as an `index`.
  IndexValue narrow() const { return cast(builder->getI32Type()); }
  IndexValue widen() const { return cast(builder->getIndexType()); }
  ImplicitLocOpBuilder &getBuilder() const { return *builder; }

  IndexValue operator+(const IndexValue &rhs) const {
    return binary<arith::AddIOp>(rhs, noOverflow);
  }
  IndexValue operator-(const IndexValue &rhs) const {
    return binary<arith::SubIOp>(rhs);
  }
  IndexValue operator*(const IndexValue &rhs) const {
    return binary<arith::MulIOp>(rhs, noOverflow);
  }
  IndexValue operator/(const IndexValue &rhs) const {
    return binary<arith::DivUIOp>(rhs);
  }
  IndexValue operator%(const IndexValue &rhs) const {
    return binary<arith::RemUIOp>(rhs);
  }
  IndexValue operator^(const IndexValue &rhs) const {
    return binary<arith::XOrIOp>(rhs);
  }
  IndexValue operator+(int64_t rhs) const { return *this + constant(rhs); }
  IndexValue operator-(int64_t rhs) const { return *this - constant(rhs); }
  IndexValue operator*(int64_t rhs) const { return *this * constant(rhs); }
  IndexValue operator/(int64_t rhs) const { return *this / constant(rhs); }
  IndexValue operator%(int64_t rhs) const { return *this % constant(rhs); }
  friend IndexValue operator+(int64_t lhs, const IndexValue &rhs) {
    return rhs + lhs;
  }
  friend IndexValue operator*(int64_t lhs, const IndexValue &rhs) {
    return rhs * lhs;
  }

  /// The comparison as an `i1`.
  Value operator<(const IndexValue &rhs) const {
    return builder->createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult,
                                                value, rhs.value);
  }
  Value operator<(int64_t rhs) const { return *this < constant(rhs); }
  /// The comparison of values that are known to fit 32 bits, in those: GPUs
  /// compare 64 bits in two steps.
  Value isLessNarrow(const IndexValue &rhs) const {
    return narrow() < rhs.narrow();
  }

  IndexValue min(const IndexValue &rhs) const {
    return binary<arith::MinUIOp>(rhs);
  }
  IndexValue min(int64_t rhs) const { return min(constant(rhs)); }
  IndexValue max(int64_t rhs) const {
    return binary<arith::MaxUIOp>(constant(rhs));
  }
  IndexValue ceilDiv(int64_t rhs) const { return (*this + (rhs - 1)) / rhs; }
  /// `condition ? *this : other`.
  IndexValue orUnless(Value condition, const IndexValue &other) const {
    return {*builder, builder->createOrFold<arith::SelectOp>(condition, value,
                                                             other.value)};
  }
  /// `condition ? *this : 0`.
  IndexValue orZeroUnless(Value condition) const {
    return orUnless(condition, constant(0));
  }

private:
  static constexpr auto noOverflow =
      arith::IntegerOverflowFlags::nsw | arith::IntegerOverflowFlags::nuw;

  IndexValue constant(int64_t c) const {
    return {*builder,
            arith::ConstantOp::create(
                *builder, builder->getIntegerAttr(value.getType(), c))};
  }
  IndexValue cast(Type type) const {
    if (value.getType() == type)
      return *this;
    return {*builder, builder->createOrFold<arith::IndexCastUIOp>(type, value)};
  }

  template <typename OpTy, typename... Args>
  IndexValue binary(const IndexValue &rhs, Args... args) const {
    return {*builder, builder->createOrFold<OpTy>(value, rhs.value, args...)};
  }

  ImplicitLocOpBuilder *builder;
  Value value;
};

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_INDEXVALUE_H
