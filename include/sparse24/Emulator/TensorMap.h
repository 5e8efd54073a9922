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

#include <cstdint>

namespace sparse24::emulator {

/// Enumerators have the values of the driver's (CUtensorMapDataType, …).
enum class TensorMapType : uint8_t {
  U8,
  U16,
  U32,
  S32,
  U64,
  S64,
  F16,
  F32,
  F64,
  BF16,
  F32Ftz,
  TF32,
  TF32Ftz,
};
enum class TensorMapInterleave : uint8_t { none, bytes16, bytes32 };
enum class TensorMapSwizzle : uint8_t { none, bytes32, bytes64, bytes128 };
enum class TensorMapPromotion : uint8_t { none, bytes64, bytes128, bytes256 };
enum class TensorMapFill : uint8_t { zeros, nan };

struct alignas(64) TensorMap {
  static constexpr uint32_t kMagic = 0x34325350;
  static constexpr uint32_t kMaxRank = 5;

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

  uint32_t elementBytes() const;
  uint32_t boxBytes() const;
  /// Bytes within which 16-byte chunks trade places; 16 if none do.
  uint32_t swizzleBytes() const;
};
static_assert(sizeof(TensorMap) == 128);

/// Fills in `map` from the parameters of cuTensorMapEncodeTiled. Returns what
/// is wrong with them, or null.
const char *encodeTensorMap(TensorMap *map, TensorMapType type, uint32_t rank,
                            void *address, const uint64_t *sizes,
                            const uint64_t *strides, const uint32_t *box,
                            const uint32_t *elementStrides,
                            TensorMapInterleave interleave,
                            TensorMapSwizzle swizzle,
                            TensorMapPromotion promotion, TensorMapFill fill);

} // namespace sparse24::emulator

#endif // SPARSE24_EMULATOR_TENSORMAP_H
