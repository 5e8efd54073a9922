//===- SharedMemory.h - Shared memory that watches its accesses -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Who accessed which byte when, and what orders accesses. Time is kept in
// vector clocks (Lamport; FastTrack, Flanagan and Freund, PLDI 2009): every
// agent counts its own steps, and knows of every other agent the last step that
// it is ordered after. An agent is a thread, or the asynchronous engine that
// does a thread's copies.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_SHAREDMEMORY_H
#define SPARSE24_LIB_EMULATOR_SHAREDMEMORY_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sparse24::emulator {

/// What an agent is ordered after: the steps of all agents of a cluster.
class VectorClock {
public:
  explicit VectorClock(size_t agents = 0) : steps(agents, 0) {}

  uint32_t &operator[](size_t agent) {
    if (agent >= steps.size())
      steps.resize(agent + 1, 0);
    return steps[agent];
  }
  uint32_t operator[](size_t agent) const {
    return agent < steps.size() ? steps[agent] : 0;
  }
  void join(const VectorClock &other);
  /// Keeps what both know.
  void meet(const VectorClock &other);
  size_t size() const { return steps.size(); }

private:
  std::vector<uint32_t> steps;
};

/// A step of an agent; step 0 is none.
struct Epoch {
  uint32_t agent = 0, step = 0;

  bool exists() const { return step != 0; }
  bool isBefore(const VectorClock &clock) const { return step <= clock[agent]; }
};

/// What can be wrong with an access. `other` is who it conflicts with.
struct Conflict {
  enum Kind : uint8_t {
    none,
    uninitialized,
    readAfterWrite,
    writeAfterRead,
    writeAfterWrite,
    /// The bytes belong to a copy or product that is in flight.
    inFlight,
    /// Written through the generic proxy, used through the asynchronous one.
    unfenced,
    /// The same, and overwritten through the asynchronous one.
    unfencedWrite,
  };
  Kind kind = none;
  uint32_t address = 0;
  Epoch other;

  explicit operator bool() const { return kind != none; }
};

/// One CTA's shared memory. Addresses are offsets; callers check bounds.
class SharedMemory {
public:
  explicit SharedMemory(uint32_t bytes);

  uint32_t size() const { return static_cast<uint32_t>(data.size()); }
  uint8_t *bytes(uint32_t address) { return data.data() + address; }

  /// Notes an access at step `now` of its agent, which is ordered after what
  /// `clock` says. `asyncVisible`, where given, says which writes the
  /// asynchronous proxy sees.
  Conflict read(uint32_t address, uint32_t bytes, Epoch now,
                const VectorClock &clock,
                const VectorClock *asyncVisible = nullptr);
  Conflict write(uint32_t address, uint32_t bytes, Epoch now,
                 const VectorClock &clock, bool isAsync = false);
  /// An access that others of its kind needn't be ordered with: an atomic one,
  /// a volatile one.
  Conflict atomic(uint32_t address, uint32_t bytes, Epoch now,
                  const VectorClock &clock, bool isWrite);

  /// From now to `endWrite` (or `endRead`) the bytes belong to an operation in
  /// flight: any access (or any write) is a conflict. With `asyncVisible` it
  /// belongs to the asynchronous proxy.
  Conflict beginWrite(uint32_t address, uint32_t bytes, Epoch now,
                      const VectorClock &clock,
                      const VectorClock *asyncVisible = nullptr);
  void endWrite(uint32_t address, uint32_t bytes);
  void beginRead(uint32_t address, uint32_t bytes);
  void endRead(uint32_t address, uint32_t bytes);

private:
  struct Byte {
    Epoch write;
    bool isAsyncWrite = false, isAtomicWrite = false;
    /// Operations in flight that write or read it.
    uint8_t writing = 0;
    uint16_t reading = 0;
    /// Reads since the last write that nothing orders before a later one.
    std::vector<Epoch> reads;
  };

  std::vector<uint8_t> data;
  std::vector<Byte> shadow;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_SHAREDMEMORY_H
