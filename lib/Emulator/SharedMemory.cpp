//===- SharedMemory.cpp - Shared memory that watches its accesses ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SharedMemory.h"

#include <algorithm>

using namespace sparse24::emulator;

void VectorClock::join(const VectorClock &other) {
  if (steps.size() < other.steps.size())
    steps.resize(other.steps.size(), 0);
  for (size_t i = 0; i < other.steps.size(); ++i)
    steps[i] = std::max(steps[i], other.steps[i]);
}

void VectorClock::meet(const VectorClock &other) {
  if (steps.size() > other.steps.size())
    steps.resize(other.steps.size());
  for (size_t i = 0; i < steps.size(); ++i)
    steps[i] = std::min(steps[i], other.steps[i]);
}

SharedMemory::SharedMemory(uint32_t bytes)
    // What a kernel reads without having written it looks like nothing
    // sensible.
    : data(bytes, 0xCD), shadow(bytes) {}

Conflict SharedMemory::read(uint32_t address, uint32_t bytes, Epoch now,
                            const VectorClock &clock,
                            const VectorClock *asyncVisible) {
  Conflict conflict;
  auto note = [&](Conflict::Kind kind, uint32_t at, Epoch other) {
    if (!conflict)
      conflict = {kind, at, other};
  };
  for (uint32_t at = address; at < address + bytes; ++at) {
    Byte &byte = shadow[at];
    if (byte.writing)
      note(Conflict::inFlight, at, byte.write);
    else if (!byte.write.exists())
      note(Conflict::uninitialized, at, {});
    else if (!byte.write.isBefore(clock))
      note(Conflict::readAfterWrite, at, byte.write);
    else if (asyncVisible && !byte.isAsyncWrite &&
             !byte.write.isBefore(*asyncVisible))
      note(Conflict::unfenced, at, byte.write);
    // A read that is ordered before this one needs no memory: who is ordered
    // after this one is ordered after it, too.
    std::erase_if(byte.reads,
                  [&](const Epoch &read) { return read.isBefore(clock); });
    byte.reads.push_back(now);
  }
  return conflict;
}

Conflict SharedMemory::write(uint32_t address, uint32_t bytes, Epoch now,
                             const VectorClock &clock, bool isAsync) {
  Conflict conflict;
  auto note = [&](Conflict::Kind kind, uint32_t at, Epoch other) {
    if (!conflict)
      conflict = {kind, at, other};
  };
  for (uint32_t at = address; at < address + bytes; ++at) {
    Byte &byte = shadow[at];
    if (byte.writing || byte.reading)
      note(Conflict::inFlight, at, byte.write);
    if (byte.write.exists() && !byte.write.isBefore(clock))
      note(Conflict::writeAfterWrite, at, byte.write);
    for (const Epoch &read : byte.reads)
      if (!read.isBefore(clock))
        note(Conflict::writeAfterRead, at, read);
    byte.reads.clear();
    byte.write = now;
    byte.isAsyncWrite = isAsync;
    byte.isAtomicWrite = false;
  }
  return conflict;
}

Conflict SharedMemory::atomic(uint32_t address, uint32_t bytes, Epoch now,
                              const VectorClock &clock, bool isWrite) {
  Conflict conflict;
  auto note = [&](Conflict::Kind kind, uint32_t at, Epoch other) {
    if (!conflict)
      conflict = {kind, at, other};
  };
  for (uint32_t at = address; at < address + bytes; ++at) {
    Byte &byte = shadow[at];
    if (byte.writing || (isWrite && byte.reading))
      note(Conflict::inFlight, at, byte.write);
    if (!byte.isAtomicWrite && byte.write.exists() &&
        !byte.write.isBefore(clock))
      note(isWrite ? Conflict::writeAfterWrite : Conflict::readAfterWrite, at,
           byte.write);
    if (!isWrite) {
      if (!byte.write.exists())
        note(Conflict::uninitialized, at, {});
      continue;
    }
    for (const Epoch &read : byte.reads)
      if (!read.isBefore(clock))
        note(Conflict::writeAfterRead, at, read);
    byte.write = now;
    byte.isAsyncWrite = false;
    byte.isAtomicWrite = true;
  }
  return conflict;
}

Conflict SharedMemory::beginWrite(uint32_t address, uint32_t bytes, Epoch now,
                                  const VectorClock &clock,
                                  const VectorClock *asyncVisible) {
  Conflict unfenced;
  for (uint32_t at = address; asyncVisible && at < address + bytes; ++at) {
    const Byte &byte = shadow[at];
    if (!unfenced && byte.write.exists() && !byte.isAsyncWrite &&
        !byte.write.isBefore(*asyncVisible))
      unfenced = {Conflict::unfencedWrite, at, byte.write};
  }
  Conflict conflict = write(address, bytes, now, clock, asyncVisible);
  for (uint32_t at = address; at < address + bytes; ++at)
    ++shadow[at].writing;
  return conflict ? conflict : unfenced;
}

void SharedMemory::endWrite(uint32_t address, uint32_t bytes) {
  for (uint32_t at = address; at < address + bytes; ++at)
    --shadow[at].writing;
}

void SharedMemory::beginRead(uint32_t address, uint32_t bytes) {
  for (uint32_t at = address; at < address + bytes; ++at)
    ++shadow[at].reading;
}

void SharedMemory::endRead(uint32_t address, uint32_t bytes) {
  for (uint32_t at = address; at < address + bytes; ++at)
    --shadow[at].reading;
}
