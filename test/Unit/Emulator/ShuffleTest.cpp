// What lanes exchange.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Kernel.h"

using namespace sparse24::emulator;
using namespace sparse24::emulator::test;
using testing::ElementsAre;

static constexpr uint32_t kAll = 0xFFFFFFFFu;

TEST(Shuffle, ReadsOtherLanes) {
  Kernel kernel;
  auto idx = kernel.op("shfl.sync.idx.b32", 2);
  auto up = kernel.op("shfl.sync.up.b32", 2);
  auto down = kernel.op("shfl.sync.down.b32", 2);
  auto bfly = kernel.op("shfl.sync.bfly.b32", 2);
  Report report = kernel.run(oneCta(32), [&] {
    uint32_t lane = kernel.tid(), value = 100 + lane;
    EXPECT_EQ(idx(value, 7u, 31u, kAll)[0], 107u);
    Words r = up(value, 3u, 0u, kAll);
    EXPECT_EQ(r[0], lane < 3 ? value : value - 3);
    EXPECT_EQ(r[1], lane < 3 ? 0u : 1u);
    r = down(value, 3u, 31u, kAll);
    EXPECT_EQ(r[0], lane > 28 ? value : value + 3);
    EXPECT_EQ(r[1], lane > 28 ? 0u : 1u);
    EXPECT_EQ(bfly(value, 16u, 31u, kAll)[0], 100 + (lane ^ 16));
    // Segments of 8 lanes.
    uint32_t c = 24u << 8 | 31u;
    EXPECT_EQ(idx(value, 2u, c, kAll)[0], 100 + (lane & 24) + 2);
    r = down(value, 1u, c, kAll);
    EXPECT_EQ(r[0], lane % 8 == 7 ? value : value + 1);
    EXPECT_EQ(up(value, 1u, 24u << 8, kAll)[1], lane % 8 == 0 ? 0u : 1u);
  });
  EXPECT_EQ(describe(report), "");
}

TEST(Shuffle, FindsLanesThatDontTakePart) {
  Kernel kernel;
  auto idx = kernel.op("shfl.sync.idx.b32", 2);
  Report report = kernel.run(oneCta(32), [&] {
    if (kernel.tid() < 16)
      idx(1u, 20u, 31u, 0xFFFFu);
  });
  EXPECT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand));
}

TEST(Shuffle, FindsDivergence) {
  Kernel kernel;
  auto idx = kernel.op("shfl.sync.idx.b32", 2);
  auto sync = kernel.op("bar.sync");
  Report report = kernel.run(oneCta(32), [&] {
    if (kernel.tid() < 16)
      idx(1u, 0u, 31u, kAll);
    sync(0u, 0u);
  });
  EXPECT_THAT(kinds(report),
              ElementsAre(FindingKind::divergence, FindingKind::divergence));
}

TEST(Shuffle, Votes) {
  Kernel kernel;
  auto ballot = kernel.op("vote.sync.ballot.b32", 1);
  auto any = kernel.op("vote.sync.any.pred", 1);
  auto all = kernel.op("vote.sync.all.pred", 1);
  auto uni = kernel.op("vote.sync.uni.pred", 1);
  Report report = kernel.run(oneCta(32), [&] {
    uint32_t lane = kernel.tid();
    EXPECT_EQ(ballot(uint32_t(lane % 2), kAll), 0xAAAAAAAAu);
    EXPECT_EQ(any(uint32_t(lane == 3), kAll), 1u);
    EXPECT_EQ(any(0u, kAll), 0u);
    EXPECT_EQ(all(uint32_t(lane != 3), kAll), 0u);
    EXPECT_EQ(all(1u, kAll), 1u);
    EXPECT_EQ(uni(0u, kAll), 1u);
    EXPECT_EQ(uni(uint32_t(lane == 3), kAll), 0u);
    if (lane < 16) {
      EXPECT_EQ(ballot(1u, 0xFFFFu), 0xFFFFu);
    }
  });
  EXPECT_EQ(describe(report), "");
}

TEST(Shuffle, MatchesReducesAndElects) {
  Kernel kernel;
  auto any = kernel.op("match.any.sync.b32", 1);
  auto all = kernel.op("match.all.sync.b64", 2);
  auto add = kernel.op("redux.sync.add.s32", 1);
  auto min = kernel.op("redux.sync.min.s32", 1);
  auto max = kernel.op("redux.sync.max.u32", 1);
  auto elect = kernel.op("elect.sync", 2);
  Report report = kernel.run(oneCta(32), [&] {
    uint32_t lane = kernel.tid();
    EXPECT_EQ(any(lane / 16, kAll), lane < 16 ? 0xFFFFu : 0xFFFF0000u);
    EXPECT_THAT(all(uint64_t(7), kAll), ElementsAre(kAll, 1));
    EXPECT_THAT(all(uint64_t(lane), kAll), ElementsAre(0, 0));
    EXPECT_EQ(add(lane, kAll), 31u * 32 / 2);
    EXPECT_EQ(min(int32_t(lane) - 5, kAll), uint32_t(-5));
    EXPECT_EQ(max(int32_t(lane) - 5, kAll), uint32_t(-1));
    EXPECT_THAT(elect(kAll), ElementsAre(0, lane == 0));
  });
  EXPECT_EQ(describe(report), "");
}

TEST(Special, RegistersTellWhereAThreadIs) {
  Kernel kernel;
  auto tidY = kernel.op("mov.u32.%tid.y", 1);
  auto ntid = kernel.op("mov.u32.%ntid.x", 1);
  auto lane = kernel.op("mov.u32.%laneid", 1);
  auto warp = kernel.op("mov.u32.%warpid", 1);
  auto below = kernel.op("mov.u32.%lanemask_lt", 1);
  auto ctaid = kernel.op("mov.u32.%ctaid.y", 1);
  auto rank = kernel.op("mov.u32.%cluster_ctarank", 1);
  auto cluster = kernel.op("mov.u32.%clusterid.y", 1);
  std::vector<int> seen(2 * 4 * 40);
  Launch launch = oneCta(8);
  launch.block = {8, 5, 1};
  launch.grid = {2, 4, 1};
  launch.cluster = {1, 2, 1};
  Report report = kernel.run(launch, [&] {
    uint32_t linear = tidY() * 8 + kernel.tid();
    EXPECT_EQ(ntid(), 8u);
    EXPECT_EQ(warp() * 32 + lane(), linear);
    EXPECT_EQ(below(), (1u << linear % 32) - 1);
    EXPECT_EQ(rank(), ctaid() % 2);
    EXPECT_EQ(cluster(), ctaid() / 2);
    ++seen[(ctaid() * 2 + kernel.ctaid()) * 40 + linear];
  });
  EXPECT_EQ(describe(report), "");
  EXPECT_THAT(seen, testing::Each(1));
}

TEST(Special, TrapsEndTheThread) {
  Kernel kernel;
  auto trap = kernel.op("trap");
  Report report = kernel.run(oneCta(32), [&] {
    trap();
    ADD_FAILURE();
  });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::trap));
  EXPECT_EQ(report.findings[0].count, 32u);
}

TEST(Special, RegisterCountsAreMultiplesOf8) {
  Kernel kernel;
  auto increase = kernel.op("setmaxnreg.inc.sync.aligned.u32");
  auto decrease = kernel.op("setmaxnreg.dec.sync.aligned.u32");
  Report report =
      kernel.run(oneCta(128), [&] { increase(240u), decrease(30u); });
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::invalidOperand));
  EXPECT_EQ(report.findings[0].count, 128u);
}

TEST(Special, FindsMoreRegistersThanThereAre) {
  Kernel kernel;
  auto increase = kernel.op("setmaxnreg.inc.sync.aligned.u32");
  auto decrease = kernel.op("setmaxnreg.dec.sync.aligned.u32");
  auto run = [&](uint32_t producer) {
    return kernel.run(oneCta(384), [&] {
      if (kernel.tid() < 128)
        decrease(producer);
      else
        increase(240u);
    });
  };
  EXPECT_EQ(describe(run(24)), "");
  Report report = run(40);
  ASSERT_THAT(kinds(report), ElementsAre(FindingKind::deadlock));
  EXPECT_THAT(report.findings[0].message,
              testing::HasSubstr("want 66560 of 65536 registers"));
}
