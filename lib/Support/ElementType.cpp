//===- ElementType.cpp - Element types of sparse operands -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/ElementType.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace sparse24 {

//===----------------------------------------------------------------------===//
// 8-bit floats
//===----------------------------------------------------------------------===//

/// Rounds the magnitude to `mantissaBits` of mantissa with an exponent bias of
/// `bias`, as if the exponent had no upper end. NaN and infinity are the
/// caller's.
template <uint32_t mantissaBits, uint32_t bias>
static uint32_t roundMagnitude(uint32_t magnitude) {
  constexpr uint32_t shift = 23 - mantissaBits;
  constexpr uint32_t minNormal = (127 - bias + 1) << 23;
  if (magnitude >= minNormal) {
    uint32_t rebiased = magnitude - ((127 - bias) << 23);
    uint32_t roundUp = (1u << (shift - 1)) - 1 + ((magnitude >> shift) & 1);
    return (rebiased + roundUp) >> shift;
  }
  // Subnormal: adding this power of two aligns the mantissa so that the
  // addition itself rounds it.
  constexpr uint32_t aligner = (127 - bias + 1 + shift) << 23;
  return floatToBits(bitsToFloat(magnitude) + bitsToFloat(aligner)) - aligner;
}

/// The finite value of a magnitude.
template <uint32_t mantissaBits, uint32_t bias>
static float magnitudeToFloat(uint32_t magnitude) {
  constexpr uint32_t shift = 23 - mantissaBits;
  if (magnitude >= (1u << mantissaBits))
    return bitsToFloat((magnitude << shift) + ((127 - bias) << 23));
  return static_cast<float>(magnitude) *
         bitsToFloat((127 - bias + 1 - mantissaBits) << 23);
}

uint8_t floatToE4M3(float value) {
  uint32_t bits = floatToBits(value);
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  // 0x7F is NaN; 0x7E, 448, the largest value.
  uint32_t result = 0x7F;
  if (magnitude < 0x7F800000u)
    result = std::min(roundMagnitude<3, 7>(magnitude), 0x7Fu);
  return static_cast<uint8_t>(bits >> 24 & 0x80u) |
         static_cast<uint8_t>(result);
}

float e4m3ToFloat(uint8_t bits) {
  uint32_t magnitude = bits & 0x7Fu;
  float result = magnitude == 0x7F ? bitsToFloat(0x7FC00000u)
                                   : magnitudeToFloat<3, 7>(magnitude);
  return bits & 0x80u ? -result : result;
}

uint8_t floatToE5M2(float value) {
  uint32_t bits = floatToBits(value);
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t result = 0x7C; // infinity
  if (magnitude < 0x7F800000u)
    result = std::min(roundMagnitude<2, 15>(magnitude), 0x7Cu);
  else if (magnitude > 0x7F800000u)
    result = 0x7E | (magnitude >> 21 & 1u); // quiet NaN
  return static_cast<uint8_t>(bits >> 24 & 0x80u) |
         static_cast<uint8_t>(result);
}

float e5m2ToFloat(uint8_t bits) {
  // An E5M2 is the upper half of an f16.
  return f16ToFloat(static_cast<uint16_t>(bits << 8));
}

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

template <typename From, typename To, typename Function>
static void convertArray(const void *source, void *destination, int64_t count,
                         Function function) {
  auto *from = static_cast<const From *>(source);
  auto *to = static_cast<To *>(destination);
  for (int64_t i = 0; i < count; ++i)
    to[i] = function(from[i]);
}

template <typename To>
static To roundToInteger(float value, float lowest, float highest) {
  if (std::isnan(value))
    return 0;
  return static_cast<To>(std::clamp(std::nearbyint(value), lowest, highest));
}

/// Looks the values of a type's 256 codes up in a table.
template <float (*toFloat)(uint8_t)>
static void convertCodes(const void *source, float *destination,
                         int64_t count) {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> values;
    for (int code = 0; code < 256; ++code)
      values[code] = toFloat(static_cast<uint8_t>(code));
    return values;
  }();
  convertArray<uint8_t, float>(source, destination, count,
                               [](uint8_t code) { return table[code]; });
}

void convertToFloat(ElementType type, const void *source, float *destination,
                    int64_t count) {
  switch (type) {
  case ElementType::F16:
    return convertArray<uint16_t, float>(
        source, destination, count, [](uint16_t x) { return f16ToFloat(x); });
  case ElementType::BF16:
    return convertArray<uint16_t, float>(
        source, destination, count, [](uint16_t x) { return bf16ToFloat(x); });
  case ElementType::TF32:
    return convertArray<uint32_t, float>(
        source, destination, count, [](uint32_t x) { return tf32ToFloat(x); });
  case ElementType::S8:
    return convertArray<int8_t, float>(source, destination, count,
                                       [](int8_t x) { return float(x); });
  case ElementType::U8:
    return convertArray<uint8_t, float>(source, destination, count,
                                        [](uint8_t x) { return float(x); });
  case ElementType::E4M3:
    return convertCodes<e4m3ToFloat>(source, destination, count);
  case ElementType::E5M2:
    return convertCodes<e5m2ToFloat>(source, destination, count);
  }
}

void convertFromFloat(ElementType type, const float *source, void *destination,
                      int64_t count) {
  switch (type) {
  case ElementType::F16:
    return convertArray<float, uint16_t>(source, destination, count,
                                         [](float x) { return floatToF16(x); });
  case ElementType::BF16:
    return convertArray<float, uint16_t>(
        source, destination, count, [](float x) { return floatToBF16(x); });
  case ElementType::TF32:
    return convertArray<float, uint32_t>(
        source, destination, count, [](float x) { return floatToTF32(x); });
  case ElementType::S8:
    return convertArray<float, int8_t>(source, destination, count, [](float x) {
      return roundToInteger<int8_t>(x, -128.0f, 127.0f);
    });
  case ElementType::U8:
    return convertArray<float, uint8_t>(
        source, destination, count,
        [](float x) { return roundToInteger<uint8_t>(x, 0.0f, 255.0f); });
  case ElementType::E4M3:
    return convertArray<float, uint8_t>(source, destination, count,
                                        floatToE4M3);
  case ElementType::E5M2:
    return convertArray<float, uint8_t>(source, destination, count,
                                        floatToE5M2);
  }
}

} // namespace sparse24
