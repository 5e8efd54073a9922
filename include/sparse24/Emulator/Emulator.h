//===- Emulator.h - Running a kernel on the CPU -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs a kernel, every thread of every CTA, as the PTX manual defines it.
//
// The kernel is host code: a function that each thread executes on a stack of
// its own, and that calls `sparse24EmulatorExecute` for every instruction that
// a CPU doesn't have (memory accesses outside of the thread's own stack, what
// lanes exchange, copies, barriers, matrix products). The compiler makes it
// from the kernel's IR (sparse24/Conversion/ToEmulator); tests also write one
// by hand.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_EMULATOR_EMULATOR_H
#define SPARSE24_EMULATOR_EMULATOR_H

#include "sparse24/Emulator/Findings.h"
#include "sparse24/Emulator/Statistics.h"

#include <functional>

namespace sparse24::emulator {

/// A kernel and the instructions in it.
struct Program {
  std::vector<Site> sites;
  /// Executed by every thread.
  std::function<void()> kernel;
  /// Shared memory that the program itself declares, at the window's start;
  /// the launch's dynamic part follows.
  uint32_t staticSharedBytes = 0;
};

/// Memory of the launch's arguments. Kernels may access these bytes only.
struct Allocation {
  std::string name;
  void *begin;
  uint64_t bytes;
};

struct Launch {
  Dim3 grid, block, cluster;
  uint32_t dynamicSharedBytes = 0;
  std::vector<Allocation> global;
  /// Host threads; 0 means one for each core.
  unsigned threads = 0;
  /// The order in which a CTA's threads run, where nothing orders them: another
  /// seed is another order.
  uint64_t seed = 0;
};

struct Report {
  std::vector<Finding> findings;
  Statistics statistics;
};

Report run(const Program &program, const Launch &launch);

} // namespace sparse24::emulator

/// Executes the instruction of that site for the calling thread. `in` holds its
/// operands, each register in one 32-bit word and 64-bit ones in two, low word
/// first; results go to `out`. Which these are is said at each instruction
/// (lib/Emulator/Instructions).
extern "C" void sparse24EmulatorExecute(uint32_t site, const uint32_t *in,
                                        uint32_t *out);

#endif // SPARSE24_EMULATOR_EMULATOR_H
