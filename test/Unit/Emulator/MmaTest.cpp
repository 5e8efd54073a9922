//===- MmaTest.cpp --------------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Operands are put into registers by the tables below, which write down those
// of the PTX manual register by register, without the emulator's maps.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"
#include "Matrices.h"

using namespace sparse24;
using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

/// A shape: where the registers of lane 0 begin. Lane (g, t) is g rows of A
/// (and columns of B) and t registers further.
struct Shape {
  int k;
  bool isSparse;
  /// Of each register of A: its row, and its first column of those held.
  std::vector<std::pair<int, int>> a;
  /// Of each register of B: its first row.
  std::vector<int> b;
};

const Shape kShapes16[] = {
    {8, false, {{0, 0}, {8, 0}}, {0}},
    {16, false, {{0, 0}, {8, 0}, {0, 8}, {8, 8}}, {0, 8}},
    {16, true, {{0, 0}, {8, 0}}, {0, 8}},
    {32, true, {{0, 0}, {8, 0}, {0, 8}, {8, 8}}, {0, 8, 16, 24}},
};
const Shape kShapes32[] = {
    {4, false, {{0, 0}, {8, 0}}, {0}},
    {8, false, {{0, 0}, {8, 0}, {0, 4}, {8, 4}}, {0, 4}},
    {8, true, {{0, 0}, {8, 0}}, {0, 4}},
    {16, true, {{0, 0}, {8, 0}, {0, 4}, {8, 4}}, {0, 4, 8, 12}},
};
const Shape kShapes8[] = {
    {16, false, {{0, 0}, {8, 0}}, {0}},
    {32, false, {{0, 0}, {8, 0}, {0, 16}, {8, 16}}, {0, 16}},
    {32, true, {{0, 0}, {8, 0}}, {0, 16}},
    {64, true, {{0, 0}, {8, 0}, {0, 16}, {8, 16}}, {0, 16, 32, 48}},
};

struct Form {
  Shape shape;
  ElementType a, b;
  Sum sum;
  bool isOrdered = false, isSaturating = false;

  std::string opcode() const {
    std::string text = "mma";
    if (shape.isSparse)
      text += isOrdered ? ".sp::ordered_metadata" : ".sp";
    text += ".sync.aligned.m16n8k" + std::to_string(shape.k) + ".row.col";
    if (isSaturating)
      text += ".satfinite";
    return text + "." + sumName(sum) + "." + elementTypeName(a) + "." +
           elementTypeName(b) + "." + sumName(sum);
  }
};

/// Registers of all lanes.
struct Registers {
  std::vector<uint32_t> a[32], b[32], c[32];
  uint32_t metadata[32];
  uint32_t selector = 0;

  Registers() { std::fill_n(metadata, 32, 0x55555555); } // Illegal everywhere.
};

void fill(const Form &form, const Matrix &a, const Matrix &b, Accumulators &c,
          Registers &registers) {
  auto slots = static_cast<int>(4 / storageBytes(form.a));
  for (int lane = 0; lane < 32; ++lane) {
    int g = lane / 4, t = lane % 4;
    for (auto [row, column] : form.shape.a) {
      uint32_t word = 0;
      for (int slot = 0; slot < slots; ++slot)
        putInto(word, form.a, slot, a.at(row + g, column + t * slots + slot));
      registers.a[lane].push_back(word);
    }
    for (int row : form.shape.b) {
      uint32_t word = 0;
      for (int slot = 0; slot < slots; ++slot)
        putInto(word, form.b, slot, b.at(row + t * slots + slot, g));
      registers.b[lane].push_back(word);
    }
    for (int row : {g, g + 8}) {
      uint32_t low = c.bits(row, 2 * t), high = c.bits(row, 2 * t + 1);
      if (form.sum == Sum::F16)
        registers.c[lane].push_back(low | high << 16);
      else
        registers.c[lane].insert(registers.c[lane].end(), {low, high});
    }
  }
}

void fillMetadata(const Form &form, SparseMatrix &a, int selector,
                  Registers &registers) {
  int k = form.shape.k;
  int lanes = 4 / numSelectors(form.a, k);
  registers.selector = selector;
  for (int lane = 0; lane < 32; ++lane)
    if (lane % 4 / lanes == selector)
      registers.metadata[lane] = 0;
  for (int row = 0; row < 16; ++row)
    for (int group = 0; group < a.groups(); ++group) {
      Nibble place = metadataPlace(form.a, k, row >= 8, group);
      int lane = 4 * (row % 8) + lanes * selector + place.t;
      registers.metadata[lane] |= a.nibble(row, group) << 4 * place.nibble;
    }
}

/// Executes the instruction.
Report multiply(const Form &form, const Registers &registers, Accumulators &d) {
  Kernel kernel;
  auto numOut = static_cast<uint32_t>(registers.c[0].size());
  Op mma = kernel.op(form.opcode(), numOut);
  return kernel.run(oneCta(32), [&, numOut] {
    uint32_t lane = kernel.tid();
    Words in;
    for (auto *part : {registers.a, registers.b, registers.c})
      in.add(std::span(part[lane]));
    if (form.shape.isSparse) {
      in.add(registers.metadata[lane]);
      in.add(registers.selector);
    }
    Words out = mma(in);
    int g = lane / 4, t = lane % 4, perWord = numOut == 2 ? 2 : 1;
    for (int i = 0; i < 4; ++i)
      d.setBits(g + 8 * (i / 2), 2 * t + i % 2,
                out[i / perWord] >> 16 * (i % perWord));
  });
}

void checkDense(const Form &form) {
  SCOPED_TRACE(form.opcode());
  std::mt19937 random(1);
  Matrix a(form.a, 16, form.shape.k), b(form.b, form.shape.k, 8);
  Accumulators c(form.sum, 16, 8), d = c;
  a.randomize(random);
  b.randomize(random);
  c.randomize(random);
  Registers registers;
  fill(form, a, b, c, registers);
  Report report = multiply(form, registers, d);
  EXPECT_EQ(describe(report), "");
  expectProduct(d, a, [](int, int held) { return held; }, b, c);
}

void checkSparse(const Form &form) {
  SCOPED_TRACE(form.opcode());
  for (int selector = 0; selector < numSelectors(form.a, form.shape.k);
       ++selector) {
    SCOPED_TRACE(selector);
    std::mt19937 random(selector);
    SparseMatrix a(form.a, 16, form.shape.k);
    Matrix b(form.b, form.shape.k, 8);
    Accumulators c(form.sum, 16, 8), d = c;
    a.randomize(random);
    b.randomize(random);
    c.randomize(random);
    // Without ::ordered_metadata, indices may be in any order.
    if (!form.isOrdered && form.a != ElementType::TF32)
      for (uint32_t &nibble : a.nibbles)
        if (random() % 2)
          nibble = nibble >> 2 | (nibble & 3) << 2;
    Registers registers;
    fill(form, a.kept, b, c, registers);
    fillMetadata(form, a, selector, registers);
    Report report = multiply(form, registers, d);
    EXPECT_EQ(describe(report), "");
    auto column = [&](int row, int held) { return a.column(row, held); };
    expectProduct(d, a.kept, column, b, c);
  }
}

void check(Form form) {
  if (!form.shape.isSparse)
    return checkDense(form);
  checkSparse(form);
  form.isOrdered = true;
  checkSparse(form);
}

TEST(MmaTest, SixteenBitFloats) {
  for (const Shape &shape : kShapes16) {
    check({shape, ElementType::F16, ElementType::F16, Sum::F16});
    check({shape, ElementType::F16, ElementType::F16, Sum::F32});
    check({shape, ElementType::BF16, ElementType::BF16, Sum::F32});
  }
}

TEST(MmaTest, TF32) {
  for (const Shape &shape : kShapes32)
    check({shape, ElementType::TF32, ElementType::TF32, Sum::F32});
}

TEST(MmaTest, Integers) {
  for (const Shape &shape : kShapes8)
    for (ElementType a : {ElementType::S8, ElementType::U8})
      for (ElementType b : {ElementType::S8, ElementType::U8}) {
        Form form = {shape, a, b, Sum::S32};
        check(form);
        form.isSaturating = true;
        check(form);
      }
}

TEST(MmaTest, EightBitFloats) {
  for (const Shape &shape : kShapes8)
    for (ElementType a : {ElementType::E4M3, ElementType::E5M2})
      for (ElementType b : {ElementType::E4M3, ElementType::E5M2})
        for (Sum sum : {Sum::F16, Sum::F32})
          check({shape, a, b, sum});
}

/// One product with 1 in all of A and B, where these don't matter.
struct Ones {
  Form form;
  SparseMatrix a;
  Matrix dense, b;
  Accumulators c, d;
  Registers registers;

  explicit Ones(Form form)
      : form(form), a(form.a, 16, form.shape.k),
        dense(form.a, 16, form.shape.k), b(form.b, form.shape.k, 8),
        c(form.sum, 16, 8), d(c) {
    float one = 1;
    for (Matrix *matrix : {&a.kept, &dense, &b})
      for (uint32_t &word : matrix->bits)
        convertFromFloat(matrix->type, &one, &word, 1);
    std::fill(a.nibbles.begin(), a.nibbles.end(), 0x4);
  }

  Report run(int selector = 0) {
    registers = {};
    fill(form, form.shape.isSparse ? a.kept : dense, b, c, registers);
    if (form.shape.isSparse)
      fillMetadata(form, a, selector, registers);
    return multiply(form, registers, d);
  }
};

const Form kDenseInteger = {kShapes8[1], ElementType::S8, ElementType::S8,
                            Sum::S32};
const Form kOrdered = {kShapes16[3], ElementType::BF16, ElementType::BF16,
                       Sum::F32, /*isOrdered=*/true};

TEST(MmaTest, IntegersWrapOrSaturate) {
  Ones ones(kDenseInteger);
  ones.c.at(3, 2) = 0x7FFFFFFF;
  ones.run();
  EXPECT_EQ(ones.d.at(3, 2), double(INT32_MIN) + 31);
  ones.form.isSaturating = true;
  ones.run();
  EXPECT_EQ(ones.d.at(3, 2), double(INT32_MAX));
  EXPECT_EQ(ones.d.at(3, 3), 32);
}

TEST(MmaTest, TF32IgnoresLowBits) {
  Ones ones({kShapes32[1], ElementType::TF32, ElementType::TF32, Sum::F32});
  ones.b.at(0, 0) = 0x3F801FFF;
  ones.run();
  EXPECT_EQ(ones.d.at(0, 0), 8);
}

TEST(MmaTest, OneNaN) {
  Ones ones({kShapes16[1], ElementType::F16, ElementType::F16, Sum::F32});
  ones.dense.at(0, 0) = 0xFE01;
  ones.run();
  EXPECT_TRUE(std::isnan(ones.d.at(0, 3)));
  EXPECT_EQ(ones.d.at(1, 3), 16);
}

TEST(MmaTest, DroppedPositionsContributeNothing) {
  Ones ones(kOrdered);
  ones.b.at(2, 5) = 0x7F80; // Infinity, at a position that 0x4 drops.
  EXPECT_EQ(describe(ones.run()), "");
  EXPECT_EQ(ones.d.at(7, 5), 16);
}

TEST(MmaTest, IllegalNibble) {
  for (uint32_t nibble : {0x0, 0x5, 0xA, 0xF, 0x1, 0x2, 0x3, 0x6, 0x7, 0xB}) {
    Ones ones(kOrdered);
    ones.a.nibble(11, 6) = nibble;
    Report report = ones.run(1);
    ASSERT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand))
        << nibble;
    EXPECT_THAT(report.findings[0].message, HasSubstr("row 11, group 6"));
    // Row 11 is the upper row of lanes 12 to 15; selector 1 has the last two.
    EXPECT_EQ(report.findings[0].thread.x, 15u);
    EXPECT_EQ(report.findings[0].count, 1u);
  }
}

TEST(MmaTest, IllegalNibbleOfTF32) {
  Ones ones({kShapes32[3], ElementType::TF32, ElementType::TF32, Sum::F32});
  ones.a.nibble(0, 0) = 0x8;
  EXPECT_THAT(kinds(ones.run()), ElementsAre(FindingKind::invalidOperand));
}

TEST(MmaTest, RepeatedIndexIsIllegalUnordered) {
  Ones ones(kOrdered);
  ones.form.isOrdered = false;
  ones.a.nibble(0, 0) = 0x5;
  EXPECT_THAT(kinds(ones.run()), ElementsAre(FindingKind::invalidOperand));
  ones.a.nibble(0, 0) = 0x1; // Second position first.
  EXPECT_EQ(describe(ones.run()), "");
}

TEST(MmaTest, SelectorMustExist) {
  Ones ones(kOrdered);
  ones.run();
  ones.registers.selector = 2;
  EXPECT_THAT(kinds(multiply(ones.form, ones.registers, ones.d)),
              ElementsAre(FindingKind::invalidOperand));
}

TEST(MmaTest, WrongSelectorReadsOtherLanes) {
  Ones ones(kOrdered);
  ones.run(0);
  ones.registers.selector = 1; // Those lanes hold no legal nibbles.
  EXPECT_THAT(kinds(multiply(ones.form, ones.registers, ones.d)),
              ElementsAre(FindingKind::invalidOperand));
}

TEST(MmaTest, SwappedHalvesOfMetadata) {
  // All legal, so nothing but the numbers can tell.
  Ones ones(kOrdered);
  for (int group = 0; group < 8; ++group)
    ones.a.nibble(0, group) = 0xE;
  for (int k = 0; k < 32; k += 4)
    for (int n = 0; n < 8; ++n)
      ones.b.at(k, n) = ones.b.at(k + 1, n) = 0;
  ones.run();
  EXPECT_EQ(ones.d.at(0, 0), 16);
  EXPECT_EQ(ones.d.at(8, 0), 0);
  for (uint32_t &word : ones.registers.metadata)
    word = word >> 16 | word << 16;
  EXPECT_EQ(describe(multiply(ones.form, ones.registers, ones.d)), "");
  EXPECT_EQ(ones.d.at(0, 0), 0);
  EXPECT_EQ(ones.d.at(8, 0), 16);
}

TEST(MmaTest, UnknownForms) {
  for (const char *opcode :
       {"mma.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32",
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.bf16.f32",
        "mma.sync.aligned.m16n8k16.row.col.f16.bf16.bf16.f16",
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f16",
        "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64"}) {
    Kernel kernel;
    Op mma = kernel.op(opcode, 4);
    Report report = kernel.run(oneCta(32), [&] {
      Words in(16);
      std::fill(in.begin(), in.end(), 0);
      mma(in);
    });
    EXPECT_THAT(kinds(report), ElementsAre(FindingKind::unsupported)) << opcode;
  }
}

TEST(MmaTest, SelectorMustAgree) {
  Kernel kernel;
  Op mma = kernel.op(kOrdered.opcode(), 4);
  Report report = kernel.run(oneCta(32), [&] {
    Words in(14);
    std::fill(in.begin(), in.end(), 0);
    in[12] = 0x44444444;
    in[13] = kernel.tid() == 9;
    mma(in);
  });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::operandMismatch));
  EXPECT_EQ(report.findings[0].thread.x, 9u);
}

} // namespace
