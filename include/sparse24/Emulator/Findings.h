//===- Findings.h - What the emulator reports -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_EMULATOR_FINDINGS_H
#define SPARSE24_EMULATOR_FINDINGS_H

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sparse24::emulator {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;

  uint64_t count() const { return uint64_t(x) * y * z; }
};

/// An instruction at one place of the program.
struct Site {
  /// As the PTX manual writes it, with all qualifiers:
  /// "ldmatrix.sync.aligned.m8n8.x4.shared.b16".
  std::string opcode;
  /// Where the operation is: "file:line:column".
  std::string location;
};

/// What can be wrong with a kernel.
enum class FindingKind : uint8_t {
  /// Shared memory is read that nothing has written.
  uninitializedRead,
  /// Two threads access the same bytes, one writes, and nothing orders them.
  race,
  /// An access beyond an allocation or beyond the CTA's shared memory.
  outOfBounds,
  /// An address that isn't a multiple of what the instruction asks for.
  misaligned,
  /// Data of an asynchronous operation is used, or its source overwritten,
  /// before a wait for it.
  missingWait,
  /// Data crosses from the generic to the asynchronous proxy without a fence.
  missingFence,
  /// Threads wait that nothing will wake: a barrier not reached by all, a phase
  /// that never completes.
  deadlock,
  /// Lanes of a warp execute different instructions where all must execute one.
  divergence,
  /// Lanes give different values where the instruction wants one.
  operandMismatch,
  /// An operand that the instruction doesn't allow: an illegal metadata nibble,
  /// a malformed descriptor, a phase of a barrier that isn't initialized.
  invalidOperand,
  /// The kernel itself gave up (`trap`).
  trap,
  /// The emulator doesn't know the instruction.
  unsupported,
};
const char *text(FindingKind kind);

struct Finding {
  FindingKind kind;
  std::string message;
  Site site;
  /// The first thread that it was seen in, and how often it was seen in all.
  Dim3 block, thread;
  uint64_t count = 1;
};

/// The findings of a run, one for each kind and place. Threads may add at once.
class Findings {
public:
  void add(Finding finding);
  std::vector<Finding> take();
  bool empty();

private:
  std::mutex mutex;
  std::vector<Finding> findings;
  std::map<std::pair<FindingKind, std::string>, size_t> known;
};

} // namespace sparse24::emulator

#endif // SPARSE24_EMULATOR_FINDINGS_H
