//===- PendingAccumulators.cpp - Results that aren't there yet ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PendingAccumulators.h"

#include "Machine.h"

#include <algorithm>

using namespace sparse24::emulator;

/// Bits that all placeholders have, and those of their number. The quiet bit
/// may get set on the way: arithmetic with a signalling NaN gives the quiet
/// one.
static constexpr uint32_t kPlaceholder = 0x7FA00000, kNumbers = 0x001FFFFF;
/// Settled results that are remembered, for uses of outdated registers.
static constexpr size_t kRemembered = 16;

void AsyncProduct::end() {
  if (!std::exchange(isOver, true))
    for (const Range &range : reads)
      range.memory->endRead(range.address, range.bytes);
}

void PendingAccumulators::add(std::shared_ptr<AsyncProduct> product,
                              std::span<const uint32_t> results,
                              uint32_t *placeholders) {
  while (records.size() >= kRemembered && records.front().isWaitedFor &&
         records.front().isSettled)
    records.pop_front();
  for (size_t i = 0; i < results.size(); ++i)
    placeholders[i] = kPlaceholder | ((nextNumber + i) & kNumbers);
  records.push_back({std::move(product),
                     committed,
                     nextNumber,
                     {results.begin(), results.end()}});
  nextNumber += static_cast<uint32_t>(results.size());
}

void PendingAccumulators::wait(Thread &thread, uint32_t inFlight) {
  for (Record &record : records) {
    if (record.isWaitedFor || record.group + inFlight >= committed)
      continue;
    record.isWaitedFor = true;
    record.product->end();
    Epoch reader = record.product->reader;
    uint32_t &known = thread.clock[reader.agent];
    known = std::max(known, reader.step);
    double &time = thread.time;
    time = std::max(time, record.product->endTime);
  }
  isFencedSinceWait = false;
  settled.clear();
}

uint32_t PendingAccumulators::settle(uint32_t word) {
  Record *record = recordOf(word);
  if (record && record->isWaitedFor) {
    record->isSettled = true;
    word = *find(word);
  }
  settled.push_back(word);
  return word;
}

PendingAccumulators::Record *
PendingAccumulators::recordOf(uint32_t word) const {
  if ((word & kPlaceholder) == kPlaceholder)
    for (Record &record : records)
      if (((word - record.firstNumber) & kNumbers) < record.values.size())
        return &record;
  return nullptr;
}

std::optional<uint32_t> PendingAccumulators::find(uint32_t word) const {
  if (Record *record = recordOf(word))
    return record->values[(word - record->firstNumber) & kNumbers];
  return std::nullopt;
}

void PendingAccumulators::supersede(std::span<const uint32_t> words) {
  for (uint32_t word : words)
    if (Record *record = recordOf(word))
      record->isSettled = true;
}

void PendingAccumulators::finish(Thread &thread) const {
  for (const Record &record : records)
    if (!record.isSettled)
      thread.cta.cluster.run.findings.add(
          {FindingKind::missingWait,
           "no wgmma.wait_group returns its accumulators",
           record.product->instruction->site, thread.cta.position,
           thread.position()});
}

bool sparse24::emulator::isPendingAccumulator(const Thread &thread,
                                              uint32_t word) {
  return thread.accumulators.isPlaceholder(word);
}

void sparse24::emulator::checkNotPending(Thread &thread,
                                         std::span<const uint32_t> words) {
  for (uint32_t word : words)
    if (thread.accumulators.isPlaceholder(word))
      return thread.report(FindingKind::missingWait,
                           "uses an accumulator that no wgmma.wait_group has "
                           "returned");
}
