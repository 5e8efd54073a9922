// The sparse24 dialect definition. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_IR_SPARSE24DIALECT_TD
#define SPARSE24_DIALECT_SPARSE24_IR_SPARSE24DIALECT_TD

include "mlir/IR/OpBase.td"

def Sparse24_Dialect : Dialect {
  let name = "sparse24";
  let cppNamespace = "::mlir::sparse24";
  let summary = "2:4 structured sparsity, from pruning to the matrix product";
  let description = [{
    In a 2:4 sparse matrix at most two of every four consecutive elements of a
    row are nonzero (Mishra et al., "Accelerating Sparse Deep Neural
    Networks", arXiv:2104.08378). The dialect says *what* is computed on such
    matrices: `prune` makes a matrix 2:4, `compress` stores it as kept values
    and metadata, `decompress` undoes that, `pack` arranges the pair as one
    family of instructions reads it, and `matmul` multiplies it with a dense
    matrix and applies a fused epilogue.

    **Logical format.** For a matrix of `M` rows and `K` columns: *values* of
    shape `M × 2·⌈K/4⌉` and *metadata* of shape `M × ⌈K/16⌉` and type `i16`,
    both row-major. Group `g` (columns `4g` to `4g+3`) of a row has its two
    kept elements in values columns `2g`, `2g+1` and its metadata in nibble
    `g mod 4` of word `⌊g/4⌋`; the low two bits of the nibble are the index of
    the first kept element within the group, the high two bits that of the
    second, and the first is always the smaller: the legal nibbles are `0x4`,
    `0x8`, `0xC`, `0x9`, `0xD` and `0xE`. `f32` (multiplied as tf32) is 1:2:
    values `M × ⌈K/2⌉`, metadata `M × ⌈K/8⌉`, a nibble a pair, `0x4` if the
    first is kept and `0xE` if the second is.

    **Fillers.** A group with fewer nonzeros than it keeps also keeps its
    zeros of lowest index until it is full, so that every implementation
    stores the same bytes. The filler's value is copied as it is. Columns
    from `K` on read as `+0.0`; the nibbles of groups from `⌈K/4⌉` on are `0x4`.

    **Zero.** `-0.0` is a zero for the pattern, and folds may replace a zero by
    the other one. NaN and infinities are nonzero. A dropped position
    contributes nothing to a product, not even `0 × Inf`.

    **Element types.** f16, bf16, f32 (multiplied as tf32), i8 (signless, which
    is signed), ui8, f8E4M3FN and f8E5M2.

    **Permission.** Nothing here changes a result unless it is allowed:
    `sparse24.allow_prune = "magnitude" | "transposable" | "importance" |
    "wanda" | "none"` and
    `sparse24.allow_precision = "bf16" | "f16" | "tf32" | "none"`, on an
    operation, its function or its module (the nearest wins, and wins over the
    matching pass option). Other values of these attributes are errors
    (`allow_prune_c1`, `allow_precision_c1`). The criteria `importance` and
    `wanda` need a product with an attribute `sparse24.scores`: what
    `sparse24.prune` takes as `scores` for that weight, whose rows run along the
    summed dimension. It must be a tensor of f32 (`scores_c1`).

    Every operation has a tensor and a memref form, as those of `linalg` do.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    /// Discardable: a criterion (not "none") lets passes prune the weights below
    /// by it.
    static ::llvm::StringRef getAllowPruneAttrName() {
      return "sparse24.allow_prune";
    }
    /// Discardable: the scores by which the weight of a product may be pruned.
    static ::llvm::StringRef getScoresAttrName() { return "sparse24.scores"; }
    /// Discardable: "bf16", "f16" or "tf32" (not "none") lets passes narrow
    /// f32 products.
    static ::llvm::StringRef getAllowPrecisionAttrName() {
      return "sparse24.allow_precision";
    }
  }];
}

#endif // SPARSE24_DIALECT_SPARSE24_IR_SPARSE24DIALECT_TD
