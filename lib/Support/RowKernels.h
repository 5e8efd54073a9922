//===- RowKernels.h - The 2:4 arithmetic of rows ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Contiguous rows (or chunks of rows, as RowPanels.h brings them) taken through
// GroupBlock block by block.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_SUPPORT_ROWKERNELS_H
#define SPARSE24_LIB_SUPPORT_ROWKERNELS_H

#include "GroupBlock.h"
#include "RowPanels.h"

namespace sparse24::detail {

/// Calls body(GroupBlock, begin, end) for ranges of the matrix's rows, in
/// parallel, with a block for its element type.
template <typename Pointer, typename Body>
void parallelForBlockRows(ElementType type,
                          const MatrixRefBase<Pointer> &matrix, int numThreads,
                          Body body) {
  auto forRows = [&](int64_t begin, int64_t end) {
    withGroupBlock(type, [&](auto block) { body(block, begin, end); });
  };
  parallelForRows(matrix.rows, matrix.k * storageBytes(type), numThreads,
                  forRows);
}

/// Calls body(b) for each block b of a contiguous row of k elements, after
/// loading it into `block`; the last one is filled up with zeros.
template <typename Block, typename Body>
void forEachBlock(Block &block, const void *row, int64_t k, Body body) {
  auto *bytes = static_cast<const unsigned char *>(row);
  int64_t rowBytes = k * sizeof(typename Block::Element);
  int64_t fullBlocks = rowBytes / Block::kBytes;
  for (int64_t b = 0; b < fullBlocks; ++b) {
    block.load(bytes + b * Block::kBytes);
    body(b);
  }
  int64_t rest = rowBytes % Block::kBytes;
  if (rest == 0)
    return;
  unsigned char padded[Block::kBytes] = {};
  std::memcpy(padded, bytes + fullBlocks * Block::kBytes, rest);
  block.load(padded);
  body(fullBlocks);
}

/// Stores the first `elements` elements of a block.
template <typename Block>
void storeElements(const Block &block, void *row, int64_t elements) {
  if (elements >= Block::kElements)
    return block.store(row);
  unsigned char whole[Block::kBytes];
  block.store(whole);
  std::memcpy(row, whole, elements * sizeof(typename Block::Element));
}

/// A chunk of a compressed row, with room for padding to whole blocks.
struct CompressedChunk {
  unsigned char values[kChunkBytes / 2];
  uint16_t metadata[kChunkBytes / 16];
};

/// Compresses k elements of a row. The chunk is padded to whole blocks, as the
/// formats want padding: with zeros and 0x4 nibbles, which is what zeros
/// compress to.
template <typename Block>
void compressRow(Block &block, const void *row, int64_t k, Selection selection,
                 CompressedChunk &chunk) {
  forEachBlock(block, row, k, [&](int64_t b) {
    if (selection == Selection::Magnitude)
      block.template select<Selection::Magnitude>();
    else
      block.template select<Selection::FirstNonzeros>();
    block.storeCompressed(chunk.values + b * (Block::kBytes / 2),
                          chunk.metadata + b * Block::kWords);
  });
}

/// Decompresses k elements of a row.
template <typename Block>
void decompressRow(Block &block, const CompressedChunk &chunk, int64_t k,
                   unsigned char *row) {
  for (int64_t b = 0; b * Block::kElements < k; ++b) {
    block.loadCompressed(chunk.values + b * (Block::kBytes / 2),
                         chunk.metadata + b * Block::kWords);
    storeElements(block, row + b * Block::kBytes, k - b * Block::kElements);
  }
}

/// Prunes k elements of a row; `result` may be `row`.
template <typename Block>
void pruneRow(Block &block, const void *row, int64_t k, unsigned char *result) {
  forEachBlock(block, row, k, [&](int64_t b) {
    block.template select<Selection::Magnitude>();
    block.prune();
    storeElements(block, result + b * Block::kBytes, k - b * Block::kElements);
  });
}

/// Where a chunk of a row lies in the contiguous logical format.
template <typename Value, typename Word>
struct LogicalChunk {
  Value *values;
  Word *metadata;
  int64_t valueBytes;
  int64_t metadataWords;

  /// Of the format of an (any) × `rowK` matrix: columns [k, k + columns) of a
  /// row.
  LogicalChunk(ElementType type, int64_t rowK, Value *allValues,
               Word *allMetadata, int64_t row, int64_t k, int64_t columns) {
    int64_t elementBytes = storageBytes(type);
    values =
        allValues +
        (row * valuesPerRow(type, rowK) + valuesPerRow(type, k)) * elementBytes;
    metadata = allMetadata + row * metadataWordsPerRow(type, rowK) +
               metadataWordsPerRow(type, k);
    valueBytes = valuesPerRow(type, columns) * elementBytes;
    metadataWords = metadataWordsPerRow(type, columns);
  }

  void copyTo(CompressedChunk &chunk) const {
    std::memcpy(chunk.values, values, valueBytes);
    std::copy_n(metadata, metadataWords, chunk.metadata);
  }
  void copyFrom(const CompressedChunk &chunk) const {
    std::memcpy(values, chunk.values, valueBytes);
    std::copy_n(chunk.metadata, metadataWords, metadata);
  }
};

} // namespace sparse24::detail

#endif // SPARSE24_LIB_SUPPORT_ROWKERNELS_H
