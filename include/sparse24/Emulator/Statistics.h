//===- Statistics.h - What a run did ----------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_EMULATOR_STATISTICS_H
#define SPARSE24_EMULATOR_STATISTICS_H

#include <cstdint>
#include <map>
#include <string>

namespace sparse24::emulator {

/// Counts over all CTAs of a launch.
struct Statistics {
  /// By opcode, as executed by a warp: lanes that execute it together count as
  /// one.
  std::map<std::string, uint64_t> instructions;
  uint64_t globalReadBytes = 0, globalWrittenBytes = 0;
  uint64_t sharedReadBytes = 0, sharedWrittenBytes = 0;
  /// Rows of the boxes that tensor copies bring, and those of them that lie
  /// beyond the tensor: the hardware requests something for these, too.
  uint64_t boxRows = 0, boxRowsBeyond = 0;
  /// Accesses to shared memory by a warp, the clocks that they would take
  /// without bank conflicts, and those that they take.
  uint64_t sharedAccesses = 0, sharedIdealClocks = 0, sharedClocks = 0;
  /// Clocks of the simple timing model (lib/Emulator/Timing.h), added up over
  /// CTAs: the math alone, the copies alone, and all.
  double mathClocks = 0, copyClocks = 0, totalClocks = 0;

  /// How much of the shorter of math and copies happens beside the other, from
  /// 0 to 1.
  double overlap() const;

  void add(const Statistics &other);
  /// A summary for people, several lines.
  std::string text() const;
};

} // namespace sparse24::emulator

#endif // SPARSE24_EMULATOR_STATISTICS_H
