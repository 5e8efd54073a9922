// The operands of a `wgmma.sp` kernel's epilogue.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_WGMMASPEPILOGUEOPERANDS_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_WGMMASPEPILOGUEOPERANDS_H

#include "WgmmaSpPanel.h"

namespace mlir::sparse24 {

/// An operand of the epilogue; also the output, where products are added to it.
struct EpilogueOperand {
  /// What it varies with.
  enum class Extent { Scalar, Rows, Cols, Full };

  EpilogueOperand(const WgmmaSpKernelSpec &spec, Value memref, AffineMap map,
                  bool isInit);

  /// Bytes of shared memory that `share` takes.
  int64_t getShareBytes() const {
    return llvm::alignTo(share * getMemoryBytes(elementType), 16);
  }

  /// Its tensor map, if it is copied to shared memory.
  Value memref;
  AffineMap map;
  bool isInit;
  Type elementType;
  Extent extent;
  /// What varies with rows or columns only is kept in shared memory, a
  /// warpgroup's share of the tile: so many elements, and where they are.
  int64_t share = 0;
  Value staged;
  /// What is as large as the output is copied to shared memory, if a tensor map
  /// can.
  std::optional<PanelLayout> panel;
  /// The thread's elements: the only one, those of the two rows that the thread
  /// has in a block of 64, or those of the columns that are finished next.
  SmallVector<Value> values;
};

/// How operands come to shared memory that are as large as the output: through
/// the mainloop's stages, after those of a tile's products. Each of these
/// stages has some columns of a block of 64 rows of all consumers.
class OperandStages {
public:
  OperandStages(const WgmmaSpKernelSpec &spec,
                ArrayRef<EpilogueOperand> operands);

  /// Columns in a stage, none if there are no such stages.
  int64_t getColumns() const { return columns; }
  /// Bytes that are copied to a stage that has so many columns.
  int64_t getBytes(int64_t cols) const;
  /// Where a consumer's panel of an operand begins within a stage.
  IndexValue getPlace(IndexValue consumer,
                      const EpilogueOperand &operand) const;

private:
  ArrayRef<EpilogueOperand> operands;
  int64_t consumers, columns = 0;
};

/// The operands, for a warpgroup's part of a tile.
class EpilogueOperands {
public:
  /// `origin` is where the part begins, `shared` the first byte of
  /// getSharedMemoryBytes().
  EpilogueOperands(WgmmaSpKernelContext &context, OutputTile origin,
                   IndexValue shared);
  EpilogueOperands(const EpilogueOperands &) = delete;
  /// Of each consumer.
  static int64_t getSharedMemoryBytes(const WgmmaSpKernelSpec &spec);

  /// Brings to shared memory what stays there for the whole tile.
  void stage();
  /// Before the tile, before each of its blocks of 64 rows, before some of a
  /// block's columns, for which `position` has their stage: loads what their
  /// elements share.
  void beginTile();
  void beginBlock(int64_t block);
  void beginColumns(int64_t block, int64_t col, int64_t cols,
                    const PipelinePosition &position);

  /// The operands' values for the elements of a column block, those of the
  /// output last.
  SmallVector<SmallVector<Value>> getColumnBlock(int64_t col);

  /// Whether a stage begins or ends with these columns of a block.
  bool beginsStage(int64_t col) const;
  bool endsStage(int64_t endCol) const;

private:
  Value loadGlobal(const EpilogueOperand &operand, IndexValue row,
                   IndexValue col);
  void loadPanel(EpilogueOperand &operand, IndexValue stage, int64_t col,
                 int64_t cols);

  WgmmaSpKernelContext &context;
  ImplicitLocOpBuilder &b;
  const WgmmaSpKernelSpec &spec;
  OutputTile origin;
  SmallVector<EpilogueOperand> operands;
  OperandStages stages;
  /// Where the thread's elements of a block stand: the first row, and the
  /// column within eight.
  IndexValue threadRow, threadCol;
  /// The first of the columns that were begun.
  int64_t firstCol = 0;
};

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TOGPU_WGMMASPEPILOGUEOPERANDS_H
