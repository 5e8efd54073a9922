//===- MatrixProduct.cpp - D = A·B + C, as Tensor Cores do it -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MatrixProduct.h"

#include "Fragments.h"
#include "sparse24/Support/Pattern.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace sparse24;
using namespace sparse24::emulator;

//===----------------------------------------------------------------------===//
// Opcodes
//===----------------------------------------------------------------------===//

/// "m16n8k32".
static bool parseShape(std::string_view text, MatrixForm &form) {
  auto number = [&](char letter, int &value) {
    if (!text.starts_with(letter))
      return false;
    text.remove_prefix(1);
    size_t digits = text.find_first_not_of("0123456789");
    if (digits == 0 || text.empty())
      return false;
    value = std::stoi(std::string(text.substr(0, digits)));
    text.remove_prefix(std::min(digits, text.size()));
    return true;
  };
  return number('m', form.m) && number('n', form.n) && number('k', form.k) &&
         text.empty();
}

static std::optional<AccumulatorType> parseAccumulator(std::string_view name) {
  if (name == "f16")
    return AccumulatorType::F16;
  if (name == "f32")
    return AccumulatorType::F32;
  if (name == "s32")
    return AccumulatorType::S32;
  return std::nullopt;
}

static bool isFloat8(ElementType type) {
  return type == ElementType::E4M3 || type == ElementType::E5M2;
}

/// Integers mix with integers and 8-bit floats with 8-bit floats.
static bool goTogether(const MatrixForm &form) {
  if (isInteger(form.a))
    return isInteger(form.b) && form.d == AccumulatorType::S32;
  if (form.d == AccumulatorType::S32 || form.isSaturating)
    return false;
  if (isFloat8(form.a))
    return isFloat8(form.b);
  return form.a == form.b &&
         (form.d == AccumulatorType::F32 || form.a == ElementType::F16);
}

std::optional<MatrixForm>
sparse24::emulator::parseMatrixForm(const Opcode &opcode,
                                    std::string_view types) {
  MatrixForm form;
  const std::vector<std::string> &parts = opcode.parts();
  if (parts.size() < types.size() ||
      std::none_of(parts.begin(), parts.end(), [&](const std::string &part) {
        return parseShape(part, form);
      }))
    return std::nullopt;
  form.isOrdered = opcode.has("sp::ordered_metadata");
  form.isSparse = form.isOrdered || opcode.has("sp");
  form.isSaturating = opcode.has("satfinite");

  auto typeOf = [&](char matrix) -> const std::string & {
    return parts[parts.size() - types.size() + types.find(matrix)];
  };
  std::optional<AccumulatorType> d = parseAccumulator(typeOf('d'));
  if (!d || !parseElementType(typeOf('a'), form.a) ||
      !parseElementType(typeOf('b'), form.b))
    return std::nullopt;
  form.d = *d;
  bool hasC = types.find('c') != std::string_view::npos;
  if ((hasC && typeOf('c') != typeOf('d')) || !goTogether(form))
    return std::nullopt;
  return form;
}

double sparse24::emulator::productClocks(const MatrixForm &form, int rows) {
  return Timing::productClocks(rows, form.n, form.k,
                               static_cast<unsigned>(8 * storageBytes(form.a)),
                               form.isSparse);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

double sparse24::emulator::elementValue(ElementType type, uint32_t bits) {
  switch (type) {
  case ElementType::F16:
    return f16ToFloat(static_cast<uint16_t>(bits));
  case ElementType::BF16:
    return bf16ToFloat(static_cast<uint16_t>(bits));
  case ElementType::TF32:
    return tf32ToFloat(bits);
  case ElementType::S8:
    return static_cast<int8_t>(bits);
  case ElementType::U8:
    return static_cast<uint8_t>(bits);
  case ElementType::E4M3:
    return e4m3ToFloat(static_cast<uint8_t>(bits));
  case ElementType::E5M2:
    return e5m2ToFloat(static_cast<uint8_t>(bits));
  }
  return 0;
}

static double slotValue(ElementType type, uint32_t word, int slot) {
  return elementValue(type, word >> slot * 8 * storageBytes(type));
}

static double accumulatorValue(AccumulatorType type, uint32_t word, int slot) {
  switch (type) {
  case AccumulatorType::F16:
    return f16ToFloat(static_cast<uint16_t>(word >> 16 * slot));
  case AccumulatorType::F32:
    return bitsToFloat(word);
  case AccumulatorType::S32:
    return static_cast<int32_t>(word);
  }
  return 0;
}

static uint32_t accumulatorBits(AccumulatorType type, double value,
                                bool isSaturating) {
  // A Tensor Core makes but one NaN.
  switch (type) {
  case AccumulatorType::F16:
    return std::isnan(value) ? 0x7FFF : floatToF16(static_cast<float>(value));
  case AccumulatorType::F32:
    return std::isnan(value) ? 0x7FFFFFFF
                             : floatToBits(static_cast<float>(value));
  case AccumulatorType::S32: {
    constexpr double lowest = std::numeric_limits<int32_t>::min();
    constexpr double highest = std::numeric_limits<int32_t>::max();
    if (isSaturating)
      value = std::clamp(value, lowest, highest);
    return static_cast<uint32_t>(static_cast<int64_t>(value));
  }
  }
  return 0;
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

MatrixProduct::MatrixProduct(const MatrixForm &form, int rows)
    : form(form), rows(rows), heldK(form.heldK()), valuesA(rows * heldK),
      valuesB(form.k * form.n), valuesD(rows * form.n), columnsA(rows * heldK) {
  for (int row = 0; row < rows; ++row)
    for (int held = 0; held < heldK; ++held)
      columnA(row, held) = static_cast<uint8_t>(held);
}

void MatrixProduct::loadA(int lane, int firstRow, const uint32_t *registers) {
  int count = form.registersA(std::min(form.m, kWarpRows));
  for (int reg = 0; reg < count; ++reg)
    for (int slot = 0; slot < form.elementsPerRegister(); ++slot) {
      Coordinate<> place = elementA(form.a, lane, reg, slot);
      a(firstRow + place.row, place.column) =
          slotValue(form.a, registers[reg], slot);
    }
}

void MatrixProduct::loadB(int lane, const uint32_t *registers) {
  for (int reg = 0; reg < form.registersB(); ++reg)
    for (int slot = 0; slot < form.elementsPerRegister(); ++slot) {
      Coordinate<> place = elementB(form.b, lane, reg, slot);
      b(place.row, place.column) = slotValue(form.b, registers[reg], slot);
    }
}

void MatrixProduct::loadD(int lane, int firstRow, const uint32_t *registers) {
  int perRegister = form.accumulatorsPerRegister();
  int count = form.registersD(std::min(form.m, kWarpRows)) * perRegister;
  for (int index = 0; index < count; ++index) {
    Coordinate<> place = elementD(lane, index);
    d(firstRow + place.row, place.column) = accumulatorValue(
        form.d, registers[index / perRegister], index % perRegister);
  }
}

void MatrixProduct::storeD(int lane, int firstRow, uint32_t *registers) const {
  int perRegister = form.accumulatorsPerRegister();
  int count = form.registersD(std::min(form.m, kWarpRows)) * perRegister;
  std::fill_n(registers, count / perRegister, 0);
  for (int index = 0; index < count; ++index) {
    Coordinate<> place = elementD(lane, index);
    double value = valuesD[(firstRow + place.row) * form.n + place.column];
    registers[index / perRegister] |=
        accumulatorBits(form.d, value, form.isSaturating)
        << 16 * (index % perRegister);
  }
}

/// Without `::ordered_metadata` the indices may come in any order.
static bool isAllowed(const MatrixForm &form, unsigned nibble) {
  if (form.isOrdered || form.a == ElementType::TF32)
    return isLegalNibble(form.a, nibble);
  return (nibble & 3) != nibble >> 2;
}

void MatrixProduct::loadMetadata(Thread &thread, int firstRow, uint32_t word,
                                 int selector) {
  int groups = form.groups();
  auto lane = static_cast<int>(thread.lane);
  if (!suppliesMetadata(groups, lane, selector))
    return;
  auto kept = static_cast<int>(keptPerGroup(form.a));
  auto size = static_cast<int>(groupSize(form.a));
  for (int n = 0; n < mma_sp::kNibbles; ++n) {
    auto [row, group] = metadataGroup(form.a, groups, lane, n);
    row += firstRow;
    unsigned nibble = word >> 4 * n & 0xF;
    if (!isAllowed(form, nibble))
      thread.report(FindingKind::invalidOperand,
                    "metadata nibble " + std::to_string(nibble) + " of row " +
                        std::to_string(row) + ", group " +
                        std::to_string(group) + " keeps no legal positions");
    // tf32: an index counts halves of 16 bits.
    unsigned positions[] = {nibble & 3, nibble >> 2};
    for (int i = 0; i < kept; ++i)
      columnA(row, group * kept + i) = static_cast<uint8_t>(
          group * size + positions[i] / (4 / static_cast<unsigned>(size)));
  }
}

void MatrixProduct::multiply() {
  for (int row = 0; row < rows; ++row) {
    double *sums = &d(row, 0);
    for (int held = 0; held < heldK; ++held) {
      double value = a(row, held);
      const double *other = &b(columnA(row, held), 0);
      for (int column = 0; column < form.n; ++column)
        sums[column] += value * other[column];
    }
  }
}
