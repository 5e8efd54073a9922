//===- TensorMapParameters.cpp - What a tensor map is made of -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/TensorMapParameters.h"

#include <algorithm>

using namespace sparse24;

uint32_t sparse24::elementBytes(TensorMapType type) {
  static constexpr uint8_t kBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  return kBytes[static_cast<uint8_t>(type)];
}

const char *TensorMapParameters::set(TensorMapType theType, uint32_t theRank,
                                     const void *memref,
                                     const int64_t *theBox) {
  if (theType > TensorMapType::TF32Ftz)
    return "there is no such element type";
  if (theRank < 1 || theRank > kMaxRank)
    return "a tensor map has 1 to 5 dimensions";
  type = theType;
  rank = theRank;
  auto *pointers = static_cast<char *const *>(memref);
  auto *numbers = reinterpret_cast<const int64_t *>(pointers + 2);
  const int64_t *memrefSizes = numbers + 1, *memrefStrides = memrefSizes + rank;
  int64_t bytes = elementBytes(type);
  address = pointers[1] + *numbers * bytes;
  for (uint32_t i = 0; i < rank; ++i) {
    uint32_t dim = rank - 1 - i;
    sizes[i] = static_cast<uint64_t>(memrefSizes[dim]);
    box[i] = static_cast<uint32_t>(theBox[dim]);
    elementStrides[i] = 1;
    if (i > 0)
      strides[i - 1] = static_cast<uint64_t>(memrefStrides[dim] * bytes);
    else if (memrefStrides[dim] != 1)
      return "elements of the last dimension aren't side by side";
  }
  return nullptr;
}

bool TensorMapParameters::isEmpty() const {
  return std::find(sizes, sizes + rank, 0) != sizes + rank;
}
