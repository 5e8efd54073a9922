//===- BulkCopy.h - What bulk copies have in common -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_INSTRUCTIONS_BULKCOPY_H
#define SPARSE24_LIB_EMULATOR_INSTRUCTIONS_BULKCOPY_H

#include "Instructions.h"

namespace sparse24::emulator {

/// Whether an opcode's destination is global memory.
bool isToGlobal(const Opcode &opcode);

/// The CTAs that a copy with operand `mask` goes to: each at the same offset as
/// `address`. Without .multicast the one that `address` is in.
std::vector<uint64_t> targets(Thread &thread, const Opcode &opcode,
                              uint64_t address, uint32_t mask);

/// Who does the copy that is started next with that mbarrier: the thread itself
/// where there is none, which is reported.
Epoch nextCopyAgent(Thread &thread, uint64_t barrier);

/// Starts a copy of `data` to shared memory, which `barrier` counts. `source`
/// is the shared memory it comes from, if any.
void startCopy(Thread &thread, uint64_t destination, uint32_t alignment,
               std::vector<uint8_t> data, uint64_t barrier,
               const Memory &source = {});

/// What cp.reduce.async.bulk does with each element, as a `red` of that type;
/// none for an opcode that overwrites.
std::optional<Opcode> reductionOf(const Opcode &opcode,
                                  const std::string &type);

/// Writes `data` to global memory, or reduces what is there by it.
void storeToGlobal(Thread &thread, uint64_t address, const uint8_t *data,
                   uint32_t bytes, uint32_t alignment,
                   const std::optional<Opcode> &reduction);

/// Reads shared memory through the asynchronous proxy, from now to the wait for
/// the group.
void startRead(Thread &thread, const Memory &source, uint32_t bytes);

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_INSTRUCTIONS_BULKCOPY_H
