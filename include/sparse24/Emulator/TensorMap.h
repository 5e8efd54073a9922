//===- TensorMap.h - What TMA copies know of a tensor -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor map of the emulator: as large as the driver's, made of the same
// parameters, but with fields of its own (the driver's are secret).
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_EMULATOR_TENSORMAP_H
#define SPARSE24_EMULATOR_TENSORMAP_H

#include "sparse24/Support/TensorMapParameters.h"

namespace sparse24::emulator {

using sparse24::TensorMapFill;
using sparse24::TensorMapParameters;
using sparse24::TensorMapSwizzle;
using sparse24::TensorMapType;

struct alignas(64) TensorMap {
  static constexpr uint32_t kMagic = 0x34325350;
  static constexpr uint32_t kMaxRank = TensorMapParameters::kMaxRank;

  uint32_t magic;
  TensorMapType type;
  uint8_t rank;
  TensorMapSwizzle swizzle;
  TensorMapFill fill;
  uint8_t *address;
  /// Elements in each dimension, the contiguous one first.
  uint64_t sizes[kMaxRank];
  /// Bytes from an element to the next in dimensions 1, 2, ….
  uint64_t strides[kMaxRank - 1];
  /// Elements of what one copy moves.
  uint16_t box[kMaxRank];

  uint32_t boxBytes() const;
  /// Bytes within which 16-byte chunks trade places; 16 if none do.
  uint32_t swizzleBytes() const;
};
static_assert(sizeof(TensorMap) == 128);

/// Fills in `map`. Returns what is wrong with the parameters, or null.
const char *encodeTensorMap(TensorMap *map, const TensorMapParameters &tensor,
                            TensorMapSwizzle swizzle = TensorMapSwizzle::none,
                            TensorMapFill fill = TensorMapFill::zeros);

} // namespace sparse24::emulator

#endif // SPARSE24_EMULATOR_TENSORMAP_H
