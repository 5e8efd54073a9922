//===- Warp.cpp - What lanes do together ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include <algorithm>
#include <cstdio>

using namespace sparse24::emulator;

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

Warp::Warp(Cta &cta, uint32_t index) : cta(cta), index(index) {
  uint64_t threads = cta.cluster.run.launch.block.count();
  uint64_t lanes = std::min<uint64_t>(kLanes, threads - index * kLanes);
  alive = lanes == kLanes ? kFullMask : (1u << lanes) - 1;
  executed.resize(cta.cluster.run.instructions.size());
}

bool Warp::Meeting::isSame(const Instruction &other) const {
  // Without .aligned lanes may come from different places of the program.
  return instruction == &other ||
         (!other.opcode.isAligned() &&
          instruction->opcode.text() == other.opcode.text());
}

void Warp::Meeting::complete(Warp &warp) {
  lanes.mask = arrived;
  auto forLanes = [&](auto &&visit) {
    for (uint32_t lane = 0; lane < kLanes; ++lane)
      if (lanes.has(lane))
        visit(*lanes.threads[lane]);
  };
  forLanes(
      [&](Thread &thread) { warp.time = std::max(warp.time, thread.time); });
  // What they have accessed before is known now.
  if (expected == warp.existing())
    warp.flushShared();
  collective(*instruction, lanes);
  forLanes([&](Thread &thread) { thread.time = warp.time; });
  isOver = true;
}

void Warp::together(Thread &thread, const Instruction &instruction,
                    uint32_t mask, const uint32_t *in, uint32_t *out,
                    Collective collective) {
  if (!(mask >> thread.lane & 1)) {
    thread.report(FindingKind::divergence,
                  "lane " + std::to_string(thread.lane) +
                      " executes it but isn't in its member mask");
    return;
  }
  Meeting *meeting = nullptr;
  for (auto &open : meetings)
    if (!meeting && !open->isOver && open->mask == mask &&
        !(open->arrived >> thread.lane & 1) && open->isSame(instruction))
      meeting = open.get();
  if (!meeting) {
    meetings.push_back(std::make_unique<Meeting>());
    meeting = meetings.back().get();
    meeting->instruction = &instruction;
    meeting->collective = collective;
    meeting->mask = mask;
    meeting->expected = mask & existing();
  }
  meeting->lanes.in[thread.lane] = in;
  meeting->lanes.out[thread.lane] = out;
  meeting->lanes.threads[thread.lane] = &thread;
  meeting->arrived |= 1u << thread.lane;
  if (meeting->arrived == meeting->expected) {
    meeting->complete(*this);
  } else {
    thread.missingLanes = [=] { return meeting->expected & ~meeting->arrived; };
    thread.waitUntil([=] { return meeting->isOver; },
                     [=] {
                       char buffer[64];
                       std::snprintf(buffer, sizeof(buffer),
                                     "waits for the lanes 0x%08x of its warp",
                                     meeting->expected & ~meeting->arrived);
                       return std::string(buffer);
                     });
    thread.missingLanes = nullptr;
  }
  meeting->left |= 1u << thread.lane;
  if (meeting->left == meeting->arrived)
    std::erase_if(meetings, [=](auto &m) { return m.get() == meeting; });
}

void Warp::leave(uint32_t lane) {
  alive &= ~(1u << lane);
  for (auto &meeting : meetings) {
    if (meeting->isOver || !(meeting->expected >> lane & 1))
      continue;
    // The lanes that are left would go on; PTX wants all of them to have come,
    // but for barriers, which wait for threads that haven't ended.
    const Opcode &opcode = meeting->instruction->opcode;
    if (opcode.isAligned() && !opcode.parts()[0].starts_with("bar"))
      meeting->lanes.threads[std::countr_zero(meeting->arrived)]->report(
          FindingKind::divergence,
          "lane " + std::to_string(lane) + " has ended without executing it");
    meeting->expected &= ~(1u << lane);
    if (meeting->arrived == meeting->expected)
      meeting->complete(*this);
  }
  if (!alive)
    flushShared();
}

void Warp::countShared(const SharedAccess &access) {
  SharedClocks clocks = sharedClocks(access);
  ++cta.statistics.sharedAccesses;
  cta.statistics.sharedIdealClocks += clocks.ideal;
  cta.statistics.sharedClocks += clocks.actual;
  time = cta.timing.shared.use(time, clocks.actual);
}

void Warp::countShared(Thread &thread, uint32_t address, uint32_t bytes) {
  uint32_t id = thread.current->id;
  accesses.add(id, thread.executed[id] - 1, thread.lane, address, bytes);
}

void Warp::flushShared() {
  accesses.flush([&](const SharedAccess &access) { countShared(access); });
}
