// Evaluation of constant tensors on the machine that compiles.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/HostTensor.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

#include <cstring>

using namespace mlir;
using namespace mlir::sparse24;

//===----------------------------------------------------------------------===//
// HostTensor
//===----------------------------------------------------------------------===//

int64_t mlir::sparse24::getElementBytes(Type elementType) {
  if (!elementType.isIntOrFloat() || elementType.getIntOrFloatBitWidth() % 8)
    return 0;
  return elementType.getIntOrFloatBitWidth() / 8;
}

HostTensor HostTensor::allocate(RankedTensorType type) {
  HostTensor tensor;
  size_t bytes = type.getNumElements() * getElementBytes(type.getElementType());
  tensor.type = type;
  tensor.storage = std::shared_ptr<char[]>(new char[bytes]);
  tensor.data = ArrayRef<char>(tensor.storage.get(), bytes);
  return tensor;
}

HostTensor HostTensor::withType(RankedTensorType newType) const {
  HostTensor tensor = *this;
  tensor.type = newType;
  return tensor;
}

/// Writes one element over all of a new tensor.
static HostTensor fillHost(RankedTensorType type, ArrayRef<char> element) {
  HostTensor tensor = HostTensor::allocate(type);
  char *out = tensor.getMutableData();
  for (int64_t i = 0, e = tensor.getNumElements(); i != e; ++i)
    std::memcpy(out + i * element.size(), element.data(), element.size());
  return tensor;
}

std::optional<HostTensor>
mlir::sparse24::readConstant(ElementsAttr attribute) {
  auto type = dyn_cast<RankedTensorType>(attribute.getType());
  if (!type)
    return std::nullopt;
  int64_t elementBytes = getElementBytes(type.getElementType());
  if (elementBytes == 0)
    return std::nullopt;
  ArrayRef<char> data;
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute)) {
    data = dense.getRawData();
    if (dense.isSplat())
      return fillHost(type, data.take_front(elementBytes));
  } else if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      data = blob->getData();
  }
  if (static_cast<int64_t>(data.size()) !=
      type.getNumElements() * elementBytes)
    return std::nullopt;
  return HostTensor(type, data);
}

DenseResourceElementsAttr mlir::sparse24::makeResource(HostTensor tensor,
                                                       StringRef name) {
  constexpr size_t alignment = 16;
  ArrayRef<char> data = tensor.getData();
  RankedTensorType type = tensor.getType();
  std::shared_ptr<char[]> storage = tensor.getStorage();
  AsmResourceBlob blob =
      storage ? AsmResourceBlob(
                    data, alignment,
                    [storage](void *, size_t, size_t) mutable {
                      storage.reset();
                    },
                    /*dataIsMutable=*/false)
              : HeapAsmResourceBlob::allocateAndCopyWithAlign(
                    data, alignment, /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

bool WeightChain::isTransposed() const {
  return llvm::count_if(steps, [](const WeightStep &step) {
           return step.kind == WeightStep::Kind::Transpose;
         }) %
             2 ==
         1;
}

bool WeightChain::isTruncated() const {
  return llvm::any_of(steps, [](const WeightStep &step) {
    return step.kind == WeightStep::Kind::Truncate;
  });
}

/// Matches a `linalg.generic` that only rounds, without moving, its operand.
static Value matchTruncatingGeneric(Operation *op) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInputs() != 1 ||
      generic.getNumDpsInits() != 1 ||
      !llvm::all_of(generic.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isIdentity(); }))
    return {};
  Block *body = generic.getBody();
  auto truncation = dyn_cast<arith::TruncFOp>(body->front());
  if (!truncation || truncation.getIn() != body->getArgument(0) ||
      body->getTerminator()->getOperand(0) != truncation.getOut())
    return {};
  return generic.getDpsInputs().front();
}

/// Matches a transposition of a matrix.
static Value matchTranspose(Operation *op) {
  auto isSwap = [](ArrayRef<int64_t> permutation) {
    return permutation == ArrayRef<int64_t>{1, 0};
  };
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op))
    return isSwap(transpose.getPermutation()) ? transpose.getInput() : Value();
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    auto permutation = linalg::isaTransposeOpInterface(generic);
    if (permutation && isSwap(*permutation))
      return generic.getDpsInputs().front();
  }
  return {};
}

WeightChain mlir::sparse24::traceWeight(Value value) {
  WeightChain chain;
  while (Operation *op = value.getDefiningOp()) {
    WeightStep step;
    step.result = value;
    Value operand;
    if ((operand = matchTranspose(op))) {
      step.kind = WeightStep::Kind::Transpose;
    } else if (auto truncation = dyn_cast<arith::TruncFOp>(op)) {
      step.kind = WeightStep::Kind::Truncate;
      operand = truncation.getIn();
    } else if ((operand = matchTruncatingGeneric(op))) {
      step.kind = WeightStep::Kind::Truncate;
    } else if (auto cast = dyn_cast<tensor::CastOp>(op)) {
      step.kind = WeightStep::Kind::Cast;
      operand = cast.getSource();
    } else {
      break;
    }
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type)
      break;
    // Rounded is by what Support knows, which f64 isn't.
    if (step.kind == WeightStep::Kind::Truncate &&
        !convertElementType(type.getElementType()))
      break;
    chain.steps.push_back(step);
    value = operand;
  }
  chain.root = value;
  std::reverse(chain.steps.begin(), chain.steps.end());
  return chain;
}

HostTensor mlir::sparse24::applyStep(const WeightStep &step,
                                     HostTensor operand) {
  switch (step.kind) {
  case WeightStep::Kind::Transpose:
    return transposeHost(operand);
  case WeightStep::Kind::Truncate:
    return convertHost(operand, getElementTypeOrSelf(step.result.getType()));
  case WeightStep::Kind::Cast:
    return operand;
  }
  llvm_unreachable("unknown step");
}

/// Transposes in square blocks, so that both sides stay in the cache.
template <typename T>
static void transposeBlocks(const char *source, char *target, int64_t rows,
                            int64_t cols) {
  constexpr int64_t block = 32;
  const T *in = reinterpret_cast<const T *>(source);
  T *out = reinterpret_cast<T *>(target);
  for (int64_t rowBlock = 0; rowBlock < rows; rowBlock += block)
    for (int64_t colBlock = 0; colBlock < cols; colBlock += block)
      for (int64_t r = rowBlock, re = std::min(rows, r + block); r < re; ++r)
        for (int64_t c = colBlock, ce = std::min(cols, c + block); c < ce; ++c)
          out[c * rows + r] = in[r * cols + c];
}

HostTensor mlir::sparse24::transposeHost(const HostTensor &matrix) {
  RankedTensorType type = matrix.getType();
  int64_t rows = type.getDimSize(0), cols = type.getDimSize(1);
  Type elementType = type.getElementType();
  HostTensor result =
      HostTensor::allocate(RankedTensorType::get({cols, rows}, elementType));
  const char *in = matrix.getData().data();
  char *out = result.getMutableData();
  switch (getElementBytes(elementType)) {
  case 1:
    transposeBlocks<uint8_t>(in, out, rows, cols);
    break;
  case 2:
    transposeBlocks<uint16_t>(in, out, rows, cols);
    break;
  case 4:
    transposeBlocks<uint32_t>(in, out, rows, cols);
    break;
  default:
    transposeBlocks<uint64_t>(in, out, rows, cols);
    break;
  }
  return result;
}

HostTensor mlir::sparse24::permuteHost(const HostTensor &tensor, int64_t dim,
                                       ArrayRef<int64_t> permutation) {
  RankedTensorType type = tensor.getType();
  ArrayRef<int64_t> shape = type.getShape();
  HostTensor result = HostTensor::allocate(type);
  // Each index along the dimension is a run of bytes, of which there are as
  // many as there are indices before.
  int64_t runs = llvm::product_of(shape.take_front(dim));
  int64_t runBytes = llvm::product_of(shape.drop_front(dim + 1)) *
                     getElementBytes(type.getElementType());
  const char *in = tensor.getData().data();
  char *out = result.getMutableData();
  for (int64_t run = 0; run < runs; ++run, in += runBytes * shape[dim])
    for (int64_t source : permutation) {
      std::memcpy(out, in + source * runBytes, runBytes);
      out += runBytes;
    }
  return result;
}

HostTensor mlir::sparse24::convertHost(const HostTensor &tensor,
                                       Type elementType) {
  RankedTensorType type = tensor.getType();
  if (type.getElementType() == elementType)
    return tensor;
  HostTensor result =
      HostTensor::allocate(RankedTensorType::get(type.getShape(), elementType));
  const char *in = tensor.getData().data();
  char *out = result.getMutableData();
  int64_t inBytes = getElementBytes(type.getElementType());
  int64_t outBytes = getElementBytes(elementType);
  // In pieces that stay in the cache, through f32.
  constexpr int64_t piece = 4096;
  float buffer[piece];
  for (int64_t i = 0, e = tensor.getNumElements(); i < e; i += piece) {
    int64_t count = std::min(piece, e - i);
    const float *floats = reinterpret_cast<const float *>(in + i * inBytes);
    if (!type.getElementType().isF32()) {
      ::sparse24::convertToFloat(*convertElementType(type.getElementType()),
                                 in + i * inBytes, buffer, count);
      floats = buffer;
    }
    if (elementType.isF32())
      std::memcpy(out + i * outBytes, floats, count * sizeof(float));
    else
      ::sparse24::convertFromFloat(*convertElementType(elementType), floats,
                                   out + i * outBytes, count);
  }
  return result;
}
