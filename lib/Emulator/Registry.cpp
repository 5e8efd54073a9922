//===- Registry.cpp - Which function executes an opcode -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Registry.h"

#include "Instructions/Instructions.h"

using namespace sparse24::emulator;

static void unsupported(Thread &thread, const Instruction &, const uint32_t *,
                        uint32_t *) {
  thread.report(FindingKind::unsupported,
                "the emulator doesn't know this instruction");
}

const Registry &Registry::get() {
  static const Registry registry = [] {
    Registry all;
    registerAsyncCopy(all);
    registerAtomic(all);
    registerBarrier(all);
    registerBulkCopy(all);
    registerMatrix(all);
    registerMBarrier(all);
    registerMemory(all);
    registerMma(all);
    registerShuffle(all);
    registerSpecial(all);
    registerTensorCopy(all);
    registerWgmma(all);
    return all;
  }();
  return registry;
}

void Registry::add(std::string_view opcode, Execute execute) {
  entries.emplace(opcode, execute);
}

Registry::Execute Registry::find(std::string_view opcode) const {
  while (true) {
    if (auto it = entries.find(opcode); it != entries.end())
      return it->second;
    size_t dot = opcode.rfind('.');
    if (dot == std::string_view::npos)
      return unsupported;
    opcode = opcode.substr(0, dot);
  }
}
