// Evaluation of constant tensors on the machine that compiles.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_HOSTTENSOR_H
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_HOSTTENSOR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

#include <memory>
#include <optional>

namespace mlir::sparse24 {

/// The elements of a constant tensor, row-major. The memory is borrowed from an
/// attribute where that is possible, and shared between copies otherwise.
class HostTensor {
public:
  HostTensor() = default;
  /// Borrows `data`, which must outlive the tensor and all its copies.
  HostTensor(RankedTensorType type, ArrayRef<char> data)
      : type(type), data(data) {}
  /// Allocates, without initializing, memory for a tensor of a static type.
  static HostTensor allocate(RankedTensorType type);

  RankedTensorType getType() const { return type; }
  ArrayRef<char> getData() const { return data; }
  int64_t getNumElements() const { return type.getNumElements(); }
  template <typename Element>
  const Element *getElements() const {
    return reinterpret_cast<const Element *>(data.data());
  }
  /// Only for tensors made by `allocate`.
  char *getMutableData() { return storage.get(); }
  /// What keeps the memory alive; null where it is borrowed.
  std::shared_ptr<char[]> getStorage() const { return storage; }
  /// The same elements under another type of equally many bytes.
  HostTensor withType(RankedTensorType newType) const;

private:
  RankedTensorType type;
  ArrayRef<char> data;
  std::shared_ptr<char[]> storage;
};

/// Bytes of one element in memory; 0 for types that aren't whole bytes.
int64_t getElementBytes(Type elementType);

/// The elements of a constant's value; nothing if their memory can't be read
/// (an elided or missing resource, elements that aren't whole bytes).
std::optional<HostTensor> readConstant(ElementsAttr attribute);

/// Wraps the tensor in a `dense_resource` attribute, without a copy where the
/// tensor owns its memory.
DenseResourceElementsAttr makeResource(HostTensor tensor, StringRef name);

/// A step from a constant to a value computed from it by moving or rounding
/// elements.
struct WeightStep {
  enum class Kind { Transpose, Truncate, Cast } kind;
  /// The value after the step.
  Value result;
};

/// Where a weight comes from: `root` followed by `steps`.
struct WeightChain {
  /// Not produced by one of the operations that are looked through.
  Value root;
  SmallVector<WeightStep> steps;

  bool isTransposed() const;
  bool isTruncated() const;
};

/// Looks through `linalg.transpose`, `tensor.cast` and truncation, as named
/// operations or as `linalg.generic`.
WeightChain traceWeight(Value value);

/// One step forward. `operand` is the value that goes in.
HostTensor applyStep(const WeightStep &step, HostTensor operand);

/// Transposes a matrix.
HostTensor transposeHost(const HostTensor &matrix);

/// Reorders a dimension: what is at index permutation[i] comes to i.
HostTensor permuteHost(const HostTensor &tensor, int64_t dim,
                       ArrayRef<int64_t> permutation);

/// Converts the elements between f32, f16, bf16 and the 8-bit floats.
HostTensor convertHost(const HostTensor &tensor, Type elementType);

} // namespace mlir::sparse24

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_HOSTTENSOR_H
