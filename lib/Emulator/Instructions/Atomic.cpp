//===- Atomic.cpp - Atomic operations on memory ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"
#include "sparse24/Support/ElementType.h"

#include <algorithm>
#include <cstring>

using namespace sparse24;
using namespace sparse24::emulator;

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

template <typename T>
static uint64_t minMax(uint64_t a, uint64_t b, bool isMin) {
  auto x = static_cast<T>(a), y = static_cast<T>(b);
  return static_cast<uint64_t>(isMin ? std::min(x, y) : std::max(x, y));
}

/// What an integer operation makes of `old`, or none of it if there is no such.
static std::optional<uint64_t> integer(const Opcode &opcode, uint64_t old,
                                       uint64_t b, uint64_t c) {
  const std::string &type = opcode.last();
  if (opcode.has("and"))
    return old & b;
  if (opcode.has("or"))
    return old | b;
  if (opcode.has("xor"))
    return old ^ b;
  if (opcode.has("exch"))
    return b;
  if (opcode.has("cas"))
    return old == b ? c : old;
  if (opcode.has("inc"))
    return old >= b ? 0 : old + 1;
  if (opcode.has("dec"))
    return old == 0 || old > b ? b : old - 1;
  if (opcode.has("add"))
    return old + b;
  bool isMin = opcode.has("min");
  if (!isMin && !opcode.has("max"))
    return std::nullopt;
  if (type == "s32")
    return minMax<int32_t>(old, b, isMin);
  if (type == "s64")
    return minMax<int64_t>(old, b, isMin);
  return minMax<uint64_t>(old, b, isMin);
}

static uint16_t combineHalves(const Opcode &opcode, uint16_t x, uint16_t y) {
  bool isBF16 = opcode.last().starts_with("bf16");
  auto wider = isBF16 ? bf16ToFloat : f16ToFloat;
  auto narrower = isBF16 ? floatToBF16 : floatToF16;
  float a = wider(x), b = wider(y);
  if (opcode.has("min"))
    return narrower(std::min(a, b));
  if (opcode.has("max"))
    return narrower(std::max(a, b));
  // The sum of two halves is exact in a float, or rounds to the same.
  return narrower(a + b);
}

static uint64_t floating(const Opcode &opcode, uint64_t old, uint64_t b) {
  const std::string &type = opcode.last();
  if (type == "f64")
    return std::bit_cast<uint64_t>(std::bit_cast<double>(old) +
                                   std::bit_cast<double>(b));
  if (type == "f32")
    return floatToBits(bitsToFloat(static_cast<uint32_t>(old)) +
                       bitsToFloat(static_cast<uint32_t>(b)));
  uint64_t result = 0;
  for (int shift = 0; shift < opcode.typeBits(); shift += 16)
    result |=
        uint64_t(combineHalves(opcode, static_cast<uint16_t>(old >> shift),
                               static_cast<uint16_t>(b >> shift)))
        << shift;
  return result;
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

uint64_t sparse24::emulator::modify(Thread &thread, const Opcode &opcode,
                                    uint64_t address, uint64_t b, uint64_t c) {
  uint32_t bytes = opcode.typeBits() / 8;
  const std::string &type = opcode.last();
  bool isFloat = type.find('f') != std::string::npos;
  uint64_t old = 0;
  uint8_t *place = nullptr;
  auto change = [&](uint8_t *memory) {
    place = memory;
    old = 0;
    std::memcpy(&old, memory, bytes);
    std::optional<uint64_t> next =
        isFloat ? floating(opcode, old, b) : integer(opcode, old, b, c);
    if (!next)
      return thread.report(FindingKind::unsupported,
                           "the emulator doesn't know this operation");
    std::memcpy(memory, &*next, bytes);
    acquireFrom(thread, opcode, memory);
    releaseTo(thread, opcode, memory, /*isReadModifyWrite=*/true);
  };
  thread.atomic(spaceOf(opcode), address, bytes, /*isWrite=*/true, change);
  // A lock that is taken.
  if (place && opcode.has("cas") && old != b)
    pauseIfUnchanged(thread, address, place, &old, bytes);
  return old;
}

/// PTX ISA, 9.7.13.5: atom.
/// in: address(2), b for each element[, c]. out: the old elements.
static void atom(Thread &thread, const Instruction &instruction,
                 const uint32_t *in, uint32_t *out) {
  const Opcode &opcode = instruction.opcode;
  uint32_t bytes = opcode.typeBits() / 8;
  uint32_t words = std::max(1u, bytes / 4);
  uint32_t elements = opcode.number("v", 1);
  const uint32_t *b = in + 2, *c = b + elements * words;
  auto value = [&](const uint32_t *from) {
    return words == 2 ? wide(from) : *from;
  };
  for (uint32_t i = 0; i < elements; ++i) {
    uint64_t old =
        modify(thread, opcode, wide(in) + i * bytes, value(b + i * words),
               opcode.has("cas") ? value(c) : 0);
    if (out)
      std::memcpy(out + i * words, &old, words * 4);
  }
}

/// PTX ISA, 9.7.13.6: red.
/// in: address(2), b for each element.
static void red(Thread &thread, const Instruction &instruction,
                const uint32_t *in, uint32_t *) {
  atom(thread, instruction, in, nullptr);
}

void sparse24::emulator::registerAtomic(Registry &registry) {
  registry.add("atom", atom);
  registry.add("red", red);
}
