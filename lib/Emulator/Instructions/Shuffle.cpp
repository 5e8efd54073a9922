//===- Shuffle.cpp - What the lanes of a warp exchange --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

#include <algorithm>

using namespace sparse24::emulator;

//===----------------------------------------------------------------------===//
// Shuffles
//===----------------------------------------------------------------------===//

/// The lane that `lane` reads from, and whether that is within its segment.
static std::pair<uint32_t, bool> source(const Opcode &opcode, uint32_t lane,
                                        uint32_t b, uint32_t c) {
  uint32_t distance = b & 31, clamp = c & 31, segment = c >> 8 & 31;
  uint32_t last = (lane & segment) | (clamp & ~segment);
  if (opcode.has("up"))
    return {lane - distance, int32_t(lane - distance) >= int32_t(last)};
  uint32_t other = lane + distance;
  if (opcode.has("bfly"))
    other = lane ^ distance;
  if (opcode.has("idx"))
    other = (lane & segment) | (distance & ~segment);
  return {other, other <= last};
}

static void exchange(const Instruction &instruction, const Lanes &lanes) {
  for (uint32_t lane = 0; lane < kLanes; ++lane) {
    if (!lanes.has(lane))
      continue;
    const uint32_t *in = lanes.in[lane];
    auto [from, isInside] = source(instruction.opcode, lane, in[1], in[2]);
    if (!isInside)
      from = lane;
    uint32_t *out = lanes.out[lane];
    out[0] = 0;
    out[1] = isInside;
    if (!lanes.has(from)) {
      lanes.threads[lane]->report(FindingKind::invalidOperand,
                                  "reads lane " + std::to_string(from) +
                                      ", which doesn't take part");
      continue;
    }
    out[0] = lanes.in[from][0];
    if (isPendingAccumulator(*lanes.threads[from], out[0]))
      lanes.threads[lane]->report(
          FindingKind::missingWait,
          "exchanges an accumulator of a product in flight");
  }
}

/// PTX ISA, 9.7.9.6: shfl.sync.
/// in: a, b, c, mask. out: d, predicate.
static void shfl(Thread &thread, const Instruction &instruction,
                 const uint32_t *in, uint32_t *out) {
  thread.warp.together(thread, instruction, in[3], in, out, exchange);
}

//===----------------------------------------------------------------------===//
// Votes
//===----------------------------------------------------------------------===//

/// A result for all lanes.
static void setAll(const Lanes &lanes, uint32_t value) {
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    if (lanes.has(lane))
      lanes.out[lane][0] = value;
}

/// PTX ISA, 9.7.13.9: vote.sync.
/// in: predicate, mask. out: predicate, or the mask of lanes where it holds.
static void vote(Thread &thread, const Instruction &instruction,
                 const uint32_t *in, uint32_t *out) {
  thread.warp.together(thread, instruction, in[1], in, out,
                       [](const Instruction &instruction, const Lanes &lanes) {
                         uint32_t holds = 0;
                         for (uint32_t lane = 0; lane < kLanes; ++lane)
                           if (lanes.has(lane) && lanes.in[lane][0])
                             holds |= 1u << lane;
                         const Opcode &opcode = instruction.opcode;
                         if (opcode.has("ballot"))
                           setAll(lanes, holds);
                         else if (opcode.has("any"))
                           setAll(lanes, holds != 0);
                         else if (opcode.has("all"))
                           setAll(lanes, holds == lanes.mask);
                         else // uni
                           setAll(lanes, holds == lanes.mask || holds == 0);
                       });
}

static void compareValues(const Instruction &instruction, const Lanes &lanes) {
  bool isWide = instruction.opcode.last() == "b64";
  auto value = [&](uint32_t lane) {
    return isWide ? wide(lanes.in[lane]) : lanes.in[lane][0];
  };
  for (uint32_t lane = 0; lane < kLanes; ++lane) {
    if (!lanes.has(lane))
      continue;
    uint32_t equal = 0;
    for (uint32_t other = 0; other < kLanes; ++other)
      if (lanes.has(other) && value(other) == value(lane))
        equal |= 1u << other;
    if (instruction.opcode.has("any")) {
      lanes.out[lane][0] = equal;
      continue;
    }
    bool isSame = equal == lanes.mask;
    lanes.out[lane][0] = isSame ? equal : 0;
    lanes.out[lane][1] = isSame;
  }
}

/// PTX ISA, 9.7.13.10: match.sync.
/// in: a (two words if b64), mask. out: mask of equal lanes[, predicate].
static void match(Thread &thread, const Instruction &instruction,
                  const uint32_t *in, uint32_t *out) {
  uint32_t mask = in[instruction.opcode.last() == "b64" ? 2 : 1];
  thread.warp.together(thread, instruction, mask, in, out, compareValues);
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

static uint32_t combine(const Opcode &opcode, uint32_t a, uint32_t b) {
  if (opcode.has("add"))
    return a + b;
  if (opcode.has("and"))
    return a & b;
  if (opcode.has("or"))
    return a | b;
  if (opcode.has("xor"))
    return a ^ b;
  bool isLess = opcode.last() == "s32" ? int32_t(a) < int32_t(b) : a < b;
  return opcode.has("min") == isLess ? a : b;
}

/// PTX ISA, 9.7.13.12: redux.sync.
/// in: a, mask. out: the result, in all lanes.
static void redux(Thread &thread, const Instruction &instruction,
                  const uint32_t *in, uint32_t *out) {
  thread.warp.together(thread, instruction, in[1], in, out,
                       [](const Instruction &instruction, const Lanes &lanes) {
                         std::optional<uint32_t> result;
                         for (uint32_t lane = 0; lane < kLanes; ++lane)
                           if (lanes.has(lane))
                             result = result
                                          ? combine(instruction.opcode, *result,
                                                    lanes.in[lane][0])
                                          : lanes.in[lane][0];
                         setAll(lanes, *result);
                       });
}

/// PTX ISA, 9.7.13.14: elect.sync. The leader is the lowest lane.
/// in: mask. out: the leader, predicate.
static void elect(Thread &thread, const Instruction &instruction,
                  const uint32_t *in, uint32_t *out) {
  thread.warp.together(thread, instruction, in[0], in, out,
                       [](const Instruction &, const Lanes &lanes) {
                         uint32_t leader = std::countr_zero(lanes.mask);
                         setAll(lanes, leader);
                         for (uint32_t lane = 0; lane < kLanes; ++lane)
                           if (lanes.has(lane))
                             lanes.out[lane][1] = lane == leader;
                       });
}

/// PTX ISA, 9.7.13.11: activemask. Here all lanes that haven't ended.
/// out: mask.
static void activemask(Thread &thread, const Instruction &, const uint32_t *,
                       uint32_t *out) {
  out[0] = thread.warp.existing();
}

void sparse24::emulator::registerShuffle(Registry &registry) {
  registry.add("shfl.sync", shfl);
  registry.add("vote.sync", vote);
  registry.add("match.any.sync", match);
  registry.add("match.all.sync", match);
  registry.add("redux.sync", redux);
  registry.add("elect.sync", elect);
  registry.add("activemask", activemask);
}
