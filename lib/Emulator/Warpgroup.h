//===- Warpgroup.h - Four warps that multiply together ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_WARPGROUP_H
#define SPARSE24_LIB_EMULATOR_WARPGROUP_H

#include "SharedMemory.h"

#include <array>

namespace sparse24::emulator {

class Thread;
struct Instruction;

inline constexpr uint32_t kWarpgroupThreads = 128;

/// The operands of an instruction that a warpgroup's threads execute together.
struct WarpgroupLanes {
  std::array<const uint32_t *, kWarpgroupThreads> in{};
  std::array<uint32_t *, kWarpgroupThreads> out{};
  std::array<Thread *, kWarpgroupThreads> threads{};

  /// Operand `word`, which all threads must agree on.
  uint32_t uniform(uint32_t word, const char *name) const;
  /// What all threads are ordered after: a product may read no more.
  VectorClock clock() const;
  VectorClock asyncVisible() const;
};

using WarpgroupCollective = void (*)(const Instruction &,
                                     const WarpgroupLanes &);

class Warpgroup {
public:
  /// As Warp::together, for the four warps. False if the CTA doesn't have them.
  static bool together(Thread &thread, const Instruction &instruction,
                       const uint32_t *in, uint32_t *out,
                       WarpgroupCollective collective);

private:
  struct Meeting {
    const Instruction *instruction;
    WarpgroupLanes lanes;
    uint32_t arrived = 0, left = 0;
  };
  std::vector<std::unique_ptr<Meeting>> meetings;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_WARPGROUP_H
