//===- Matrix.cpp - Fragments from and to shared memory -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ldmatrix and stmatrix of 8 × 8 matrices with 16-bit elements. The other
// shapes need a later GPU than Hopper and are unsupported.
//
//===----------------------------------------------------------------------===//

#include "../Fragments.h"
#include "Instructions.h"

#include <cstring>

using namespace sparse24::emulator;

namespace {
/// An 8 × 8 matrix in memory, row by row. Lanes 8·i to 8·i + 7 give the
/// addresses of the rows of matrix i; each is 16 bytes and aligned to as many.
using Matrix8x8 = uint16_t[8][8];
constexpr uint32_t kRowBytes = 16;
} // namespace

/// 1, 2 or 4; 0 if the emulator doesn't know the form.
static int numMatrices(const Opcode &opcode) {
  if (!opcode.has("m8n8") || opcode.last() != "b16")
    return 0;
  int count = opcode.number("x", 0);
  return count == 1 || count == 2 || count == 4 ? count : 0;
}

/// PTX ISA, 9.7.14.5.15: ldmatrix.
/// in: address; out: one register a matrix
static void load(const Instruction &instruction, const Lanes &lanes) {
  const Opcode &opcode = instruction.opcode;
  int count = numMatrices(opcode);
  if (count == 0)
    return lanes.first().report(FindingKind::unsupported, "no such form");
  for (int i = 0; i < count; ++i) {
    Matrix8x8 matrix = {};
    for (int row = 0; row < 8; ++row)
      if (int lane = 8 * i + row; lanes.has(lane))
        lanes.threads[lane]->read(spaceOf(opcode), wide(lanes.in[lane]),
                                  matrix[row], kRowBytes, kRowBytes);
    for (int lane = 0; lane < int(kLanes); ++lane) {
      if (!lanes.has(lane))
        continue;
      auto element = [&](int slot) -> uint32_t {
        Coordinate<> place = elementOf8x8(lane, slot, opcode.has("trans"));
        return matrix[place.row][place.column];
      };
      lanes.out[lane][i] = element(0) | element(1) << 16;
    }
  }
}

/// PTX ISA, 9.7.14.5.16: stmatrix.
/// in: address, one register a matrix
static void store(const Instruction &instruction, const Lanes &lanes) {
  const Opcode &opcode = instruction.opcode;
  int count = numMatrices(opcode);
  if (count == 0)
    return lanes.first().report(FindingKind::unsupported, "no such form");
  for (int i = 0; i < count; ++i) {
    Matrix8x8 matrix = {};
    for (int lane = 0; lane < int(kLanes); ++lane) {
      if (!lanes.has(lane))
        continue;
      uint32_t word = lanes.in[lane][2 + i];
      checkNotPending(*lanes.threads[lane], {&word, 1});
      for (int slot = 0; slot < 2; ++slot) {
        Coordinate<> place = elementOf8x8(lane, slot, opcode.has("trans"));
        matrix[place.row][place.column] =
            static_cast<uint16_t>(word >> 16 * slot);
      }
    }
    for (int row = 0; row < 8; ++row)
      if (int lane = 8 * i + row; lanes.has(lane))
        lanes.threads[lane]->write(spaceOf(opcode), wide(lanes.in[lane]),
                                   matrix[row], kRowBytes, kRowBytes);
  }
}

static void executeLoad(Thread &thread, const Instruction &instruction,
                        const uint32_t *in, uint32_t *out) {
  thread.warp.together(thread, instruction, kFullMask, in, out, load);
}

static void executeStore(Thread &thread, const Instruction &instruction,
                         const uint32_t *in, uint32_t *out) {
  thread.warp.together(thread, instruction, kFullMask, in, out, store);
}

void sparse24::emulator::registerMatrix(Registry &registry) {
  registry.add("ldmatrix", executeLoad);
  registry.add("stmatrix", executeStore);
}
