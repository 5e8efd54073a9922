//===- Timing.h - A simple model of a kernel's clocks -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Not cycle-accurate: it tells which of math, shared memory and copies bounds a
// kernel, and how well they overlap. Each warp has a clock. An operation takes
// the clocks that its unit needs, and no unit does more work in an interval
// than it can; gaps are filled by other warps' work. Barriers and waits join
// clocks.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_TIMING_H
#define SPARSE24_LIB_EMULATOR_TIMING_H

#include <cstdint>

namespace sparse24::emulator {

/// A part of an SM that all warps share.
class Unit {
public:
  /// Work that could begin at `start`; returns when it is done.
  double use(double start, double clocks);
  /// Everything before has ended: what the unit didn't do until then, it can't
  /// make up for.
  void join(double time) { end = end < time ? time : end; }
  double work() const { return total; }

private:
  double end = 0, total = 0;
};

/// One CTA, alone on an SM of an H100.
struct Timing {
  Unit math, shared, copies;

  /// When a copy of `bytes` from global memory, issued at `start`, is there.
  double copy(double start, uint64_t bytes);
  /// Clocks of a matrix product on the tensor cores, with the logical k of a
  /// sparse one.
  static double productClocks(uint64_t m, uint64_t n, uint64_t k,
                              unsigned operandBits, bool isSparse);
  void join(double time);
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_TIMING_H
