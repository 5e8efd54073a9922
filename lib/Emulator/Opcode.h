//===- Opcode.h - An instruction's name, taken apart ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_OPCODE_H
#define SPARSE24_LIB_EMULATOR_OPCODE_H

#include <string>
#include <string_view>
#include <vector>

namespace sparse24::emulator {

/// "ldmatrix.sync.aligned.m8n8.x4.shared.b16" as its parts between dots.
class Opcode {
public:
  explicit Opcode(std::string_view text);

  std::string_view text() const { return whole; }
  const std::vector<std::string> &parts() const { return all; }
  bool has(std::string_view part) const;
  /// Whether the name begins with these parts: "mbarrier.arrive".
  bool startsWith(std::string_view prefix) const;
  /// Whether all lanes of a warp must execute the same such instruction.
  bool isAligned() const;
  /// The number after a letter: number("x") of the above is 4; `otherwise` if
  /// there is no such part.
  int number(std::string_view letter, int otherwise) const;
  /// The last part, mostly a type.
  const std::string &last() const { return all.back(); }
  /// Bits of the type in the last part: 16 for "b16" or "bf16".
  int typeBits() const;

private:
  std::string whole;
  std::vector<std::string> all;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_OPCODE_H
