//===- BulkCopy.cpp - cp.async.bulk ---------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BulkCopy.h"

#include <algorithm>
#include <cstring>
#include <utility>

using namespace sparse24::emulator;

//===----------------------------------------------------------------------===//
// Parts of all bulk copies
//===----------------------------------------------------------------------===//

bool sparse24::emulator::isToGlobal(const Opcode &opcode) {
  // The destination comes first.
  for (const std::string &part : opcode.parts()) {
    if (part == "global")
      return true;
    if (part.starts_with("shared"))
      return false;
  }
  return false;
}

std::vector<uint64_t> sparse24::emulator::targets(Thread &thread,
                                                  const Opcode &opcode,
                                                  uint64_t address,
                                                  uint32_t mask) {
  if (!opcode.has("multicast::cluster"))
    return {address};
  uint64_t numCtas = thread.cta.cluster.ctas.size();
  if (mask == 0 || mask >> numCtas)
    thread.report(FindingKind::invalidOperand,
                  "the cluster has " + std::to_string(numCtas) +
                      " CTAs, the mask is " + std::to_string(mask));
  uint64_t offset = address & ((uint64_t(1) << kRankShift) - 1);
  std::vector<uint64_t> result;
  for (uint64_t rank = 0; rank < numCtas; ++rank)
    if (mask >> rank & 1)
      result.push_back(offset | (rank + 1) << kRankShift);
  return result;
}

Epoch sparse24::emulator::nextCopyAgent(Thread &thread, uint64_t barrier) {
  MBarrierPlace place = findMBarrier(thread, Space::shared, barrier);
  if (!place)
    return thread.now();
  return {place.barrier->engine, place.barrier->engineStep + 1};
}

void sparse24::emulator::startCopy(Thread &thread, uint64_t destination,
                                   uint32_t alignment,
                                   std::vector<uint8_t> data, uint64_t barrier,
                                   const Memory &source) {
  auto bytes = static_cast<uint32_t>(data.size());
  Memory memory = thread.resolve(Space::shared, destination, bytes, alignment);
  MBarrierPlace place = findMBarrier(thread, Space::shared, barrier);
  if (!memory || !place)
    return;
  MBarrier &counter = *place.barrier;
  if (!counter.initialized.isBefore(thread.asyncVisible))
    thread.report(FindingKind::missingFence,
                  "the asynchronous proxy counts at the mbarrier at byte " +
                      std::to_string(place.memory.offset) +
                      " with no fence.mbarrier_init or fence.proxy.async "
                      "after its initialization");
  if (place.memory.cta != memory.cta)
    thread.report(FindingKind::invalidOperand,
                  "the mbarrier isn't in the CTA that the copy goes to");
  auto copy = std::make_shared<PendingCopy>();
  copy->destination = memory;
  copy->data = std::move(data);
  copy->engine = {counter.engine, ++counter.engineStep};
  copy->time = thread.cta.timing.copy(thread.time, bytes);
  if (source) {
    copy->source = PendingRead{source, bytes, /*step=*/0, /*time=*/0};
    source.cta->shared.beginRead(source.offset, bytes);
  }
  thread.cta.statistics.sharedWrittenBytes += bytes;
  thread.check(memory, memory.cta->shared.beginWrite(memory.offset, bytes,
                                                     copy->engine, thread.clock,
                                                     &thread.asyncVisible));
  counter.copies.push_back(std::move(copy));
  ++thread.cta.cluster.progress;
  // It is done at once, but nobody sees that before the phase completes.
  counter.transactionBytes -= bytes;
  counter.update();
}

std::optional<Opcode> sparse24::emulator::reductionOf(const Opcode &opcode,
                                                      const std::string &type) {
  if (!opcode.has("reduce"))
    return std::nullopt;
  for (const char *operation :
       {"add", "min", "max", "inc", "dec", "and", "or", "xor"})
    if (opcode.has(operation))
      return Opcode(std::string("red.global.") + operation + "." + type);
  return std::nullopt;
}

void sparse24::emulator::storeToGlobal(Thread &thread, uint64_t address,
                                       const uint8_t *data, uint32_t bytes,
                                       uint32_t alignment,
                                       const std::optional<Opcode> &reduction) {
  if (!reduction)
    return thread.write(Space::global, address, data, bytes, alignment);
  // Each element by itself is atomic.
  uint32_t size = reduction->typeBits() / 8;
  for (uint32_t at = 0; at < bytes; at += size) {
    uint64_t value = 0;
    std::memcpy(&value, data + at, size);
    modify(thread, *reduction, address + at, value, 0);
  }
}

void sparse24::emulator::startRead(Thread &thread, const Memory &source,
                                   uint32_t bytes) {
  Epoch engine{thread.asyncAgent(), thread.nextAsyncStep()};
  SharedMemory &shared = source.cta->shared;
  thread.check(source, shared.read(source.offset, bytes, engine, thread.clock,
                                   &thread.asyncVisible));
  shared.beginRead(source.offset, bytes);
  thread.cta.statistics.sharedReadBytes += bytes;
  double time = thread.cta.timing.copy(thread.time, bytes);
  thread.openBulkGroup.reads.push_back({source, bytes, engine.step, time});
}

//===----------------------------------------------------------------------===//
// Copies of contiguous bytes
//===----------------------------------------------------------------------===//

static bool isSizeValid(Thread &thread, uint32_t bytes) {
  if (bytes && bytes % 16 == 0)
    return true;
  thread.report(FindingKind::invalidOperand,
                "copies " + std::to_string(bytes) +
                    " bytes, which isn't a multiple of 16");
  return false;
}

/// PTX ISA, 9.7.9.25.4.1: cp.async.bulk.global.shared::cta.bulk_group;
/// 9.7.9.25.4.2: cp.reduce.async.bulk.
/// in: dst(2), src(2), size.
static void store(Thread &thread, const Instruction &instruction,
                  const uint32_t *in, uint32_t *) {
  uint32_t bytes = in[4];
  if (!isSizeValid(thread, bytes))
    return;
  Memory source = thread.resolve(Space::shared, wide(in + 2), bytes, 16);
  if (!source)
    return;
  startRead(thread, source, bytes);
  const Opcode &opcode = instruction.opcode;
  storeToGlobal(thread, wide(in), source.bytes, bytes, 16,
                reductionOf(opcode, opcode.last()));
}

/// PTX ISA, 9.7.9.25.4.1: cp.async.bulk.
/// in: dst(2), src(2), size, mbar(2)[, mask].
static void copy(Thread &thread, const Instruction &instruction,
                 const uint32_t *in, uint32_t *out) {
  const Opcode &opcode = instruction.opcode;
  if (isToGlobal(opcode))
    return store(thread, instruction, in, out);
  uint32_t bytes = in[4];
  if (!isSizeValid(thread, bytes))
    return;
  uint32_t mask = opcode.has("multicast::cluster") ? in[7] : 0;
  auto destinations = targets(thread, opcode, wide(in), mask);
  auto barriers = targets(thread, opcode, wide(in + 5), mask);
  if (barriers.empty())
    return;
  std::vector<uint8_t> data(bytes);
  Memory source;
  if (opcode.has("global")) {
    thread.read(Space::global, wide(in + 2), data.data(), bytes, 16,
                nextCopyAgent(thread, barriers.front()));
  } else {
    source = thread.resolve(Space::shared, wide(in + 2), bytes, 16);
    if (!source)
      return;
    Epoch engine{thread.asyncAgent(), thread.nextAsyncStep()};
    thread.check(source,
                 source.cta->shared.read(source.offset, bytes, engine,
                                         thread.clock, &thread.asyncVisible));
    std::copy_n(source.bytes, bytes, data.data());
  }
  for (size_t i = 0; i < destinations.size(); ++i)
    startCopy(thread, destinations[i], 16, data, barriers[i], source);
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

/// PTX ISA, 9.7.9.25.6.1: cp.async.bulk.commit_group.
static void commitGroup(Thread &thread, const Instruction &, const uint32_t *,
                        uint32_t *) {
  thread.bulkGroups.push_back(std::exchange(thread.openBulkGroup, {}));
}

/// PTX ISA, 9.7.9.25.6.2: cp.async.bulk.wait_group. With .read only the sources
/// have been read.
/// in: how many groups may stay in flight.
static void waitGroup(Thread &thread, const Instruction &instruction,
                      const uint32_t *in, uint32_t *) {
  bool isRead = instruction.opcode.has("read");
  std::deque<BulkGroup> &groups = thread.bulkGroups;
  size_t numOver = groups.size() - std::min<size_t>(groups.size(), in[0]);
  for (size_t i = 0; i < numOver; ++i) {
    BulkGroup &group = groups[i];
    group.endReads();
    for (const PendingRead &read : group.reads) {
      uint32_t &step = thread.clock[thread.asyncAgent()];
      step = std::max(step, read.step);
      if (!isRead)
        thread.time = std::max(thread.time, read.time);
    }
  }
  if (!isRead)
    groups.erase(groups.begin(), groups.begin() + numOver);
}

static void ignore(Thread &, const Instruction &, const uint32_t *,
                   uint32_t *) {}

void sparse24::emulator::registerBulkCopy(Registry &registry) {
  registry.add("cp.async.bulk", copy);
  registry.add("cp.reduce.async.bulk.global", store);
  registry.add("cp.async.bulk.commit_group", commitGroup);
  registry.add("cp.async.bulk.wait_group", waitGroup);
  registry.add("cp.async.bulk.prefetch", ignore);
}
