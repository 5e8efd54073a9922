// Loads, stores and atomics: values, and what is wrong with them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Kernel.h"

using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Memory, MovesEveryWidth) {
  Kernel kernel;
  auto st8 = kernel.op("st.shared.b8"), st16 = kernel.op("st.shared.b16");
  auto st64 = kernel.op("st.shared.b64");
  auto st4 = kernel.op("st.shared::cta.v4.b32");
  auto ldS8 = kernel.op("ld.shared.s8", 1), ldU8 = kernel.op("ld.shared.u8", 1);
  auto ldS16 = kernel.op("ld.shared.s16", 1);
  auto ldB16x2 = kernel.op("ld.shared.v2.b16", 2);
  auto ld64 = kernel.op("ld.shared.v2.b64", 4);
  auto stGlobal = kernel.op("st.global.v4.u32");
  std::vector<uint32_t> result(12);
  Launch launch = oneCta(1);
  launch.global = {allocation(result)};
  Report report = kernel.run(launch, [&] {
    st8(uint64_t(0), 0x1F0u);
    st16(uint64_t(2), 0xABCD8001u);
    Words a(4);
    a[0] = ldS8(uint64_t(0));
    a[1] = ldU8(uint64_t(0));
    a[2] = ldS16(uint64_t(2));
    st16(uint64_t(0), 0x1234u);
    a[3] = ldB16x2(uint64_t(0))[1];
    stGlobal(&result[0], a);
    st4(uint64_t(16), 1u, 2u, 3u, 4u);
    stGlobal(&result[4], ld64(uint64_t(16)));
    st64(uint64_t(24), 0x500000006u);
    stGlobal(&result[8], ld64(uint64_t(16)));
  });
  EXPECT_EQ(describe(report), "");
  EXPECT_THAT(result, ElementsAre(0xFFFFFFF0u, 0xF0u, 0xFFFF8001u, 0x8001u, 1,
                                  2, 3, 4, 1, 2, 6, 5));
}

TEST(Memory, GenericAddressesFindTheirSpace) {
  Kernel kernel;
  auto cvta = kernel.op("cvta.shared.u64", 2);
  auto store = kernel.op("st.b32"), load = kernel.op("ld.b32", 1);
  auto loadShared = kernel.op("ld.shared.b32", 1);
  std::vector<uint32_t> result(2);
  Launch launch = oneCta(1);
  launch.global = {allocation(result)};
  Report report = kernel.run(launch, [&] {
    uint64_t generic = cvta(uint64_t(8)).wide();
    store(generic, 42u);
    store(&result[0], load(generic) + 1);
    store(&result[1], loadShared(uint64_t(8)) + 2);
  });
  EXPECT_EQ(describe(report), "");
  EXPECT_THAT(result, ElementsAre(43, 44));
}

TEST(Memory, FindsReadsOfWhatNothingHasWritten) {
  Kernel kernel;
  auto load = kernel.op("ld.shared.b32", 1);
  Report report = kernel.run(oneCta(1), [&] { load(uint64_t(12)); });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::uninitializedRead));
  EXPECT_THAT(report.findings[0].message, HasSubstr("at byte 12"));
  EXPECT_EQ(report.findings[0].site.location, "op:2");
}

TEST(Memory, FindsAccessesOutOfBounds) {
  Kernel kernel;
  auto store = kernel.op("st.shared.b32");
  auto load = kernel.op("ld.global.b32", 1);
  std::vector<uint32_t> data(4);
  Launch launch = oneCta(1, /*sharedBytes=*/64);
  launch.global = {allocation(data)};
  Report report = kernel.run(launch, [&] {
    store(uint64_t(60), 1u);
    store(uint64_t(64), 1u);
    load(&data[3]);
    load(data.data() + 4);
  });
  EXPECT_THAT(kinds(report),
              ElementsAre(FindingKind::outOfBounds, FindingKind::outOfBounds));
}

TEST(Memory, FindsMisalignedAccesses) {
  Kernel kernel;
  auto store = kernel.op("st.shared.v2.b32");
  Report report = kernel.run(oneCta(1), [&] {
    store(uint64_t(8), 1u, 2u);
    store(uint64_t(4), 1u, 2u);
  });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::misaligned));
  EXPECT_EQ(report.findings[0].count, 1u);
}

TEST(Memory, FindsRaces) {
  Kernel kernel;
  auto store = kernel.op("st.shared.b32");
  auto load = kernel.op("ld.shared.b32", 1);
  Report report = kernel.run(oneCta(2), [&] {
    store(uint64_t(4 * kernel.tid()), 1u);
    load(uint64_t(4 * (1 - kernel.tid())));
  });
  // Thread 0 reads before thread 1 has written.
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::uninitializedRead,
                                         FindingKind::race, FindingKind::race));
  report = kernel.run(oneCta(2), [&] { store(uint64_t(0), 1u); });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::race));
}

TEST(Memory, BytesBesideEachOtherDontRace) {
  Kernel kernel;
  auto store = kernel.op("st.shared.b8");
  Report report =
      kernel.run(oneCta(64), [&] { store(uint64_t(kernel.tid()), 1u); });
  EXPECT_EQ(describe(report), "");
}

TEST(Memory, AtomicsDontRace) {
  Kernel kernel;
  auto store = kernel.op("st.shared.b32");
  auto sync = kernel.op("bar.sync");
  auto add = kernel.op("atom.shared.add.u32", 1);
  auto max = kernel.op("red.shared.max.s32");
  auto load = kernel.op("ld.shared.b32", 1);
  auto addGlobal = kernel.op("red.global.add.f32");
  auto storeGlobal = kernel.op("st.global.b32");
  std::vector<uint32_t> result(3);
  Launch launch = oneCta(64);
  launch.grid = {10, 1, 1};
  launch.global = {allocation(result)};
  Report report = kernel.run(launch, [&] {
    uint32_t tid = kernel.tid();
    if (tid < 2)
      store(uint64_t(4 * tid), tid ? -100 : 0);
    sync(0u, 0u);
    add(uint64_t(0), tid);
    max(uint64_t(4), -int32_t(tid));
    addGlobal(&result[2], 0.5f);
    sync(0u, 0u);
    if (tid == 0 && kernel.ctaid() == 0) {
      storeGlobal(&result[0], load(uint64_t(0)));
      storeGlobal(&result[1], load(uint64_t(4)));
    }
  });
  EXPECT_EQ(describe(report), "");
  EXPECT_THAT(result,
              ElementsAre(64 * 63 / 2, 0, std::bit_cast<uint32_t>(320.0f)));
}

TEST(Memory, AtomicOperations) {
  struct Case {
    const char *opcode;
    uint32_t old, b, c, expected;
  };
  for (const Case &test : std::initializer_list<Case>{
           {"atom.global.and.b32", 0xFF, 0x0F, 0, 0x0F},
           {"atom.global.or.b32", 0xF0, 0x0F, 0, 0xFF},
           {"atom.global.xor.b32", 0xFF, 0x0F, 0, 0xF0},
           {"atom.global.exch.b32", 1, 2, 0, 2},
           {"atom.global.cas.b32", 1, 1, 5, 5},
           {"atom.global.cas.b32", 1, 2, 5, 1},
           {"atom.global.inc.u32", 4, 4, 0, 0},
           {"atom.global.inc.u32", 3, 4, 0, 4},
           {"atom.global.dec.u32", 0, 4, 0, 4},
           {"atom.global.min.u32", 7, 0xFFFFFFFF, 0, 7},
           {"atom.global.min.s32", 7, 0xFFFFFFFF, 0, 0xFFFFFFFF},
           // 1 + 2 and 1.5 + 0.25.
           {"atom.global.add.noftz.f16x2", 0x3E003C00, 0x34004000, 0,
            0x3F004200},
           {"atom.global.add.noftz.bf16x2", 0x3FC03F80, 0x3E804000, 0,
            0x3FE04040}}) {
    Kernel kernel;
    auto atom = kernel.op(test.opcode, 1);
    std::vector<uint32_t> data{test.old, 0};
    Launch launch = oneCta(1);
    launch.global = {allocation(data)};
    Report report = kernel.run(
        launch, [&] { data[1] = atom(data.data(), test.b, test.c); });
    EXPECT_EQ(describe(report), "");
    EXPECT_THAT(data, ElementsAre(test.expected, test.old)) << test.opcode;
  }
}

/// Thread 0 hands a value to thread 32 through a flag.
static Report handOver(std::string storeFlag, std::string loadFlag,
                       bool hasFences) {
  Kernel kernel;
  auto store = kernel.op("st.shared.b32"), load = kernel.op("ld.shared.b32", 1);
  auto set = kernel.op(storeFlag), poll = kernel.op(loadFlag, 1);
  auto sync = kernel.op("bar.sync");
  auto fence = kernel.op("fence.acq_rel.cta");
  return kernel.run(oneCta(64), [&] {
    uint32_t tid = kernel.tid();
    if (tid == 0)
      store(uint64_t(0), 0u);
    sync(0u, 0u);
    if (tid == 32) {
      while (poll(uint64_t(0)) == 0)
        ;
      if (hasFences)
        fence();
      EXPECT_EQ(load(uint64_t(4)), 5u);
    }
    if (tid == 0) {
      store(uint64_t(4), 5u);
      if (hasFences)
        fence();
      set(uint64_t(0), 1u);
    }
  });
}

TEST(Memory, FlagsOrderWhatTheyGuard) {
  EXPECT_EQ(describe(handOver("st.release.cta.shared.b32",
                              "ld.acquire.cta.shared.b32", false)),
            "");
  EXPECT_EQ(describe(handOver("st.volatile.shared.b32",
                              "ld.volatile.shared.b32", true)),
            "");
  EXPECT_THAT(kinds(handOver("st.relaxed.cta.shared.b32",
                             "ld.relaxed.cta.shared.b32", false)),
              ElementsAre(FindingKind::race));
}

TEST(Memory, FindsFlagsThatNobodySets) {
  Kernel kernel;
  auto store = kernel.op("st.shared.b32");
  auto poll = kernel.op("ld.volatile.shared.b32", 1);
  Report report = kernel.run(oneCta(1), [&] {
    store(uint64_t(0), 0u);
    while (poll(uint64_t(0)) == 0)
      ;
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::deadlock));
}

TEST(Memory, UnknownInstructionsAreFoundOnce) {
  Kernel kernel;
  auto unknown = kernel.op("frobnicate.b32", 1);
  Report report = kernel.run(oneCta(2), [&] { unknown(); });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::unsupported));
  EXPECT_EQ(report.findings[0].count, 2u);
}
