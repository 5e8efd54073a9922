//===- Instructions.h - The files of instructions ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_INSTRUCTIONS_INSTRUCTIONS_H
#define SPARSE24_LIB_EMULATOR_INSTRUCTIONS_INSTRUCTIONS_H

#include "../Registry.h"

namespace sparse24::emulator {

void registerAsyncCopy(Registry &registry);
void registerAtomic(Registry &registry);
void registerBarrier(Registry &registry);
void registerBulkCopy(Registry &registry);
void registerMatrix(Registry &registry);
void registerMBarrier(Registry &registry);
void registerMemory(Registry &registry);
void registerMma(Registry &registry);
void registerShuffle(Registry &registry);
void registerSpecial(Registry &registry);
void registerTensorCopy(Registry &registry);
void registerWgmma(Registry &registry);

/// A 64-bit operand or result, in two words.
inline uint64_t wide(const uint32_t *words) {
  return words[0] | uint64_t(words[1]) << 32;
}
inline void setWide(uint32_t *words, uint64_t value) {
  words[0] = static_cast<uint32_t>(value);
  words[1] = static_cast<uint32_t>(value >> 32);
}

/// Where a strong operation (PTX ISA, "Memory Consistency Model") releases or
/// acquires what threads know; relaxed ones do so together with fences.
void releaseTo(Thread &thread, const Opcode &opcode, const uint8_t *place,
               bool isReadModifyWrite);
void acquireFrom(Thread &thread, const Opcode &opcode, const uint8_t *place);
/// Has a thread that reads the same value again give way until it changes.
void pauseIfUnchanged(Thread &thread, uint64_t address, const uint8_t *place,
                      const void *value, uint32_t bytes);

/// One element of `atom` or `red`, whose opcode says the space, what to do and
/// the type; returns what was there. `c` is for compare-and-swap.
uint64_t modify(Thread &thread, const Opcode &opcode, uint64_t address,
                uint64_t b, uint64_t c);

/// An mbarrier, and where it is.
struct MBarrierPlace {
  MBarrier *barrier = nullptr;
  Memory memory;

  explicit operator bool() const { return barrier != nullptr; }
};

/// Finds the mbarrier at an address; null if there is none, which is reported.
MBarrierPlace findMBarrier(Thread &thread, Space space, uint64_t address);

/// The address space that an opcode names.
inline Space spaceOf(const Opcode &opcode) {
  for (const char *part : {"shared", "shared::cta", "shared::cluster"})
    if (opcode.has(part))
      return Space::shared;
  return opcode.has("global") ? Space::global : Space::generic;
}

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_INSTRUCTIONS_INSTRUCTIONS_H
