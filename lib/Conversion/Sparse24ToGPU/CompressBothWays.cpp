// Compression of a matrix and its transpose becomes a kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A CTA has kTilesDown × kWordsAcross words of tiles, one for each thread. A
// thread prunes its four tiles, writes what their rows keep, and leaves what
// their columns keep in shared memory. From there the CTA writes the transposed
// matrix, whose rows run down the tiles, in whole words.

#include "KernelLibrary.h"
#include "KernelSpec.h"
#include "SharedMemory.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "sparse24/Conversion/PatternCode.h"

using namespace mlir;
using namespace mlir::sparse24;

static constexpr int64_t kTilesDown = 32;
static constexpr int64_t kWordsAcross = 8;
static constexpr int64_t kNumThreads = kTilesDown * kWordsAcross;
/// So many CTAs a multiprocessor hide each other's loads and barriers.
static constexpr int64_t kMinCtas = 2;
/// Words of the transposed matrix's metadata that a CTA has down its tiles.
static constexpr int64_t kWordsDown =
    kTilesDown / ::sparse24::kGroupsPerMetadataWord;

namespace {

/// What columns of a CTA's tiles keep, in shared memory: elements and nibbles
/// of column c and tile t at [c, slot(c, t)].
class Stage {
public:
  Stage(ImplicitLocOpBuilder &b, PatternShape shape)
      : b(b), shape(shape), bitsType(b.getIntegerType(8 * shape.bytes)) {
    int64_t numSlots = getNumColumns(shape) * kTilesDown;
    values = viewSharedMemory(b, int64_t(0), {numSlots * shape.kept}, bitsType);
    nibbles = viewSharedMemory(b, numSlots * shape.kept * shape.bytes,
                               {numSlots}, b.getI8Type());
  }

  static int64_t getNumColumns(PatternShape shape) {
    return kWordsAcross * shape.getWordSize();
  }
  static int64_t getBytes(PatternShape shape) {
    return getNumColumns(shape) * kTilesDown * (shape.kept * shape.bytes + 1);
  }

  void store(IndexValue column, IndexValue tile, const CompressedWord &group) {
    IndexValue slot = getSlot(column, tile);
    Value kept = vector::FromElementsOp::create(
        b, VectorType::get({shape.kept}, bitsType), group.kept);
    vector::StoreOp::create(b, kept, values, ValueRange{slot * shape.kept});
    memref::StoreOp::create(
        b, arith::TruncIOp::create(b, b.getI8Type(), group.metadata), nibbles,
        ValueRange{slot});
  }

  /// Word `word` of column `column` of the transposed matrix.
  CompressedWord load(IndexValue column, IndexValue word) {
    constexpr int64_t numGroups = ::sparse24::kGroupsPerMetadataWord;
    IndexValue slot = getSlot(column, word * numGroups);
    CompressedWord result;
    int64_t numKept = shape.getKeptOfWord();
    Value kept = vector::LoadOp::create(b, VectorType::get({numKept}, bitsType),
                                        values, ValueRange{slot * shape.kept});
    for (int64_t i = 0; i < numKept; ++i)
      result.kept.push_back(vector::ExtractOp::create(b, kept, i));
    Value codes =
        vector::LoadOp::create(b, VectorType::get({numGroups}, b.getI8Type()),
                               nibbles, ValueRange{slot});
    result.metadata = emitI32(b, 0);
    for (int64_t i = 0; i < numGroups; ++i) {
      Value code = arith::ExtUIOp::create(
          b, b.getI32Type(), vector::ExtractOp::create(b, codes, i));
      code = arith::ShLIOp::create(b, code, emitI32(b, 4 * i));
      result.metadata = arith::OrIOp::create(b, result.metadata, code);
    }
    return result;
  }

private:
  /// A warp's threads store the same column of kWordsAcross words and of
  /// neighbouring tiles: rotated by whole words, those are in different banks.
  IndexValue getSlot(IndexValue column, IndexValue tile) {
    IndexValue word = column / shape.getWordSize();
    IndexValue rotated =
        (tile + word * ::sparse24::kGroupsPerMetadataWord) % kTilesDown;
    return column * kTilesDown + rotated;
  }

  ImplicitLocOpBuilder &b;
  PatternShape shape;
  Type bitsType;
  Value values, nibbles;
};

/// Builds the kernel of one element type; with `isWhole` both ways have whole
/// words.
class KernelBuilder {
public:
  KernelBuilder(ImplicitLocOpBuilder &b, ValueRange operands,
                PatternShape shape, bool isWhole)
      : b(b), operands(operands), shape(shape), isWhole(isWhole),
        type(getElementTypeOrSelf(operands[0])), stage(b, shape) {}

  void build() {
    IndexValue thread(b, gpu::ThreadIdOp::create(b, gpu::Dimension::x));
    IndexValue cta(b, gpu::BlockIdOp::create(b, gpu::Dimension::x));
    IndexValue numWords(b, emitSize(b, operands[2], 1));
    IndexValue ctasAcross = numWords.ceilDiv(kWordsAcross);
    IndexValue firstTile = cta / ctasAcross * kTilesDown;
    IndexValue firstWord = cta % ctasAcross * kWordsAcross;

    IndexValue tile = thread / kWordsAcross, word = thread % kWordsAcross;
    IndexValue numTiles =
        IndexValue(b, emitSize(b, operands[0], 0)).ceilDiv(shape.groupSize);
    Value isIn = arith::AndIOp::create(b, firstTile + tile < numTiles,
                                       firstWord + word < numWords);
    auto ifIn = scf::IfOp::create(b, isIn, /*withElseRegion=*/true);
    inBlock(ifIn.thenBlock(), [&] {
      compressTiles(firstTile + tile, firstWord + word, tile, word);
    });
    inBlock(ifIn.elseBlock(), [&] { stagePadding(tile, word); });
    gpu::BarrierOp::create(b);
    for (int64_t i = 0;
         i < Stage::getNumColumns(shape) * kWordsDown / kNumThreads; ++i) {
      IndexValue item = thread + i * kNumThreads;
      writeTransposed(firstWord, firstTile, item / kWordsDown,
                      item % kWordsDown);
    }
  }

private:
  void inBlock(Block *block, function_ref<void()> body) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(block);
    body();
  }

  void compressTiles(IndexValue tile, IndexValue word, IndexValue tileInCta,
                     IndexValue wordInCta) {
    WordMatrix dense{operands[0], shape.getWordSize(), isWhole};
    WordMatrix values{operands[1], shape.getKeptOfWord(), isWhole};
    RowTiles tiles{operands[0], shape.groupSize, isWhole};
    SmallVector<SmallVector<Value>> rows =
        tiles.load(b, dense, std::nullopt, tile, word, Criterion::transposable);
    tiles.forEach(b, tile, [&](ImplicitLocOpBuilder &b, int64_t r, Value row) {
      CompressedWord compressed(b, rows[r], type, GroupState::Pruned);
      values.store(b, row, word, compressed.kept);
      memref::StoreOp::create(b, compressed.getMetadata(b), operands[2],
                              ValueRange{row, word});
    });
    for (int64_t c = 0; c < shape.getWordSize(); ++c) {
      SmallVector<Value> group = llvm::map_to_vector(
          rows, [&](const SmallVector<Value> &row) { return row[c]; });
      CompressedWord column;
      column.add(b, group, 0, type, GroupState::Pruned);
      stage.store(wordInCta * shape.getWordSize() + c, tileInCta, column);
    }
  }

  /// What rows beyond the matrix add to a word of the transposed one.
  void stagePadding(IndexValue tile, IndexValue word) {
    CompressedWord padding;
    padding.kept.assign(shape.kept,
                        emitZero(b, b.getIntegerType(8 * shape.bytes)));
    padding.metadata = emitI32(b, ::sparse24::kFirstKeptNibble);
    for (int64_t c = 0; c < shape.getWordSize(); ++c)
      stage.store(word * shape.getWordSize() + c, tile, padding);
  }

  void writeTransposed(IndexValue firstWord, IndexValue firstTile,
                       IndexValue column, IndexValue word) {
    WordMatrix values{operands[3], shape.getKeptOfWord(), isWhole};
    IndexValue row = firstWord * shape.getWordSize() + column;
    IndexValue wordOfRow =
        firstTile / ::sparse24::kGroupsPerMetadataWord + word;
    Value isIn = arith::AndIOp::create(
        b, row < IndexValue(b, emitSize(b, operands[0], 1)),
        wordOfRow < IndexValue(b, emitSize(b, operands[4], 1)));
    auto ifIn = scf::IfOp::create(b, isIn);
    inBlock(ifIn.thenBlock(), [&] {
      CompressedWord compressed = stage.load(column, word);
      values.store(b, row, wordOfRow, compressed.kept);
      memref::StoreOp::create(b, compressed.getMetadata(b), operands[4],
                              ValueRange{row, wordOfRow});
    });
  }

  ImplicitLocOpBuilder &b;
  ValueRange operands;
  PatternShape shape;
  bool isWhole;
  Type type;
  Stage stage;
};

} // namespace

bool mlir::sparse24::isCompressBothWays(CompressOp compress) {
  return compress.getInits().size() == 4 &&
         llvm::all_of(compress->getOperands(), [](Value operand) {
           return isa<MemRefType>(operand.getType()) && isContiguous(operand);
         });
}

static void launch(ImplicitLocOpBuilder &b, KernelLibrary &library,
                   CompressOp compress, PatternShape shape, bool isWhole) {
  SmallVector<Value> operands = llvm::to_vector(compress->getOperands());
  std::string name = "compress_both_ways_";
  llvm::raw_string_ostream(name)
      << getElementTypeOrSelf(operands[0]) << (isWhole ? "" : "_tail");
  gpu::GPUFuncOp kernel = library.getOrBuild(name, [&](OpBuilder &builder) {
    gpu::GPUFuncOp func = createKernel(
        builder, b.getLoc(), name,
        llvm::map_to_vector(operands,
                            [](Value v) -> Type { return getArgumentType(v); }),
        kNumThreads, kMinCtas);
    auto inner =
        ImplicitLocOpBuilder::atBlockBegin(b.getLoc(), &func.getBody().front());
    KernelBuilder(inner, func.getArguments(), shape, isWhole).build();
    gpu::ReturnOp::create(inner);
    return func;
  });
  IndexValue rows(b, emitSize(b, operands[0], 0));
  IndexValue words(b, emitSize(b, operands[2], 1));
  IndexValue ctas =
      rows.ceilDiv(shape.groupSize * kTilesDown) * words.ceilDiv(kWordsAcross);
  launchKernel(b, kernel, ctas, kNumThreads, /*cluster=*/1,
               Stage::getBytes(shape), operands);
}

// Where the sizes aren't known, a choice between two launches.
LogicalResult mlir::sparse24::lowerCompressBothWays(CompressOp compress,
                                                    KernelLibrary &library) {
  auto type = cast<MemRefType>(compress.getInput().getType());
  FailureOr<PatternShape> shape =
      PatternShape::get(compress, type.getElementType());
  if (failed(shape))
    return failure();
  ImplicitLocOpBuilder b(compress.getLoc(), compress);
  int64_t multiple = shape->getWordSize();
  if (type.hasStaticShape()) {
    bool isWhole = llvm::all_of(
        type.getShape(), [&](int64_t size) { return size % multiple == 0; });
    launch(b, library, compress, *shape, isWhole);
  } else {
    auto isMultiple = [&](int64_t dim) {
      return IndexValue(b, emitSize(b, compress.getInput(), dim)) % multiple <
             1;
    };
    Value areWhole = arith::AndIOp::create(b, isMultiple(0), isMultiple(1));
    auto ifOp = scf::IfOp::create(b, areWhole, /*withElseRegion=*/true);
    for (bool isWhole : {true, false}) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(isWhole ? ifOp.thenBlock() : ifOp.elseBlock());
      launch(b, library, compress, *shape, isWhole);
    }
  }
  compress.erase();
  return success();
}
