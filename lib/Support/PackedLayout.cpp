//===- PackedLayout.cpp - The packed format of mma.sp kernels -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/PackedLayout.h"

#include "RowKernels.h"

namespace sparse24 {

using namespace detail;

//===----------------------------------------------------------------------===//
// Text and hash
//===----------------------------------------------------------------------===//

static constexpr std::string_view kFamily = "mma_sp,";

std::string PackedLayout::text() const {
  return std::string(kFamily) + elementTypeName(elementType) +
         ",rows=" + std::to_string(rows) + ",k=" + std::to_string(k);
}

uint64_t PackedLayout::hash() const { return fnv1a64(text()); }

/// Reads a decimal number with no sign and no leading zero off the front of
/// `text`.
static bool consumeNumber(std::string_view &text, int64_t &number) {
  size_t digits = 0;
  number = 0;
  // A tenth digit is enough to see that there are too many.
  size_t end = std::min<size_t>(text.size(), 10);
  for (; digits < end && text[digits] >= '0' && text[digits] <= '9'; ++digits)
    number = number * 10 + (text[digits] - '0');
  bool leadingZero = digits > 1 && text[0] == '0';
  if (digits == 0 || digits > 9 || leadingZero)
    return false;
  text.remove_prefix(digits);
  return true;
}

static bool consume(std::string_view &text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix)
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool PackedLayout::parse(std::string_view text, PackedLayout &layout) {
  if (!consume(text, kFamily))
    return false;
  std::string_view typeName = text.substr(0, text.find(','));
  PackedLayout result;
  if (!parseElementType(typeName, result.elementType))
    return false;
  text.remove_prefix(typeName.size());
  if (!consume(text, ",rows=") || !consumeNumber(text, result.rows) ||
      !consume(text, ",k=") || !consumeNumber(text, result.k) || !text.empty())
    return false;
  layout = result;
  return true;
}

//===----------------------------------------------------------------------===//
// Where a row's words go
//===----------------------------------------------------------------------===//

/// 32-bit words of compressed values that one row has in one step.
static constexpr int kValueWordsPerStep = 8;

/// A lane and a part of what it holds.
struct LanePart {
  int lane;
  int part;
};

/// The lane and register that hold 32-bit word `word` of a step's compressed
/// row.
static constexpr LanePart valueWordPlace(int row, int word) {
  return {row % 8 * 4 + word % 4, row / 8 + word / 4 * 2};
}

/// The lane, and the half of its word, that hold 16-bit metadata word `word` of
/// a row: of a step for 8-bit types, of a whole k block for the others.
static constexpr LanePart metadataWordPlace(bool is8Bit, int row, int word) {
  if (is8Bit)
    return {row % 8 * 4 + word / 2 * 2 + row / 8, word % 2};
  return {row % 8 * 4 + word, row / 8};
}

/// The two functions above restate MmaSp.h by row; this proves that they agree.
static constexpr bool placesAgreeWithMmaSp(ElementType type) {
  int perRegister = mma_sp::elementsPerRegister(type);
  for (int lane = 0; lane < mma_sp::kLanes; ++lane)
    for (int reg = 0; reg < mma_sp::kRegistersA; ++reg)
      for (int slot = 0; slot < perRegister; ++slot) {
        mma_sp::Coordinate<> element = mma_sp::elementA(type, lane, reg, slot);
        LanePart place =
            valueWordPlace(element.row, element.column / perRegister);
        if (place.lane != lane || place.part != reg ||
            element.column % perRegister != slot)
          return false;
      }
  bool is8Bit = storageBytes(type) == 1;
  for (int selector = 0; selector < mma_sp::numSelectors(type); ++selector)
    for (int lane = 0; lane < mma_sp::kLanes; ++lane)
      for (int nibble = 0; nibble < mma_sp::kNibbles; ++nibble) {
        if (!mma_sp::suppliesMetadata(type, lane, selector))
          continue;
        mma_sp::GroupCoordinate group =
            mma_sp::metadataGroup(type, lane, nibble);
        int groupInBlock = selector * mma_sp::groupsPerRow(type) + group.group;
        LanePart place = metadataWordPlace(is8Bit, group.row, groupInBlock / 4);
        if (place.lane != lane || place.part != nibble / 4 ||
            groupInBlock % 4 != nibble % 4)
          return false;
      }
  return true;
}
static_assert(placesAgreeWithMmaSp(ElementType::F16));
static_assert(placesAgreeWithMmaSp(ElementType::BF16));
static_assert(placesAgreeWithMmaSp(ElementType::TF32));
static_assert(placesAgreeWithMmaSp(ElementType::S8));
static_assert(placesAgreeWithMmaSp(ElementType::U8));
static_assert(placesAgreeWithMmaSp(ElementType::E4M3));
static_assert(placesAgreeWithMmaSp(ElementType::E5M2));

//===----------------------------------------------------------------------===//
// Rows in and out of the packed format
//===----------------------------------------------------------------------===//

namespace {

/// Moves chunks of compressed rows in and out of a packed matrix.
class PackedRows {
public:
  PackedRows(const PackedLayout &layout)
      : layout(layout), is8Bit(storageBytes(layout.elementType) == 1),
        blockRowMetadataWords(layout.kBlock() / groupSize(layout.elementType) /
                              kGroupsPerMetadataWord),
        chunkBlocks(chunkColumns(layout.elementType) / layout.kBlock()) {}

  /// k blocks of the chunk that begins with column k.
  int64_t blocksFrom(int64_t k) const {
    return std::min(chunkBlocks, layout.kBlocks() - k / layout.kBlock());
  }

  /// Fills up a chunk of which `columns` columns are there.
  void pad(CompressedChunk &chunk, int64_t k, int64_t columns) const {
    int64_t blocks = blocksFrom(k);
    int64_t bytes = valuesPerRow(layout.elementType, columns) *
                    storageBytes(layout.elementType);
    std::memset(chunk.values + bytes, 0, blocks * kBlockRowValueBytes - bytes);
    std::fill(chunk.metadata + metadataWordsPerRow(layout.elementType, columns),
              chunk.metadata + blocks * blockRowMetadataWords,
              kPaddingMetadataWord);
  }

  void pack(const CompressedChunk &chunk, int64_t row, int64_t k,
            unsigned char *packed) const {
    forEachWord(
        row, k,
        [&](int64_t word, int64_t offset) {
          std::memcpy(packed + offset, chunk.values + 4 * word, 4);
        },
        [&](int64_t word, int64_t offset) {
          std::memcpy(packed + offset, chunk.metadata + word, 2);
        });
  }

  void unpack(CompressedChunk &chunk, int64_t row, int64_t k,
              const unsigned char *packed) const {
    forEachWord(
        row, k,
        [&](int64_t word, int64_t offset) {
          std::memcpy(chunk.values + 4 * word, packed + offset, 4);
        },
        [&](int64_t word, int64_t offset) {
          std::memcpy(chunk.metadata + word, packed + offset, 2);
        });
  }

  /// Packs the rows that the last row block has too many.
  void packPaddingRows(int64_t k, unsigned char *packed) const {
    CompressedChunk padding;
    pad(padding, k, 0);
    for (int64_t row = layout.rows; row < layout.paddedRows(); ++row)
      pack(padding, row, k, packed);
  }

private:
  /// Bytes of values that one row has in a k block.
  static constexpr int64_t kBlockRowValueBytes =
      PackedLayout::kSteps * kValueWordsPerStep * 4;

  /// For the chunk of a row that begins with column k, calls value(word,
  /// offset) for each 32-bit word of its values and metadata(word, offset) for
  /// each 16-bit word of its metadata, with the word's byte offset in the
  /// packed matrix.
  template <typename Value, typename Metadata>
  void forEachWord(int64_t row, int64_t k, Value value,
                   Metadata metadata) const {
    int64_t rowBlock = row / PackedLayout::kRowBlock;
    int rowInBlock = static_cast<int>(row % PackedLayout::kRowBlock);
    int64_t firstBlock = k / layout.kBlock();
    for (int64_t b = 0, blocks = blocksFrom(k); b < blocks; ++b) {
      int64_t valueBase = layout.valueOffset(rowBlock, firstBlock + b, 0, 0);
      for (int step = 0; step < PackedLayout::kSteps; ++step)
        for (int w = 0; w < kValueWordsPerStep; ++w) {
          LanePart place = valueWordPlace(rowInBlock, w);
          value((b * PackedLayout::kSteps + step) * kValueWordsPerStep + w,
                valueBase +
                    (step * mma_sp::kLanes + place.lane) *
                        PackedLayout::kLaneBytes +
                    place.part * 4);
        }
      int64_t metadataBase =
          layout.metadataOffset(rowBlock, firstBlock + b, 0, 0);
      for (int w = 0; w < blockRowMetadataWords; ++w) {
        // 8-bit types have four words of a row in each step's words.
        int step = is8Bit ? w / 4 : 0;
        LanePart place = metadataWordPlace(is8Bit, rowInBlock, w % 4);
        metadata(b * blockRowMetadataWords + w,
                 metadataBase + (step * mma_sp::kLanes + place.lane) * 4 +
                     place.part * 2);
      }
    }
  }

  PackedLayout layout;
  bool is8Bit;
  int64_t blockRowMetadataWords;
  int64_t chunkBlocks;
};

} // namespace

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

void pack(const PackedLayout &layout, const void *values,
          const uint16_t *metadata, void *packed, int numThreads) {
  auto *in = static_cast<const unsigned char *>(values);
  auto *out = static_cast<unsigned char *>(packed);
  PackedRows packedRows(layout);
  auto packRows = [&](int64_t begin, int64_t end) {
    CompressedChunk chunk;
    auto packPanel = [&](int64_t row, int64_t rows, int64_t k,
                         int64_t columns) {
      for (int64_t r = row; r < row + rows; ++r) {
        LogicalChunk(layout.elementType, layout.k, in, metadata, r, k, columns)
            .copyTo(chunk);
        packedRows.pad(chunk, k, columns);
        packedRows.pack(chunk, r, k, out);
      }
      if (row + rows == layout.rows)
        packedRows.packPaddingRows(k, out);
    };
    forEachPanelChunk(layout.elementType, begin, end, layout.k, packPanel);
  };
  parallelForRows(layout.rows, layout.k * storageBytes(layout.elementType),
                  numThreads, packRows);
}

void unpack(const PackedLayout &layout, const void *packed, void *values,
            uint16_t *metadata, int numThreads) {
  auto *in = static_cast<const unsigned char *>(packed);
  auto *out = static_cast<unsigned char *>(values);
  PackedRows packedRows(layout);
  auto unpackRows = [&](int64_t begin, int64_t end) {
    CompressedChunk chunk;
    auto unpackPanel = [&](int64_t row, int64_t rows, int64_t k,
                           int64_t columns) {
      for (int64_t r = row; r < row + rows; ++r) {
        packedRows.unpack(chunk, r, k, in);
        LogicalChunk(layout.elementType, layout.k, out, metadata, r, k, columns)
            .copyFrom(chunk);
      }
    };
    forEachPanelChunk(layout.elementType, begin, end, layout.k, unpackPanel);
  };
  parallelForRows(layout.rows, layout.k * storageBytes(layout.elementType),
                  numThreads, unpackRows);
}

void packDense(const PackedLayout &layout, const MatrixRef &matrix,
               void *packed, Selection selection, int numThreads) {
  auto *out = static_cast<unsigned char *>(packed);
  PackedRows packedRows(layout);
  auto packRows = [&](auto block, int64_t begin, int64_t end) {
    PanelBuffer panel(layout.elementType);
    CompressedChunk chunk;
    auto packPanel = [&](int64_t row, int64_t rows, int64_t k,
                         int64_t columns) {
      panel.read(matrix, row, rows, k, columns);
      for (int64_t r = 0; r < rows; ++r) {
        compressRow(block, panel.row(r), columns, selection, chunk);
        packedRows.pack(chunk, row + r, k, out);
      }
      if (row + rows == layout.rows)
        packedRows.packPaddingRows(k, out);
    };
    forEachPanelChunk(layout.elementType, begin, end, layout.k, packPanel);
  };
  parallelForBlockRows(layout.elementType, matrix, numThreads, packRows);
}

} // namespace sparse24
