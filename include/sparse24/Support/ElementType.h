//===- ElementType.h - Element types of sparse operands ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The element types that Sparse Tensor Cores take as a sparse operand, what the
// 2:4 pattern means for each, and conversions from and to float.
//
// This library is std-only: the compiler, the runtime, the tests and programs
// on a bare GPU machine share it.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_SUPPORT_ELEMENTTYPE_H
#define SPARSE24_SUPPORT_ELEMENTTYPE_H

#include <cstdint>
#include <cstring>
#include <string_view>

namespace sparse24 {

/// An element type of a sparse operand.
///   F16, BF16   IEEE half and bfloat16
///   TF32        stored as a 32-bit float of which the hardware reads the upper
///               19 bits; its pattern is 1:2
///   S8, U8      8-bit integers
///   E4M3, E5M2  8-bit floats (MLIR's f8E4M3FN, which has no infinity, and
///   f8E5M2)
enum class ElementType : uint8_t { F16, BF16, TF32, S8, U8, E4M3, E5M2 };

/// Every element type, for loops in tests and tools.
inline constexpr ElementType kElementTypes[] = {
    ElementType::F16, ElementType::BF16, ElementType::TF32, ElementType::S8,
    ElementType::U8,  ElementType::E4M3, ElementType::E5M2};

/// Bytes that one element takes in memory: 1, 2 or (TF32) 4.
constexpr int64_t storageBytes(ElementType type) {
  switch (type) {
  case ElementType::F16:
  case ElementType::BF16:
    return 2;
  case ElementType::TF32:
    return 4;
  default:
    return 1;
  }
}

/// Logical elements in one group: 4, for TF32 2.
constexpr int64_t groupSize(ElementType type) {
  return type == ElementType::TF32 ? 2 : 4;
}

/// Elements that one group keeps: 2, for TF32 1.
constexpr int64_t keptPerGroup(ElementType type) { return groupSize(type) / 2; }

/// Metadata bits of one group, whatever the type.
inline constexpr int64_t kMetadataBitsPerGroup = 4;

/// Groups whose metadata share one int16 word.
inline constexpr int64_t kGroupsPerMetadataWord = 16 / kMetadataBitsPerGroup;

constexpr bool isInteger(ElementType type) {
  return type == ElementType::S8 || type == ElementType::U8;
}

/// The type's name in layouts, weight files and messages: "f16", "bf16",
/// "tf32", "s8", "u8", "e4m3" or "e5m2".
constexpr const char *elementTypeName(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return "f16";
  case ElementType::BF16:
    return "bf16";
  case ElementType::TF32:
    return "tf32";
  case ElementType::S8:
    return "s8";
  case ElementType::U8:
    return "u8";
  case ElementType::E4M3:
    return "e4m3";
  case ElementType::E5M2:
    return "e5m2";
  }
  return "";
}

/// Finds the type of that name; false if there is none.
constexpr bool parseElementType(std::string_view name, ElementType &type) {
  for (ElementType candidate : kElementTypes) {
    if (name != elementTypeName(candidate))
      continue;
    type = candidate;
    return true;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Conversions of single values. All round to nearest, ties to even; a NaN stays
// a NaN (its upper payload bits survive, quieted) and an infinity stays one.
//===----------------------------------------------------------------------===//

inline uint32_t floatToBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float bitsToFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline uint16_t floatToBF16(float value) {
  uint32_t bits = floatToBits(value);
  uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  uint32_t quietNaN = (bits >> 16) | 0x40u;
  bool isNaN = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  return static_cast<uint16_t>(isNaN ? quietNaN : rounded);
}

inline float bf16ToFloat(uint16_t bits) {
  return bitsToFloat(static_cast<uint32_t>(bits) << 16);
}

inline uint16_t floatToF16(float value) {
  uint32_t bits = floatToBits(value);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  // Normal results: rebias the exponent from 127 to 15, then round away 13
  // bits. A carry out of the mantissa steps the exponent, up to infinity, as it
  // should.
  uint32_t normal =
      (magnitude - (112u << 23) + 0xFFFu + ((magnitude >> 13) & 1u)) >> 13;
  // Subnormal results: in 0.5 + |x| the last mantissa bit weighs 2^-24, a
  // half's smallest step, so the addition itself does the rounding.
  uint32_t subnormal = floatToBits(bitsToFloat(magnitude) + 0.5f) - 0x3F000000u;
  uint32_t quietNaN = 0x7E00u | ((magnitude >> 13) & 0x3FFu);
  uint32_t result = magnitude < 0x38800000u ? subnormal : normal; // 2^-14
  result = magnitude >= 0x47800000u ? 0x7C00u : result;           // 2^16
  result = magnitude > 0x7F800000u ? quietNaN : result;
  return static_cast<uint16_t>(sign | result);
}

inline float f16ToFloat(uint16_t half) {
  uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  uint32_t magnitude = half & 0x7FFFu;
  uint32_t normal = (magnitude << 13) + (112u << 23);
  uint32_t subnormal = floatToBits(
      static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f);
  uint32_t special = 0x7F800000u | (magnitude << 13); // infinity and NaN
  uint32_t result = magnitude < 0x400u ? subnormal : normal;
  result = magnitude >= 0x7C00u ? special : result;
  return bitsToFloat(sign | result);
}

/// Rounds to the 10 mantissa bits that the hardware reads; the lower bits are
/// 0.
inline uint32_t floatToTF32(float value) {
  uint32_t bits = floatToBits(value);
  uint32_t rounded = (bits + 0xFFFu + ((bits >> 13) & 1u)) & ~0x1FFFu;
  uint32_t quietNaN = (bits | 0x400000u) & ~0x1FFFu;
  bool isNaN = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  return isNaN ? quietNaN : rounded;
}

/// The value that the hardware reads from a tf32 register: the lower 13 bits
/// count as zero.
inline float tf32ToFloat(uint32_t bits) { return bitsToFloat(bits & ~0x1FFFu); }

/// What doesn't fit becomes NaN: the type has no infinity, and its largest
/// value is 448. (To saturate, clamp first.)
uint8_t floatToE4M3(float value);
float e4m3ToFloat(uint8_t bits);

/// What doesn't fit becomes an infinity.
uint8_t floatToE5M2(float value);
float e5m2ToFloat(uint8_t bits);

//===----------------------------------------------------------------------===//
// Conversions of arrays
//===----------------------------------------------------------------------===//

/// Converts `count` elements to float. TF32 elements are read as the hardware
/// reads them.
void convertToFloat(ElementType type, const void *source, float *destination,
                    int64_t count);

/// Converts `count` floats to elements of `type`. Integers round to nearest
/// even and saturate; NaN becomes 0.
void convertFromFloat(ElementType type, const float *source, void *destination,
                      int64_t count);

} // namespace sparse24

#endif // SPARSE24_SUPPORT_ELEMENTTYPE_H
