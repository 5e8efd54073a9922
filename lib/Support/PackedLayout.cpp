//===- PackedLayout.cpp - The packed formats of kernels -------------------===//
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

std::string PackedLayout::text() const {
  return std::string(packedFamilyName(family)) + "," +
         elementTypeName(elementType) + ",rows=" + std::to_string(rows) +
         ",k=" + std::to_string(k);
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

static bool consumeFamily(std::string_view &text, PackedFamily &family) {
  for (PackedFamily candidate : kPackedFamilies) {
    if (!consume(text, packedFamilyName(candidate)))
      continue;
    family = candidate;
    return true;
  }
  return false;
}

bool PackedLayout::parse(std::string_view text, PackedLayout &layout) {
  PackedLayout result;
  if (!consumeFamily(text, result.family) || !consume(text, ","))
    return false;
  std::string_view typeName = text.substr(0, text.find(','));
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
// Where the words of rows go
//
// Lanes 4g to 4g + 3 of a warp hold rows g and g + 8 of its 16 and nothing
// else. So for mma_sp what a step has of these two rows is interleaved into 64
// contiguous bytes of values, and for both families likewise their metadata.
//===----------------------------------------------------------------------===//

/// 32-bit words of values, and bytes, that one row has in one step.
static constexpr int kStepWords = 8;
static constexpr int kStepRowBytes = 4 * kStepWords;

/// A word of one of the two rows: of row g if `upper` is 0, of row g + 8 if it
/// is 1.
struct RowWord {
  int upper;
  int word;
};

/// The 32-bit word of values that lane 4g + t holds in a register.
static constexpr RowWord valueWord(int t, int reg) {
  return {reg % 2, t + 4 * (reg / 2)};
}

/// The 16-bit word of metadata in a half of the metadata word of lane 4g + t:
/// for 8-bit types of the row's words of a step, for the others of those of a k
/// block.
static constexpr RowWord metadataWord8Bit(int t, int half) {
  return {t % 2, t / 2 * 2 + half};
}
static constexpr RowWord metadataWord(int t, int half) { return {half, t}; }

/// These functions restate MmaSp.h; this proves that they agree with it.
static constexpr bool agreesWithMmaSp(ElementType type) {
  int perRegister = mma_sp::elementsPerRegister(type);
  for (int lane = 0; lane < mma_sp::kLanes; ++lane)
    for (int reg = 0; reg < mma_sp::kRegistersA; ++reg)
      for (int slot = 0; slot < perRegister; ++slot) {
        RowWord from = valueWord(lane % 4, reg);
        mma_sp::Coordinate element = mma_sp::elementA(type, lane, reg, slot);
        if (element.row != lane / 4 + 8 * from.upper ||
            element.column != from.word * perRegister + slot)
          return false;
      }
  for (int selector = 0; selector < mma_sp::numSelectors(type); ++selector)
    for (int lane = 0; lane < mma_sp::kLanes; ++lane)
      for (int nibble = 0; nibble < mma_sp::kNibbles; ++nibble) {
        if (!mma_sp::suppliesMetadata(type, lane, selector))
          continue;
        RowWord from = storageBytes(type) == 1
                           ? metadataWord8Bit(lane % 4, nibble / 4)
                           : metadataWord(lane % 4, nibble / 4);
        mma_sp::GroupCoordinate group =
            mma_sp::metadataGroup(type, lane, nibble);
        if (group.row != lane / 4 + 8 * from.upper ||
            selector * mma_sp::groupsPerRow(type) + group.group !=
                4 * from.word + nibble % 4)
          return false;
      }
  return true;
}
static_assert(agreesWithMmaSp(ElementType::F16));
static_assert(agreesWithMmaSp(ElementType::BF16));
static_assert(agreesWithMmaSp(ElementType::TF32));
static_assert(agreesWithMmaSp(ElementType::S8));
static_assert(agreesWithMmaSp(ElementType::U8));
static_assert(agreesWithMmaSp(ElementType::E4M3));
static_assert(agreesWithMmaSp(ElementType::E5M2));

//===----------------------------------------------------------------------===//
// Rows in and out of the packed format
//===----------------------------------------------------------------------===//

/// Takes words of the two rows to what lanes 4g to 4g + 3 hold: `perLane` words
/// each, every `laneBytes` bytes.
template <typename Word, int perLane, RowWord (*source)(int, int),
          int laneBytes = perLane * sizeof(Word)>
static void interleave(const unsigned char *lower, const unsigned char *upper,
                       unsigned char *lanes) {
  Word rows[2][2 * perLane], words[perLane];
  std::memcpy(rows[0], lower, sizeof(rows[0]));
  std::memcpy(rows[1], upper, sizeof(rows[1]));
  for (int t = 0; t < 4; ++t) {
    for (int i = 0; i < perLane; ++i)
      words[i] = rows[source(t, i).upper][source(t, i).word];
    std::memcpy(lanes + t * laneBytes, words, sizeof(words));
  }
}

/// The inverse.
template <typename Word, int perLane, RowWord (*source)(int, int),
          int laneBytes = perLane * sizeof(Word)>
static void deinterleave(unsigned char *lower, unsigned char *upper,
                         const unsigned char *lanes) {
  Word rows[2][2 * perLane], words[perLane];
  for (int t = 0; t < 4; ++t) {
    std::memcpy(words, lanes + t * laneBytes, sizeof(words));
    for (int i = 0; i < perLane; ++i)
      rows[source(t, i).upper][source(t, i).word] = words[i];
  }
  std::memcpy(lower, rows[0], sizeof(rows[0]));
  std::memcpy(upper, rows[1], sizeof(rows[1]));
}

namespace {

/// Chunks of rows g and g + 8 of a row block.
struct ChunkPair {
  CompressedChunk lower, upper;
};

/// Moves chunks of compressed rows in and out of a packed matrix.
class PackedRows {
public:
  explicit PackedRows(const PackedLayout &layout) : layout(layout) {}

  /// Fills up a chunk, of which `columns` columns are there, to whole k blocks.
  void pad(CompressedChunk &chunk, int64_t k, int64_t columns) const {
    ElementType type = layout.elementType;
    int64_t blockColumns = blocksFrom(k) * layout.kBlock();
    int64_t bytes = valuesPerRow(type, columns) * storageBytes(type);
    int64_t paddedBytes = valuesPerRow(type, blockColumns) * storageBytes(type);
    std::memset(chunk.values + bytes, 0, paddedBytes - bytes);
    std::fill(chunk.metadata + metadataWordsPerRow(type, columns),
              chunk.metadata + metadataWordsPerRow(type, blockColumns),
              kPaddingMetadataWord);
  }

  /// Packs the chunks, which begin with column k, of rows `row` and `row` + 8.
  void pack(const ChunkPair &rows, int64_t row, int64_t k,
            unsigned char *packed) const {
    const unsigned char *lower = rows.lower.values, *upper = rows.upper.values;
    if (layout.family == PackedFamily::MmaSp)
      forEachStep(row, k, [&](int64_t from, int64_t to) {
        interleave<uint32_t, 4, valueWord>(lower + from, upper + from,
                                           packed + to);
      });
    else
      forEachSwizzledChunk(
          row, k, [&](int64_t from, int64_t to, int64_t upperTo) {
            std::memcpy(packed + to, lower + from, wgmma_sp::kChunkBytes);
            std::memcpy(packed + upperTo, upper + from, wgmma_sp::kChunkBytes);
          });
    auto move = getMetadataMove<const unsigned char *, unsigned char *>(
        interleave<uint16_t, 2, metadataWord>,
        interleave<uint16_t, 2, metadataWord8Bit>,
        interleave<uint16_t, 2, metadataWord8Bit, 8>);
    forEachMetadataWord(row, k, [&](int64_t from, int64_t to) {
      move(bytesOf(rows.lower.metadata) + from,
           bytesOf(rows.upper.metadata) + from, packed + to);
    });
  }

  void unpack(ChunkPair &rows, int64_t row, int64_t k,
              const unsigned char *packed) const {
    unsigned char *lower = rows.lower.values, *upper = rows.upper.values;
    if (layout.family == PackedFamily::MmaSp)
      forEachStep(row, k, [&](int64_t to, int64_t from) {
        deinterleave<uint32_t, 4, valueWord>(lower + to, upper + to,
                                             packed + from);
      });
    else
      forEachSwizzledChunk(
          row, k, [&](int64_t to, int64_t from, int64_t upperFrom) {
            std::memcpy(lower + to, packed + from, wgmma_sp::kChunkBytes);
            std::memcpy(upper + to, packed + upperFrom, wgmma_sp::kChunkBytes);
          });
    auto move = getMetadataMove<unsigned char *, const unsigned char *>(
        deinterleave<uint16_t, 2, metadataWord>,
        deinterleave<uint16_t, 2, metadataWord8Bit>,
        deinterleave<uint16_t, 2, metadataWord8Bit, 8>);
    forEachMetadataWord(row, k, [&](int64_t to, int64_t from) {
      move(bytesOf(rows.lower.metadata) + to, bytesOf(rows.upper.metadata) + to,
           packed + from);
    });
  }

private:
  static const unsigned char *bytesOf(const uint16_t *words) {
    return reinterpret_cast<const unsigned char *>(words);
  }
  static unsigned char *bytesOf(uint16_t *words) {
    return reinterpret_cast<unsigned char *>(words);
  }

  template <typename Row, typename Lanes>
  using Move = void (*)(Row, Row, Lanes);

  /// The function for the metadata of this layout.
  template <typename Row, typename Lanes>
  Move<Row, Lanes> getMetadataMove(Move<Row, Lanes> shared,
                                   Move<Row, Lanes> eightBit,
                                   Move<Row, Lanes> eightBitSideBySide) const {
    if (layout.metadataWordsPerLane() == 1)
      return shared;
    return layout.family == PackedFamily::MmaSp ? eightBit : eightBitSideBySide;
  }

  /// The first of the lanes that hold `row`.
  int64_t laneOf(int64_t row) const {
    int64_t warp = row % layout.rowBlock() / mma_sp::kM;
    return warp * mma_sp::kLanes + 4 * (row % 8);
  }

  /// mma_sp: calls body(inChunk, inPacked) for the steps of the chunk that
  /// begins with column k: the offsets of the values in a row's chunk, and of
  /// lane 4g.
  template <typename Body>
  void forEachStep(int64_t row, int64_t k, Body body) const {
    int64_t offset = layout.laneOffset(row / layout.rowBlock(),
                                       k / layout.kBlock(), 0, laneOf(row));
    int64_t steps = blocksFrom(k) * PackedLayout::kSteps;
    for (int64_t step = 0; step < steps; ++step)
      body(step * kStepRowBytes,
           offset + step * (mma_sp::kLanes * PackedLayout::kLaneBytes));
  }

  /// wgmma_sp: calls body(inChunk, inPacked, inPackedUpper) for 16 bytes of
  /// values at a time, of `row` and `row` + 8.
  template <typename Body>
  void forEachSwizzledChunk(int64_t row, int64_t k, Body body) const {
    constexpr int64_t width = PackedLayout::kRowValueBytes;
    int64_t rowBlock = row / layout.rowBlock(),
            inBlock = row % layout.rowBlock();
    for (int64_t block = 0, blocks = blocksFrom(k); block < blocks; ++block)
      for (int64_t byte = 0; byte < width; byte += wgmma_sp::kChunkBytes) {
        auto offset = [&](int64_t rowInBlock) {
          return layout.rowOffset(rowBlock, k / layout.kBlock() + block,
                                  rowInBlock, byte);
        };
        body(block * width + byte, offset(inBlock), offset(inBlock + 8));
      }
  }

  /// Calls body(inChunk, inPacked) for the metadata words that lane 4g has of
  /// the chunk: the offsets of the bytes in a row's chunk, and of that word.
  template <typename Body>
  void forEachMetadataWord(int64_t row, int64_t k, Body body) const {
    int64_t words = layout.metadataWordsPerLane();
    for (int64_t block = 0, blocks = blocksFrom(k); block < blocks; ++block)
      for (int64_t word = 0; word < words; ++word)
        body((block * words + word) * 8,
             layout.metadataOffset(row / layout.rowBlock(),
                                   k / layout.kBlock() + block, word,
                                   laneOf(row)));
  }

  /// k blocks of the chunk that begins with column k.
  int64_t blocksFrom(int64_t k) const {
    int64_t chunkBlocks = chunkColumns(layout.elementType) / layout.kBlock();
    return std::min(chunkBlocks, layout.kBlocks() - k / layout.kBlock());
  }

  PackedLayout layout;
};

} // namespace

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// Calls body(row) for one of each pair of rows, `row` and `row` + 8, of the
/// row blocks of rows [row, row + rows).
template <typename Body>
static void forEachRowPair(const PackedLayout &layout, int64_t row,
                           int64_t rows, Body body) {
  int64_t end = row + ceilDiv(rows, layout.rowBlock()) * layout.rowBlock();
  for (int64_t first = row; first < end; first += mma_sp::kM)
    for (int64_t g = 0; g < mma_sp::kM / 2; ++g)
      body(first + g);
}

/// Packs rows [row, row + rows), the columns from k on: fill(chunk, row) gives
/// the padded chunk of a row. The last row block is filled up with padding.
template <typename Fill>
static void packPanel(const PackedLayout &layout, int64_t row, int64_t rows,
                      int64_t k, unsigned char *packed, Fill fill) {
  PackedRows packedRows(layout);
  ChunkPair pair;
  auto fillOrPad = [&](CompressedChunk &chunk, int64_t chunkRow) {
    if (chunkRow < row + rows)
      fill(chunk, chunkRow);
    else
      packedRows.pad(chunk, k, 0);
  };
  forEachRowPair(layout, row, rows, [&](int64_t lower) {
    fillOrPad(pair.lower, lower);
    fillOrPad(pair.upper, lower + 8);
    packedRows.pack(pair, lower, k, packed);
  });
}

void pack(const PackedLayout &layout, const void *values,
          const uint16_t *metadata, void *packed, int numThreads) {
  ElementType type = layout.elementType;
  auto *in = static_cast<const unsigned char *>(values);
  auto *out = static_cast<unsigned char *>(packed);
  auto packChunks = [&](int64_t row, int64_t rows, int64_t k, int64_t columns) {
    auto fill = [&](CompressedChunk &chunk, int64_t chunkRow) {
      LogicalChunk(type, layout.k, in, metadata, chunkRow, k, columns)
          .copyTo(chunk);
      PackedRows(layout).pad(chunk, k, columns);
    };
    packPanel(layout, row, rows, k, out, fill);
  };
  auto packRows = [&](int64_t begin, int64_t end) {
    forEachPanelChunk(type, begin, end, layout.k, packChunks);
  };
  parallelForRows(layout.rows, layout.k * storageBytes(type), numThreads,
                  packRows);
}

void unpack(const PackedLayout &layout, const void *packed, void *values,
            uint16_t *metadata, int numThreads) {
  ElementType type = layout.elementType;
  auto *in = static_cast<const unsigned char *>(packed);
  auto *out = static_cast<unsigned char *>(values);
  auto unpackChunks = [&](int64_t row, int64_t rows, int64_t k,
                          int64_t columns) {
    auto copyOut = [&](const CompressedChunk &chunk, int64_t chunkRow) {
      if (chunkRow < row + rows)
        LogicalChunk(type, layout.k, out, metadata, chunkRow, k, columns)
            .copyFrom(chunk);
    };
    ChunkPair pair;
    forEachRowPair(layout, row, rows, [&](int64_t lower) {
      PackedRows(layout).unpack(pair, lower, k, in);
      copyOut(pair.lower, lower);
      copyOut(pair.upper, lower + 8);
    });
  };
  auto unpackRows = [&](int64_t begin, int64_t end) {
    forEachPanelChunk(type, begin, end, layout.k, unpackChunks);
  };
  parallelForRows(layout.rows, layout.k * storageBytes(type), numThreads,
                  unpackRows);
}

void packDense(const PackedLayout &layout, const MatrixRef &matrix,
               void *packed, Selection selection, int numThreads) {
  ElementType type = layout.elementType;
  auto *out = static_cast<unsigned char *>(packed);
  auto packRows = [&](auto block, int64_t begin, int64_t end) {
    PanelBuffer panel(type);
    auto packChunks = [&](int64_t row, int64_t rows, int64_t k,
                          int64_t columns) {
      panel.read(matrix, row, rows, k, columns, type, selection);
      auto fill = [&](CompressedChunk &chunk, int64_t chunkRow) {
        compressRow(block, panel.row(chunkRow - row), columns, selection,
                    chunk);
      };
      packPanel(layout, row, rows, k, out, fill);
    };
    forEachPanelChunk(type, begin, end, layout.k, packChunks);
  };
  parallelForBlockRows(type, matrix, numThreads, packRows);
}

} // namespace sparse24
