//===- Memory.cpp - Loads and stores --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

#include <algorithm>
#include <cstring>

using namespace sparse24::emulator;

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

void sparse24::emulator::releaseTo(Thread &thread, const Opcode &opcode,
                                   const uint8_t *place,
                                   bool isReadModifyWrite) {
  auto &published = thread.cta.cluster.published;
  // A plain write ends what earlier ones have handed on.
  if (!isReadModifyWrite)
    published.erase(place);
  if (opcode.has("release") || opcode.has("acq_rel")) {
    Order &order = published[place];
    thread.release(order.clock, order.asyncVisible);
  } else if (thread.fenced) {
    published[place].join(*thread.fenced);
  }
}

void sparse24::emulator::acquireFrom(Thread &thread, const Opcode &opcode,
                                     const uint8_t *place) {
  auto &published = thread.cta.cluster.published;
  auto it = published.find(place);
  if (it == published.end())
    return;
  if (opcode.has("acquire") || opcode.has("acq_rel"))
    thread.acquire(it->second.clock, it->second.asyncVisible);
  else
    thread.observed.join(it->second);
}

void sparse24::emulator::pauseIfUnchanged(Thread &thread, uint64_t address,
                                          const uint8_t *place,
                                          const void *value, uint32_t bytes) {
  if (thread.polledAddress == address &&
      std::memcmp(thread.polledValue.data(), value, bytes) == 0) {
    std::array<uint8_t, 16> old = thread.polledValue;
    thread.pause([=] { return std::memcmp(place, old.data(), bytes) != 0; },
                 [=] {
                   return "polls " + std::to_string(bytes) +
                          " bytes that nobody changes";
                 });
  }
  thread.polledAddress = address;
  std::memcpy(thread.polledValue.data(), value, bytes);
}

//===----------------------------------------------------------------------===//
// Registers in memory
//===----------------------------------------------------------------------===//

namespace {
/// The registers that an instruction moves, as they lie in memory.
struct Layout {
  explicit Layout(const Opcode &opcode)
      : elements(opcode.number("v", 1)), bytes(opcode.typeBits() / 8),
        words(std::max(1u, bytes / 4)),
        // Loads extend signed numbers that are narrower than a register.
        isSigned(opcode.last() == "s8" || opcode.last() == "s16") {}

  uint32_t size() const { return elements * bytes; }

  void unpack(const uint8_t *memory, uint32_t *registers) const {
    for (uint32_t i = 0; i < elements; ++i, memory += bytes) {
      uint32_t *word = registers + i * words;
      *word = 0;
      std::memcpy(word, memory, bytes);
      uint32_t sign = 1u << (bytes * 8 - 1) % 32;
      if (isSigned)
        *word = (*word ^ sign) - sign;
    }
  }

  void pack(const uint32_t *registers, uint8_t *memory) const {
    for (uint32_t i = 0; i < elements; ++i)
      std::memcpy(memory + i * bytes, registers + i * words, bytes);
  }

  uint32_t elements, bytes, words;
  bool isSigned;
};
} // namespace

static constexpr uint32_t kMaxBytes = 64;

/// Whether a load or store is one that threads may race with.
static bool isStrong(const Opcode &opcode) {
  for (const char *part : {"volatile", "relaxed", "acquire", "release", "mmio"})
    if (opcode.has(part))
      return true;
  return false;
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

/// PTX ISA, 9.7.9.8: ld; 9.7.9.9: ld.global.nc; 9.7.9.10: ldu.
/// in: address(2). out: the elements.
static void load(Thread &thread, const Instruction &instruction,
                 const uint32_t *in, uint32_t *out) {
  const Opcode &opcode = instruction.opcode;
  Layout layout(opcode);
  Space space = spaceOf(opcode);
  uint64_t address = wide(in);
  uint8_t data[kMaxBytes] = {};
  if (!isStrong(opcode)) {
    thread.read(space, address, data, layout.size(), layout.size());
    return layout.unpack(data, out);
  }
  uint8_t *place = nullptr;
  auto read = [&](uint8_t *memory) {
    place = memory;
    std::memcpy(data, memory, layout.size());
  };
  thread.atomic(space, address, layout.size(), /*isWrite=*/false, read);
  if (place) {
    pauseIfUnchanged(thread, address, place, data, layout.size());
    std::memcpy(data, place, layout.size());
    acquireFrom(thread, opcode, place);
  }
  layout.unpack(data, out);
}

/// PTX ISA, 9.7.9.11: st.
/// in: address(2), the elements.
static void store(Thread &thread, const Instruction &instruction,
                  const uint32_t *in, uint32_t *) {
  const Opcode &opcode = instruction.opcode;
  Layout layout(opcode);
  uint8_t data[kMaxBytes];
  layout.pack(in + 2, data);
  // Accumulators have 32 bits: half of a wider number only looks like one.
  for (uint32_t i = 0; layout.bytes == 4 && i < layout.size() / 4; ++i)
    if (isPendingAccumulator(thread, in[2 + i])) {
      thread.report(FindingKind::missingWait,
                    "stores an accumulator of a product in flight");
      break;
    }
  if (!isStrong(opcode))
    return thread.write(spaceOf(opcode), wide(in), data, layout.size(),
                        layout.size());
  auto write = [&](uint8_t *memory) {
    std::memcpy(memory, data, layout.size());
    releaseTo(thread, opcode, memory, /*isReadModifyWrite=*/false);
  };
  thread.atomic(spaceOf(opcode), wide(in), layout.size(), /*isWrite=*/true,
                write);
}

void sparse24::emulator::registerMemory(Registry &registry) {
  registry.add("ld", load);
  registry.add("ldu", load);
  registry.add("st", store);
}
