//===- ElementTypeTest.cpp ------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/ElementType.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace sparse24;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

//===----------------------------------------------------------------------===//
// A slow, exact description of a small float format
//===----------------------------------------------------------------------===//

struct FloatFormat {
  const char *name;
  unsigned exponentBits;
  unsigned mantissaBits;
  /// E4M3 uses its largest exponent for finite values, too.
  bool hasInfinity;
  uint32_t (*fromFloat)(float);
  float (*toFloat)(uint32_t);

  uint32_t signBit() const { return 1u << (exponentBits + mantissaBits); }
  /// The first code, without sign, that isn't finite.
  uint32_t finiteEnd() const {
    return hasInfinity ? ((1u << exponentBits) - 1) << mantissaBits
                       : signBit() - 1;
  }
  /// The value of a code without sign, as if all codes were finite.
  double value(uint32_t code) const {
    int bias = (1 << (exponentBits - 1)) - 1;
    int exponent = static_cast<int>(code >> mantissaBits);
    double mantissa = code & ((1u << mantissaBits) - 1);
    if (exponent == 0)
      return std::ldexp(mantissa, 1 - bias - int(mantissaBits));
    return std::ldexp(mantissa + (1u << mantissaBits),
                      exponent - bias - int(mantissaBits));
  }
  /// Rounds a finite value by comparing it with its neighbours.
  uint32_t round(float x) const {
    double magnitude = std::fabs(double(x));
    uint32_t low = 0, high = finiteEnd();
    while (low + 1 < high) {
      uint32_t middle = (low + high) / 2;
      (value(middle) <= magnitude ? low : high) = middle;
    }
    double below = magnitude - value(low), above = value(high) - magnitude;
    uint32_t code =
        below < above || (below == above && low % 2 == 0) ? low : high;
    return code | (std::signbit(x) ? signBit() : 0);
  }
};

const FloatFormat kFormats[] = {
    {"f16", 5, 10, true, [](float x) { return uint32_t(floatToF16(x)); },
     [](uint32_t code) { return f16ToFloat(uint16_t(code)); }},
    {"bf16", 8, 7, true, [](float x) { return uint32_t(floatToBF16(x)); },
     [](uint32_t code) { return bf16ToFloat(uint16_t(code)); }},
    {"e4m3", 4, 3, false, [](float x) { return uint32_t(floatToE4M3(x)); },
     [](uint32_t code) { return e4m3ToFloat(uint8_t(code)); }},
    {"e5m2", 5, 2, true, [](float x) { return uint32_t(floatToE5M2(x)); },
     [](uint32_t code) { return e5m2ToFloat(uint8_t(code)); }},
    // The 19 bits of a tf32 that count.
    {"tf32", 8, 10, true, [](float x) { return floatToTF32(x) >> 13; },
     [](uint32_t code) { return tf32ToFloat(code << 13); }},
};

class FloatFormatTest : public testing::TestWithParam<FloatFormat> {};

TEST_P(FloatFormatTest, EveryCodeHasItsValue) {
  const FloatFormat &format = GetParam();
  for (uint32_t code = 0; code < 2 * format.signBit(); ++code) {
    uint32_t magnitude = code & (format.signBit() - 1);
    float value = format.toFloat(code);
    ASSERT_EQ(std::signbit(value), code != magnitude) << code;
    if (magnitude < format.finiteEnd())
      ASSERT_EQ(std::fabs(value), format.value(magnitude)) << code;
    else if (format.hasInfinity && magnitude == format.finiteEnd())
      ASSERT_EQ(std::fabs(value), kInfinity) << code;
    else
      ASSERT_TRUE(std::isnan(value)) << code;
  }
}

TEST_P(FloatFormatTest, EveryCodeSurvivesARoundTrip) {
  const FloatFormat &format = GetParam();
  for (uint32_t code = 0; code < 2 * format.signBit(); ++code) {
    uint32_t back = format.fromFloat(format.toFloat(code));
    // A NaN may have been quieted.
    uint32_t quietBit =
        std::isnan(format.toFloat(code)) ? 1u << (format.mantissaBits - 1) : 0;
    ASSERT_EQ(back | quietBit, code | quietBit);
  }
}

// Rounding is monotone, so it is right everywhere if it is right at every code,
// at every midpoint of two codes and at the floats next to those.
TEST_P(FloatFormatTest, RoundsToNearestEvenAtEveryBoundary) {
  const FloatFormat &format = GetParam();
  for (uint32_t code = 0; code < format.finiteEnd(); ++code) {
    double midpoint = (format.value(code) + format.value(code + 1)) / 2;
    for (float x : {float(format.value(code)), float(midpoint)})
      for (float near :
           {std::nextafter(x, 0.0f), x, std::nextafter(x, kInfinity)})
        for (float input : {near, -near}) {
          if (!std::isfinite(input))
            continue;
          ASSERT_EQ(format.fromFloat(input), format.round(input))
              << format.name << " of " << input;
        }
  }
}

TEST_P(FloatFormatTest, RoundsRandomBits) {
  const FloatFormat &format = GetParam();
  std::mt19937 random(1);
  for (int i = 0; i < 200000; ++i) {
    float x = bitsToFloat(random());
    if (!std::isfinite(x))
      continue;
    ASSERT_EQ(format.fromFloat(x), format.round(x))
        << format.name << " of " << x;
  }
}

TEST_P(FloatFormatTest, KeepsInfinityAndNaN) {
  const FloatFormat &format = GetParam();
  for (float sign : {1.0f, -1.0f}) {
    float back = format.toFloat(format.fromFloat(sign * kInfinity));
    if (format.hasInfinity)
      EXPECT_EQ(back, sign * kInfinity);
    else
      EXPECT_TRUE(std::isnan(back));
    EXPECT_TRUE(std::isnan(
        format.toFloat(format.fromFloat(std::copysign(kNaN, sign)))));
  }
  // A NaN whose payload lies in the bits that are cut off must not turn into an
  // infinity.
  for (uint32_t payload : {1u, 0x1000u, 0x7FFFFFu})
    EXPECT_TRUE(std::isnan(
        format.toFloat(format.fromFloat(bitsToFloat(0x7F800000u | payload)))));
}

INSTANTIATE_TEST_SUITE_P(All, FloatFormatTest, testing::ValuesIn(kFormats),
                         [](const auto &info) { return info.param.name; });

//===----------------------------------------------------------------------===//
// Traits and arrays
//===----------------------------------------------------------------------===//

TEST(ElementTypeTest, Traits) {
  for (ElementType type : kElementTypes) {
    bool isTF32 = type == ElementType::TF32;
    EXPECT_EQ(groupSize(type), isTF32 ? 2 : 4);
    EXPECT_EQ(keptPerGroup(type), isTF32 ? 1 : 2);
  }
  EXPECT_EQ(storageBytes(ElementType::F16), 2);
  EXPECT_EQ(storageBytes(ElementType::BF16), 2);
  EXPECT_EQ(storageBytes(ElementType::TF32), 4);
  EXPECT_EQ(storageBytes(ElementType::S8), 1);
  EXPECT_EQ(storageBytes(ElementType::U8), 1);
  EXPECT_EQ(storageBytes(ElementType::E4M3), 1);
  EXPECT_EQ(storageBytes(ElementType::E5M2), 1);
}

TEST(ElementTypeTest, NamesRoundTrip) {
  for (ElementType type : kElementTypes) {
    ElementType parsed;
    ASSERT_TRUE(parseElementType(elementTypeName(type), parsed));
    EXPECT_EQ(parsed, type);
  }
  ElementType unused;
  EXPECT_FALSE(parseElementType("f32", unused));
  EXPECT_FALSE(parseElementType("", unused));
  EXPECT_FALSE(parseElementType("bf16 ", unused));
}

TEST(ElementTypeTest, TF32ReadsOnlyTheUpperBits) {
  EXPECT_EQ(tf32ToFloat(floatToBits(1.0f) | 0x1FFF), 1.0f);
  EXPECT_EQ(floatToTF32(1.0f + 0x1p-12f), floatToBits(1.0f));
}

TEST(ElementTypeTest, ArraysConvertAsSingleValuesDo) {
  // An odd count, so that the remainder of a vectorized loop takes part.
  std::vector<float> input;
  for (int i = 0; i < 1003; ++i)
    input.push_back(float(i - 500) * 0.37f);
  for (const FloatFormat &format : kFormats) {
    ElementType type;
    ASSERT_TRUE(parseElementType(format.name, type));
    std::vector<uint8_t> codes(input.size() * storageBytes(type));
    std::vector<float> output(input.size());
    convertFromFloat(type, input.data(), codes.data(), input.size());
    convertToFloat(type, codes.data(), output.data(), input.size());
    for (size_t i = 0; i < input.size(); ++i)
      ASSERT_EQ(floatToBits(output[i]),
                floatToBits(format.toFloat(format.fromFloat(input[i]))));
  }
}

TEST(ElementTypeTest, IntegersRoundToEvenAndSaturate) {
  std::vector<float> input = {0.5f,   1.5f,      -0.5f, -2.5f, 127.5f,
                              300.0f, kInfinity, -1e9f, kNaN,  -0.0f};
  std::vector<int8_t> s8(input.size());
  std::vector<uint8_t> u8(input.size());
  convertFromFloat(ElementType::S8, input.data(), s8.data(), input.size());
  convertFromFloat(ElementType::U8, input.data(), u8.data(), input.size());
  EXPECT_EQ(s8, (std::vector<int8_t>{0, 2, 0, -2, 127, 127, 127, -128, 0, 0}));
  EXPECT_EQ(u8, (std::vector<uint8_t>{0, 2, 0, 0, 128, 255, 255, 0, 0, 0}));

  std::vector<float> output(2);
  int8_t lowest[] = {-128, 127};
  uint8_t highest[] = {0, 255};
  convertToFloat(ElementType::S8, lowest, output.data(), 2);
  EXPECT_EQ(output, (std::vector<float>{-128, 127}));
  convertToFloat(ElementType::U8, highest, output.data(), 2);
  EXPECT_EQ(output, (std::vector<float>{0, 255}));
}

} // namespace
