//===- GlobalMemory.cpp - Who accessed which byte of the arguments --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GlobalMemory.h"

#include <algorithm>

using namespace sparse24::emulator;

/// Larger arguments aren't watched: it takes 32 times their memory.
static constexpr uint64_t kMaxWatchedBytes = 16 << 20;
/// Bytes that one lock guards.
static constexpr uint64_t kLockedBytes = 256;

GlobalMemory::GlobalMemory(const std::vector<Allocation> &allocations) {
  uint64_t bytes = 0;
  for (const Allocation &allocation : allocations)
    bytes += allocation.bytes;
  if (bytes > kMaxWatchedBytes)
    return;
  // Pages that nobody touches cost nothing.
  for (const Allocation &allocation : allocations)
    shadows.emplace_back(static_cast<Byte *>(
        std::calloc(std::max<uint64_t>(allocation.bytes, 1), sizeof(Byte))));
}

bool GlobalMemory::Event::isOrderedBefore(const GlobalAccess &access) const {
  if (!epoch.exists())
    return true;
  return cluster == access.cluster ? epoch.isBefore(access.clock)
                                   : access.isTrusted;
}

template <typename Visit>
GlobalConflict GlobalMemory::forBytes(size_t index, uint64_t offset,
                                      uint32_t bytes, Visit visit) {
  GlobalConflict conflict;
  if (shadows.empty())
    return conflict;
  for (uint64_t at = offset, end = offset + bytes; at < end;) {
    std::lock_guard lock(locks[at / kLockedBytes % locks.size()]);
    uint64_t stop = std::min(end, (at / kLockedBytes + 1) * kLockedBytes);
    for (; at < stop; ++at)
      visit(shadows[index][at], [&](Conflict::Kind kind, const Event &other) {
        if (!conflict)
          conflict = {kind, at, other.cluster, other.epoch};
      });
  }
  return conflict;
}

GlobalConflict GlobalMemory::read(size_t index, uint64_t offset, uint32_t bytes,
                                  const GlobalAccess &access, bool isAtomic) {
  return forBytes(index, offset, bytes, [&](Byte &byte, auto &&note) {
    if (!(isAtomic && byte.isAtomicWrite) &&
        !byte.write.isOrderedBefore(access))
      note(Conflict::readAfterWrite, byte.write);
    if (isAtomic)
      return;
    // One reader is kept: the last, and whether clusters differ.
    byte.isReadByMany |=
        byte.read.epoch.exists() && byte.read.cluster != access.cluster;
    byte.read = {access.cluster, access.now};
  });
}

GlobalConflict GlobalMemory::write(size_t index, uint64_t offset,
                                   uint32_t bytes, const GlobalAccess &access,
                                   bool isAtomic) {
  return forBytes(index, offset, bytes, [&](Byte &byte, auto &&note) {
    if (!(isAtomic && byte.isAtomicWrite) &&
        !byte.write.isOrderedBefore(access))
      note(Conflict::writeAfterWrite, byte.write);
    if (!byte.read.isOrderedBefore(access) ||
        (byte.isReadByMany && !access.isTrusted))
      note(Conflict::writeAfterRead, byte.read);
    byte.read = {};
    byte.isReadByMany = false;
    byte.write = {access.cluster, access.now};
    byte.isAtomicWrite = isAtomic;
  });
}
