// The cost model against measured times.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/ScheduleModel.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

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
                        int64_t cluster, bool streamK = false,
                        bool pingPong = false) {
    return ScheduleAttr::get(&context, InstructionFamily::wgmma_sp, rows,
                             columns, 64, 8, 1, stages, cluster, streamK,
                             pingPong);
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

TEST_F(ScheduleModelTest, AgreesWithAnH100) {
  // TFLOP/s (dense-equivalent) of a kernel written by hand, with a tile of 256
  // rows, in clusters of two.
  struct {
    int64_t rows, columns, k, tileColumns, stages;
    double teraflops;
  } measured[] = {
      {4096, 4096, 4096, 128, 5, 1012},    {10240, 10240, 10240, 128, 5, 1072},
      {28672, 4096, 4096, 128, 5, 1039},   {28672, 1024, 4096, 128, 5, 962},
      {4096, 1024, 14336, 128, 5, 1018},   {4096, 4096, 4096, 192, 4, 1032},
      {10240, 10240, 10240, 192, 4, 1239}, {28672, 4096, 4096, 192, 4, 1193},
      {28672, 1024, 4096, 192, 4, 899},    {4096, 1024, 14336, 192, 4, 850},
  };
  for (auto [rows, columns, k, tileColumns, stages, teraflops] : measured) {
    double microseconds = estimate(schedule(256, tileColumns, stages, 2),
                                   product(rows, columns, k));
    double estimated =
        2.0 * rows * columns * static_cast<double>(k) / microseconds / 1e6;
    EXPECT_NEAR(estimated / teraflops, 1, 0.15)
        << rows << " × " << columns << " × " << k << ", tile columns "
        << tileColumns;
  }
}

TEST_F(ScheduleModelTest, ChoosesWhatWasFastest) {
  auto tileColumns = [&](int64_t rows, int64_t columns, int64_t k) {
    return chooseSchedule(product(rows, columns, k), target)
        ->schedule.getTileCols();
  };
  EXPECT_EQ(tileColumns(10240, 10240, 10240), 192);
  EXPECT_EQ(tileColumns(28672, 4096, 4096), 192);
  EXPECT_NE(tileColumns(28672, 1024, 4096), 192);
  EXPECT_EQ(tileColumns(28672, 8, 4096), 8);
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

TEST_F(ScheduleModelTest, StreamKDividesTheLastWave) {
  // 132 CTAs: a few tiles more than a wave take twice as long, or little
  // longer.
  ProductShape wave = product(256 * 12, 128 * 11, 8192);
  ProductShape more = product(256 * 12, 128 * 12, 8192);
  double one = estimate(schedule(256, 128, 5, 2), wave);
  EXPECT_GT(estimate(schedule(256, 128, 5, 2), more), 1.9 * one);
  EXPECT_LT(estimate(schedule(256, 128, 5, 2, /*streamK=*/true), more),
            1.3 * one);
}

TEST_F(ScheduleModelTest, PingPongHidesStores) {
  ProductShape shape = product(8192, 8192, 512);
  EXPECT_LT(estimate(schedule(128, 128, 5, 2, false, /*pingPong=*/true), shape),
            estimate(schedule(128, 128, 5, 2), shape));
}

} // namespace
