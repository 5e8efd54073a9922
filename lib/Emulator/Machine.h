//===- Machine.h - Threads, warps and CTAs of a running kernel --*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the instructions (lib/Emulator/Instructions) work on. CTAs of a cluster
// run together on one host thread; their threads take turns, and each runs
// until it has to wait for another.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_MACHINE_H
#define SPARSE24_LIB_EMULATOR_MACHINE_H

#include "Copies.h"
#include "Fiber.h"
#include "GlobalMemory.h"
#include "Opcode.h"
#include "PendingAccumulators.h"
#include "SharedAccesses.h"
#include "SharedMemory.h"
#include "Timing.h"
#include "Warpgroup.h"
#include "sparse24/Emulator/Emulator.h"

#include <array>
#include <atomic>
#include <bit>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>

namespace sparse24::emulator {

inline constexpr uint32_t kLanes = 32;
inline constexpr uint32_t kFullMask = 0xFFFFFFFFu;

class Cluster;
class Cta;
class Warp;
class Thread;

/// An instruction, ready to be executed.
struct Instruction {
  Opcode opcode;
  Site site;
  uint32_t id;
  /// For one thread; it may wait (Thread::waitUntil).
  void (*execute)(Thread &, const Instruction &, const uint32_t *in,
                  uint32_t *out) = nullptr;
};

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

/// The windows of the address spaces. An address in shared memory is an offset
/// in the CTA's; with the rank of a CTA of the cluster, plus one, above bit 24
/// it is one in that CTA's (as `mapa` makes it). As a generic address it has
/// bit 62 set. Addresses in global memory are the host's.
inline constexpr uint64_t kRankShift = 24;
inline constexpr uint64_t kGenericShared = uint64_t(1) << 62;

enum class Space : uint8_t { generic, global, shared };

//===----------------------------------------------------------------------===//
// Thread
//===----------------------------------------------------------------------===//

/// What a thread hands to another through memory: what its accesses are ordered
/// after, and which writes the asynchronous proxy sees.
struct Order {
  VectorClock clock, asyncVisible;

  void join(const Order &other) {
    clock.join(other.clock);
    asyncVisible.join(other.asyncVisible);
  }
};

class Thread {
public:
  Thread(Cta &cta, uint32_t index);

  Cta &cta;
  /// The linear index in the CTA.
  const uint32_t index;
  const uint32_t lane;
  Warp &warp;
  Fiber fiber;

  Dim3 position() const;

  /// Executes an instruction: counts it and calls its function.
  void execute(const Instruction &instruction, const uint32_t *in,
               uint32_t *out);
  /// Ends the thread, here and now (exit, trap).
  [[noreturn]] void end();

  /// Gives way until `ready` holds. The reason is told where it never does:
  /// "waits for barrier 0, which 96 of 128 threads have reached".
  void waitUntil(std::function<bool()> ready,
                 std::function<std::string()> reason);
  /// Gives way after an attempt that failed and will be repeated (test_wait),
  /// until `hope` holds or no other thread can go on. Attempts that are
  /// repeated for ever are found to be a deadlock.
  void pause(std::function<bool()> hope, std::function<std::string()> reason);

  void report(FindingKind kind, std::string message);

  //--- Memory ---------------------------------------------------------------//

  /// Finds `bytes` at `address`, checks bounds and alignment.
  Memory resolve(Space space, uint64_t address, uint32_t bytes,
                 uint32_t alignment);
  /// Reads or writes through the generic proxy, checking for races. An access
  /// that isn't allowed reads zeros, or writes nothing. A copy in flight reads
  /// global memory as an agent of its own.
  void read(Space space, uint64_t address, void *data, uint32_t bytes,
            uint32_t alignment, std::optional<Epoch> agent = std::nullopt);
  void write(Space space, uint64_t address, const void *data, uint32_t bytes,
             uint32_t alignment);
  /// An atomic or volatile access: `change` gets the bytes, and may change
  /// them.
  void atomic(Space space, uint64_t address, uint32_t bytes, bool isWrite,
              const std::function<void(uint8_t *)> &change);
  /// Reports the conflict, if it is one.
  void check(const Memory &memory, const Conflict &conflict);
  void check(const Memory &memory, const GlobalConflict &conflict);

  //--- Order ----------------------------------------------------------------//

  /// What this thread's accesses are ordered after, and which of all writes the
  /// asynchronous proxy sees on its behalf (after fence.proxy.async).
  VectorClock clock, asyncVisible;
  Epoch now() const { return {agent(), clock[agent()]}; }
  uint32_t agent() const;
  /// The agent that does this thread's asynchronous copies, and its next step.
  uint32_t asyncAgent() const;
  uint32_t nextAsyncStep() { return ++asyncStep; }
  /// Adds what this thread knows to what a barrier hands on, and begins a step.
  void release(VectorClock &to, VectorClock &asyncTo);
  void acquire(const VectorClock &from, const VectorClock &asyncFrom);

  //--- State of instructions ------------------------------------------------//

  /// What the last fence lets later writes hand on, and what earlier reads have
  /// seen that the next fence takes over.
  std::optional<Order> fenced;
  Order observed;
  /// The last value of a read that may be repeated until it changes.
  uint64_t polledAddress = 0;
  std::array<uint8_t, 16> polledValue{};
  /// The generation of the cluster's barrier that it has arrived at.
  std::optional<uint32_t> clusterArrival;

  /// cp.async: copies that belong to no group yet, and groups in flight.
  Copies ungroupedCopies;
  std::deque<Copies> copyGroups;
  /// cp.async.bulk to global memory: the same.
  BulkGroup openBulkGroup;
  std::deque<BulkGroup> bulkGroups;

  /// wgmma: results that no wait has returned.
  PendingAccumulators accumulators;

  const Instruction *current = nullptr;
  /// The clock of the timing model (Timing.h).
  double time = 0;
  /// How often this thread has executed each instruction, by its id.
  std::vector<uint32_t> executed;
  bool isDone = false;

private:
  GlobalAccess globalAccess(Epoch agent) const;
  uint64_t globalOffset(const Memory &memory) const;
  friend class Cluster;
  friend class Warp;
  uint32_t asyncStep = 0;
  std::function<bool()> ready;
  std::function<std::string()> reason;
  /// The lanes of the warp that it waits for, where it waits for them.
  std::function<uint32_t()> missingLanes;
  /// Waiting for `ready` is only an attempt; nothing will ever wake the thread;
  /// it has ended before its function did.
  bool isPaused = false, isAbandoned = false, hasEnded = false;
};

//===----------------------------------------------------------------------===//
// Warp
//===----------------------------------------------------------------------===//

/// The operands of an instruction that lanes execute together.
struct Lanes {
  /// The lanes that take part.
  uint32_t mask = 0;
  std::array<const uint32_t *, kLanes> in{};
  std::array<uint32_t *, kLanes> out{};
  std::array<Thread *, kLanes> threads{};

  bool has(uint32_t lane) const { return mask >> lane & 1; }
  /// Any of the threads, to report with.
  Thread &first() const { return *threads[std::countr_zero(mask)]; }
  /// Operand `word`, which all lanes must agree on.
  uint32_t uniform(uint32_t word, const char *name) const;
};

using Collective = void (*)(const Instruction &, const Lanes &);

class Warp {
public:
  Warp(Cta &cta, uint32_t index);

  Cta &cta;
  const uint32_t index;

  /// Called by each lane of `mask`; the last to come executes `collective` for
  /// all of them, and all go on.
  void together(Thread &thread, const Instruction &instruction, uint32_t mask,
                const uint32_t *in, uint32_t *out, Collective collective);
  /// The lanes that exist and haven't ended: a CTA may end within a warp.
  uint32_t existing() const { return alive; }
  /// The thread of `lane` has ended; those that wait for it go on.
  void leave(uint32_t lane);

  /// Counts an access of all lanes to shared memory (ldmatrix).
  void countShared(const SharedAccess &access);
  /// Counts a lane's access, once the other lanes' are known, too.
  void countShared(Thread &thread, uint32_t address, uint32_t bytes);
  /// Counts what is gathered of all lanes.
  void flushShared();

  /// How often the warp has executed each instruction, by its id: lanes that
  /// execute it together count as one.
  std::vector<uint32_t> executed;
  /// Of a thread, once setmaxnreg has said it.
  uint32_t registers = 0;
  /// The clock of the timing model (Timing.h) of what lanes do together.
  double time = 0;

private:
  struct Meeting {
    const Instruction *instruction;
    Collective collective;
    Lanes lanes;
    /// The lanes that were asked for, and those that haven't ended since.
    uint32_t mask, expected, arrived = 0, left = 0;
    bool isOver = false;

    bool isSame(const Instruction &other) const;
    void complete(Warp &warp);
  };
  uint32_t alive;
  SharedAccesses accesses;
  std::vector<std::unique_ptr<Meeting>> meetings;
};

//===----------------------------------------------------------------------===//
// CTA, cluster
//===----------------------------------------------------------------------===//

/// A CTA-wide barrier (bar.sync and barrier.cluster).
struct Barrier {
  /// `expected` is what the arrivals of this generation want; `isForAll` if
  /// that is all threads that haven't ended.
  uint32_t arrived = 0, expected = 0, generation = 0;
  bool isForAll = false;
  VectorClock clock, asyncClock;
  /// What threads take along that wait for the generation before.
  VectorClock lastClock, lastAsyncClock;
  double time = 0, lastTime = 0;
  /// bar.red: threads whose predicate holds, of how many.
  uint32_t votes = 0, lastVotes = 0, lastArrived = 0;

  /// `thread` arrives; the generation, which is returned, ends with the
  /// `count`-th arrival.
  uint32_t arrive(Thread &thread, uint32_t count, bool isForAll);
  /// Ends the generation if all have arrived.
  void update();
  /// `thread` goes on after the last generation.
  void leave(Thread &thread) const;
};

class Cta {
public:
  Cta(Cluster &cluster, Dim3 position, uint32_t rank);

  Cluster &cluster;
  const Dim3 position;
  /// In the cluster.
  const uint32_t rank;
  SharedMemory shared;
  std::vector<std::unique_ptr<Warp>> warps;
  std::vector<std::unique_ptr<Thread>> threads;
  /// Threads that haven't ended.
  uint32_t numAlive;

  std::map<uint32_t, Warpgroup> warpgroups;
  std::map<uint32_t, Barrier> barriers;
  /// By offset in shared memory.
  std::map<uint32_t, MBarrier> mbarriers;
  Statistics statistics;
  Timing timing;

  /// A thread has ended.
  void leave();
};

/// What all CTAs of a launch share.
struct Run {
  const Program &program;
  const Launch &launch;
  std::vector<Instruction> instructions;
  uint32_t numClusters;
  GlobalMemory global;
  Findings findings = {};
  /// Global memory is shared between host threads: atomics take turns.
  std::mutex atomics = {};
  /// Clusters that run, and those that have ended: progress, to those that poll
  /// global memory.
  std::atomic<uint32_t> clustersRunning = 0, clustersDone = 0;
};

class Cluster {
public:
  Cluster(Run &run, uint32_t index, Dim3 position);

  Run &run;
  const uint32_t index;
  /// It has waited for others through global memory.
  bool isTrusted = false;
  std::vector<std::unique_ptr<Cta>> ctas;
  Barrier barrier;
  /// Agents are the threads, their engines for copies (as many), and
  /// mbarriers'.
  uint32_t nextAgent;
  /// What release writes to a place hand on to acquire reads of it.
  std::unordered_map<const uint8_t *, Order> published;
  /// Counts what may end another thread's wait: writes, arrivals, exits.
  /// Threads that poll without end are found by it.
  uint64_t progress = 0;

  void execute();
  uint32_t numAlive() const;
  /// Agents of all CTAs: threads, then their asynchronous engines.
  uint32_t numThreads() const;

private:
  void runThread(Thread &thread);
  void reportDeadlock();
  void abandon();
};

/// The thread that runs now, on this host thread.
Thread &currentThread();

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_MACHINE_H
