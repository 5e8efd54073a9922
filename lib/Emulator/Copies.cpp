//===- Copies.cpp - Copies in flight, and mbarriers -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Copies.h"

#include "Machine.h"

#include <algorithm>
#include <cstring>
#include <utility>

using namespace sparse24::emulator;

static constexpr size_t kMaxKnownPhases = 8;

void PendingCopy::finish() {
  if (isDone)
    return;
  isDone = true;
  std::memcpy(destination.bytes, data.data(), data.size());
  destination.cta->shared.endWrite(destination.offset,
                                   static_cast<uint32_t>(data.size()));
  if (source)
    source->source.cta->shared.endRead(source->source.offset, source->bytes);
}

void BulkGroup::endReads() {
  if (std::exchange(isRead, true))
    return;
  for (const PendingRead &read : reads)
    read.source.cta->shared.endRead(read.source.offset, read.bytes);
}

void MBarrier::update() {
  if (pending != 0 || transactionBytes != 0)
    return;
  ++phase;
  pending = expected;
  for (auto &copy : copies) {
    copy->finish();
    uint32_t &step = current.clock[copy->engine.agent];
    step = std::max(step, copy->engine.step);
    current.time = std::max(current.time, copy->time);
  }
  copies.clear();
  completed.push_front(std::exchange(current, Phase()));
  if (completed.size() > kMaxKnownPhases)
    completed.pop_back();
}

const MBarrier::Phase &MBarrier::find(uint32_t number) const {
  size_t age = phase - 1 - number;
  return completed[std::min(age, completed.size() - 1)];
}

std::string MBarrier::describe() const {
  return std::to_string(phase) + " phases complete, " +
         std::to_string(pending) + " of " + std::to_string(expected) +
         " arrivals and " + std::to_string(transactionBytes) + " bytes pending";
}
