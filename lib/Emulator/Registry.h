//===- Registry.h - Which function executes an opcode -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_REGISTRY_H
#define SPARSE24_LIB_EMULATOR_REGISTRY_H

#include "Machine.h"

namespace sparse24::emulator {

/// The instructions by the leading parts of their opcodes: "mma.sp" is found
/// for "mma.sp.sync.aligned.m16n8k32.…", unless a longer entry fits.
class Registry {
public:
  using Execute = decltype(Instruction::execute);

  /// All that the emulator knows.
  static const Registry &get();

  void add(std::string_view opcode, Execute execute);
  /// The function of the longest entry that the opcode begins with; a function
  /// that reports the finding `unsupported` where there is none.
  Execute find(std::string_view opcode) const;

private:
  std::map<std::string, Execute, std::less<>> entries;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_REGISTRY_H
