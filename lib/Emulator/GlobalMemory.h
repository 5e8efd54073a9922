//===- GlobalMemory.h - Who accessed which byte of the arguments *- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Races in global memory. Within a cluster threads are ordered as for shared
// memory (SharedMemory.h). Clusters are ordered by nothing but flags in global
// memory; a cluster that reads any by strong operations is trusted.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_GLOBALMEMORY_H
#define SPARSE24_LIB_EMULATOR_GLOBALMEMORY_H

#include "SharedMemory.h"
#include "sparse24/Emulator/Emulator.h"

#include <array>
#include <cstdlib>
#include <mutex>

namespace sparse24::emulator {

/// Who accesses, and what that is ordered after.
struct GlobalAccess {
  /// The cluster's number, from 1.
  uint32_t cluster;
  Epoch now;
  const VectorClock &clock;
  /// Whether the cluster has waited for others in a way of its own.
  bool isTrusted;
};

struct GlobalConflict {
  Conflict::Kind kind = Conflict::none;
  /// The first byte, from the allocation's begin.
  uint64_t offset = 0;
  uint32_t cluster = 0;
  Epoch other;

  explicit operator bool() const { return kind != Conflict::none; }
};

/// Host threads may access it at once.
class GlobalMemory {
public:
  explicit GlobalMemory(const std::vector<Allocation> &allocations);

  /// Notes an access within allocation `index`. Atomic ones don't race with
  /// each other.
  GlobalConflict read(size_t index, uint64_t offset, uint32_t bytes,
                      const GlobalAccess &access, bool isAtomic = false);
  GlobalConflict write(size_t index, uint64_t offset, uint32_t bytes,
                       const GlobalAccess &access, bool isAtomic = false);

private:
  struct Event {
    uint32_t cluster;
    Epoch epoch;
    bool isOrderedBefore(const GlobalAccess &access) const;
  };
  /// All zeros: nobody.
  struct Byte {
    Event write, read;
    bool isAtomicWrite, isReadByMany;
  };
  struct Free {
    void operator()(void *memory) const { std::free(memory); }
  };
  template <typename Visit>
  GlobalConflict forBytes(size_t index, uint64_t offset, uint32_t bytes,
                          Visit visit);

  std::vector<std::unique_ptr<Byte[], Free>> shadows;
  std::array<std::mutex, 64> locks;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_GLOBALMEMORY_H
