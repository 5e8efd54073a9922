//===- Machine.cpp - Threads, warps and CTAs of a running kernel ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

using namespace sparse24::emulator;

//===----------------------------------------------------------------------===//
// Thread
//===----------------------------------------------------------------------===//

Thread::Thread(Cta &cta, uint32_t index)
    : cta(cta), index(index), lane(index % kLanes),
      warp(*cta.warps[index / kLanes]) {
  clock = VectorClock(2 * cta.cluster.numThreads());
  asyncVisible = clock;
  clock[agent()] = 1;
  executed.resize(cta.cluster.run.instructions.size());
}

Dim3 Thread::position() const {
  Dim3 block = cta.cluster.run.launch.block;
  return {index % block.x, index / block.x % block.y,
          index / (block.x * block.y)};
}

uint32_t Thread::agent() const {
  return cta.rank *
             static_cast<uint32_t>(cta.cluster.run.launch.block.count()) +
         index;
}

uint32_t Thread::asyncAgent() const {
  return cta.cluster.numThreads() + agent();
}

void Thread::report(FindingKind kind, std::string message) {
  cta.cluster.run.findings.add({kind, std::move(message),
                                current ? current->site : Site(), cta.position,
                                position()});
}

Memory Thread::resolve(Space space, uint64_t address, uint32_t bytes,
                       uint32_t alignment) {
  auto describe = [&](const char *what) {
    char buffer[128];
    std::snprintf(buffer, sizeof(buffer), "%u bytes at 0x%llx %s", bytes,
                  static_cast<unsigned long long>(address), what);
    return std::string(buffer);
  };
  if (space == Space::generic)
    space = address & kGenericShared ? Space::shared : Space::global;
  if (address % alignment != 0) {
    report(FindingKind::misaligned,
           describe("must be at a multiple of ") + std::to_string(alignment));
    return {};
  }
  if (space == Space::shared) {
    uint64_t window = address & ~kGenericShared;
    uint64_t rank = window >> kRankShift;
    uint32_t offset = window & ((uint64_t(1) << kRankShift) - 1);
    Cluster &cluster = cta.cluster;
    if (rank > cluster.ctas.size()) {
      report(FindingKind::outOfBounds,
             describe("lie in no CTA of the cluster"));
      return {};
    }
    Cta &owner = rank ? *cluster.ctas[rank - 1] : cta;
    if (owner.numAlive == 0) {
      report(FindingKind::outOfBounds, describe("lie in a CTA that has ended"));
      return {};
    }
    if (uint64_t(offset) + bytes > owner.shared.size()) {
      report(FindingKind::outOfBounds,
             describe("lie outside of the CTA's shared memory of ") +
                 std::to_string(owner.shared.size()) + " bytes");
      return {};
    }
    return {owner.shared.bytes(offset), &owner, offset};
  }
  auto begin = reinterpret_cast<uint8_t *>(address);
  const std::vector<Allocation> &allocations = cta.cluster.run.launch.global;
  for (uint32_t i = 0; i < allocations.size(); ++i) {
    auto first = static_cast<uint8_t *>(allocations[i].begin);
    if (begin >= first && begin + bytes <= first + allocations[i].bytes)
      return {begin, nullptr, 0, i};
  }
  report(FindingKind::outOfBounds, describe("lie in no argument's memory"));
  return {};
}

void Thread::check(const Memory &memory, const Conflict &conflict) {
  if (!conflict)
    return;
  uint32_t threads = cta.cluster.numThreads();
  // Nobody is ordered after an mbarrier's copies but who waits for its phase.
  bool isAsync = conflict.other.agent >= 2 * threads;
  std::string where =
      " at byte " + std::to_string(conflict.address) + " of shared memory";
  auto who = [&] {
    uint32_t agent = conflict.other.agent % threads;
    if (conflict.other.agent >= 2 * threads)
      return std::string("an asynchronous copy");
    auto block = static_cast<uint32_t>(cta.cluster.run.launch.block.count());
    std::string text = "thread " + std::to_string(agent % block);
    if (cta.cluster.ctas.size() > 1)
      text += " of CTA " + std::to_string(agent / block) + " of the cluster";
    if (conflict.other.agent >= threads)
      text = "an asynchronous operation of " + text;
    return text;
  };
  switch (conflict.kind) {
  case Conflict::none:
    return;
  case Conflict::uninitialized:
    return report(FindingKind::uninitializedRead,
                  "reads what nothing has written," + where);
  case Conflict::readAfterWrite:
    return report(isAsync ? FindingKind::missingWait : FindingKind::race,
                  "reads what " + who() + " has written, unordered," + where);
  case Conflict::writeAfterRead:
    return report(isAsync ? FindingKind::missingWait : FindingKind::race,
                  "writes what " + who() + " reads, unordered," + where);
  case Conflict::writeAfterWrite:
    return report(isAsync ? FindingKind::missingWait : FindingKind::race,
                  "writes what " + who() + " writes, unordered," + where);
  case Conflict::inFlight:
    return report(FindingKind::missingWait,
                  "accesses what an asynchronous operation still uses," +
                      where);
  case Conflict::unfenced:
  case Conflict::unfencedWrite:
    return report(
        FindingKind::missingFence,
        "the asynchronous proxy " +
            std::string(conflict.kind == Conflict::unfenced ? "reads"
                                                            : "overwrites") +
            " what " + who() +
            " has written with no fence.proxy.async after it," + where);
  }
}

uint64_t Thread::globalOffset(const Memory &memory) const {
  const Allocation &allocation =
      cta.cluster.run.launch.global[memory.allocation];
  return memory.bytes - static_cast<uint8_t *>(allocation.begin);
}

GlobalAccess Thread::globalAccess(Epoch agent) const {
  const Cluster &cluster = cta.cluster;
  return {cluster.index + 1, agent, clock, cluster.isTrusted};
}

void Thread::check(const Memory &memory, const GlobalConflict &conflict) {
  if (!conflict)
    return;
  const Launch &launch = cta.cluster.run.launch;
  auto threads = static_cast<uint32_t>(launch.block.count());
  std::string who = "thread " + std::to_string(conflict.other.agent % threads);
  if (conflict.cluster != cta.cluster.index + 1)
    who +=
        launch.cluster.count() > 1 ? " of another cluster" : " of another CTA";
  else if (launch.cluster.count() > 1)
    who += " of CTA " + std::to_string(conflict.other.agent / threads) +
           " of the cluster";
  const char *what = conflict.kind == Conflict::readAfterWrite ? "reads what "
                                                               : "writes what ";
  const char *did =
      conflict.kind == Conflict::writeAfterRead ? " reads" : " writes";
  report(FindingKind::race, what + who + did + ", unordered, at byte " +
                                std::to_string(conflict.offset) + " of " +
                                launch.global[memory.allocation].name);
}

void Thread::read(Space space, uint64_t address, void *data, uint32_t bytes,
                  uint32_t alignment, std::optional<Epoch> agent) {
  Memory memory = resolve(space, address, bytes, alignment);
  if (!memory) {
    std::memset(data, 0, bytes);
    return;
  }
  Statistics &statistics = cta.statistics;
  if (memory.cta) {
    check(memory, memory.cta->shared.read(memory.offset, bytes, now(), clock));
    statistics.sharedReadBytes += bytes;
    warp.countShared(*this, memory.offset, bytes);
  } else {
    statistics.globalReadBytes += bytes;
    check(memory, cta.cluster.run.global.read(
                      memory.allocation, globalOffset(memory), bytes,
                      globalAccess(agent.value_or(now()))));
  }
  std::memcpy(data, memory.bytes, bytes);
}

void Thread::write(Space space, uint64_t address, const void *data,
                   uint32_t bytes, uint32_t alignment) {
  Memory memory = resolve(space, address, bytes, alignment);
  if (!memory)
    return;
  Statistics &statistics = cta.statistics;
  if (memory.cta) {
    check(memory, memory.cta->shared.write(memory.offset, bytes, now(), clock));
    statistics.sharedWrittenBytes += bytes;
    warp.countShared(*this, memory.offset, bytes);
  } else {
    statistics.globalWrittenBytes += bytes;
    check(memory,
          cta.cluster.run.global.write(memory.allocation, globalOffset(memory),
                                       bytes, globalAccess(now())));
  }
  std::memcpy(memory.bytes, data, bytes);
  ++cta.cluster.progress;
}

void Thread::atomic(Space space, uint64_t address, uint32_t bytes, bool isWrite,
                    const std::function<void(uint8_t *)> &change) {
  Memory memory = resolve(space, address, bytes, bytes);
  if (!memory)
    return;
  Statistics &statistics = cta.statistics;
  if (memory.cta) {
    check(memory, memory.cta->shared.atomic(memory.offset, bytes, now(), clock,
                                            isWrite));
    (isWrite ? statistics.sharedWrittenBytes : statistics.sharedReadBytes) +=
        bytes;
    warp.countShared(*this, memory.offset, bytes);
    change(memory.bytes);
  } else {
    (isWrite ? statistics.globalWrittenBytes : statistics.globalReadBytes) +=
        bytes;
    GlobalMemory &global = cta.cluster.run.global;
    auto note = isWrite ? &GlobalMemory::write : &GlobalMemory::read;
    check(memory, (global.*note)(memory.allocation, globalOffset(memory), bytes,
                                 globalAccess(now()), /*isAtomic=*/true));
    // What it reads may be another cluster's flag.
    const std::string &name = current->opcode.parts()[0];
    cta.cluster.isTrusted |= name == "ld" || name == "atom";
    std::lock_guard lock(cta.cluster.run.atomics);
    change(memory.bytes);
  }
  cta.cluster.progress += isWrite;
}

void Thread::release(VectorClock &to, VectorClock &asyncTo) {
  ++cta.cluster.progress;
  to.join(clock);
  asyncTo.join(asyncVisible);
  ++clock[agent()];
}

void Thread::acquire(const VectorClock &from, const VectorClock &asyncFrom) {
  clock.join(from);
  asyncVisible.join(asyncFrom);
}

//===----------------------------------------------------------------------===//
// CTA, cluster
//===----------------------------------------------------------------------===//

uint32_t Barrier::arrive(Thread &thread, uint32_t count, bool isForAllThreads) {
  uint32_t own = generation;
  if (arrived && (isForAll != isForAllThreads || expected != count))
    thread.report(FindingKind::operandMismatch,
                  "wants " + std::to_string(count) +
                      " threads where others have arrived that want " +
                      std::to_string(expected));
  expected = count;
  isForAll = isForAllThreads;
  thread.release(clock, asyncClock);
  time = std::max(time, thread.time);
  ++arrived;
  update();
  return own;
}

void Barrier::update() {
  if (!arrived || arrived < expected)
    return;
  lastArrived = std::exchange(arrived, 0);
  lastVotes = std::exchange(votes, 0);
  ++generation;
  lastClock = std::exchange(clock, VectorClock());
  lastAsyncClock = std::exchange(asyncClock, VectorClock());
  lastTime = std::exchange(time, 0);
}

void Barrier::leave(Thread &thread) const {
  thread.acquire(lastClock, lastAsyncClock);
  thread.time = std::max(thread.time, lastTime);
  if (isForAll)
    thread.cta.timing.join(lastTime);
}

Cta::Cta(Cluster &cluster, Dim3 position, uint32_t rank)
    : cluster(cluster), position(position), rank(rank),
      shared(cluster.run.program.staticSharedBytes +
             cluster.run.launch.dynamicSharedBytes) {
  auto numThreads = static_cast<uint32_t>(cluster.run.launch.block.count());
  for (uint32_t warp = 0; warp * kLanes < numThreads; ++warp)
    warps.push_back(std::make_unique<Warp>(*this, warp));
  for (uint32_t thread = 0; thread < numThreads; ++thread)
    threads.push_back(std::make_unique<Thread>(*this, thread));
  numAlive = numThreads;
}

void Cta::leave() {
  --numAlive;
  for (auto &[id, barrier] : barriers) {
    if (!barrier.isForAll)
      continue;
    barrier.expected = numAlive;
    barrier.update();
  }
}

Cluster::Cluster(Run &run, uint32_t index, Dim3 position)
    : run(run), index(index) {
  Dim3 size = run.launch.cluster;
  uint32_t rank = 0;
  for (uint32_t z = 0; z < size.z; ++z)
    for (uint32_t y = 0; y < size.y; ++y)
      for (uint32_t x = 0; x < size.x; ++x)
        ctas.push_back(std::make_unique<Cta>(*this,
                                             Dim3{position.x * size.x + x,
                                                  position.y * size.y + y,
                                                  position.z * size.z + z},
                                             rank++));
  nextAgent = 2 * numThreads();
}

uint32_t Cluster::numThreads() const {
  return static_cast<uint32_t>(run.launch.cluster.count() *
                               run.launch.block.count());
}

uint32_t Cluster::numAlive() const {
  uint32_t count = 0;
  for (auto &cta : ctas)
    count += cta->numAlive;
  return count;
}
