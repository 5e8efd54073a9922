//===- TensorCopy.cpp - cp.async.bulk.tensor ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../SharedMatrix.h"
#include "BulkCopy.h"
#include "sparse24/Emulator/TensorMap.h"

#include <algorithm>
#include <cstring>

using namespace sparse24::emulator;

/// Of a box in shared memory.
static constexpr uint32_t kAlignment = 128;

//===----------------------------------------------------------------------===//
// Boxes
//===----------------------------------------------------------------------===//

/// The tensor map that an operand points to; it may be in a kernel's
/// parameters.
static const TensorMap *findMap(Thread &thread, const Opcode &opcode,
                                uint64_t address) {
  auto map = reinterpret_cast<const TensorMap *>(address);
  if (!address || address & kGenericShared || address % alignof(TensorMap) ||
      map->magic != TensorMap::kMagic) {
    thread.report(FindingKind::invalidOperand,
                  "there is no tensor map of the emulator");
    return nullptr;
  }
  if (!opcode.has(std::to_string(map->rank) + "d")) {
    thread.report(FindingKind::invalidOperand, "the tensor map is one of " +
                                                   std::to_string(map->rank) +
                                                   " dimensions");
    return nullptr;
  }
  for (const std::string &part : opcode.parts())
    if (part.starts_with("im2col") || part.starts_with("tile::")) {
      thread.report(FindingKind::unsupported,
                    "the emulator copies boxes in tile mode only");
      return nullptr;
    }
  uint32_t rowBytes = map->box[0] * elementBytes(map->type);
  if (map->swizzle != TensorMapSwizzle::none &&
      rowBytes != map->swizzleBytes()) {
    thread.report(FindingKind::unsupported,
                  "the emulator has no swizzled boxes whose rows are narrower "
                  "than the swizzle");
    return nullptr;
  }
  return map;
}

namespace {
/// The rows of a box, one after another.
class Rows {
public:
  Rows(const TensorMap &map, const uint32_t *coordinates) : map(map) {
    for (uint32_t i = 0; i < map.rank; ++i)
      first[i] = static_cast<int32_t>(coordinates[i]);
  }

  uint32_t count() const { return map.boxBytes() / rowBytes(); }
  uint32_t rowBytes() const { return map.box[0] * elementBytes(map.type); }

  /// The part of a row that is in the tensor: where it begins in the row, its
  /// address, its bytes (0 if there is none).
  struct Part {
    uint32_t begin;
    uint8_t *address;
    uint32_t bytes;
  };
  Part part(uint32_t row) const {
    uint8_t *address = map.address;
    for (uint32_t i = 1; i < map.rank; ++i) {
      int64_t at = first[i] + row % map.box[i];
      row /= map.box[i];
      if (at < 0 || uint64_t(at) >= map.sizes[i])
        return {};
      address += at * map.strides[i - 1];
    }
    int64_t begin = std::max<int64_t>(first[0], 0);
    int64_t end = std::min<int64_t>(first[0] + map.box[0], map.sizes[0]);
    if (begin >= end)
      return {};
    uint32_t element = elementBytes(map.type);
    return {static_cast<uint32_t>(begin - first[0]) * element,
            address + begin * element,
            static_cast<uint32_t>(end - begin) * element};
  }

private:
  const TensorMap &map;
  int64_t first[TensorMap::kMaxRank] = {};
};
} // namespace

/// What elements beyond the tensor are.
static void fill(const TensorMap &map, std::vector<uint8_t> &data) {
  if (map.fill == TensorMapFill::zeros)
    return;
  // Which NaN isn't documented: one that nobody computes.
  uint64_t nan = map.type == TensorMapType::F16    ? 0x7FFF
                 : map.type == TensorMapType::BF16 ? 0x7FFF
                 : map.type == TensorMapType::F64  ? 0x7FFFFFFFFFFFFFFF
                                                   : 0x7FFFFFFF;
  uint32_t bytes = elementBytes(map.type);
  for (size_t at = 0; at < data.size(); at += bytes)
    std::memcpy(&data[at], &nan, bytes);
}

/// Moves 16-byte chunks between a box at an address in shared memory, where
/// they are swizzled, and one in order.
template <typename Move>
static void forChunks(const TensorMap &map, uint64_t address, Move move) {
  auto base = static_cast<uint32_t>(address);
  for (uint32_t at = 0; at < map.boxBytes(); at += 16)
    move(swizzle(base + at, map.swizzleBytes(), 0) - base, at);
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

/// PTX ISA, 9.7.9.25.5.2: cp.async.bulk.tensor, from global memory.
/// in: dst(2), tensorMap(2), coordinates(dims), mbar(2)[, mask].
static void load(Thread &thread, const Instruction &instruction,
                 const uint32_t *in) {
  const Opcode &opcode = instruction.opcode;
  const TensorMap *map = findMap(thread, opcode, wide(in + 2));
  if (!map)
    return;
  Rows rows(*map, in + 4);
  std::vector<uint8_t> data(map->boxBytes()), swizzled(data.size());
  fill(*map, data);
  const uint32_t *barrier = in + 4 + map->rank;
  uint32_t mask = opcode.has("multicast::cluster") ? barrier[2] : 0;
  auto destinations = targets(thread, opcode, wide(in), mask);
  auto barriers = targets(thread, opcode, wide(barrier), mask);
  if (barriers.empty())
    return;
  Epoch agent = nextCopyAgent(thread, barriers.front());
  Statistics &statistics = thread.cta.statistics;
  for (uint32_t row = 0; row < rows.count(); ++row) {
    ++statistics.boxRows;
    if (Rows::Part part = rows.part(row); part.bytes)
      thread.read(Space::global, reinterpret_cast<uint64_t>(part.address),
                  &data[row * rows.rowBytes() + part.begin], part.bytes, 1,
                  agent);
    else
      ++statistics.boxRowsBeyond;
  }
  forChunks(*map, wide(in), [&](uint32_t to, uint32_t from) {
    std::memcpy(&swizzled[to], &data[from], 16);
  });
  for (size_t i = 0; i < destinations.size(); ++i)
    startCopy(thread, destinations[i], kAlignment, swizzled, barriers[i]);
}

/// The type that a reduction of a tensor's elements has.
static const char *typeName(TensorMapType type) {
  static constexpr const char *kNames[] = {"u8",  "u16", "u32", "s32", "u64",
                                           "s64", "f16", "f32", "f64", "bf16",
                                           "f32", "f32", "f32"};
  return kNames[static_cast<uint8_t>(type)];
}

/// PTX ISA, 9.7.9.25.5.2: cp.async.bulk.tensor, to global memory; 9.7.9.25.5.3:
/// cp.reduce.async.bulk.tensor.
/// in: tensorMap(2), coordinates(dims), src(2).
static void store(Thread &thread, const Instruction &instruction,
                  const uint32_t *in, uint32_t *) {
  const TensorMap *map = findMap(thread, instruction.opcode, wide(in));
  if (!map)
    return;
  Rows rows(*map, in + 2);
  uint64_t address = wide(in + 2 + map->rank);
  Memory source =
      thread.resolve(Space::shared, address, map->boxBytes(), kAlignment);
  if (!source)
    return;
  startRead(thread, source, map->boxBytes());
  std::vector<uint8_t> data(map->boxBytes());
  forChunks(*map, address, [&](uint32_t from, uint32_t to) {
    std::memcpy(&data[to], source.bytes + from, 16);
  });
  auto reduction = reductionOf(instruction.opcode, typeName(map->type));
  for (uint32_t row = 0; row < rows.count(); ++row)
    if (Rows::Part part = rows.part(row); part.bytes)
      storeToGlobal(thread, reinterpret_cast<uint64_t>(part.address),
                    &data[row * rows.rowBytes() + part.begin], part.bytes, 1,
                    reduction);
}

static void copy(Thread &thread, const Instruction &instruction,
                 const uint32_t *in, uint32_t *out) {
  if (isToGlobal(instruction.opcode))
    store(thread, instruction, in, out);
  else
    load(thread, instruction, in);
}

void sparse24::emulator::registerTensorCopy(Registry &registry) {
  registry.add("cp.async.bulk.tensor", copy);
  registry.add("cp.reduce.async.bulk.tensor", store);
}
