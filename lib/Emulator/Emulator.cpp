//===- Emulator.cpp - Running a kernel on the CPU -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Emulator/Emulator.h"

#include "Registry.h"

#include <algorithm>
#include <stdexcept>
#include <thread>

using namespace sparse24::emulator;

static std::vector<Instruction> resolve(const std::vector<Site> &sites) {
  std::vector<Instruction> instructions;
  for (const Site &site : sites)
    instructions.push_back({Opcode(site.opcode), site,
                            static_cast<uint32_t>(instructions.size()),
                            Registry::get().find(site.opcode)});
  return instructions;
}

static Dim3 clusters(const Launch &launch) {
  auto divide = [](uint32_t blocks, uint32_t perCluster) {
    if (!perCluster || blocks % perCluster)
      throw std::invalid_argument("the grid isn't a multiple of the cluster");
    return blocks / perCluster;
  };
  return {divide(launch.grid.x, launch.cluster.x),
          divide(launch.grid.y, launch.cluster.y),
          divide(launch.grid.z, launch.cluster.z)};
}

/// What the CTAs of a cluster did, once they have ended.
static Statistics statistics(const Cluster &cluster) {
  Statistics sum;
  for (auto &cta : cluster.ctas) {
    Statistics &own = cta->statistics;
    for (auto &thread : cta->threads)
      own.totalClocks = std::max(own.totalClocks, thread->time);
    for (auto &warp : cta->warps) {
      own.totalClocks = std::max(own.totalClocks, warp->time);
      for (const Instruction &instruction : cluster.run.instructions)
        if (uint32_t count = warp->executed[instruction.id])
          own.instructions[instruction.site.opcode] += count;
    }
    own.mathClocks = cta->timing.math.work();
    own.copyClocks = cta->timing.copies.work();
    sum.add(own);
  }
  return sum;
}

Report sparse24::emulator::run(const Program &program, const Launch &launch) {
  Dim3 size = clusters(launch);
  auto numClusters = static_cast<uint32_t>(size.count());
  Run run{program, launch, resolve(program.sites), numClusters,
          GlobalMemory(launch.global)};
  Report report;
  std::mutex mutex;
  std::atomic<uint32_t> next = 0;
  auto work = [&] {
    for (uint32_t index; (index = next++) < numClusters;) {
      Cluster cluster(
          run, index,
          {index % size.x, index / size.x % size.y, index / (size.x * size.y)});
      ++run.clustersRunning;
      cluster.execute();
      --run.clustersRunning;
      ++run.clustersDone;
      std::lock_guard lock(mutex);
      report.statistics.add(statistics(cluster));
    }
  };

  unsigned numThreads =
      launch.threads ? launch.threads : std::thread::hardware_concurrency();
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::min(numThreads, numClusters); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
  report.findings = run.findings.take();
  return report;
}

void sparse24EmulatorExecute(uint32_t site, const uint32_t *in, uint32_t *out) {
  Thread &thread = currentThread();
  thread.execute(thread.cta.cluster.run.instructions[site], in, out);
}
