//===- Machine.cpp - Threads, warps and CTAs of a running kernel ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>

using namespace sparse24::emulator;

static thread_local Thread *running = nullptr;

Thread &sparse24::emulator::currentThread() { return *running; }

//===----------------------------------------------------------------------===//
// Thread
//===----------------------------------------------------------------------===//

Thread::Thread(Cta &cta, uint32_t index)
    : cta(cta), index(index), lane(index % kLanes),
      warp(*cta.warps[index / kLanes]) {
  clock = VectorClock(2 * cta.cluster.numThreads());
  asyncVisible = clock;
  clock[agent()] = 1;
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

void Thread::waitUntil(std::function<bool()> condition,
                       std::function<std::string()> why) {
  if (condition())
    return;
  ready = std::move(condition);
  reason = std::move(why);
  fiber.suspend();
  ready = nullptr;
}

void Thread::pause(std::function<std::string()> why) {
  isPaused = true;
  reason = std::move(why);
  fiber.suspend();
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
    if (uint64_t(offset) + bytes > owner.shared.size()) {
      report(FindingKind::outOfBounds,
             describe("lie outside of the CTA's shared memory of ") +
                 std::to_string(owner.shared.size()) + " bytes");
      return {};
    }
    return {owner.shared.bytes(offset), &owner, offset};
  }
  auto begin = reinterpret_cast<uint8_t *>(address);
  for (const Allocation &allocation : cta.cluster.run.launch.global) {
    auto first = static_cast<uint8_t *>(allocation.begin);
    if (begin >= first && begin + bytes <= first + allocation.bytes)
      return {begin, nullptr, 0};
  }
  report(FindingKind::outOfBounds, describe("lie in no argument's memory"));
  return {};
}

void Thread::check(const Memory &memory, const Conflict &conflict) {
  if (!conflict)
    return;
  uint32_t threads = cta.cluster.numThreads();
  std::string where =
      " at byte " + std::to_string(conflict.address) + " of shared memory";
  auto who = [&] {
    uint32_t agent = conflict.other.agent % threads;
    auto block = static_cast<uint32_t>(cta.cluster.run.launch.block.count());
    std::string text = "thread " + std::to_string(agent % block);
    if (cta.cluster.ctas.size() > 1)
      text += " of CTA " + std::to_string(agent / block) + " of the cluster";
    if (conflict.other.agent >= threads)
      text = "an asynchronous copy of " + text;
    return text;
  };
  switch (conflict.kind) {
  case Conflict::none:
    return;
  case Conflict::uninitialized:
    return report(FindingKind::uninitializedRead,
                  "reads what nothing has written," + where);
  case Conflict::readAfterWrite:
    return report(FindingKind::race,
                  "reads what " + who() + " has written, unordered," + where);
  case Conflict::writeAfterRead:
    return report(FindingKind::race,
                  "writes what " + who() + " reads, unordered," + where);
  case Conflict::writeAfterWrite:
    return report(FindingKind::race,
                  "writes what " + who() + " writes, unordered," + where);
  case Conflict::inFlight:
    return report(FindingKind::missingWait,
                  "accesses what an asynchronous operation still uses," +
                      where);
  case Conflict::unfenced:
    return report(FindingKind::missingFence,
                  "the asynchronous proxy reads what " + who() +
                      " has written with no fence.proxy.async after it," +
                      where);
  }
}

void Thread::read(Space space, uint64_t address, void *data, uint32_t bytes,
                  uint32_t alignment) {
  Memory memory = resolve(space, address, bytes, alignment);
  if (!memory) {
    std::memset(data, 0, bytes);
    return;
  }
  Statistics &statistics = cta.statistics;
  if (memory.cta) {
    check(memory,
          memory.cta->shared.read(memory.offset, bytes, now(), clock));
    statistics.sharedReadBytes += bytes;
  } else {
    statistics.globalReadBytes += bytes;
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
    check(memory,
          memory.cta->shared.write(memory.offset, bytes, now(), clock));
    statistics.sharedWrittenBytes += bytes;
  } else {
    statistics.globalWrittenBytes += bytes;
  }
  std::memcpy(memory.bytes, data, bytes);
}

void Thread::release(VectorClock &to, VectorClock &asyncTo) {
  to.join(clock);
  asyncTo.join(asyncVisible);
  ++clock[agent()];
}

void Thread::acquire(const VectorClock &from, const VectorClock &asyncFrom) {
  clock.join(from);
  asyncVisible.join(asyncFrom);
}

//===----------------------------------------------------------------------===//
// Warp
//===----------------------------------------------------------------------===//

uint32_t Lanes::uniform(uint32_t word, const char *name) const {
  uint32_t lowest = std::countr_zero(mask);
  uint32_t value = in[lowest][word];
  for (uint32_t lane = lowest; lane < kLanes; ++lane)
    if (has(lane) && in[lane][word] != value) {
      threads[lane]->report(FindingKind::operandMismatch,
                            std::string(name) + " differs between lanes " +
                                std::to_string(lowest) + " and " +
                                std::to_string(lane));
      break;
    }
  return value;
}

uint32_t Warp::existing() const {
  uint64_t threads = cta.cluster.run.launch.block.count();
  uint64_t lanes = std::min<uint64_t>(kLanes, threads - index * kLanes);
  return lanes == kLanes ? kFullMask : (1u << lanes) - 1;
}

void Warp::together(Thread &thread, const Instruction &instruction,
                    uint32_t mask, const uint32_t *in, uint32_t *out,
                    Collective collective) {
  mask &= existing();
  if (!(mask >> thread.lane & 1)) {
    thread.report(FindingKind::divergence,
                  "lane " + std::to_string(thread.lane) +
                      " executes it but isn't in its member mask");
    return;
  }
  Meeting *meeting = nullptr;
  for (auto &open : meetings)
    if (open->instruction == &instruction && open->mask == mask &&
        !(open->arrived >> thread.lane & 1))
      meeting = open.get();
  if (!meeting) {
    meetings.push_back(std::make_unique<Meeting>());
    meeting = meetings.back().get();
    meeting->instruction = &instruction;
    meeting->mask = meeting->lanes.mask = mask;
  }
  meeting->lanes.in[thread.lane] = in;
  meeting->lanes.out[thread.lane] = out;
  meeting->lanes.threads[thread.lane] = &thread;
  meeting->arrived |= 1u << thread.lane;
  if (meeting->arrived == mask) {
    collective(instruction, meeting->lanes);
    meeting->isOver = true;
  } else {
    thread.waitUntil([=] { return meeting->isOver; },
                     [=] {
                       char buffer[64];
                       std::snprintf(buffer, sizeof(buffer),
                                     "waits for the lanes 0x%08x of its warp",
                                     mask & ~meeting->arrived);
                       return std::string(buffer);
                     });
  }
  meeting->left |= 1u << thread.lane;
  if (meeting->left == mask)
    std::erase_if(meetings, [=](auto &m) { return m.get() == meeting; });
}

//===----------------------------------------------------------------------===//
// CTA, cluster
//===----------------------------------------------------------------------===//

void Barrier::arrive(Thread &thread, uint32_t expected) {
  thread.release(clock, asyncClock);
  if (++arrived < expected)
    return;
  arrived = 0;
  ++generation;
  lastClock = clock;
  lastAsyncClock = asyncClock;
}

Cta::Cta(Cluster &cluster, Dim3 position, uint32_t rank)
    : cluster(cluster), position(position), rank(rank),
      shared(cluster.run.program.staticSharedBytes +
             cluster.run.launch.dynamicSharedBytes) {
  auto numThreads =
      static_cast<uint32_t>(cluster.run.launch.block.count());
  for (uint32_t warp = 0; warp * kLanes < numThreads; ++warp)
    warps.push_back(std::make_unique<Warp>(*this, warp));
  for (uint32_t thread = 0; thread < numThreads; ++thread)
    threads.push_back(std::make_unique<Thread>(*this, thread));
}

Cluster::Cluster(Run &run, Dim3 position) : run(run) {
  Dim3 size = run.launch.cluster;
  uint32_t rank = 0;
  for (uint32_t z = 0; z < size.z; ++z)
    for (uint32_t y = 0; y < size.y; ++y)
      for (uint32_t x = 0; x < size.x; ++x)
        ctas.push_back(std::make_unique<Cta>(
            *this,
            Dim3{position.x * size.x + x, position.y * size.y + y,
                 position.z * size.z + z},
            rank++));
}

uint32_t Cluster::numThreads() const {
  return static_cast<uint32_t>(run.launch.cluster.count() *
                               run.launch.block.count());
}

void Cluster::execute() {
  std::vector<Thread *> threads;
  for (auto &cta : ctas)
    for (auto &thread : cta->threads)
      threads.push_back(thread.get());
  std::mt19937_64 random(run.launch.seed);
  if (run.launch.seed)
    std::shuffle(threads.begin(), threads.end(), random);
  for (Thread *thread : threads)
    thread->fiber.start([this] { run.program.kernel(); });

  size_t numDone = 0;
  while (numDone < threads.size()) {
    bool hasProgress = false;
    for (Thread *thread : threads) {
      if (thread->isDone || (thread->ready && !thread->ready()))
        continue;
      running = thread;
      thread->isPaused = false;
      thread->fiber.resume();
      hasProgress |= !thread->isPaused;
      if (thread->fiber.isOver()) {
        thread->isDone = true;
        ++numDone;
      }
    }
    if (!hasProgress)
      return reportDeadlock();
  }
}

void Cluster::reportDeadlock() {
  // One report for each place at which threads wait.
  for (auto &cta : ctas) {
    std::set<const Instruction *> known;
    for (auto &thread : cta->threads) {
      if (thread->isDone || !known.insert(thread->current).second)
        continue;
      thread->report(FindingKind::deadlock,
                     thread->reason() + ", and nothing can wake it");
    }
  }
}
