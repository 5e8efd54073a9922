//===- WgmmaTest.cpp ------------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Numbers: every type, layout and source of operands against a plain product.
// WgmmaOrderTest.cpp has what can go wrong about time.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

using namespace sparse24;
using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

Report multiplyOnce(WarpgroupOperands &operands) {
  WarpgroupKernel kernel(operands);
  return kernel.run([&] {
    kernel.prepare();
    Words d = kernel.multiply(operands.registersC(kernel.tid()));
    kernel.commit();
    d = kernel.wait(0u, d);
    operands.takeD(kernel.tid(), d);
  });
}

void expectResult(WarpgroupOperands &operands) {
  Matrix b(operands.form.b, operands.form.k(), operands.form.n);
  for (int n = 0; n < b.columns; ++n)
    for (int k = 0; k < b.rows; ++k)
      b.at(k, n) = operands.b.at(n, k);
  Accumulators c = operands.c;
  if (!operands.scaleD)
    std::fill(c.values.begin(), c.values.end(), 0);
  auto column = [&](int row, int held) {
    return operands.form.isSparse ? operands.sparse.column(row, held) : held;
  };
  expectProduct(operands.d, operands.a(), column, b, c);
}

void check(const WarpgroupForm &form, Layout layoutA = {},
           Layout layoutB = {}) {
  WarpgroupOperands operands(form, layoutA, layoutB);
  int selectors = form.isSparse ? numSelectors(form.a, form.k()) : 1;
  for (int selector = 0; selector < selectors; ++selector) {
    SCOPED_TRACE(testing::Message()
                 << form.opcode() << ", A " << layoutA.width << " bytes"
                 << (layoutA.isKMajor ? "" : ", MN-major") << ", B "
                 << layoutB.width << " bytes"
                 << (layoutB.isKMajor ? "" : ", MN-major") << ", selector "
                 << selector);
    operands.randomize(selector + 1);
    operands.selector = selector;
    operands.place();
    EXPECT_EQ(describe(multiplyOnce(operands)), "");
    expectResult(operands);
  }
}

constexpr int kWidths[] = {16, 32, 64, 128};

TEST(WgmmaTest, SixteenBitFloatsFromRegisters) {
  for (bool isSparse : {false, true})
    for (int width : kWidths)
      for (bool isKMajor : {true, false}) {
        Layout b = {width, isKMajor};
        check({ElementType::BF16, ElementType::BF16, Sum::F32, 64, isSparse},
              {}, b);
        check({ElementType::F16, ElementType::F16, Sum::F16, 128, isSparse}, {},
              b);
      }
}

TEST(WgmmaTest, SixteenBitFloatsByDescriptor) {
  for (bool isSparse : {false, true})
    for (int widthA : kWidths)
      for (int widthB : {16, 128})
        for (bool isKMajorA : {true, false})
          for (bool isKMajorB : {true, false})
            check({ElementType::F16, ElementType::F16, Sum::F32, 64, isSparse,
                   /*hasDescriptorA=*/true},
                  {widthA, isKMajorA}, {widthB, isKMajorB});
}

TEST(WgmmaTest, OtherTypes) {
  const WarpgroupForm forms[] = {
      {ElementType::TF32, ElementType::TF32, Sum::F32, 32},
      {ElementType::S8, ElementType::U8, Sum::S32, 32},
      {ElementType::U8, ElementType::S8, Sum::S32, 24},
      {ElementType::E4M3, ElementType::E5M2, Sum::F32, 40},
      {ElementType::E5M2, ElementType::E4M3, Sum::F16, 32},
  };
  for (WarpgroupForm form : forms)
    for (bool isSparse : {false, true})
      for (bool hasDescriptorA : {false, true})
        for (int width : kWidths) {
          form.isSparse = isSparse;
          form.hasDescriptorA = hasDescriptorA;
          check(form, {width}, {width});
        }
}

TEST(WgmmaTest, EveryN) {
  for (int n = 8; n <= 256; n += 8)
    check({ElementType::BF16, ElementType::BF16, Sum::F32, n, true});
  for (int n : {8, 16, 24, 32, 48, 256})
    check({ElementType::S8, ElementType::S8, Sum::S32, n});
}

TEST(WgmmaTest, AdvancesWithinASwizzledRow) {
  for (bool isSparse : {false, true}) {
    WarpgroupOperands operands({ElementType::BF16, ElementType::BF16, Sum::F32,
                                64, isSparse, /*hasDescriptorA=*/true});
    operands.randomize(1);
    operands.place(/*firstPieceA=*/2, /*firstPieceB=*/4);
    EXPECT_EQ(describe(multiplyOnce(operands)), "");
    expectResult(operands);
  }
}

TEST(WgmmaTest, Scales) {
  WarpgroupOperands operands(
      {ElementType::F16, ElementType::F16, Sum::F32, 32});
  operands.randomize(1);
  operands.place();
  operands.scaleD = 0;
  EXPECT_EQ(describe(multiplyOnce(operands)), "");
  expectResult(operands);
  Accumulators positive = operands.d;
  operands.scaleB = -1;
  EXPECT_EQ(describe(multiplyOnce(operands)), "");
  EXPECT_EQ(operands.d.at(5, 6), -positive.at(5, 6));
  operands.scaleA = -1;
  EXPECT_EQ(describe(multiplyOnce(operands)), "");
  EXPECT_EQ(operands.d.values, positive.values);
  operands.scaleA = 2;
  EXPECT_THAT(kinds(multiplyOnce(operands)),
              ElementsAre(FindingKind::invalidOperand));
}

TEST(WgmmaTest, IntegersSaturate) {
  WarpgroupOperands operands({ElementType::S8, ElementType::S8, Sum::S32, 8});
  std::fill(operands.dense.bits.begin(), operands.dense.bits.end(), 1);
  std::fill(operands.b.bits.begin(), operands.b.bits.end(), 1);
  operands.c.at(40, 3) = INT32_MAX;
  operands.place();
  multiplyOnce(operands);
  EXPECT_EQ(operands.d.at(40, 3), double(INT32_MIN) + 31);
  operands.form.isSaturating = true;
  multiplyOnce(operands);
  EXPECT_EQ(operands.d.at(40, 3), double(INT32_MAX));
}

TEST(WgmmaTest, WrongSwizzleIsAnotherMatrix) {
  WarpgroupOperands operands(
      {ElementType::BF16, ElementType::BF16, Sum::F32, 64});
  operands.randomize(1);
  operands.place();
  multiplyOnce(operands);
  Accumulators right = operands.d;
  operands.descriptorB ^= uint64_t(3) << 62; // 64 instead of 128 bytes.
  multiplyOnce(operands);
  EXPECT_NE(operands.d.values, right.values);
}

TEST(WgmmaTest, IllegalNibble) {
  WarpgroupOperands operands(
      {ElementType::F16, ElementType::F16, Sum::F32, 8, /*isSparse=*/true});
  operands.randomize(1);
  operands.sparse.nibble(37, 2) = 0xA;
  operands.place();
  Report report = multiplyOnce(operands);
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand));
  EXPECT_THAT(report.findings[0].message, HasSubstr("row 37, group 2"));
}

TEST(WgmmaTest, Descriptors) {
  WarpgroupOperands operands({ElementType::F16, ElementType::F16, Sum::F32, 8});
  operands.randomize(1);
  operands.place();
  uint64_t descriptor = operands.descriptorB;
  operands.descriptorB = descriptor | uint64_t(1) << 46;
  EXPECT_THAT(kinds(multiplyOnce(operands)),
              ElementsAre(FindingKind::invalidOperand));
  operands.descriptorB = descriptor | 0x3FFF;
  EXPECT_THAT(kinds(multiplyOnce(operands)),
              ElementsAre(FindingKind::outOfBounds));
}

TEST(WgmmaTest, DescriptorsMustAgree) {
  WarpgroupOperands operands({ElementType::F16, ElementType::F16, Sum::F32, 8});
  operands.randomize(1);
  operands.place();
  WarpgroupKernel kernel(operands);
  Report report = kernel.run([&] {
    kernel.prepare();
    Words in =
        operands.operands(kernel.tid(), operands.registersC(kernel.tid()));
    if (kernel.tid() == 70)
      ++in[8]; // After four accumulators and four registers of A.
    Words d = kernel.product(in);
    kernel.commit();
    kernel.wait(0u, d);
  });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::operandMismatch));
  EXPECT_EQ(report.findings[0].thread.x, 70u);
}

TEST(WgmmaTest, UnknownForms) {
  for (const char *opcode :
       {"wgmma.mma_async.sync.aligned.m64n12k16.f32.f16.f16",
        "wgmma.mma_async.sync.aligned.m64n40k32.s32.s8.s8",
        "wgmma.mma_async.sync.aligned.m64n8k32.f32.f16.f16",
        "wgmma.mma_async.sync.aligned.m64n8k16.f16.bf16.bf16"}) {
    Kernel kernel;
    Op op = kernel.op(opcode, 4);
    Report report = kernel.run(oneCta(128), [&] {
      Words in(16);
      std::fill(in.begin(), in.end(), 0);
      op(in);
    });
    EXPECT_THAT(kinds(report), ElementsAre(FindingKind::unsupported)) << opcode;
  }
}

} // namespace
