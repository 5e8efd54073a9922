// sparse24-convert-to-linalg: lowers sparse24 operations on buffers to loops.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Conversion/Sparse24ToLinalg.h"

#include "LoweringUtils.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "sparse24/Conversion/Passes.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24CONVERTTOLINALGPASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

//===----------------------------------------------------------------------===//
// Words: the elements of four groups, which one word of metadata describes
//===----------------------------------------------------------------------===//

static constexpr int64_t kGroups = ::sparse24::kGroupsPerMetadataWord;

/// Loops over all indices below `ends`.
static void
emitParallel(ImplicitLocOpBuilder &b, ArrayRef<Value> ends,
             function_ref<void(ImplicitLocOpBuilder &, ValueRange)> body) {
  SmallVector<Value> begins(ends.size(), emitIndex(b, 0)),
      steps(ends.size(), emitIndex(b, 1));
  scf::ParallelOp::create(
      b, begins, ends, steps,
      [&](OpBuilder &builder, Location loc, ValueRange indices) {
        ImplicitLocOpBuilder inner(loc, builder);
        body(inner, indices);
      });
}

/// Loops over the rows of a matrix and the words of metadata that a row has.
static void
emitWordLoop(ImplicitLocOpBuilder &b, Value rows, Value words,
             function_ref<void(ImplicitLocOpBuilder &, Value, Value)> body) {
  emitParallel(b, {rows, words},
               [&](ImplicitLocOpBuilder &b, ValueRange indices) {
                 body(b, indices[0], indices[1]);
               });
}

static Value emitIsBelow(ImplicitLocOpBuilder &b, Value index, Value end) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, end);
}

/// Emits what is done only where the condition holds.
static void emitIf(ImplicitLocOpBuilder &b, Value condition,
                   function_ref<void(ImplicitLocOpBuilder &)> body) {
  scf::IfOp::create(b, condition, [&](OpBuilder &builder, Location loc) {
    ImplicitLocOpBuilder inner(loc, builder);
    body(inner);
    scf::YieldOp::create(inner);
  });
}

namespace {
/// A matrix of which each word has `width` neighbours in a row: what is dense,
/// or the kept values.
struct WordMatrix {
  Value memref;
  int64_t width;
  /// Words are whole, and as aligned as memory is: to 16 bytes, or their size.
  bool isWhole;

  MemRefType getType() const { return cast<MemRefType>(memref.getType()); }
  Type getElementType() const { return getType().getElementType(); }
  Type getBitsType() const {
    return IntegerType::get(memref.getContext(),
                            getElementType().getIntOrFloatBitWidth());
  }
  VectorType getVectorType() const {
    return VectorType::get({width}, getElementType());
  }
  llvm::MaybeAlign getAlignment() const {
    int64_t bytes = width * getElementType().getIntOrFloatBitWidth() / 8;
    return llvm::MaybeAlign(std::min<int64_t>(bytes, 16));
  }
  Value getColumn(ImplicitLocOpBuilder &b, Value word, int64_t i) const {
    return emitAffine(b, b.getAffineDimExpr(0) * width + i, {word});
  }

  /// The bits of a word's elements, as integers: no processor changes those,
  /// whatever NaN they stand for. Beyond the row's end they are +0.0.
  SmallVector<Value> load(ImplicitLocOpBuilder &b, Value row, Value word) const;
  void store(ImplicitLocOpBuilder &b, Value row, Value word,
             ArrayRef<Value> bits) const;
};

/// The operands of an operation on words.
struct WordOperands {
  WordMatrix dense, values;
};
} // namespace

SmallVector<Value> WordMatrix::load(ImplicitLocOpBuilder &b, Value row,
                                    Value word) const {
  SmallVector<Value> elements;
  if (isWhole) {
    Value vector = vector::LoadOp::create(
        b, getVectorType(), memref, ValueRange{row, getColumn(b, word, 0)},
        /*nontemporal=*/false, getAlignment());
    vector = b.createOrFold<vector::BitCastOp>(
        VectorType::get({width}, getBitsType()), vector);
    for (int64_t i = 0; i < width; ++i)
      elements.push_back(vector::ExtractOp::create(b, vector, i));
    return elements;
  }
  Value size = emitSize(b, memref, 1);
  Value last = arith::SubIOp::create(b, size, emitIndex(b, 1));
  for (int64_t i = 0; i < width; ++i) {
    Value column = getColumn(b, word, i);
    Value isIn = emitIsBelow(b, column, size);
    Value safe = arith::MinUIOp::create(b, column, last);
    Value element = b.createOrFold<arith::BitcastOp>(
        getBitsType(),
        memref::LoadOp::create(b, memref, ValueRange{row, safe}));
    elements.push_back(
        arith::SelectOp::create(b, isIn, element, emitZero(b, getBitsType())));
  }
  return elements;
}

void WordMatrix::store(ImplicitLocOpBuilder &b, Value row, Value word,
                       ArrayRef<Value> bits) const {
  if (isWhole) {
    Value vector = vector::FromElementsOp::create(
        b, VectorType::get({width}, getBitsType()), bits);
    vector = b.createOrFold<vector::BitCastOp>(getVectorType(), vector);
    vector::StoreOp::create(b, vector, memref,
                            ValueRange{row, getColumn(b, word, 0)},
                            /*nontemporal=*/false, getAlignment());
    return;
  }
  Value size = emitSize(b, memref, 1);
  for (auto [i, element] : llvm::enumerate(bits)) {
    Value column = getColumn(b, word, static_cast<int64_t>(i));
    emitIf(b, emitIsBelow(b, column, size), [&](ImplicitLocOpBuilder &b) {
      Value stored =
          b.createOrFold<arith::BitcastOp>(getElementType(), element);
      memref::StoreOp::create(b, stored, memref, ValueRange{row, column});
    });
  }
}

static bool isContiguous(Value memref) {
  return cast<MemRefType>(memref.getType()).getLayout().isIdentity();
}

/// Calls `body` with the matrices' words: whole ones where rows are made of
/// them, and else element by element; in a branch for each if only run time
/// tells.
static void forWholeness(
    ImplicitLocOpBuilder &b, Value dense, Value values, PatternShape shape,
    function_ref<void(ImplicitLocOpBuilder &, const WordOperands &)> body) {
  int64_t width = kGroups * shape.groupSize;
  auto emit = [&](ImplicitLocOpBuilder &b, bool isWhole) {
    body(b, {{dense, width, isWhole}, {values, kGroups * shape.kept, isWhole}});
  };
  auto type = cast<MemRefType>(dense.getType());
  if (!isContiguous(dense) || !isContiguous(values))
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
                                    emitIndex(b, kGroups * shape.groupSize));
}

namespace {
/// The neighbouring rows that one iteration has: those of a tile, if masks are
/// chosen for tiles, else one.
class Rows {
public:
  /// `tilesAtOnce` are loaded by an iteration.
  Rows(Value matrix, std::optional<Criterion> criterion, PatternShape shape,
       int64_t tilesAtOnce = 1)
      : matrix(matrix),
        number(criterion == Criterion::transposable ? shape.groupSize : 1),
        multiple(number * tilesAtOnce) {}

  /// Loops over these rows and the words of a row. `body` gets the first row's
  /// number in tiles.
  void emitLoop(
      ImplicitLocOpBuilder &b, Value words,
      function_ref<void(ImplicitLocOpBuilder &, Value, Value)> body) const {
    Value tiles = arith::CeilDivUIOp::create(b, emitSize(b, matrix, 0),
                                             emitIndex(b, number));
    emitWordLoop(b, tiles, words, body);
  }

  /// A word's elements in each of the rows; of rows beyond the matrix zeros.
  SmallVector<SmallVector<Value>> load(ImplicitLocOpBuilder &b,
                                       const WordMatrix &from, Value tile,
                                       Value word) const {
    SmallVector<SmallVector<Value>> elements;
    Value size = emitSize(b, matrix, 0);
    Value last = arith::SubIOp::create(b, size, emitIndex(b, 1));
    for (int64_t r = 0; r < number; ++r) {
      Value row = getRow(b, tile, r);
      if (isWhole()) {
        elements.push_back(from.load(b, row, word));
        continue;
      }
      SmallVector<Value> loaded =
          from.load(b, arith::MinUIOp::create(b, row, last), word);
      Value isIn = emitIsBelow(b, row, size);
      for (Value &element : loaded)
        element = arith::SelectOp::create(b, isIn, element,
                                          emitZero(b, element.getType()));
      elements.push_back(loaded);
    }
    return elements;
  }

  /// Calls `body` with each row's number and index, where the matrix has it.
  void forEach(
      ImplicitLocOpBuilder &b, Value tile,
      function_ref<void(ImplicitLocOpBuilder &, int64_t, Value)> body) const {
    for (int64_t r = 0; r < number; ++r) {
      Value row = getRow(b, tile, r);
      if (isWhole()) {
        body(b, r, row);
        continue;
      }
      emitIf(b, emitIsBelow(b, row, emitSize(b, matrix, 0)),
             [&](ImplicitLocOpBuilder &b) { body(b, r, row); });
    }
  }

  /// Whether the matrix has all rows of all iterations.
  bool isWhole() const {
    auto type = cast<MemRefType>(matrix.getType());
    return multiple == 1 ||
           (!type.isDynamicDim(0) && type.getDimSize(0) % multiple == 0);
  }

private:
  Value getRow(ImplicitLocOpBuilder &b, Value tile, int64_t r) const {
    return emitAffine(b, b.getAffineDimExpr(0) * number + r, {tile});
  }

  Value matrix;
  int64_t number, multiple;
};
} // namespace

/// What the elements of a group are ordered by: without a criterion nonzeros
/// come before zeros.
static SmallVector<Value> emitKeys(ImplicitLocOpBuilder &b,
                                   ArrayRef<Value> group, Type elementType,
                                   std::optional<Criterion> criterion) {
  SmallVector<Value> keys;
  for (Value bits : group) {
    Value magnitude = emitMagnitude(b, bits, elementType);
    if (!criterion) {
      Value zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
      Value nonzero =
          arith::CmpIOp::create(b, arith::CmpIPredicate::ne, magnitude, zero);
      magnitude = arith::ExtUIOp::create(b, b.getI32Type(), nonzero);
    }
    keys.push_back(magnitude);
  }
  return keys;
}

template <typename OpTy>
static Type getElementType(OpTy op) {
  return cast<MemRefType>(op.getInput().getType()).getElementType();
}

/// Fails, with a diagnostic, for element types without a pattern.
static FailureOr<PatternShape> getPatternShape(Operation *op, Value matrix) {
  return PatternShape::get(op,
                           cast<MemRefType>(matrix.getType()).getElementType());
}

//===----------------------------------------------------------------------===//
// prune
//===----------------------------------------------------------------------===//

/// Prunes a word's elements in place.
static void prune(ImplicitLocOpBuilder &b,
                  MutableArrayRef<SmallVector<Value>> rows, Type elementType,
                  Criterion criterion, PatternShape shape) {
  for (int64_t i = 0; i < kGroups; ++i) {
    if (criterion == Criterion::transposable) {
      emitPruneTile(b, rows, i * shape.groupSize, elementType);
      continue;
    }
    auto group = MutableArrayRef(rows.front())
                     .slice(i * shape.groupSize, shape.groupSize);
    SmallVector<Value> flags = emitKeptFlags(
        b, emitKeys(b, group, elementType, criterion), shape.kept);
    Value zero = emitZero(b, group.front().getType());
    for (auto [flag, element] : llvm::zip_equal(flags, group))
      element = arith::SelectOp::create(b, flag, element, zero);
  }
}

namespace {
struct LowerPrune : OpRewritePattern<PruneOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PruneOp op,
                                PatternRewriter &rewriter) const override {
    if (!isa<MemRefType>(op.getInput().getType()))
      return rewriter.notifyMatchFailure(op, "not on buffers");
    FailureOr<PatternShape> shape = getPatternShape(op, op.getInput());
    if (failed(shape))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Rows rows(op.getInput(), op.getCriterion(), *shape);
    auto pruneWords = [&](ImplicitLocOpBuilder &b, const WordOperands &words) {
      WordMatrix result = words.dense;
      result.memref = op.getInit();
      rows.emitLoop(
          b, emitNumWords(b, op.getInput(), *shape),
          [&](ImplicitLocOpBuilder &b, Value tile, Value word) {
            SmallVector<SmallVector<Value>> elements =
                rows.load(b, words.dense, tile, word);
            prune(b, elements, getElementType(op), op.getCriterion(), *shape);
            rows.forEach(b, tile,
                         [&](ImplicitLocOpBuilder &b, int64_t r, Value row) {
                           result.store(b, row, word, elements[r]);
                         });
          });
    };
    forWholeness(b, op.getInput(), op.getInit(), *shape, pruneWords);
    rewriter.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// compress
//===----------------------------------------------------------------------===//

struct LowerCompress : OpRewritePattern<CompressOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CompressOp op,
                                PatternRewriter &rewriter) const override {
    if (!isa<MemRefType>(op.getInput().getType()))
      return rewriter.notifyMatchFailure(op, "not on buffers");
    FailureOr<PatternShape> shape = getPatternShape(op, op.getInput());
    if (failed(shape))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value metadata = op.getInits()[1];
    bool isBothWays = op.getInits().size() == 4;
    // A word of the transposed matrix' metadata describes four tiles below each
    // other.
    int64_t tilesAtOnce = isBothWays ? kGroups : 1;
    Rows rows(op.getInput(), op.getCriterion(), *shape, tilesAtOnce);
    auto compressTile = [&](ImplicitLocOpBuilder &b, const WordOperands &words,
                            Value tile, Value word) {
      SmallVector<SmallVector<Value>> elements =
          rows.load(b, words.dense, tile, word);
      // What tiles are pruned to is 2:4.
      std::optional<Criterion> criterion = op.getCriterion();
      if (criterion == Criterion::transposable) {
        prune(b, elements, getElementType(op), *criterion, *shape);
        criterion.reset();
      }
      rows.forEach(b, tile, [&](ImplicitLocOpBuilder &b, int64_t r, Value row) {
        SmallVector<Value> kept;
        Value code = compressWord(b, elements[r], getElementType(op), criterion,
                                  *shape, kept);
        words.values.store(b, row, word, kept);
        memref::StoreOp::create(b, code, metadata, ValueRange{row, word});
      });
      return elements;
    };
    auto compressWords = [&](ImplicitLocOpBuilder &b,
                             const WordOperands &words) {
      if (isBothWays)
        return compressBothWays(b, op, words, rows.isWhole(), *shape,
                                compressTile);
      rows.emitLoop(b, emitSize(b, metadata, 1),
                    [&](ImplicitLocOpBuilder &b, Value tile, Value word) {
                      compressTile(b, words, tile, word);
                    });
    };
    forWholeness(b, op.getInput(), op.getInits()[0], *shape, compressWords);
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Compresses a tile's rows; gives what they were pruned to.
  using CompressTile = function_ref<SmallVector<SmallVector<Value>>(
      ImplicitLocOpBuilder &, const WordOperands &, Value, Value)>;

  /// An iteration has as many rows as columns: a word of metadata either way.
  static void compressBothWays(ImplicitLocOpBuilder &b, CompressOp op,
                               const WordOperands &words, bool areRowsWhole,
                               PatternShape shape, CompressTile compressTile) {
    int64_t size = words.dense.width;
    WordMatrix values{op.getInits()[2], words.values.width,
                      areRowsWhole && isContiguous(op.getInits()[2])};
    auto compressBlock = [&](ImplicitLocOpBuilder &b, Value block, Value word) {
      SmallVector<SmallVector<Value>> kept(size);
      SmallVector<Value> codes(size);
      for (int64_t t = 0; t < kGroups; ++t) {
        Value tile =
            emitAffine(b, b.getAffineDimExpr(0) * kGroups + t, {block});
        SmallVector<SmallVector<Value>> rows =
            compressTile(b, words, tile, word);
        for (int64_t c = 0; c < size; ++c) {
          SmallVector<Value> group = llvm::map_to_vector(
              rows, [&](const SmallVector<Value> &row) { return row[c]; });
          addGroup(b, group, t, getElementType(op), /*criterion=*/std::nullopt,
                   shape, kept[c], codes[c]);
        }
      }
      for (int64_t c = 0; c < size; ++c) {
        Value column = words.dense.getColumn(b, word, c);
        auto store = [&](ImplicitLocOpBuilder &b) {
          values.store(b, column, block, kept[c]);
          memref::StoreOp::create(
              b, arith::TruncIOp::create(b, b.getI16Type(), codes[c]),
              op.getInits()[3], ValueRange{column, block});
        };
        if (words.dense.isWhole)
          store(b);
        else
          emitIf(b, emitIsBelow(b, column, emitSize(b, op.getInput(), 1)),
                 store);
      }
    };
    emitBlockLoop(b, emitSize(b, op.getInits()[3], 1),
                  emitSize(b, op.getInits()[1], 1), compressBlock);
  }

  /// Loops over blocks of rows and words such that neighbouring iterations,
  /// those of a warp, are neighbours both ways: 4 below each other times 8.
  static void
  emitBlockLoop(ImplicitLocOpBuilder &b, Value blocks, Value words,
                function_ref<void(ImplicitLocOpBuilder &, Value, Value)> body) {
    constexpr int64_t height = 4, width = 8;
    Value down = emitIndex(b, height), across = emitIndex(b, width);
    SmallVector<Value> ends = {arith::CeilDivUIOp::create(b, blocks, down),
                               arith::CeilDivUIOp::create(b, words, across),
                               down, across};
    emitParallel(b, ends, [&](ImplicitLocOpBuilder &b, ValueRange indices) {
      AffineExpr group = b.getAffineDimExpr(0), inGroup = b.getAffineDimExpr(1);
      Value block =
          emitAffine(b, group * height + inGroup, {indices[0], indices[2]});
      Value word =
          emitAffine(b, group * width + inGroup, {indices[1], indices[3]});
      Value isIn = arith::AndIOp::create(b, emitIsBelow(b, block, blocks),
                                         emitIsBelow(b, word, words));
      emitIf(b, isIn, [&](ImplicitLocOpBuilder &b) { body(b, block, word); });
    });
  }

  /// Adds a group's kept elements, and its nibble to the word's metadata.
  static void addGroup(ImplicitLocOpBuilder &b, ArrayRef<Value> group,
                       int64_t index, Type elementType,
                       std::optional<Criterion> criterion, PatternShape shape,
                       SmallVector<Value> &kept, Value &code) {
    SmallVector<Value> flags = emitKeptFlags(
        b, emitKeys(b, group, elementType, criterion), shape.kept);
    Value nibble = compressGroup(b, group, flags, shape, kept);
    Value shift = arith::ConstantOp::create(b, b.getI32IntegerAttr(4 * index));
    nibble = arith::ShLIOp::create(b, nibble, shift);
    code = code ? arith::OrIOp::create(b, code, nibble) : nibble;
  }

  /// Adds the kept elements of a word and returns its metadata, an i16.
  static Value compressWord(ImplicitLocOpBuilder &b, ArrayRef<Value> elements,
                            Type elementType,
                            std::optional<Criterion> criterion,
                            PatternShape shape, SmallVector<Value> &kept) {
    Value code;
    for (int64_t i = 0; i < kGroups; ++i)
      addGroup(b, elements.slice(i * shape.groupSize, shape.groupSize), i,
               elementType, criterion, shape, kept, code);
    return arith::TruncIOp::create(b, b.getI16Type(), code);
  }

  /// Adds the kept elements of a group and returns its nibble, an i32.
  static Value compressGroup(ImplicitLocOpBuilder &b, ArrayRef<Value> x,
                             ArrayRef<Value> flags, PatternShape shape,
                             SmallVector<Value> &kept) {
    auto constant = [&](int32_t value) -> Value {
      return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
    };
    auto select = [&](Value condition, Value yes, Value no) -> Value {
      return arith::SelectOp::create(b, condition, yes, no);
    };
    if (shape.kept == 1) {
      kept.push_back(select(flags[0], x[0], x[1]));
      return select(flags[0], constant(0x4), constant(0xE));
    }
    // The first kept one is at 0, 1 or 2, the second at 3, 2 or 1.
    kept.push_back(select(flags[0], x[0], select(flags[1], x[1], x[2])));
    kept.push_back(select(flags[3], x[3], select(flags[2], x[2], x[1])));
    Value first = select(flags[0], constant(0),
                         select(flags[1], constant(1), constant(2)));
    Value second = select(flags[3], constant(3 << 2),
                          select(flags[2], constant(2 << 2), constant(1 << 2)));
    return arith::OrIOp::create(b, first, second);
  }
};

//===----------------------------------------------------------------------===//
// decompress
//===----------------------------------------------------------------------===//

struct LowerDecompress : OpRewritePattern<DecompressOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DecompressOp op,
                                PatternRewriter &rewriter) const override {
    if (!isa<MemRefType>(op.getInit().getType()))
      return rewriter.notifyMatchFailure(op, "not on buffers");
    FailureOr<PatternShape> shape = getPatternShape(op, op.getInit());
    if (failed(shape))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto decompressWords = [&](ImplicitLocOpBuilder &b,
                               const WordOperands &words) {
      emitWordLoop(b, emitSize(b, op.getInit(), 0),
                   emitNumWords(b, op.getInit(), *shape),
                   [&](ImplicitLocOpBuilder &b, Value row, Value word) {
                     SmallVector<Value> kept = words.values.load(b, row, word);
                     Value code = memref::LoadOp::create(b, op.getMetadata(),
                                                         ValueRange{row, word});
                     code = arith::ExtUIOp::create(b, b.getI32Type(), code);
                     SmallVector<Value> elements;
                     for (int64_t i = 0; i < kGroups; ++i)
                       decompressGroup(
                           b, code, i,
                           ArrayRef(kept).slice(i * shape->kept, shape->kept),
                           elements);
                     words.dense.store(b, row, word, elements);
                   });
    };
    forWholeness(b, op.getInit(), op.getValues(), *shape, decompressWords);
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Adds the elements of group `index` of a word.
  static void decompressGroup(ImplicitLocOpBuilder &b, Value word,
                              int64_t index, ArrayRef<Value> kept,
                              SmallVector<Value> &elements) {
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
    };
    auto getBits = [&](int64_t shift, int64_t mask) -> Value {
      Value shifted =
          arith::ShRUIOp::create(b, word, constant(4 * index + shift));
      return arith::AndIOp::create(b, shifted, constant(mask));
    };
    auto isEqual = [&](Value bits, int64_t position) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, bits,
                                   constant(position));
    };
    Value zero = emitZero(b, kept.front().getType());
    if (kept.size() == 1) {
      // tf32's nibbles 0x4 and 0xE differ in bit 1.
      Value position = getBits(1, 1);
      for (int64_t i : {0, 1})
        elements.push_back(
            arith::SelectOp::create(b, isEqual(position, i), kept[0], zero));
      return;
    }
    Value first = getBits(0, 3), second = getBits(2, 3);
    for (int64_t i = 0; i < 4; ++i) {
      Value element =
          arith::SelectOp::create(b, isEqual(second, i), kept[1], zero);
      elements.push_back(
          arith::SelectOp::create(b, isEqual(first, i), kept[0], element));
    }
  }
};

//===----------------------------------------------------------------------===//
// pack
//===----------------------------------------------------------------------===//

struct LowerPack : OpRewritePattern<PackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PackOp op,
                                PatternRewriter &rewriter) const override {
    if (!isa<MemRefType>(op.getValues().getType()))
      return rewriter.notifyMatchFailure(op, "not on buffers");
    FailureOr<PatternShape> shape = getPatternShape(op, op.getValues());
    if (failed(shape))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type bitsType = b.getIntegerType(8 * shape->bytes);
    PackedView view(b, op.getInit(), op.getLayout(), *shape, bitsType);
    Value zero = emitZero(b, bitsType);
    Value padding = arith::ConstantOp::create(
        b, b.getI16IntegerAttr(::sparse24::kPaddingMetadataWord));
    emitCopy(b, op.getValues(), view.values, view.valueIndex, view.rows,
             view.keptColumns, view.valueChunk, zero);
    emitCopy(b, op.getMetadata(), view.words, view.wordIndex, view.rows,
             view.wordColumns, /*chunk=*/1, padding);
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Copies `source`, extended by `padding` to rows × columns, into the places
  /// that `index` says; `chunk` neighbours stay neighbours.
  static void emitCopy(ImplicitLocOpBuilder &b, Value source, Value target,
                       AffineExpr index, int64_t rows, int64_t columns,
                       int64_t chunk, Value padding) {
    auto type = cast<MemRefType>(source.getType());
    // Rows that end within a chunk are copied element by element.
    if (!isContiguous(source) || type.isDynamicDim(1) ||
        type.getDimSize(1) % chunk != 0)
      chunk = 1;
    auto vectorType = VectorType::get({chunk}, type.getElementType());
    // As bits, as above.
    auto bitsType = VectorType::get({chunk}, padding.getType());
    llvm::MaybeAlign alignment(chunk * type.getElementTypeBitWidth() / 8);
    Value numRows = emitSize(b, source, 0), numColumns = emitSize(b, source, 1);
    emitWordLoop(
        b, emitIndex(b, rows), emitIndex(b, columns / chunk),
        [&](ImplicitLocOpBuilder &b, Value row, Value number) {
          Value column = emitAffine(b, b.getAffineDimExpr(0) * chunk, {number});
          Value isIn =
              arith::AndIOp::create(b, emitIsBelow(b, row, numRows),
                                    emitIsBelow(b, column, numColumns));
          auto copied = scf::IfOp::create(
              b, isIn,
              [&](OpBuilder &builder, Location loc) {
                Value elements = vector::LoadOp::create(
                    builder, loc, vectorType, source, ValueRange{row, column},
                    /*nontemporal=*/false, alignment);
                scf::YieldOp::create(builder, loc,
                                     builder.createOrFold<vector::BitCastOp>(
                                         loc, bitsType, elements));
              },
              [&](OpBuilder &builder, Location loc) {
                Value elements = vector::BroadcastOp::create(builder, loc,
                                                             bitsType, padding);
                scf::YieldOp::create(builder, loc, elements);
              });
          vector::StoreOp::create(
              b, copied.getResult(0), target,
              ValueRange{emitAffine(b, index, {row, column})},
              /*nontemporal=*/false, alignment);
        });
  }
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

struct ConvertToLinalgPass
    : mlir::sparse24::impl::Sparse24ConvertToLinalgPassBase<
          ConvertToLinalgPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populateSparse24ToLinalgPatterns(set);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    walkAndApplyPatterns(getOperation(), patterns);
    WalkResult rest = getOperation()->walk([](Operation *op) {
      if (!isa<PruneOp, CompressOp, DecompressOp, PackOp, MatmulOp>(op))
        return WalkResult::advance();
      op->emitOpError("wasn't lowered to loops: it must be on buffers (run "
                      "one-shot-bufferize first)");
      return WalkResult::interrupt();
    });
    if (rest.wasInterrupted())
      signalPassFailure();
  }

  FrozenRewritePatternSet patterns;
};
} // namespace

void mlir::sparse24::populateSparse24ToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<LowerPrune, LowerCompress, LowerDecompress, LowerPack>(
      patterns.getContext());
  populateMatmulLowering(patterns);
}
