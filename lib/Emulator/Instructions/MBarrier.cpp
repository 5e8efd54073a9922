//===- MBarrier.cpp - mbarriers -------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

#include <algorithm>

using namespace sparse24::emulator;

static constexpr uint32_t kMaxCount = (1u << 20) - 1;

//===----------------------------------------------------------------------===//
// Finding them
//===----------------------------------------------------------------------===//

MBarrierPlace sparse24::emulator::findMBarrier(Thread &thread, Space space,
                                               uint64_t address) {
  Memory memory = thread.resolve(space, address, 8, 8);
  if (!memory)
    return {};
  if (!memory.cta) {
    thread.report(FindingKind::invalidOperand,
                  "an mbarrier must be in shared memory");
    return {};
  }
  auto it = memory.cta->mbarriers.find(memory.offset);
  if (it == memory.cta->mbarriers.end() || !it->second.isValid) {
    thread.report(FindingKind::invalidOperand,
                  "no mbarrier has been initialized at byte " +
                      std::to_string(memory.offset));
    return {};
  }
  MBarrier &barrier = it->second;
  if (!barrier.initialized.isBefore(thread.clock))
    thread.report(FindingKind::race,
                  "uses the mbarrier at byte " + std::to_string(memory.offset) +
                      ", whose initialization nothing orders before");
  return {&barrier, memory};
}

static MBarrierPlace find(Thread &thread, const Instruction &instruction,
                          const uint32_t *in) {
  return findMBarrier(thread, spaceOf(instruction.opcode), wide(in));
}

//===----------------------------------------------------------------------===//
// Initialization
//===----------------------------------------------------------------------===//

/// PTX ISA, 9.7.13.15.9: mbarrier.init.
/// in: address(2), count.
static void init(Thread &thread, const Instruction &instruction,
                 const uint32_t *in, uint32_t *) {
  Memory memory = thread.resolve(spaceOf(instruction.opcode), wide(in), 8, 8);
  if (!memory)
    return;
  uint32_t count = in[2];
  if (!memory.cta || count < 1 || count > kMaxCount)
    return thread.report(FindingKind::invalidOperand,
                         "an mbarrier must be in shared memory and expect 1 "
                         "to 1048575 arrivals, not " +
                             std::to_string(count));
  // Threads that wait for it keep its address.
  MBarrier &barrier = memory.cta->mbarriers[memory.offset];
  if (barrier.isValid)
    thread.report(FindingKind::invalidOperand,
                  "there is an mbarrier already, which mbarrier.inval must "
                  "end first");
  thread.check(memory, memory.cta->shared.write(memory.offset, 8, thread.now(),
                                                thread.clock));
  barrier = MBarrier();
  barrier.isValid = true;
  barrier.expected = count;
  barrier.pending = count;
  barrier.initialized = thread.now();
  barrier.engine = thread.cta.cluster.nextAgent++;
}

/// PTX ISA, 9.7.13.15.10: mbarrier.inval.
/// in: address(2).
static void inval(Thread &thread, const Instruction &instruction,
                  const uint32_t *in, uint32_t *) {
  MBarrierPlace place = find(thread, instruction, in);
  if (!place)
    return;
  thread.check(place.memory,
               place.memory.cta->shared.write(place.memory.offset, 8,
                                              thread.now(), thread.clock));
  place.barrier->isValid = false;
}

//===----------------------------------------------------------------------===//
// Arrivals and transactions
//===----------------------------------------------------------------------===//

/// What an arrival returns: arrivals pending before it, and the phase.
static void setState(const Instruction &instruction, const MBarrier &barrier,
                     uint32_t *out) {
  // A remote mbarrier returns none.
  if (!out || instruction.opcode.has("shared::cluster"))
    return;
  out[0] = static_cast<uint32_t>(barrier.pending);
  out[1] = barrier.phase;
}

static void arriveAt(Thread &thread, const Instruction &instruction,
                     MBarrier &barrier, uint32_t count, uint32_t *out) {
  setState(instruction, barrier, out);
  if (!instruction.opcode.has("relaxed")) {
    thread.release(barrier.current.clock, barrier.current.asyncVisible);
  } else if (thread.fenced) {
    barrier.current.clock.join(thread.fenced->clock);
    barrier.current.asyncVisible.join(thread.fenced->asyncVisible);
  }
  ++thread.cta.cluster.progress;
  barrier.current.time = std::max(barrier.current.time, thread.time);
  if (count == 0 || count > barrier.pending) {
    thread.report(FindingKind::invalidOperand,
                  "arrives " + std::to_string(count) + " times where " +
                      std::to_string(barrier.pending) +
                      " arrivals are pending");
    return;
  }
  barrier.pending -= count;
  barrier.update();
}

/// PTX ISA, 9.7.13.15.13: mbarrier.arrive.
/// in: address(2), count. out: state(2).
static void arrive(Thread &thread, const Instruction &instruction,
                   const uint32_t *in, uint32_t *out) {
  if (MBarrierPlace place = find(thread, instruction, in))
    arriveAt(thread, instruction, *place.barrier, in[2], out);
}

/// PTX ISA, 9.7.13.15.14: mbarrier.arrive_drop. Later phases expect less.
/// in: address(2), count. out: state(2).
static void arriveDrop(Thread &thread, const Instruction &instruction,
                       const uint32_t *in, uint32_t *out) {
  MBarrierPlace place = find(thread, instruction, in);
  if (!place)
    return;
  place.barrier->expected -= std::min(in[2], place.barrier->expected);
  arriveAt(thread, instruction, *place.barrier, in[2], out);
}

/// PTX ISA, 9.7.13.15.11: mbarrier.expect_tx.
/// in: address(2), bytes.
static void expectTx(Thread &thread, const Instruction &instruction,
                     const uint32_t *in, uint32_t *) {
  if (MBarrierPlace place = find(thread, instruction, in))
    place.barrier->transactionBytes += in[2];
}

/// PTX ISA, 9.7.13.15.12: mbarrier.complete_tx.
/// in: address(2), bytes.
static void completeTx(Thread &thread, const Instruction &instruction,
                       const uint32_t *in, uint32_t *) {
  MBarrierPlace place = find(thread, instruction, in);
  if (!place)
    return;
  ++thread.cta.cluster.progress;
  place.barrier->transactionBytes -= in[2];
  place.barrier->update();
}

/// PTX ISA, 9.7.13.15.13: mbarrier.arrive.expect_tx.
/// in: address(2), bytes. out: state(2).
static void arriveExpectTx(Thread &thread, const Instruction &instruction,
                           const uint32_t *in, uint32_t *out) {
  MBarrierPlace place = find(thread, instruction, in);
  if (!place)
    return;
  place.barrier->transactionBytes += in[2];
  arriveAt(thread, instruction, *place.barrier, 1, out);
}

/// PTX ISA, 9.7.13.15.14: mbarrier.arrive_drop.expect_tx.
/// in: address(2), bytes. out: state(2).
static void arriveDropExpectTx(Thread &thread, const Instruction &instruction,
                               const uint32_t *in, uint32_t *out) {
  MBarrierPlace place = find(thread, instruction, in);
  if (!place)
    return;
  place.barrier->transactionBytes += in[2];
  place.barrier->expected -= std::min(1u, place.barrier->expected);
  arriveAt(thread, instruction, *place.barrier, 1, out);
}

//===----------------------------------------------------------------------===//
// Waiting
//===----------------------------------------------------------------------===//

/// PTX ISA, 9.7.13.15.16: mbarrier.test_wait, mbarrier.try_wait.
/// in: address(2), state(2) | parity. out: predicate.
static void wait(Thread &thread, const Instruction &instruction,
                 const uint32_t *in, uint32_t *out) {
  out[0] = 0;
  // A loop of attempts that can't succeed has to end as a deadlock.
  auto never = [&] {
    thread.pause([] { return false; },
                 [] { return "waits for what isn't an mbarrier of the CTA"; });
  };
  MBarrierPlace place = find(thread, instruction, in);
  if (!place)
    return never();
  if (place.memory.cta != &thread.cta) {
    thread.report(FindingKind::invalidOperand,
                  "waits for another CTA's mbarrier");
    return never();
  }
  MBarrier *barrier = place.barrier;
  bool isParity = instruction.opcode.has("parity");
  uint32_t wanted = isParity ? in[2] : in[3];
  if (isParity && wanted > 1)
    return thread.report(FindingKind::invalidOperand,
                         "a parity is 0 or 1, not " + std::to_string(wanted));
  // Of two phases that follow each other only one has this parity; the other is
  // the current one if this one has completed.
  uint32_t number = barrier->phase;
  if (isParity ? (number & 1) != wanted : number != wanted)
    --number;
  auto isComplete = [=] { return barrier->phase != number; };
  uint32_t offset = place.memory.offset;
  if (!isComplete())
    thread.pause(isComplete, [=] {
      return "waits for the phase " +
             std::string(isParity ? "of parity " : "") +
             std::to_string(wanted) + " of the mbarrier at byte " +
             std::to_string(offset) + " (" + barrier->describe() + ")";
    });
  out[0] = isComplete();
  // The phase before the first has nothing to hand on.
  if (!out[0] || barrier->completed.empty())
    return;
  const MBarrier::Phase &phase = barrier->find(number);
  thread.time = std::max(thread.time, phase.time);
  if (instruction.opcode.has("relaxed")) {
    thread.observed.clock.join(phase.clock);
    thread.observed.asyncVisible.join(phase.asyncVisible);
  } else {
    thread.acquire(phase.clock, phase.asyncVisible);
  }
}

/// PTX ISA, 9.7.13.15.17: mbarrier.pending_count.
/// in: state(2). out: count.
static void pendingCount(Thread &, const Instruction &, const uint32_t *in,
                         uint32_t *out) {
  out[0] = in[0];
}

void sparse24::emulator::registerMBarrier(Registry &registry) {
  registry.add("mbarrier.init", init);
  registry.add("mbarrier.inval", inval);
  registry.add("mbarrier.arrive", arrive);
  registry.add("mbarrier.arrive.expect_tx", arriveExpectTx);
  registry.add("mbarrier.arrive_drop", arriveDrop);
  registry.add("mbarrier.arrive_drop.expect_tx", arriveDropExpectTx);
  registry.add("mbarrier.expect_tx", expectTx);
  registry.add("mbarrier.complete_tx", completeTx);
  registry.add("mbarrier.test_wait", wait);
  registry.add("mbarrier.try_wait", wait);
  registry.add("mbarrier.pending_count", pendingCount);
}
