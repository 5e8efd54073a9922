// The cost model against measured times.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/ScheduleModel.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::ElementType;
using ::sparse24::PackedFamily;

namespace {

class ScheduleModelTest : public testing::Test {
protected:
  ScheduleModelTest() {
    context.loadDialect<Sparse24Dialect>();
    target = TargetAttr::get(&context, "sm_90a");
  }

  ScheduleAttr schedule(int64_t rows, int64_t columns, int64_t stages,
                        int64_t cluster, int64_t splitK = 1,
                        bool pingPong = false, bool splitTail = false) {
    return ScheduleAttr::get(&context, InstructionFamily::wgmma_sp, rows,
                             columns, 64, pingPong ? 4 : 8, 1, stages, cluster,
                             splitK, pingPong, splitTail);
  }
  static ProductShape product(int64_t rows, int64_t columns, int64_t k) {
    return {{PackedFamily::WgmmaSp, ElementType::BF16, rows, k}, columns, 2};
  }
  double estimate(ScheduleAttr schedule, const ProductShape &shape) {
    return estimateSchedule(schedule, shape, target).microseconds;
  }

  MLIRContext context;
  TargetAttr target;
};

TEST_F(ScheduleModelTest, AgreesWithAnH200) {
  // Microseconds of generated kernels, in clusters of two.
  struct {
    int64_t rows, columns, k, tileRows, tileColumns, stages;
    double microseconds;
  } measured[] = {
      {14336, 16384, 4096, 256, 192, 4, 1577},
      {4096, 16384, 14336, 256, 192, 4, 1567},
      {28672, 16384, 8192, 256, 192, 4, 6534},
      {5120, 3072, 5120, 256, 192, 4, 158},
      {4096, 4096, 4096, 256, 192, 4, 127},
      {28672, 4096, 8192, 128, 256, 5, 1615},
      {4096, 4096, 14336, 128, 256, 5, 386},
      {4096, 4096, 4096, 128, 256, 5, 118},
      {28672, 1024, 8192, 128, 256, 5, 394},
      {4096, 1024, 14336, 128, 256, 5, 98},
      {4096, 4096, 4096, 256, 128, 6, 122},
      {28672, 512, 8192, 256, 128, 6, 238},
      {4096, 1024, 14336, 256, 128, 6, 104},
      {4096, 512, 14336, 128, 128, 8, 58},
      {14336, 128, 4096, 128, 128, 8, 29},
      {4096, 256, 14336, 128, 64, 12, 44},
      {28672, 64, 8192, 128, 64, 12, 77},
      {28672, 16, 8192, 128, 16, 20, 76},
  };
  double squares = 0;
  for (auto [rows, columns, k, tileRows, tileColumns, stages, microseconds] :
       measured) {
    double estimated = estimate(schedule(tileRows, tileColumns, stages, 2),
                                product(rows, columns, k));
    EXPECT_NEAR(estimated / microseconds, 1, 0.2)
        << rows << " × " << columns << " × " << k << ", tile " << tileRows
        << " × " << tileColumns;
    double error = std::log(estimated / microseconds);
    squares += error * error;
  }
  EXPECT_LT(std::sqrt(squares / std::size(measured)), 0.1);
}

TEST_F(ScheduleModelTest, ChoosesWhatWasFastest) {
  auto choose = [&](int64_t rows, int64_t columns, int64_t k) {
    return chooseSchedule(product(rows, columns, k), target)->schedule;
  };
  EXPECT_EQ(choose(10240, 10240, 10240).getTileCols(), 192);
  EXPECT_EQ(choose(28672, 4096, 4096).getTileCols(), 192);
  EXPECT_EQ(choose(4096, 4096, 4096).getTileCols(), 256);
  EXPECT_EQ(choose(4096, 4096, 14336).getTileCols(), 256);
  EXPECT_EQ(choose(28672, 1024, 4096).getTileCols(), 256);
  EXPECT_EQ(choose(4096, 1024, 14336).getTileCols(), 256);
  EXPECT_EQ(choose(28672, 8, 4096).getTileCols(), 8);
  // Few tiles and a long K: only sharing them gives all something to do.
  EXPECT_EQ(choose(4096, 1024, 14336).getSplitK(), 1);
  EXPECT_EQ(choose(28672, 8, 4096).getSplitK(), 1);
  EXPECT_EQ(choose(3584, 128, 18944).getSplitK(), 2);
  EXPECT_EQ(choose(4096, 64, 14336).getSplitK(), 2);
  EXPECT_GT(choose(256, 256, 65536).getSplitK(), 1);
  EXPECT_TRUE(choose(10240, 10240, 10240).getSplitTail());
  EXPECT_TRUE(choose(8192, 8192, 8192).getSplitTail());
  EXPECT_FALSE(choose(28672, 4096, 4096).getSplitTail());
}

TEST_F(ScheduleModelTest, EveryTypeHasASchedule) {
  for (ElementType type : ::sparse24::kElementTypes)
    for (int64_t outputElementBytes : {2, 4}) {
      ProductShape shape{
          {PackedFamily::WgmmaSp, type, 4096, 4096}, 4096, outputElementBytes};
      std::optional<ScheduleEstimate> best = chooseSchedule(shape, target);
      ASSERT_TRUE(best);
      EXPECT_EQ(best->schedule.getTileK(), shape.sparse.kBlock());
      EXPECT_GE(best->schedule.getStages(), 2);
    }
}

TEST_F(ScheduleModelTest, SplitKGivesMoreMultiprocessorsWork) {
  // 32 tiles, or 64 halves of K of them, for 132 CTAs. The clock is lower where
  // more are busy, and the sums have to meet.
  ProductShape shape = product(128 * 32, 64, 32768);
  double one = estimate(schedule(128, 64, 12, 1), shape);
  double two = estimate(schedule(128, 64, 10, 2, /*splitK=*/2), shape);
  EXPECT_GT(one, 1.7 * two);
  // With a short K they cost more than they gain.
  ProductShape shallow = product(128 * 32, 64, 256);
  EXPECT_LT(estimate(schedule(128, 64, 12, 1), shallow),
            estimate(schedule(128, 64, 10, 2, /*splitK=*/2), shallow));
}

TEST_F(ScheduleModelTest, LargeClustersDontFillTheCard) {
  // 33 clusters of four would be 132 CTAs, but only 30 run at a time.
  auto waves = [&](int64_t tiles) {
    return estimateSchedule(schedule(128, 64, 10, 4, /*splitK=*/4),
                            product(128 * tiles, 64, 8192), target)
        .waves;
  };
  EXPECT_EQ(waves(30), 1);
  EXPECT_EQ(waves(31), 2);
}

TEST_F(ScheduleModelTest, HalvesShortenTheLastWave) {
  // 66 clusters: a wave and 11 tiles more, each two halves for a cluster.
  ProductShape shape = product(512 * 7, 192 * 11, 8192);
  ProductShape wave = product(512 * 6, 192 * 11, 8192);
  auto split = [&](const ProductShape &shape) {
    return estimate(schedule(256, 192, 4, 2, 1, false, /*splitTail=*/true),
                    shape);
  };
  double one = estimate(schedule(256, 192, 4, 2), wave);
  EXPECT_EQ(split(wave), one);
  EXPECT_GT(estimate(schedule(256, 192, 4, 2), shape), 1.65 * one);
  EXPECT_LT(split(shape), 1.6 * one);
}

TEST_F(ScheduleModelTest, TeamsHideHeavyEpilogues) {
  auto isPingPong = [&](const ProductShape &shape) {
    return chooseSchedule(shape, target)->schedule.getPingPong();
  };
  ProductShape plain = product(28672, 4096, 1024);
  // Bias and GELU: some ten sums and products, and two special functions.
  ProductShape gelu = plain;
  gelu.epilogueClocks = 0.2;
  ScheduleAttr turns = schedule(128, 192, 5, 2, 1, /*pingPong=*/true);
  EXPECT_LT(estimate(turns, gelu), estimate(schedule(256, 192, 4, 2), gelu));
  EXPECT_TRUE(isPingPong(gelu));
  EXPECT_FALSE(isPingPong(plain));
  // Where K is long, there is little to hide; and a residual comes through the
  // stages.
  ProductShape longer = product(28672, 4096, 4096);
  longer.epilogueClocks = gelu.epilogueClocks;
  EXPECT_FALSE(isPingPong(longer));
  gelu.operandBytes = 2;
  EXPECT_FALSE(isPingPong(gelu));
}

} // namespace
