// Tensor maps from memrefs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Support/TensorMapParameters.h"

#include <gtest/gtest.h>

using namespace sparse24;

namespace {

template <size_t rank>
struct MemRef {
  char *allocated, *aligned;
  int64_t offset, sizes[rank], strides[rank];
};

TEST(TensorMapParameters, TakesAStridedMemref) {
  char memory[64];
  MemRef<3> memref = {memory, memory, 8, {5, 6, 7}, {600, 70, 1}};
  int64_t box[] = {1, 2, 4};
  TensorMapParameters tensor;
  ASSERT_STREQ(tensor.set(TensorMapType::BF16, 3, &memref, box), nullptr);
  EXPECT_EQ(tensor.type, TensorMapType::BF16);
  EXPECT_EQ(tensor.rank, 3u);
  EXPECT_EQ(tensor.address, memory + 16);
  EXPECT_FALSE(tensor.isEmpty());
  const uint64_t sizes[] = {7, 6, 5}, strides[] = {140, 1200};
  const uint32_t boxFromInner[] = {4, 2, 1};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(tensor.sizes[i], sizes[i]);
    EXPECT_EQ(tensor.box[i], boxFromInner[i]);
    EXPECT_EQ(tensor.elementStrides[i], 1u);
  }
  EXPECT_EQ(tensor.strides[0], strides[0]);
  EXPECT_EQ(tensor.strides[1], strides[1]);

  memref.sizes[0] = 0;
  ASSERT_STREQ(tensor.set(TensorMapType::BF16, 3, &memref, box), nullptr);
  EXPECT_TRUE(tensor.isEmpty());
}

TEST(TensorMapParameters, RefusesWhatNoMapDescribes) {
  MemRef<6> memref = {nullptr, nullptr, 0, {1, 1, 1, 1, 1, 1}, {}};
  int64_t box[6] = {1, 1, 1, 1, 1, 1};
  TensorMapParameters tensor;
  EXPECT_STREQ(tensor.set(TensorMapType::U8, 6, &memref, box),
               "a tensor map has 1 to 5 dimensions");
  EXPECT_STREQ(tensor.set(TensorMapType::U8, 0, &memref, box),
               "a tensor map has 1 to 5 dimensions");
  EXPECT_STREQ(tensor.set(static_cast<TensorMapType>(13), 1, &memref, box),
               "there is no such element type");
  MemRef<2> columns = {nullptr, nullptr, 0, {8, 8}, {1, 8}};
  EXPECT_STREQ(tensor.set(TensorMapType::U8, 2, &columns, box),
               "elements of the last dimension aren't side by side");
}

TEST(TensorMapParameters, KnowsTheSizesOfElements) {
  EXPECT_EQ(elementBytes(TensorMapType::U8), 1u);
  EXPECT_EQ(elementBytes(TensorMapType::F16), 2u);
  EXPECT_EQ(elementBytes(TensorMapType::BF16), 2u);
  EXPECT_EQ(elementBytes(TensorMapType::F32), 4u);
  EXPECT_EQ(elementBytes(TensorMapType::S32), 4u);
  EXPECT_EQ(elementBytes(TensorMapType::F64), 8u);
}

} // namespace
