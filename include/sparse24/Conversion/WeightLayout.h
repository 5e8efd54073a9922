// What an entry of the weight file has to be for a weight of the program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_CONVERSION_WEIGHTLAYOUT_H
#define SPARSE24_CONVERSION_WEIGHTLAYOUT_H

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Support/WeightFile.h"

namespace mlir::sparse24 {

/// The hash of its layout, packed or plain.
inline uint64_t getLayoutHash(WeightOp weight, MemRefType type) {
  if (std::optional<LayoutAttr> layout = weight.getLayout())
    return layout->getHash();
  std::string elementType;
  llvm::raw_string_ostream(elementType) << type.getElementType();
  int64_t k = type.getRank() ? type.getShape().back() : 1;
  int64_t rows = k ? type.getNumElements() / k : 0;
  return ::sparse24::plainLayoutHash(elementType, rows, k);
}

} // namespace mlir::sparse24

#endif // SPARSE24_CONVERSION_WEIGHTLAYOUT_H
