//===- Barrier.cpp - Barriers and fences ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

using namespace sparse24::emulator;

static constexpr uint32_t kNumBarriers = 16;

static void nothing(const Instruction &, const Lanes &) {}

//===----------------------------------------------------------------------===//
// Barriers of a CTA
//===----------------------------------------------------------------------===//

/// Arrives at the barrier of operands `id count`; returns whether these are
/// valid, and the generation.
static std::optional<uint32_t> arriveAt(Thread &thread,
                                        const Instruction &instruction,
                                        const uint32_t *in, uint32_t vote) {
  uint32_t id = in[0], count = in[1];
  if (id >= kNumBarriers) {
    thread.report(FindingKind::invalidOperand,
                  "barrier " + std::to_string(id) + " is none of the " +
                      std::to_string(kNumBarriers));
    return std::nullopt;
  }
  if (count % kLanes) {
    thread.report(FindingKind::invalidOperand,
                  "a count of " + std::to_string(count) +
                      " threads isn't a multiple of the warp's");
    return std::nullopt;
  }
  if (instruction.opcode.isAligned())
    thread.warp.together(thread, instruction, kFullMask, in, nullptr, nothing);
  Barrier &barrier = thread.cta.barriers[id];
  barrier.votes += vote;
  return barrier.arrive(thread, count ? count : thread.cta.numAlive,
                        /*isForAll=*/count == 0);
}

static void waitFor(Thread &thread, Barrier &barrier, uint32_t generation,
                    const std::string &name) {
  thread.waitUntil([&] { return barrier.generation != generation; },
                   [&barrier, name] {
                     return "waits for " + name + ", which " +
                            std::to_string(barrier.arrived) + " of " +
                            std::to_string(barrier.expected) +
                            " threads have reached";
                   });
  barrier.leave(thread);
}

/// PTX ISA, 9.7.13.1: bar.sync, barrier.cta.sync.
/// in: id, count (0: all threads).
static void barSync(Thread &thread, const Instruction &instruction,
                    const uint32_t *in, uint32_t *) {
  if (auto generation = arriveAt(thread, instruction, in, 0))
    waitFor(thread, thread.cta.barriers[in[0]], *generation,
            "barrier " + std::to_string(in[0]));
}

/// PTX ISA, 9.7.13.1: bar.arrive, barrier.cta.arrive.
/// in: id, count.
static void barArrive(Thread &thread, const Instruction &instruction,
                      const uint32_t *in, uint32_t *) {
  arriveAt(thread, instruction, in, 0);
}

/// PTX ISA, 9.7.13.1: bar.red, barrier.cta.red.
/// in: id, count, predicate. out: how many hold, or whether all or any do.
static void barRed(Thread &thread, const Instruction &instruction,
                   const uint32_t *in, uint32_t *out) {
  out[0] = 0;
  auto generation = arriveAt(thread, instruction, in, in[2] != 0);
  if (!generation)
    return;
  Barrier &barrier = thread.cta.barriers[in[0]];
  waitFor(thread, barrier, *generation, "barrier " + std::to_string(in[0]));
  const Opcode &opcode = instruction.opcode;
  if (opcode.has("popc"))
    out[0] = barrier.lastVotes;
  else if (opcode.has("and"))
    out[0] = barrier.lastVotes == barrier.lastArrived;
  else
    out[0] = barrier.lastVotes != 0;
}

/// PTX ISA, 9.7.13.2: bar.warp.sync. It orders memory accesses, too.
/// in: mask.
static void barWarpSync(Thread &thread, const Instruction &instruction,
                        const uint32_t *in, uint32_t *out) {
  thread.warp.together(
      thread, instruction, in[0], in, out,
      [](const Instruction &, const Lanes &lanes) {
        Order order;
        for (uint32_t lane = 0; lane < kLanes; ++lane)
          if (lanes.has(lane))
            lanes.threads[lane]->release(order.clock, order.asyncVisible);
        for (uint32_t lane = 0; lane < kLanes; ++lane)
          if (lanes.has(lane))
            lanes.threads[lane]->acquire(order.clock, order.asyncVisible);
      });
}

//===----------------------------------------------------------------------===//
// Barrier of a cluster
//===----------------------------------------------------------------------===//

/// PTX ISA, 9.7.13.3: barrier.cluster.arrive.
static void clusterArrive(Thread &thread, const Instruction &instruction,
                          const uint32_t *in, uint32_t *) {
  if (instruction.opcode.isAligned())
    thread.warp.together(thread, instruction, kFullMask, in, nullptr, nothing);
  if (thread.clusterArrival)
    return thread.report(FindingKind::invalidOperand,
                         "arrives twice without a barrier.cluster.wait");
  Cluster &cluster = thread.cta.cluster;
  // A relaxed arrival hands on nothing but what a fence has.
  if (instruction.opcode.has("relaxed")) {
    VectorClock clock = thread.clock, asyncVisible = thread.asyncVisible;
    Order fenced = thread.fenced.value_or(Order());
    thread.clock = fenced.clock;
    thread.asyncVisible = fenced.asyncVisible;
    thread.clusterArrival =
        cluster.barrier.arrive(thread, cluster.numAlive(), /*isForAll=*/true);
    thread.clock = std::move(clock);
    thread.asyncVisible = std::move(asyncVisible);
    return;
  }
  thread.clusterArrival =
      cluster.barrier.arrive(thread, cluster.numAlive(), /*isForAll=*/true);
}

/// PTX ISA, 9.7.13.3: barrier.cluster.wait.
static void clusterWait(Thread &thread, const Instruction &instruction,
                        const uint32_t *in, uint32_t *) {
  if (instruction.opcode.isAligned())
    thread.warp.together(thread, instruction, kFullMask, in, nullptr, nothing);
  if (!thread.clusterArrival)
    return thread.report(FindingKind::invalidOperand,
                         "waits without a barrier.cluster.arrive before");
  uint32_t generation = *thread.clusterArrival;
  thread.clusterArrival.reset();
  waitFor(thread, thread.cta.cluster.barrier, generation,
          "the cluster's barrier");
}

//===----------------------------------------------------------------------===//
// Fences
//===----------------------------------------------------------------------===//

/// PTX ISA, 9.7.13.4: fence, membar. With relaxed or volatile accesses before
/// and after it, it does what release and acquire do.
static void fence(Thread &thread, const Instruction &, const uint32_t *,
                  uint32_t *) {
  thread.acquire(thread.observed.clock, thread.observed.asyncVisible);
  Order order;
  thread.release(order.clock, order.asyncVisible);
  thread.fenced = std::move(order);
}

/// PTX ISA, 9.7.13.4: fence.proxy.async. The asynchronous proxy sees what this
/// thread's accesses are ordered after.
static void fenceProxyAsync(Thread &thread, const Instruction &,
                            const uint32_t *, uint32_t *) {
  thread.asyncVisible.join(thread.clock);
  // Later writes are another step.
  ++thread.clock[thread.agent()];
}

/// Fences of proxies that the emulator doesn't tell apart.
static void ignore(Thread &, const Instruction &, const uint32_t *,
                   uint32_t *) {}

void sparse24::emulator::registerBarrier(Registry &registry) {
  for (const char *name : {"bar", "bar.cta", "barrier", "barrier.cta"}) {
    registry.add(std::string(name) + ".sync", barSync);
    registry.add(std::string(name) + ".arrive", barArrive);
    registry.add(std::string(name) + ".red", barRed);
  }
  registry.add("bar.warp.sync", barWarpSync);
  registry.add("barrier.cluster.arrive", clusterArrive);
  registry.add("barrier.cluster.wait", clusterWait);
  registry.add("fence", fence);
  registry.add("membar", fence);
  registry.add("fence.proxy", ignore);
  registry.add("fence.proxy.async", fenceProxyAsync);
  // The one use of it is to make mbarriers' initialization known.
  registry.add("fence.mbarrier_init", fenceProxyAsync);
}
