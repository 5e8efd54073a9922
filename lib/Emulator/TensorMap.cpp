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

uint32_t TensorMap::boxBytes() const {
  uint32_t bytes = elementBytes(type);
  for (uint32_t i = 0; i < rank; ++i)
    bytes *= box[i];
  return bytes;
}

uint32_t TensorMap::swizzleBytes() const {
  return 16u << static_cast<uint8_t>(swizzle);
}

const char *sparse24::emulator::encodeTensorMap(
    TensorMap *map, const TensorMapParameters &tensor, TensorMapSwizzle swizzle,
    TensorMapFill fill) {
  if (reinterpret_cast<uintptr_t>(map) % 64)
    return "the map must be at a multiple of 64";
  if (tensor.type > TensorMapType::TF32Ftz)
    return "no such type";
  if (tensor.rank < 1 || tensor.rank > TensorMap::kMaxRank)
    return "the rank must be 1 to 5";
  if (reinterpret_cast<uintptr_t>(tensor.address) % 16)
    return "the tensor must be at a multiple of 16";
  if (swizzle > TensorMapSwizzle::bytes128)
    return "the emulator has no such swizzle";
  *map = TensorMap();
  map->magic = TensorMap::kMagic;
  map->type = tensor.type;
  map->rank = static_cast<uint8_t>(tensor.rank);
  map->swizzle = swizzle;
  map->fill = fill;
  map->address = static_cast<uint8_t *>(tensor.address);
  for (uint32_t i = 0; i < tensor.rank; ++i) {
    if (tensor.sizes[i] < 1 || tensor.sizes[i] > kMaxSize)
      return "sizes must be 1 to 2^32";
    if (tensor.box[i] < 1 || tensor.box[i] > kMaxBox)
      return "a box has 1 to 256 elements in each dimension";
    if (tensor.elementStrides[i] != 1)
      return "the emulator takes every element of a box";
    map->sizes[i] = tensor.sizes[i];
    map->box[i] = static_cast<uint16_t>(tensor.box[i]);
  }
  for (uint32_t i = 0; i + 1 < tensor.rank; ++i) {
    if (tensor.strides[i] % 16 || tensor.strides[i] >= kMaxStride)
      return "strides must be multiples of 16 below 2^40";
    map->strides[i] = tensor.strides[i];
  }
  uint32_t rowBytes = tensor.box[0] * elementBytes(tensor.type);
  if (rowBytes % 16)
    return "a box's rows must be multiples of 16 bytes";
  if (swizzle != TensorMapSwizzle::none && rowBytes > map->swizzleBytes())
    return "a box's rows must fit into the swizzle";
  bool isFloat = tensor.type >= TensorMapType::F16;
  if (fill == TensorMapFill::nan && !isFloat)
    return "only floats can be filled with NaN";
  return nullptr;
}
