//===- AsyncCopy.cpp - cp.async -------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

#include <algorithm>
#include <cstring>

using namespace sparse24::emulator;

/// The copies of a group are there: what follows is ordered after them.
static void finish(Thread &thread, const Copies &group) {
  for (const auto &copy : group) {
    copy->finish();
    uint32_t &step = thread.clock[copy->engine.agent];
    step = std::max(step, copy->engine.step);
    thread.time = std::max(thread.time, copy->time);
  }
}

/// PTX ISA, 9.7.9.25.3.1: cp.async.
/// in: dst(2), src(2), cp-size, src-size.
static void copy(Thread &thread, const Instruction &instruction,
                 const uint32_t *in, uint32_t *) {
  uint32_t size = in[4], sourceSize = in[5];
  bool isForL2Only = instruction.opcode.has("cg");
  bool isAllowed = size == 16 || (!isForL2Only && (size == 4 || size == 8));
  if (!isAllowed || sourceSize > size)
    return thread.report(FindingKind::invalidOperand,
                         "copies " + std::to_string(sourceSize) + " of " +
                             std::to_string(size) + " bytes");
  Memory destination = thread.resolve(Space::shared, wide(in), size, size);
  if (!destination)
    return;
  auto copy = std::make_shared<PendingCopy>();
  copy->destination = destination;
  copy->data.resize(size);
  if (sourceSize)
    thread.read(Space::global, wide(in + 2), copy->data.data(), sourceSize,
                size);
  copy->engine = {thread.asyncAgent(), thread.nextAsyncStep()};
  copy->time = thread.cta.timing.copy(thread.time, sourceSize);
  thread.cta.statistics.sharedWrittenBytes += size;
  thread.warp.countShared(thread, destination.offset, size);
  thread.check(destination,
               destination.cta->shared.beginWrite(destination.offset, size,
                                                  copy->engine, thread.clock));
  thread.ungroupedCopies.push_back(std::move(copy));
}

/// PTX ISA, 9.7.9.25.3.2: cp.async.commit_group.
static void commitGroup(Thread &thread, const Instruction &, const uint32_t *,
                        uint32_t *) {
  thread.copyGroups.push_back(std::move(thread.ungroupedCopies));
  thread.ungroupedCopies.clear();
}

/// PTX ISA, 9.7.9.25.3.3: cp.async.wait_group.
/// in: how many groups may stay in flight.
static void waitGroup(Thread &thread, const Instruction &, const uint32_t *in,
                      uint32_t *) {
  while (thread.copyGroups.size() > in[0]) {
    finish(thread, thread.copyGroups.front());
    thread.copyGroups.pop_front();
  }
}

/// PTX ISA, 9.7.9.25.3.3: cp.async.wait_all.
static void waitAll(Thread &thread, const Instruction &instruction,
                    const uint32_t *in, uint32_t *out) {
  commitGroup(thread, instruction, in, out);
  const uint32_t none = 0;
  waitGroup(thread, instruction, &none, out);
}

/// PTX ISA, 9.7.13.15.15: cp.async.mbarrier.arrive. The phase waits for this
/// thread's copies so far; without .noinc the arrival isn't one of those that
/// the mbarrier was initialized for.
/// in: address(2).
static void arrive(Thread &thread, const Instruction &instruction,
                   const uint32_t *in, uint32_t *) {
  MBarrierPlace place =
      findMBarrier(thread, spaceOf(instruction.opcode), wide(in));
  if (!place)
    return;
  MBarrier &barrier = *place.barrier;
  auto isDone = [](const auto &copy) { return copy->isDone; };
  auto add = [&](Copies &copies) {
    std::erase_if(copies, isDone);
    barrier.copies.insert(barrier.copies.end(), copies.begin(), copies.end());
  };
  add(thread.ungroupedCopies);
  for (Copies &group : thread.copyGroups)
    add(group);
  ++thread.cta.cluster.progress;
  if (instruction.opcode.has("noinc") && barrier.pending-- <= 0)
    thread.report(FindingKind::invalidOperand,
                  "arrives where no arrival is pending");
  barrier.update();
}

void sparse24::emulator::registerAsyncCopy(Registry &registry) {
  registry.add("cp.async.ca", copy);
  registry.add("cp.async.cg", copy);
  registry.add("cp.async.commit_group", commitGroup);
  registry.add("cp.async.wait_group", waitGroup);
  registry.add("cp.async.wait_all", waitAll);
  registry.add("cp.async.mbarrier.arrive", arrive);
}
