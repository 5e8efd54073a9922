//===- Scheduler.cpp - Who runs when --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <thread>

using namespace sparse24::emulator;

/// How often all threads that poll may do so in vain before it is a deadlock,
/// and how long where they may poll for another cluster.
static constexpr unsigned kMaxIdleRounds = 256;
static constexpr auto kMaxIdleTime = std::chrono::seconds(2);

static thread_local Thread *running = nullptr;

Thread &sparse24::emulator::currentThread() { return *running; }

namespace {
/// Leaves the functions of an instruction; the kernel's are left as they are.
struct ThreadEnd {};
} // namespace

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

void Thread::execute(const Instruction &instruction, const uint32_t *in,
                     uint32_t *out) {
  current = &instruction;
  uint32_t count = ++executed[instruction.id];
  uint32_t &warpCount = warp.executed[instruction.id];
  warpCount = std::max(warpCount, count);
  try {
    instruction.execute(*this, instruction, in, out);
  } catch (const ThreadEnd &) {
    hasEnded = true;
  }
  // Not in the handler: exceptions in flight belong to the host thread.
  if (hasEnded)
    fiber.suspend();
}

void Thread::end() { throw ThreadEnd(); }

void Thread::waitUntil(std::function<bool()> condition,
                       std::function<std::string()> why) {
  if (condition())
    return;
  ready = std::move(condition);
  reason = std::move(why);
  fiber.suspend();
  if (isAbandoned)
    end();
  ready = nullptr;
}

void Thread::pause(std::function<bool()> hope,
                   std::function<std::string()> why) {
  isPaused = true;
  waitUntil(std::move(hope), std::move(why));
  isPaused = false;
}

//===----------------------------------------------------------------------===//
// Clusters
//===----------------------------------------------------------------------===//

void Cluster::runThread(Thread &thread) {
  running = &thread;
  thread.fiber.resume();
  if (!thread.fiber.isOver() && !thread.hasEnded)
    return;
  thread.isDone = true;
  thread.accumulators.finish(thread);
  auto isReading = [](const BulkGroup &group) {
    return !group.isRead && !group.reads.empty();
  };
  if (isReading(thread.openBulkGroup) ||
      std::any_of(thread.bulkGroups.begin(), thread.bulkGroups.end(),
                  isReading))
    thread.report(FindingKind::missingWait,
                  "the thread ends while a bulk copy reads shared memory");
  ++progress;
  thread.warp.leave(thread.lane);
  thread.cta.leave();
  barrier.expected = numAlive();
  barrier.update();
}

void Cluster::execute() {
  std::vector<Thread *> threads;
  for (auto &cta : ctas)
    for (auto &thread : cta->threads)
      threads.push_back(thread.get());
  std::mt19937_64 random(run.launch.seed);
  for (Thread *thread : threads)
    thread->fiber.start([this] { run.program.kernel(); });

  using Clock = std::chrono::steady_clock;
  unsigned idleRounds = 0;
  uint64_t lastProgress = 0;
  uint32_t lastDone = 0;
  Clock::time_point lastTime = Clock::now();
  while (!threads.empty()) {
    bool hasRun = false;
    if (run.launch.seed)
      std::shuffle(threads.begin(), threads.end(), random);
    for (Thread *thread : threads) {
      if (thread->isDone || (thread->ready && !thread->ready()))
        continue;
      runThread(*thread);
      hasRun = true;
    }
    std::erase_if(threads, [](Thread *thread) { return thread->isDone; });
    if (hasRun)
      continue;

    // Everybody waits. Those that poll try again, for as long as that helps.
    if (progress != lastProgress || run.clustersDone != lastDone) {
      lastProgress = progress;
      lastDone = run.clustersDone;
      lastTime = Clock::now();
      idleRounds = 0;
    }
    bool hasPolled = false;
    if (++idleRounds < kMaxIdleRounds ||
        (run.clustersRunning > 1 && Clock::now() - lastTime < kMaxIdleTime))
      for (Thread *thread : threads)
        if (thread->isPaused) {
          runThread(*thread);
          hasPolled = true;
        }
    if (!hasPolled) {
      reportDeadlock();
      return abandon();
    }
    std::this_thread::yield();
  }
}

void Cluster::reportDeadlock() {
  // One report for each place at which threads wait.
  for (auto &cta : ctas) {
    std::set<const Instruction *> known;
    for (auto &thread : cta->threads) {
      if (thread->isDone || !known.insert(thread->current).second)
        continue;
      std::string message = thread->reason() + ", and nothing can wake it";
      // Lanes that wait elsewhere have taken another way.
      if (thread->missingLanes) {
        uint32_t lane = std::countr_zero(thread->missingLanes());
        Thread &other = *cta->threads[thread->index - thread->lane + lane];
        message += "; lane " + std::to_string(lane) + " is at " +
                   other.current->site.opcode + " (" +
                   other.current->site.location + ")";
      }
      thread->report(thread->missingLanes ? FindingKind::divergence
                                          : FindingKind::deadlock,
                     std::move(message));
    }
  }
}

void Cluster::abandon() {
  // So that what instructions keep on the fibers' stacks is freed.
  for (auto &cta : ctas)
    for (auto &thread : cta->threads)
      if (!thread->isDone) {
        running = thread.get();
        thread->isAbandoned = true;
        thread->fiber.resume();
      }
}
