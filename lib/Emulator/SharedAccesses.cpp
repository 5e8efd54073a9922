//===- SharedAccesses.cpp - Bank conflicts of a warp's accesses -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SharedAccesses.h"

#include <algorithm>
#include <bit>
#include <vector>

using namespace sparse24::emulator;

SharedClocks sparse24::emulator::sharedClocks(const SharedAccess &access) {
  SharedClocks clocks;
  uint32_t words = std::max(1u, access.bytes / 4);
  uint32_t lanesAtOnce = 32 / std::min(words, 4u);
  for (uint32_t begin = 0; begin < 32; begin += lanesAtOnce) {
    // The words of each bank that somebody wants.
    std::array<std::vector<uint32_t>, 32> banks;
    for (uint32_t lane = begin; lane < begin + lanesAtOnce; ++lane) {
      if (!(access.mask >> lane & 1))
        continue;
      for (uint32_t word = 0; word < words; ++word) {
        uint32_t at = access.address[lane] / 4 + word;
        std::vector<uint32_t> &bank = banks[at % 32];
        if (std::find(bank.begin(), bank.end(), at) == bank.end())
          bank.push_back(at);
      }
    }
    size_t longest = 0;
    for (const std::vector<uint32_t> &bank : banks)
      longest = std::max(longest, bank.size());
    clocks.actual += longest;
    clocks.ideal += longest != 0;
  }
  return clocks;
}

void SharedAccesses::add(uint32_t instruction, uint32_t instance, uint32_t lane,
                         uint32_t address, uint32_t bytes) {
  Gathered &gathered = open[instruction];
  // A lane that fell behind the others belongs to an access that is counted.
  if (instance < gathered.first)
    return;
  uint32_t index = instance - gathered.first;
  if (index >= gathered.accesses.size())
    gathered.accesses.resize(index + 1);
  SharedAccess &access = gathered.accesses[index];
  access.bytes = bytes;
  access.add(lane, address);
}
