//===- PendingAccumulators.h - Results that aren't there yet ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// wgmma.mma_async returns before its accumulators have their values. Until a
// wait returns them a kernel holds placeholders: signalling NaNs, numbered, so
// that every use of one is known for what it is, even after it was copied. A
// product that continues with placeholders continues with the true values.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_PENDINGACCUMULATORS_H
#define SPARSE24_LIB_EMULATOR_PENDINGACCUMULATORS_H

#include "SharedMemory.h"

#include <deque>
#include <optional>
#include <span>
#include <string>

namespace sparse24::emulator {

class Thread;
struct Instruction;

/// A wgmma.mma_async that a warpgroup has begun.
struct AsyncProduct {
  const Instruction *instruction;
  /// Its step as a reader of shared memory, and what it reads there.
  Epoch reader;
  struct Range {
    SharedMemory *memory;
    uint32_t address, bytes;
  };
  std::vector<Range> reads;
  bool isOver = false;
  /// In the timing model (Timing.h).
  double endTime = 0;

  /// The first wait of any of its threads ends it.
  void end();
};

/// The wgmma state of a thread.
class PendingAccumulators {
public:
  /// Whether a wgmma.fence was executed; where registers have been written
  /// since the last wait, another must be.
  bool isFenced = false, isFencedSinceWait = false;

  /// The result of a product of the thread's; writes placeholders for it.
  void add(std::shared_ptr<AsyncProduct> product,
           std::span<const uint32_t> results, uint32_t *placeholders);
  /// Closes a group: all products since the last.
  void commit() { ++committed; }
  /// Waits for all groups but the last `inFlight`.
  void wait(Thread &thread, uint32_t inFlight);
  /// What the wait returns for a register: its value, if that is there.
  uint32_t settle(uint32_t word);

  bool isPlaceholder(uint32_t word) const { return find(word).has_value(); }
  /// The value behind a placeholder, there or not.
  std::optional<uint32_t> find(uint32_t word) const;
  /// A product continues with these, so no wait needs to return them.
  void supersede(std::span<const uint32_t> words);
  /// What the last wait returned, to tell it from registers written since.
  std::vector<uint32_t> settled;
  /// At the thread's end: reports products whose results no wait has returned.
  void finish(Thread &thread) const;

private:
  struct Record {
    std::shared_ptr<AsyncProduct> product;
    uint32_t group, firstNumber;
    std::vector<uint32_t> values;
    bool isWaitedFor = false, isSettled = false;
  };
  Record *recordOf(uint32_t word) const;

  mutable std::deque<Record> records;
  uint32_t committed = 0, nextNumber = 0;
};

/// Whether that is a placeholder of the thread's.
bool isPendingAccumulator(const Thread &thread, uint32_t word);

/// Reports the use of a placeholder.
void checkNotPending(Thread &thread, std::span<const uint32_t> words);

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_PENDINGACCUMULATORS_H
