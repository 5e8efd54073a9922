//===- Statistics.cpp - What a run did ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Emulator/Statistics.h"

#include <algorithm>
#include <cstdio>

using namespace sparse24::emulator;

void Statistics::add(const Statistics &other) {
  for (const auto &[opcode, count] : other.instructions)
    instructions[opcode] += count;
  globalReadBytes += other.globalReadBytes;
  globalWrittenBytes += other.globalWrittenBytes;
  sharedReadBytes += other.sharedReadBytes;
  sharedWrittenBytes += other.sharedWrittenBytes;
  boxRows += other.boxRows;
  boxRowsBeyond += other.boxRowsBeyond;
  sharedAccesses += other.sharedAccesses;
  sharedIdealClocks += other.sharedIdealClocks;
  sharedClocks += other.sharedClocks;
  mathClocks += other.mathClocks;
  copyClocks += other.copyClocks;
  totalClocks += other.totalClocks;
}

double Statistics::overlap() const {
  double shorter = std::min(mathClocks, copyClocks);
  if (shorter <= 0)
    return 0;
  return std::clamp((mathClocks + copyClocks - totalClocks) / shorter, 0.0,
                    1.0);
}

std::string Statistics::text() const {
  std::string result;
  auto line = [&](const char *format, auto... values) {
    char buffer[256];
    std::snprintf(buffer, sizeof(buffer), format, values...);
    result += buffer;
  };
  using Number = unsigned long long;
  line("instructions, as executed by warps:\n");
  for (const auto &[opcode, count] : instructions)
    line("  %12llu  %s\n", Number(count), opcode.c_str());
  line("global memory: %llu bytes read, %llu written\n",
       Number(globalReadBytes), Number(globalWrittenBytes));
  line("shared memory: %llu bytes read, %llu written\n",
       Number(sharedReadBytes), Number(sharedWrittenBytes));
  line("shared memory: %llu accesses in %llu clocks, %llu of them for bank "
       "conflicts\n",
       Number(sharedAccesses), Number(sharedClocks),
       Number(sharedClocks - sharedIdealClocks));
  if (boxRows)
    line("tensor copies: %llu rows of boxes, %llu of them beyond the tensor\n",
         Number(boxRows), Number(boxRowsBeyond));
  line("clocks, modelled: %.0f for math, %.0f for copies, %.0f in all; "
       "%.0f%% of the shorter overlaps\n",
       mathClocks, copyClocks, totalClocks, 100 * overlap());
  return result;
}
