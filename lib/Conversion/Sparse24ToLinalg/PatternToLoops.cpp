// Pruning, compression, decompression and verification as loops over words.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LoweringUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::sparse24;

static constexpr int64_t kGroups = ::sparse24::kGroupsPerMetadataWord;

//===----------------------------------------------------------------------===//
// What the operations share
//===----------------------------------------------------------------------===//

namespace {
/// The operands of an operation on words.
struct WordOperands {
  WordMatrix dense, values;
  /// Of a criterion that has them.
  std::optional<WordMatrix> scores;
};
} // namespace

/// Calls `body` with the matrices' words: whole ones where rows are made of
/// them, and else element by element; in a branch for each if only run time
/// tells.
static void forWholeness(
    ImplicitLocOpBuilder &b, Value dense, Value values, Value scores,
    PatternShape shape,
    function_ref<void(ImplicitLocOpBuilder &, const WordOperands &)> body) {
  int64_t width = shape.getWordSize();
  auto emit = [&](ImplicitLocOpBuilder &b, bool isWhole) {
    WordOperands operands{{dense, width, isWhole},
                          {values, shape.getKeptOfWord(), isWhole},
                          std::nullopt};
    // What is beyond a row's end is kept after all else: −infinity.
    if (scores)
      operands.scores = WordMatrix{scores, width, isWhole, 0xFF800000};
    body(b, operands);
  };
  auto type = cast<MemRefType>(dense.getType());
  if (!isContiguous(dense) || !isContiguous(values) ||
      (scores && !isContiguous(scores)))
    return emit(b, /*isWhole=*/false);
  if (!type.isDynamicDim(1))
    return emit(b, type.getDimSize(1) % width == 0);
  Value rest =
      arith::RemUIOp::create(b, emitSize(b, dense, 1), emitIndex(b, width));
  Value isWhole =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rest, emitIndex(b, 0));
  auto branch = [&](bool isWhole) {
    return [&, isWhole](OpBuilder &builder, Location loc) {
      ImplicitLocOpBuilder inner(loc, builder);
      emit(inner, isWhole);
      scf::YieldOp::create(inner);
    };
  };
  scf::IfOp::create(b, isWhole, branch(true), branch(false));
}

/// The number of words of a row.
static Value emitNumWords(ImplicitLocOpBuilder &b, Value dense,
                          PatternShape shape) {
  return arith::CeilDivUIOp::create(b, emitSize(b, dense, 1),
                                    emitIndex(b, shape.getWordSize()));
}

/// The neighbouring rows that one iteration has, of which it loads
/// `tilesAtOnce`.
static RowTiles getRowTiles(Value matrix, std::optional<Criterion> criterion,
                            PatternShape shape, int64_t tilesAtOnce = 1) {
  int64_t number =
      criterion == Criterion::transposable ? shape.groupSize : 1;
  int64_t multiple = number * tilesAtOnce;
  auto type = cast<MemRefType>(matrix.getType());
  bool isWhole = multiple == 1 ||
                 (!type.isDynamicDim(0) && type.getDimSize(0) % multiple == 0);
  return {matrix, number, isWhole};
}

/// Loops over these rows and the words of a row. `body` gets the first row's
/// number in tiles.
static void
emitTileLoop(ImplicitLocOpBuilder &b, const RowTiles &rows, Value words,
             function_ref<void(ImplicitLocOpBuilder &, Value, Value)> body) {
  Value tiles = arith::CeilDivUIOp::create(b, emitSize(b, rows.matrix, 0),
                                           emitIndex(b, rows.number));
  emitWordLoop(b, tiles, words, body);
}

//===----------------------------------------------------------------------===//
// prune
//===----------------------------------------------------------------------===//

namespace {
struct LowerPrune : LowerOnBuffers<PruneOp> {
  using LowerOnBuffers::LowerOnBuffers;

  void lower(ImplicitLocOpBuilder &b, PruneOp op,
             PatternShape shape) const override {
    RowTiles rows = getRowTiles(op.getInput(), op.getCriterion(), shape);
    auto pruneWords = [&](ImplicitLocOpBuilder &b, const WordOperands &words) {
      WordMatrix result = words.dense;
      result.memref = op.getInit();
      emitTileLoop(
          b, rows, emitNumWords(b, op.getInput(), shape),
          [&](ImplicitLocOpBuilder &b, Value tile, Value word) {
            SmallVector<SmallVector<Value>> elements = rows.load(
                b, words.dense, words.scores, tile, word, op.getCriterion());
            rows.forEach(b, tile,
                         [&](ImplicitLocOpBuilder &b, int64_t r, Value row) {
                           result.store(b, row, word, elements[r]);
                         });
          });
    };
    forWholeness(b, op.getInput(), op.getInit(), op.getScores(), shape,
                 pruneWords);
  }
};

//===----------------------------------------------------------------------===//
// compress
//===----------------------------------------------------------------------===//

struct LowerCompress : LowerOnBuffers<CompressOp> {
  using LowerOnBuffers::LowerOnBuffers;

  void lower(ImplicitLocOpBuilder &b, CompressOp op,
             PatternShape shape) const override {
    Value metadata = op.getInits()[1];
    bool isBothWays = op.getInits().size() == 4;
    // A word of the transposed matrix' metadata describes four tiles below each
    // other.
    int64_t tilesAtOnce = isBothWays ? kGroups : 1;
    RowTiles rows =
        getRowTiles(op.getInput(), op.getCriterion(), shape, tilesAtOnce);
    // The largest magnitudes are found where groups are compressed, others
    // before.
    std::optional<Criterion> criterion = op.getCriterion();
    GroupState state = GroupState::Pruned;
    if (!criterion || criterion == Criterion::magnitude) {
      state = criterion ? GroupState::Dense : GroupState::Claimed;
      criterion.reset();
    }
    auto compressTile = [&](ImplicitLocOpBuilder &b, const WordOperands &words,
                            Value tile, Value word) {
      SmallVector<SmallVector<Value>> elements =
          rows.load(b, words.dense, words.scores, tile, word, criterion);
      rows.forEach(b, tile, [&](ImplicitLocOpBuilder &b, int64_t r, Value row) {
        CompressedWord compressed(b, elements[r], words.dense.getElementType(),
                                  state);
        words.values.store(b, row, word, compressed.kept);
        memref::StoreOp::create(b, compressed.getMetadata(b), metadata,
                                ValueRange{row, word});
      });
      return elements;
    };
    auto compressWords = [&](ImplicitLocOpBuilder &b,
                             const WordOperands &words) {
      if (isBothWays)
        return compressBothWays(b, op, words, rows.isWhole, compressTile);
      emitTileLoop(b, rows, emitSize(b, metadata, 1),
                   [&](ImplicitLocOpBuilder &b, Value tile, Value word) {
                     compressTile(b, words, tile, word);
                   });
    };
    forWholeness(b, op.getInput(), op.getInits()[0], op.getScores(), shape,
                 compressWords);
  }

private:
  /// Compresses a tile's rows; gives what they were pruned to.
  using CompressTile = function_ref<SmallVector<SmallVector<Value>>(
      ImplicitLocOpBuilder &, const WordOperands &, Value, Value)>;

  /// An iteration has as many rows as columns: a word of metadata either way.
  static void compressBothWays(ImplicitLocOpBuilder &b, CompressOp op,
                               const WordOperands &words, bool areRowsWhole,
                               CompressTile compressTile) {
    int64_t size = words.dense.width;
    WordMatrix values{op.getInits()[2], words.values.width,
                      areRowsWhole && isContiguous(op.getInits()[2])};
    auto compressBlock = [&](ImplicitLocOpBuilder &b, Value block, Value word) {
      SmallVector<CompressedWord> columns(size);
      for (int64_t t = 0; t < kGroups; ++t) {
        Value tile =
            emitAffine(b, b.getAffineDimExpr(0) * kGroups + t, {block});
        SmallVector<SmallVector<Value>> rows =
            compressTile(b, words, tile, word);
        for (int64_t c = 0; c < size; ++c) {
          SmallVector<Value> group = llvm::map_to_vector(
              rows, [&](const SmallVector<Value> &row) { return row[c]; });
          columns[c].add(b, group, t, words.dense.getElementType(),
                         GroupState::Pruned);
        }
      }
      for (int64_t c = 0; c < size; ++c) {
        Value column = words.dense.getColumn(b, word, c);
        auto store = [&](ImplicitLocOpBuilder &b) {
          values.store(b, column, block, columns[c].kept);
          memref::StoreOp::create(b, columns[c].getMetadata(b),
                                  op.getInits()[3], ValueRange{column, block});
        };
        if (words.dense.isWhole)
          store(b);
        else
          emitIf(b, emitIsBelow(b, column, emitSize(b, op.getInput(), 1)),
                 store);
      }
    };
    emitWordLoop(b, emitSize(b, op.getInits()[3], 1),
                 emitSize(b, op.getInits()[1], 1), compressBlock);
  }
};

//===----------------------------------------------------------------------===//
// decompress
//===----------------------------------------------------------------------===//

struct LowerDecompress : LowerOnBuffers<DecompressOp> {
  using LowerOnBuffers::LowerOnBuffers;

  void lower(ImplicitLocOpBuilder &b, DecompressOp op,
             PatternShape shape) const override {
    auto decompressWords = [&](ImplicitLocOpBuilder &b,
                               const WordOperands &words) {
      emitWordLoop(
          b, emitSize(b, op.getInit(), 0),
          emitNumWords(b, op.getInit(), shape),
          [&](ImplicitLocOpBuilder &b, Value row, Value word) {
            SmallVector<Value> kept = words.values.load(b, row, word);
            Value metadata = emitLoadMetadata(b, op.getMetadata(), row, word);
            SmallVector<Value> elements;
            for (int64_t i = 0; i < kGroups; ++i)
              emitDecompressGroup(
                  b, metadata, i,
                  ArrayRef(kept).slice(i * shape.kept, shape.kept), elements);
            words.dense.store(b, row, word, elements);
          });
    };
    forWholeness(b, op.getInit(), op.getValues(), /*scores=*/Value(), shape,
                 decompressWords);
  }
};

//===----------------------------------------------------------------------===//
// verify
//===----------------------------------------------------------------------===//

/// What a word adds to the report: flags of its groups and of its elements.
struct WordFindings {
  SmallVector<Value> isBad, isNaN;
};

struct LowerVerify : LowerOnBuffers<VerifyOp> {
  using LowerOnBuffers::LowerOnBuffers;

  void lower(ImplicitLocOpBuilder &b, VerifyOp op,
             PatternShape shape) const override {
    Value matrix = op.getInputs()[0];
    Value rows = emitSize(b, matrix, 0);
    Value words = op.isOfMetadata() ? emitSize(b, op.getInputs()[1], 1)
                                    : emitNumWords(b, matrix, shape);
    emitBegin(b, op.getInit(), rows, words);
    auto verifyWords = [&](ImplicitLocOpBuilder &b, const WordOperands &from) {
      emitWordLoop(
          b, rows, words, [&](ImplicitLocOpBuilder &b, Value row, Value word) {
            WordFindings findings =
                op.isOfMetadata()
                    ? verifyMetadata(b, op, from.values, row, word, shape)
                    : verifyPattern(b, from.dense, row, word, shape);
            Value number = arith::AddIOp::create(
                b, arith::MulIOp::create(b, row, words), word);
            emitReport(b, op.getInit(), number, findings);
          });
    };
    // A matrix, or values, alone.
    if (op.isOfMetadata()) {
      auto type = cast<MemRefType>(matrix.getType());
      int64_t width = shape.getKeptOfWord();
      bool isWhole = isContiguous(matrix) && !type.isDynamicDim(1) &&
                     type.getDimSize(1) % width == 0;
      verifyWords(b, {{}, {matrix, width, isWhole}, std::nullopt});
    } else {
      forWholeness(b, matrix, matrix, /*scores=*/Value(), shape, verifyWords);
    }
  }

private:
  /// Nothing was found yet. In a loop, for what isn't in one doesn't run where
  /// the memory is.
  static void emitBegin(ImplicitLocOpBuilder &b, Value report, Value rows,
                        Value words) {
    emitWordLoop(
        b, emitIndex(b, 1), emitIndex(b, 1),
        [&](ImplicitLocOpBuilder &b, Value, Value) {
          Value groups = arith::MulIOp::create(
              b, arith::MulIOp::create(b, rows, words), emitIndex(b, kGroups));
          Value zero = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
          Value first = arith::IndexCastOp::create(b, b.getI64Type(), groups);
          Value values[] = {zero, first, zero};
          for (auto [i, value] : llvm::enumerate(values))
            memref::StoreOp::create(b, value, report,
                                    ValueRange{emitIndex(b, i)});
        });
  }

  static WordFindings verifyPattern(ImplicitLocOpBuilder &b,
                                    const WordMatrix &dense, Value row,
                                    Value word, PatternShape shape) {
    Type type = dense.getElementType();
    SmallVector<Value> elements = dense.load(b, row, word);
    WordFindings findings;
    for (int64_t i = 0; i < kGroups; ++i) {
      Value nonzeros = emitCount(
          b, llvm::map_to_vector(
                 ArrayRef(elements).slice(i * shape.groupSize, shape.groupSize),
                 [&](Value bits) { return emitIsNonzero(b, bits, type); }));
      findings.isBad.push_back(arith::CmpIOp::create(
          b, arith::CmpIPredicate::ugt, nonzeros, emitI32(b, shape.kept)));
    }
    findNaN(b, elements, type, findings);
    return findings;
  }

  static WordFindings verifyMetadata(ImplicitLocOpBuilder &b, VerifyOp op,
                                     const WordMatrix &values, Value row,
                                     Value word, PatternShape shape) {
    ::sparse24::ElementType type = *convertElementType(values.getElementType());
    int64_t legal = 0;
    for (unsigned nibble = 0; nibble < 16; ++nibble)
      legal |= int64_t(::sparse24::isLegalNibble(type, nibble)) << nibble;
    Value groups = arith::DivUIOp::create(b, emitSize(b, values.memref, 1),
                                          emitIndex(b, shape.kept));
    Value metadata = emitLoadMetadata(b, op.getInputs()[1], row, word);
    WordFindings findings;
    for (int64_t i = 0; i < kGroups; ++i) {
      Value nibble = arith::AndIOp::create(
          b, arith::ShRUIOp::create(b, metadata, emitI32(b, 4 * i)),
          emitI32(b, 0xF));
      Value group = emitAffine(b, b.getAffineDimExpr(0) * kGroups + i, {word});
      Value allowed = arith::SelectOp::create(
          b, emitIsBelow(b, group, groups), emitI32(b, legal),
          emitI32(b, 1 << ::sparse24::kFirstKeptNibble));
      Value bit = arith::AndIOp::create(
          b, arith::ShRUIOp::create(b, allowed, nibble), emitI32(b, 1));
      findings.isBad.push_back(arith::CmpIOp::create(
          b, arith::CmpIPredicate::eq, bit, emitI32(b, 0)));
    }
    findNaN(b, values.load(b, row, word), values.getElementType(), findings);
    return findings;
  }

  static void findNaN(ImplicitLocOpBuilder &b, ArrayRef<Value> elements,
                      Type type, WordFindings &findings) {
    for (Value bits : elements)
      if (Value isNaN = emitIsNaN(b, emitMagnitude(b, bits, type), type))
        findings.isNaN.push_back(isNaN);
  }

  /// How many of the flags are set, an i32.
  static Value emitCount(ImplicitLocOpBuilder &b, ArrayRef<Value> flags) {
    Value count = emitI32(b, 0);
    for (Value flag : flags)
      count = arith::AddIOp::create(
          b, count, arith::ExtUIOp::create(b, b.getI32Type(), flag));
    return count;
  }

  /// Adds a count (i32), or the number of a group (index), to an entry.
  static void emitUpdate(ImplicitLocOpBuilder &b, arith::AtomicRMWKind kind,
                         Value value, Value report, int64_t entry) {
    Type i64 = b.getI64Type();
    value = value.getType().isIndex()
                ? Value(arith::IndexCastOp::create(b, i64, value))
                : Value(arith::ExtUIOp::create(b, i64, value));
    memref::AtomicRMWOp::create(b, kind, value, report,
                                ValueRange{emitIndex(b, entry)});
  }

  /// Adds what was found in a word, mostly nothing.
  static void emitReport(ImplicitLocOpBuilder &b, Value report, Value number,
                         const WordFindings &findings) {
    auto ifAny = [&](ArrayRef<Value> flags,
                     function_ref<void(ImplicitLocOpBuilder &, Value)> body) {
      Value count = emitCount(b, flags);
      Value isAny = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, count,
                                          emitI32(b, 0));
      emitIf(b, isAny, [&](ImplicitLocOpBuilder &b) { body(b, count); });
    };
    ifAny(findings.isBad, [&](ImplicitLocOpBuilder &b, Value count) {
      Value first = emitIndex(b, kGroups - 1);
      for (int64_t i = kGroups - 2; i >= 0; --i)
        first = arith::SelectOp::create(b, findings.isBad[i], emitIndex(b, i),
                                        first);
      Value group =
          emitAffine(b, b.getAffineDimExpr(0) * kGroups + b.getAffineDimExpr(1),
                     {number, first});
      emitUpdate(b, arith::AtomicRMWKind::addi, count, report, 0);
      emitUpdate(b, arith::AtomicRMWKind::minu, group, report, 1);
    });
    if (!findings.isNaN.empty())
      ifAny(findings.isNaN, [&](ImplicitLocOpBuilder &b, Value count) {
        emitUpdate(b, arith::AtomicRMWKind::addi, count, report, 2);
      });
  }
};
} // namespace

void mlir::sparse24::populatePatternLowering(RewritePatternSet &patterns) {
  patterns.add<LowerPrune, LowerCompress, LowerDecompress, LowerVerify>(
      patterns.getContext());
}
