//===- Copies.h - Copies in flight, and mbarriers ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_COPIES_H
#define SPARSE24_LIB_EMULATOR_COPIES_H

#include "SharedMemory.h"

#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace sparse24::emulator {

class Cta;
class Thread;

/// Bytes that an instruction may access, found and checked.
struct Memory {
  /// Null where the access isn't allowed; that has been reported.
  uint8_t *bytes = nullptr;
  /// The CTA whose shared memory it is, and the offset there; null for others.
  Cta *cta = nullptr;
  uint32_t offset = 0;
  /// Of global memory: which of the launch's allocations it is in.
  uint32_t allocation = 0;

  explicit operator bool() const { return bytes != nullptr; }
};

/// Shared memory that a copy reads.
struct PendingRead {
  Memory source;
  uint32_t bytes, step;
  double time;
};

/// A copy to shared memory that has been started. Its bytes arrive no earlier
/// than somebody waits for it, so that whoever doesn't wait sees the old ones.
struct PendingCopy {
  Memory destination;
  /// What arrives, with zeros where the source was too short.
  std::vector<uint8_t> data;
  /// Who does it.
  Epoch engine;
  /// When it is there, in the timing model.
  double time;
  bool isDone = false;
  /// The shared memory it comes from, if any.
  std::optional<PendingRead> source = std::nullopt;

  void finish();
};
using Copies = std::vector<std::shared_ptr<PendingCopy>>;

/// cp.async.bulk: what one commit covers.
struct BulkGroup {
  std::vector<PendingRead> reads;
  bool isRead = false;

  /// The sources may be overwritten.
  void endReads();
};

/// An mbarrier object (PTX ISA, 9.7.13.15).
struct MBarrier {
  /// Until mbarrier.inval.
  bool isValid = false;
  uint32_t expected = 0;
  int64_t pending = 0;
  int64_t transactionBytes = 0;
  /// Completed phases.
  uint32_t phase = 0;
  /// Who initialized it, and who does the copies that it counts.
  Epoch initialized;
  uint32_t engine = 0, engineStep = 0;
  /// What a phase hands on to those that wait for it.
  struct Phase {
    VectorClock clock, asyncVisible;
    double time = 0;
  };
  Phase current;
  /// The last phases, the latest first: threads that wait for one may wake when
  /// later ones have completed.
  std::deque<Phase> completed;
  /// A completed phase, or the oldest that is known.
  const Phase &find(uint32_t number) const;
  /// Copies that become visible when the phase completes.
  Copies copies;

  /// Completes the phase if nothing is pending.
  void update();
  /// What it waits for, for people.
  std::string describe() const;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_COPIES_H
