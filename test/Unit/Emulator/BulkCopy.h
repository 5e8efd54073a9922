// What tests of bulk copies have in common.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TEST_UNIT_EMULATOR_BULKCOPY_H
#define SPARSE24_TEST_UNIT_EMULATOR_BULKCOPY_H

#include "Kernel.h"

#include <numeric>

namespace sparse24::emulator::test {

/// Instructions around bulk copies, and 1024 words of global memory.
class BulkCopyFixture : public testing::Test {
protected:
  /// Where the mbarrier is; what is copied lies below.
  static constexpr uint64_t kBarrier = 8192;

  BulkCopyFixture() : source(1024), result(1024) {
    std::iota(source.begin(), source.end(), 1000);
    launch.global = {allocation(source), allocation(result)};
  }

  /// Thread 0 initializes the mbarrier, and all know.
  void start(uint32_t count = 1) const {
    if (kernel.tid() == 0) {
      init(kBarrier, count);
      fenceInit();
    }
    sync(0u, 0u);
  }
  void waitFor(uint32_t parity) const {
    while (!tryWait(kBarrier, parity))
      ;
  }
  void syncCluster() const {
    clusterArrive();
    clusterWait();
  }

  std::vector<uint32_t> source, result;
  Launch launch = oneCta(32, 8192 + 16);
  Kernel kernel;
  Op init = kernel.op("mbarrier.init.shared.b64");
  Op fenceInit = kernel.op("fence.mbarrier_init.release.cluster");
  Op expect = kernel.op("mbarrier.arrive.expect_tx.shared.b64", 2);
  Op tryWait = kernel.op("mbarrier.try_wait.parity.shared.b64", 1);
  Op commit = kernel.op("cp.async.bulk.commit_group");
  Op wait = kernel.op("cp.async.bulk.wait_group");
  Op waitRead = kernel.op("cp.async.bulk.wait_group.read");
  Op sync = kernel.op("bar.sync");
  Op fence = kernel.op("fence.proxy.async.shared::cta");
  Op load = kernel.op("ld.shared.b32", 1);
  Op store = kernel.op("st.shared.b32");
  Op mapa = kernel.op("mapa.shared::cluster.u64", 2);
  Op clusterArrive = kernel.op("barrier.cluster.arrive.aligned");
  Op clusterWait = kernel.op("barrier.cluster.wait.aligned");
};

} // namespace sparse24::emulator::test

#endif // SPARSE24_TEST_UNIT_EMULATOR_BULKCOPY_H
