// Takes the text of PTX instructions apart.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_TOEMULATOR_PTXPARSER_H
#define SPARSE24_LIB_CONVERSION_TOEMULATOR_PTXPARSER_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace mlir::sparse24 {

/// `%r1`, `$2`, `42`, `{…}`, `a|b` or `[a + 16, {…}]`. Names point into the
/// text.
struct PtxOperand {
  enum Kind { single, list, address };
  Kind kind = single;
  StringRef name;
  bool isNegated = false;
  int64_t offset = 0;
  std::vector<PtxOperand> parts;
};

struct PtxInstruction {
  StringRef opcode;
  std::optional<PtxOperand> predicate;
  std::vector<PtxOperand> operands;
};

struct PtxRegister {
  std::string name;
  unsigned bits;
  bool isFloat;
};

struct PtxText {
  std::vector<PtxRegister> registers;
  std::vector<PtxInstruction> instructions;
};

/// Gives what is wrong in `message`.
FailureOr<PtxText> parsePtx(StringRef text, std::string &message);

/// Decimal or hexadecimal, with a sign; or a float's bits as 0f3F800000.
std::optional<int64_t> parsePtxInteger(StringRef text);

/// Whether the first operand is written.
bool hasPtxDestination(const PtxInstruction &instruction);

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_TOEMULATOR_PTXPARSER_H
