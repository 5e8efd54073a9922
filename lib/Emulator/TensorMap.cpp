//===- TensorMap.cpp - What TMA copies know of a tensor -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Emulator/TensorMap.h"

#include <algorithm>

using namespace sparse24::emulator;

static constexpr uint32_t kMaxBox = 256;
static constexpr uint64_t kMaxSize = uint64_t(1) << 32;
static constexpr uint64_t kMaxStride = uint64_t(1) << 40;

uint32_t TensorMap::elementBytes() const {
  static constexpr uint8_t kBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  return kBytes[static_cast<uint8_t>(type)];
}

uint32_t TensorMap::boxBytes() const {
  uint32_t bytes = elementBytes();
  for (uint32_t i = 0; i < rank; ++i)
    bytes *= box[i];
  return bytes;
}

uint32_t TensorMap::swizzleBytes() const {
  return 16u << static_cast<uint8_t>(swizzle);
}

const char *sparse24::emulator::encodeTensorMap(
    TensorMap *map, TensorMapType type, uint32_t rank, void *address,
    const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,
    const uint32_t *elementStrides, TensorMapInterleave interleave,
    TensorMapSwizzle swizzle, TensorMapPromotion, TensorMapFill fill) {
  if (reinterpret_cast<uintptr_t>(map) % 64)
    return "the map must be at a multiple of 64";
  if (type > TensorMapType::TF32Ftz)
    return "no such type";
  if (rank < 1 || rank > TensorMap::kMaxRank)
    return "the rank must be 1 to 5";
  if (reinterpret_cast<uintptr_t>(address) % 16)
    return "the tensor must be at a multiple of 16";
  if (interleave != TensorMapInterleave::none)
    return "the emulator has no interleaved layouts";
  if (swizzle > TensorMapSwizzle::bytes128)
    return "the emulator has no such swizzle";
  *map = TensorMap();
  map->magic = TensorMap::kMagic;
  map->type = type;
  map->rank = static_cast<uint8_t>(rank);
  map->swizzle = swizzle;
  map->fill = fill;
  map->address = static_cast<uint8_t *>(address);
  for (uint32_t i = 0; i < rank; ++i) {
    if (sizes[i] < 1 || sizes[i] > kMaxSize)
      return "sizes must be 1 to 2^32";
    if (box[i] < 1 || box[i] > kMaxBox)
      return "a box has 1 to 256 elements in each dimension";
    if (elementStrides[i] != 1)
      return "the emulator takes every element of a box";
    map->sizes[i] = sizes[i];
    map->box[i] = static_cast<uint16_t>(box[i]);
  }
  for (uint32_t i = 0; i + 1 < rank; ++i) {
    if (strides[i] % 16 || strides[i] >= kMaxStride)
      return "strides must be multiples of 16 below 2^40";
    map->strides[i] = strides[i];
  }
  uint32_t rowBytes = box[0] * map->elementBytes();
  if (rowBytes % 16)
    return "a box's rows must be multiples of 16 bytes";
  if (swizzle != TensorMapSwizzle::none && rowBytes > map->swizzleBytes())
    return "a box's rows must fit into the swizzle";
  bool isFloat = type >= TensorMapType::F16;
  if (fill == TensorMapFill::nan && !isFloat)
    return "only floats can be filled with NaN";
  return nullptr;
}
