// cp.async.bulk.tensor: boxes, swizzles, what lies beyond the tensor.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BulkCopy.h"

#include "sparse24/Emulator/TensorMap.h"

using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {
class TensorCopy : public BulkCopyFixture {
protected:
  /// A map of `source` as rows of `columns` words.
  TensorMap map2d(uint32_t columns, uint32_t rows, uint32_t boxColumns,
                  uint32_t boxRows, TensorMapSwizzle swizzle = {},
                  void *address = nullptr) {
    TensorMap map;
    EXPECT_STREQ(encodeTensorMap(&map,
                                 {.type = TensorMapType::U32,
                                  .rank = 2,
                                  .address = address ? address : source.data(),
                                  .sizes = {columns, rows},
                                  .strides = {64 * 4},
                                  .box = {boxColumns, boxRows},
                                  .elementStrides = {1, 1}},
                                 swizzle),
                 nullptr);
    return map;
  }

  /// The box at (x, y), as it arrives at byte `at`, word by word.
  std::vector<uint32_t> fetch(const TensorMap &map, int32_t x, int32_t y,
                              uint64_t at = 0) {
    std::vector<uint32_t> words(map.boxBytes() / 4);
    Report report = kernel.run(launch, [&] {
      start();
      if (kernel.tid() != 0)
        return;
      expect(kBarrier, map.boxBytes());
      load2d(at, &map, x, y, kBarrier);
      waitFor(0);
      for (uint32_t i = 0; i < words.size(); ++i)
        words[i] = load(at + 4 * i);
    });
    EXPECT_EQ(describe(report), "");
    return words;
  }

  Op load2d = kernel.op("cp.async.bulk.tensor.2d.shared::cluster.global."
                        "mbarrier::complete_tx::bytes");
  Op store2d =
      kernel.op("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group");
};
} // namespace

TEST_F(TensorCopy, CopiesABox) {
  std::vector<uint32_t> words = fetch(map2d(64, 16, 8, 4), 16, 2);
  for (uint32_t i = 0; i < 32; ++i)
    EXPECT_EQ(words[i], 1000 + (2 + i / 8) * 64 + 16 + i % 8);
}

TEST_F(TensorCopy, FillsWhatLiesBeyond) {
  // 60 columns and 14 rows exist; a box at each corner.
  TensorMap map = map2d(60, 14, 8, 4);
  for (auto [x, y] : {std::pair{-3, -2},
                      {56, -1},
                      {-7, 12},
                      {54, 13},
                      {60, 0},
                      {0, 14},
                      {-8, 3},
                      {8, -4}}) {
    std::vector<uint32_t> words = fetch(map, x, y);
    for (int32_t i = 0; i < 32; ++i) {
      int32_t column = x + i % 8, row = y + i / 8;
      bool exists = column >= 0 && column < 60 && row >= 0 && row < 14;
      EXPECT_EQ(words[i], exists ? 1000u + row * 64 + column : 0u);
    }
  }
}

/// As a kernel does that adds to a matrix in place.
TEST_F(TensorCopy, StoresToWhereItWasLoadedFrom) {
  TensorMap map = map2d(64, 16, 8, 4, {}, result.data());
  for (bool hasWait : {true, false}) {
    Report report = kernel.run(launch, [&] {
      start();
      if (kernel.tid() == 0) {
        expect(kBarrier, map.boxBytes());
        load2d(uint64_t(0), &map, 8, 4, kBarrier);
      }
      if (kernel.tid() != 31)
        return;
      for (uint32_t i = 0; i < 32; ++i)
        store(uint64_t(512 + 4 * i), i);
      fence();
      if (hasWait)
        waitFor(0);
      store2d(&map, 8, 4, uint64_t(512));
      commit();
      wait(0u);
    });
    if (hasWait)
      EXPECT_EQ(describe(report), "");
    else
      EXPECT_THAT(kinds(report), testing::Contains(FindingKind::race));
  }
}

TEST_F(TensorCopy, FillsWithNaN) {
  TensorMap map;
  ASSERT_STREQ(encodeTensorMap(&map,
                               {.type = TensorMapType::F32,
                                .rank = 1,
                                .address = source.data(),
                                .sizes = {4},
                                .strides = {},
                                .box = {8},
                                .elementStrides = {1}},
                               TensorMapSwizzle::none, TensorMapFill::nan),
               nullptr);
  auto load1d = kernel.op("cp.async.bulk.tensor.1d.shared::cluster.global."
                          "mbarrier::complete_tx::bytes");
  Report report = kernel.run(launch, [&] {
    start();
    if (kernel.tid() != 0)
      return;
    expect(kBarrier, 32u);
    load1d(uint64_t(0), &map, 0, kBarrier);
    waitFor(0);
    EXPECT_EQ(load(uint64_t(12)), 1003u);
    float beyond = std::bit_cast<float>(uint32_t(load(uint64_t(16))));
    EXPECT_NE(beyond, beyond);
  });
  EXPECT_EQ(describe(report), "");
}

/// The tables of the PTX manual's "Swizzling modes": where the 16-byte chunks
/// of rows of 8, 4 and 2 chunks come to lie, for the first 1024, 512 and 256
/// bytes.
TEST_F(TensorCopy, SwizzlesAsTheManualsTablesSay) {
  using Table = std::vector<std::vector<uint32_t>>;
  const Table k128 = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6},
                      {2, 3, 0, 1, 6, 7, 4, 5}, {3, 2, 1, 0, 7, 6, 5, 4},
                      {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
                      {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0}};
  const Table k64 = {{0, 1, 2, 3}, {0, 1, 2, 3}, {1, 0, 3, 2}, {1, 0, 3, 2},
                     {2, 3, 0, 1}, {2, 3, 0, 1}, {3, 2, 1, 0}, {3, 2, 1, 0}};
  const Table k32 = {{0, 1}, {0, 1}, {0, 1}, {0, 1},
                     {1, 0}, {1, 0}, {1, 0}, {1, 0}};
  for (auto [swizzle, table] : {std::pair{TensorMapSwizzle::bytes128, k128},
                                {TensorMapSwizzle::bytes64, k64},
                                {TensorMapSwizzle::bytes32, k32}}) {
    auto chunks = static_cast<uint32_t>(table[0].size());
    std::vector<uint32_t> words =
        fetch(map2d(64, 16, 4 * chunks, 16, swizzle), 4, 0);
    for (uint32_t row = 0; row < 16; ++row)
      for (uint32_t chunk = 0; chunk < chunks; ++chunk)
        for (uint32_t word = 0; word < 4; ++word)
          EXPECT_EQ(words[(row * chunks + chunk) * 4 + word],
                    1004 + row * 64 + 4 * table[row % 8][chunk] + word)
              << chunks << " chunks, row " << row;
  }
  // The pattern is one of addresses, not of the box's rows.
  std::vector<uint32_t> words =
      fetch(map2d(64, 16, 32, 4, TensorMapSwizzle::bytes128), 0, 0, 384);
  for (uint32_t row = 0; row < 4; ++row)
    EXPECT_EQ(words[row * 32], 1000 + row * 64 + 4 * k128[row + 3][0]);
}

TEST_F(TensorCopy, WalksFiveDimensions) {
  // 8 x 2 x 4 x 2 x 4 words, of them 4 x 2 x 2 x 1 x 3.
  TensorMap map;
  ASSERT_STREQ(encodeTensorMap(&map, {.type = TensorMapType::U32,
                                      .rank = 5,
                                      .address = source.data(),
                                      .sizes = {8, 2, 4, 2, 4},
                                      .strides = {32, 64, 256, 512},
                                      .box = {4, 2, 2, 1, 3},
                                      .elementStrides = {1, 1, 1, 1, 1}}),
               nullptr);
  auto load5d = kernel.op("cp.async.bulk.tensor.5d.shared::cluster.global."
                          "tile.mbarrier::complete_tx::bytes");
  Report report = kernel.run(launch, [&] {
    start();
    if (kernel.tid() != 0)
      return;
    expect(kBarrier, map.boxBytes());
    load5d(uint64_t(0), &map, 2, 0, 3, 1, 0, kBarrier);
    waitFor(0);
    for (uint32_t i = 0; i < 48; ++i) {
      uint32_t a = i % 4, b = i / 4 % 2, c = i / 8 % 2, e = i / 16;
      uint32_t expected = 1000 + (2 + a) + b * 8 + (3 + c) * 16 + 64 + e * 128;
      EXPECT_EQ(load(uint64_t(4 * i)), c == 0 ? expected : 0u);
    }
  });
  EXPECT_EQ(describe(report), "");
}

TEST_F(TensorCopy, StoresABoxWithinTheTensor) {
  TensorMap map = map2d(60, 14, 8, 4, TensorMapSwizzle::bytes32, result.data());
  Report report = kernel.run(launch, [&] {
    if (kernel.tid() != 0)
      return;
    for (uint32_t i = 0; i < 32; ++i) {
      uint32_t at = 4 * i;
      store(uint64_t(at ^ (at >> 7 & 1) << 4), 1 + i);
    }
    fence();
    store2d(&map, 56, 12, uint64_t(0));
    commit();
    wait(0u);
  });
  EXPECT_EQ(describe(report), "");
  for (uint32_t i = 0; i < result.size(); ++i) {
    uint32_t column = i % 64, row = i / 64;
    bool isInside = column >= 56 && column < 60 && row >= 12 && row < 14;
    EXPECT_EQ(result[i], isInside ? 1 + (row - 12) * 8 + column - 56 : 0u);
  }
}

TEST_F(TensorCopy, ReducesABox) {
  auto add = kernel.op("cp.reduce.async.bulk.tensor.2d.global.shared::cta.add."
                       "tile.bulk_group");
  auto max = kernel.op("cp.reduce.async.bulk.global.shared::cta.bulk_group."
                       "max.s32");
  TensorMap map = map2d(64, 16, 8, 4, {}, result.data());
  result[64] = 0xFFFFFFFFu;
  launch.grid = {4, 1, 1};
  Report report = kernel.run(launch, [&] {
    if (kernel.tid() != 0)
      return;
    for (uint32_t i = 0; i < 32; ++i)
      store(uint64_t(4 * i), i + 1);
    fence();
    add(&map, 0, 1, uint64_t(0));
    max(&result[512], uint64_t(0), 16u);
    commit();
    wait(0u);
  });
  EXPECT_EQ(describe(report), "");
  // -1, and four times 1.
  EXPECT_EQ(result[64], 3u);
  EXPECT_EQ(result[65], 8u);
  EXPECT_EQ(result[4 * 64 + 7], 128u);
  EXPECT_EQ(result[5 * 64], 0u);
  EXPECT_EQ(result[515], 4u);
}

TEST_F(TensorCopy, FindsWhatIsWrong) {
  TensorMap map = map2d(64, 16, 8, 4);
  TensorMap larger = map2d(64, 17, 8, 4);
  auto load3d = kernel.op("cp.async.bulk.tensor.3d.shared::cluster.global."
                          "mbarrier::complete_tx::bytes");
  auto findings = [&](const std::function<void()> &copy) {
    return kinds(kernel.run(launch, [&] {
      start();
      if (kernel.tid() == 0)
        copy();
    }));
  };
  EXPECT_THAT(findings([&] { load2d(uint64_t(64), &map, 0, 0, kBarrier); }),
              ElementsAre(FindingKind::misaligned));
  EXPECT_THAT(
      findings([&] { load2d(uint64_t(0), &source[0], 0, 0, kBarrier); }),
      ElementsAre(FindingKind::invalidOperand));
  EXPECT_THAT(findings([&] { load3d(uint64_t(0), &map, 0, 0, 0, kBarrier); }),
              ElementsAre(FindingKind::invalidOperand));
  // A map that says more than there is: its last row isn't the argument's.
  EXPECT_THAT(findings([&] { load2d(uint64_t(0), &larger, 0, 15, kBarrier); }),
              ElementsAre(FindingKind::outOfBounds));
  EXPECT_THAT(findings([&] {
                expect(kBarrier, 64u);
                load2d(uint64_t(0), &map, 0, 0, kBarrier);
                waitFor(0);
              }),
              ElementsAre(FindingKind::deadlock));
  EXPECT_THAT(findings([&] {
                store(uint64_t(0), 1u);
                store2d(&map, 0, 0, uint64_t(0));
                commit();
                wait(0u);
              }),
              ElementsAre(FindingKind::missingFence));
}

TEST(TensorMap, ChecksItsParameters) {
  auto encode = [](void (*change)(TensorMapParameters &),
                   TensorMapFill fill = TensorMapFill::zeros) {
    TensorMapParameters tensor = {.type = TensorMapType::BF16,
                                  .rank = 2,
                                  .address = reinterpret_cast<void *>(1024),
                                  .sizes = {64, 64},
                                  .strides = {128},
                                  .box = {64, 8},
                                  .elementStrides = {1, 1}};
    change(tensor);
    TensorMap map;
    const char *error =
        encodeTensorMap(&map, tensor, TensorMapSwizzle::bytes128, fill);
    return std::string(error ? error : "");
  };
  EXPECT_EQ(encode([](auto &) {}), "");
  EXPECT_THAT(encode([](auto &t) { t.rank = 6; }), HasSubstr("rank"));
  EXPECT_THAT(
      encode([](auto &t) { t.address = reinterpret_cast<void *>(1032); }),
      HasSubstr("multiple of 16"));
  EXPECT_THAT(encode([](auto &t) { t.sizes[1] = 0; }), HasSubstr("sizes"));
  EXPECT_THAT(encode([](auto &t) { t.strides[0] = 120; }),
              HasSubstr("strides"));
  EXPECT_THAT(encode([](auto &t) { t.box[1] = 257; }),
              HasSubstr("256 elements"));
  EXPECT_THAT(encode([](auto &t) { t.box[0] = 4; }), HasSubstr("16 bytes"));
  EXPECT_THAT(encode([](auto &t) { t.box[0] = 128; }),
              HasSubstr("fit into the swizzle"));
  EXPECT_THAT(encode([](auto &t) { t.elementStrides[0] = 2; }),
              HasSubstr("every element"));
  EXPECT_THAT(
      encode([](auto &t) { t.type = TensorMapType::U16; }, TensorMapFill::nan),
      HasSubstr("NaN"));
}
