//===- TensorMapParameters.h - What a tensor map is made of -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The parameters of cuTensorMapEncodeTiled, from a memref's descriptor.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_SUPPORT_TENSORMAPPARAMETERS_H
#define SPARSE24_SUPPORT_TENSORMAPPARAMETERS_H

#include <cstdint>

namespace sparse24 {

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

uint32_t elementBytes(TensorMapType type);

/// A tensor and the boxes that copies take from it, as the driver wants them:
/// the contiguous dimension first.
struct TensorMapParameters {
  static constexpr uint32_t kMaxRank = 5;
  /// What the tensor's address and strides are multiples of, in bytes.
  static constexpr int64_t kAlignment = 16;

  TensorMapType type;
  uint32_t rank;
  void *address;
  uint64_t sizes[kMaxRank];
  /// Bytes from an element to the next in dimensions 1, 2, ….
  uint64_t strides[kMaxRank - 1];
  uint32_t box[kMaxRank];
  uint32_t elementStrides[kMaxRank];

  /// Reads a memref's descriptor (two pointers, the offset, `rank` sizes and
  /// strides) and as many extents of the box. Returns what is wrong with them,
  /// or null.
  const char *set(TensorMapType type, uint32_t rank, const void *memref,
                  const int64_t *box);

  /// Whether there is nothing to copy: the driver makes no map of that.
  bool isEmpty() const;
};

} // namespace sparse24

#endif // SPARSE24_SUPPORT_TENSORMAPPARAMETERS_H
