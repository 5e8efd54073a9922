//===- SharedAccesses.h - Bank conflicts of a warp's accesses ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_SHAREDACCESSES_H
#define SPARSE24_LIB_EMULATOR_SHAREDACCESSES_H

#include <array>
#include <cstdint>
#include <deque>
#include <unordered_map>

namespace sparse24::emulator {

/// The addresses of a warp's lanes in one access to shared memory.
struct SharedAccess {
  uint32_t mask = 0, bytes = 0;
  std::array<uint32_t, 32> address{};

  void add(uint32_t lane, uint32_t at) {
    mask |= 1u << lane;
    address[lane] = at;
  }
};

struct SharedClocks {
  uint32_t ideal = 0, actual = 0;
};

/// Clocks of an access: 32 banks of 4 bytes each, one word of each bank a
/// clock, whoever reads it. Lanes that access 8 bytes do so in halves of the
/// warp, those that access 16 in quarters.
SharedClocks sharedClocks(const SharedAccess &access);

/// Puts together what the lanes of a warp access: lanes run one after another,
/// so the n-th executions of an instruction by each are one access of the warp.
class SharedAccesses {
public:
  /// `instance` counts the lane's executions of the instruction.
  void add(uint32_t instruction, uint32_t instance, uint32_t lane,
           uint32_t address, uint32_t bytes);
  /// Calls `each` with every access gathered: where lanes meet, since later
  /// executions can't belong to them.
  template <typename Each>
  void flush(Each &&each) {
    for (auto &[instruction, gathered] : open)
      for (SharedAccess &access : gathered.accesses)
        if (access.mask)
          each(access);
    for (auto &[instruction, gathered] : open) {
      gathered.first += gathered.accesses.size();
      gathered.accesses.clear();
    }
  }

private:
  struct Gathered {
    /// The instance of the first access.
    uint32_t first = 0;
    std::deque<SharedAccess> accesses;
  };
  std::unordered_map<uint32_t, Gathered> open;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_SHAREDACCESSES_H
