//===- Timing.cpp - A simple model of a kernel's clocks -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Timing.h"

#include <algorithm>

using namespace sparse24::emulator;

/// From global memory or L2 to one SM.
static constexpr double kCopyBytesPerClock = 16;
static constexpr double kCopyLatency = 600;
/// Multiplications of 16-bit operands per clock and SM, dense.
static constexpr double kProductsPerClock = 2048;

double Unit::use(double start, double clocks) {
  total += clocks;
  end += clocks;
  return std::max(start + clocks, end);
}

double Timing::copy(double start, uint64_t bytes) {
  return copies.use(start, bytes / kCopyBytesPerClock) + kCopyLatency;
}

double Timing::productClocks(uint64_t m, uint64_t n, uint64_t k,
                             unsigned operandBits, bool isSparse) {
  return double(m * n * k) * operandBits / 16 / kProductsPerClock /
         (isSparse ? 2 : 1);
}

void Timing::join(double time) {
  for (Unit *unit : {&math, &shared, &copies})
    unit->join(time);
}
