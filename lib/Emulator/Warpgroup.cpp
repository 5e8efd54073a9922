//===- Warpgroup.cpp - Four warps that multiply together ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

#include "Machine.h"

using namespace sparse24::emulator;

uint32_t WarpgroupLanes::uniform(uint32_t word, const char *name) const {
  for (size_t i = 1; i < in.size(); ++i)
    if (in[i][word] != in[0][word]) {
      threads[i]->report(FindingKind::operandMismatch,
                         std::string(name) + " differs between threads 0 and " +
                             std::to_string(i) + " of the warpgroup");
      break;
    }
  return in[0][word];
}

VectorClock WarpgroupLanes::clock() const {
  VectorClock result = threads[0]->clock;
  for (const Thread *thread : threads)
    result.meet(thread->clock);
  return result;
}

VectorClock WarpgroupLanes::asyncVisible() const {
  VectorClock result = threads[0]->asyncVisible;
  for (const Thread *thread : threads)
    result.meet(thread->asyncVisible);
  return result;
}

bool Warpgroup::together(Thread &thread, const Instruction &instruction,
                         const uint32_t *in, uint32_t *out,
                         WarpgroupCollective collective) {
  Cta &cta = thread.cta;
  uint32_t index = thread.index / kWarpgroupThreads;
  uint32_t position = thread.index % kWarpgroupThreads;
  if ((index + 1) * kWarpgroupThreads > cta.threads.size())
    return false;
  Warpgroup &warpgroup = cta.warpgroups[index];

  // A thread that has arrived stays until it has left, so it can't be early for
  // the next meeting; one that is for another instruction must wait in vain.
  Meeting *meeting = nullptr;
  for (auto &open : warpgroup.meetings)
    if (open->instruction == &instruction && !open->lanes.threads[position])
      meeting = open.get();
  if (!meeting) {
    warpgroup.meetings.push_back(std::make_unique<Meeting>());
    meeting = warpgroup.meetings.back().get();
    meeting->instruction = &instruction;
  }
  meeting->lanes.in[position] = in;
  meeting->lanes.out[position] = out;
  meeting->lanes.threads[position] = &thread;
  if (++meeting->arrived == kWarpgroupThreads)
    collective(instruction, meeting->lanes);
  else
    thread.waitUntil([=] { return meeting->arrived == kWarpgroupThreads; },
                     [=] {
                       return "waits for " +
                              std::to_string(kWarpgroupThreads -
                                             meeting->arrived) +
                              " threads of its warpgroup";
                     });
  if (++meeting->left == kWarpgroupThreads)
    std::erase_if(warpgroup.meetings,
                  [=](auto &m) { return m.get() == meeting; });
  return true;
}
