// Operations of the sparse24 dialect. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Rules that a verifier checks are numbered: the number stands here, in the
// message, and in the name of the test (test/Dialect/Sparse24/invalid*.mlir).

#ifndef SPARSE24_DIALECT_SPARSE24_IR_SPARSE24OPS_TD
#define SPARSE24_DIALECT_SPARSE24_IR_SPARSE24OPS_TD

include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "sparse24/Dialect/Sparse24/IR/Sparse24OpBase.td"
include "sparse24/Dialect/Sparse24/IR/WarpgroupOps.td"

/// Operations that write their result into an operand, as tensors or memrefs.
class Sparse24_DestinationOp<string mnemonic, list<Trait> traits = []>
    : Sparse24_Op<mnemonic, traits # [
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, [
          "reifyResultShapes"]>]> {
  let hasVerifier = 1;
}

def Sparse24_Matrix : AnyTypeOf<[TensorRankOf<[AnyType], [2]>,
                                 MemRefRankOf<[AnyType], [2]>],
                                "2-D tensor or memref">;
def Sparse24_Packed : AnyTypeOf<[TensorRankOf<[I8], [1]>,
                                 MemRefRankOf<[I8], [1]>],
                                "1-D tensor or memref of i8">;
def Sparse24_Shaped : AnyTypeOf<[AnyRankedTensor, AnyMemRef],
                                "ranked tensor or memref">;

//===----------------------------------------------------------------------===//
// prune
//===----------------------------------------------------------------------===//

def Sparse24_PruneOp : Sparse24_DestinationOp<"prune"> {
  let summary = "makes a matrix 2:4 by dropping elements";
  let description = [{
    Keeps the best elements of each group of a row and sets the others to
    `+0.0`. With `W` the input, `R` the result and `kept(i, g)` the kept
    positions of group `g` of row `i`:

    ```
    R[i, j] = W[i, j]  if j in kept(i, ⌊j/4⌋)
              +0.0     otherwise
    ```

    `magnitude` keeps the two elements of largest magnitude; of equal ones that
    of lower index. NaN ranks above infinity, infinity above every finite
    value. For `f32` (tf32) groups are pairs and one element is kept. The last
    group of a row may be shorter: what is missing counts as zero.

    `transposable` keeps in each tile of 4 × 4 elements (`f32`: 2 × 2) two (one)
    of each row and each column, so that the transposed matrix is 2:4, too: of
    the 90 patterns the one with the largest sum of magnitudes, the optimum
    (Hubara et al., arXiv 2102.08124; Support/Transposable.h says how sums are
    computed, and which of equal ones counts). NaN counts more than any
    infinities, infinity more than any finite values. What tiles at the edges
    miss counts as zero.

    `importance` keeps the elements of each group with the largest `scores`,
    whatever the elements are (movement, Fisher information, …): NaN before
    infinity before finite scores, of equal ones that of lower index.

    `wanda` keeps those with the largest `|input[i, j]| · |scores[j]|`, a
    product in f32, where `scores[j]` is the norm of what column `j` is
    multiplied with, over some calibration data (Sun et al., arXiv 2306.11695).
    NaN counts most, a zero element 0 whatever its score; of equal products
    that of lower index is kept.

    The operation changes values. Passes insert it only with permission (see
    the dialect's description); written by hand it is its own permission.

    | operand | shape | element type |
    | --- | --- | --- |
    | `input` | M × K | f16, bf16, f32 (tf32), i8, ui8, f8E4M3FN, f8E5M2 |
    | `scores` | `importance`: M × K, `wanda`: K | f32 |
    | `init` (written, not read) | M × K | that of `input` |

    Rules:
    * `prune_c1`: all operands are plain tensors, or all are memrefs.
    * `prune_c2`: the element type of `input` is in the table.
    * `prune_c3`: `init` has the element type of `input`.
    * `prune_c4`: `init` has the shape of `input`.
    * `prune_c5`: `scores` is there exactly if the criterion is `importance` or
      `wanda`.
    * `prune_c6`: `scores` has element type f32.
    * `prune_c7`: `scores` has the shape in the table.

    Folds: pruning by magnitude what `prune` or `decompress` gave is dropped,
    and pruning tiles of what was pruned so.

    Example:
    ```mlir
    func.func @prune(%w: tensor<64x96xbf16>) -> tensor<64x96xbf16> {
      %init = tensor.empty() : tensor<64x96xbf16>
      %0 = sparse24.prune magnitude ins(%w : tensor<64x96xbf16>)
             outs(%init : tensor<64x96xbf16>) -> tensor<64x96xbf16>
      return %0 : tensor<64x96xbf16>
    }
    ```
  }];
  let arguments = (ins
    Arg<Sparse24_CriterionAttr, "how the kept elements are chosen">:$criterion,
    Arg<Sparse24_Matrix, "the dense matrix, M × K">:$input,
    Arg<Optional<Sparse24_Shaped>, "what the criterion reads">:$scores,
    Arg<Sparse24_Matrix, "where the result goes, M × K">:$init);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $criterion
    `ins` `(` $input (`,` $scores^)? `:` type($input) (`,` type($scores)^)? `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let builders = [
    OpBuilder<(ins "::mlir::sparse24::Criterion":$criterion,
      "::mlir::Value":$input, "::mlir::Value":$scores, "::mlir::Value":$init)>
  ];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

//===----------------------------------------------------------------------===//
// compress
//===----------------------------------------------------------------------===//

def Sparse24_CompressOp
    : Sparse24_DestinationOp<"compress", [AttrSizedOperandSegments]> {
  let summary = "stores a 2:4 matrix as kept values and metadata";
  let description = [{
    Writes the logical format of a 2:4 matrix, which the dialect's description
    defines. With `p(i, g, 0) < p(i, g, 1)` the kept positions of group `g` of
    row `i` within the group:

    ```
    values[i, 2g + s]            = input[i, 4g + p(i, g, s)]
    nibble g mod 4 of
      metadata[i, ⌊g/4⌋]         = p(i, g, 0) + 4 · p(i, g, 1)
    ```

    For `f32` (tf32): `values[i, g] = input[i, 2g + p(i, g)]` and the nibble is
    `0x4` or `0xE`.

    With `prune = <criterion>` the matrix is pruned as `sparse24.prune` does, by
    the same `scores`, in the same pass over it. Without, the input must be 2:4; folds rely on it. An
    implementation that meets a group with more nonzeros than it keeps stores
    the first ones and does not fail; `sparse24-fold-constants` refuses such a
    constant and names the group.

    With `prune = transposable` there may be two more results: values and
    metadata of the transposed matrix, by the same mask. Training multiplies by
    both (forward by one, backward by the other), and gets both from one pass
    over the weight.

    | operand | shape | element type |
    | --- | --- | --- |
    | `input` | M × K | f16, bf16, f32 (tf32), i8, ui8, f8E4M3FN, f8E5M2 |
    | `scores` | `importance`: M × K, `wanda`: K | f32 |
    | `inits[0]`, values | M × 2·⌈K/4⌉, f32: M × ⌈K/2⌉ | that of `input` |
    | `inits[1]`, metadata | M × ⌈K/16⌉, f32: M × ⌈K/8⌉ | i16 |
    | `inits[2]`, transposed values | K × 2·⌈M/4⌉, f32: K × ⌈M/2⌉ | that of `input` |
    | `inits[3]`, transposed metadata | K × ⌈M/16⌉, f32: K × ⌈M/8⌉ | i16 |

    Rules:
    * `compress_c1`: all operands are plain tensors, or all are memrefs.
    * `compress_c2`: there are two inits, values and metadata, or with
      `prune = transposable` four.
    * `compress_c3`: the element type of `input` is in the table.
    * `compress_c4`: `values` has the element type of `input`.
    * `compress_c5`: `metadata` has element type i16.
    * `compress_c6`: `values` has the shape in the table.
    * `compress_c7`: `metadata` has the shape in the table.
    * `compress_c8`: `scores` is there exactly with `prune = importance` or
      `wanda`.
    * `compress_c9`: `scores` has element type f32.
    * `compress_c10`: `scores` has the shape in the table.

    Folds: what `prune` gave to `compress` alone is pruned by it.

    `compress` of what `decompress` gave is not folded to the operands of
    `decompress`: values and metadata that come from elsewhere may keep other
    zeros than the canonical fillers. If they come from `compress`, then
    `decompress` folds and two equal operations are left.

    Example:
    ```mlir
    func.func @compress(%w: tensor<64x96xbf16>)
        -> (tensor<64x48xbf16>, tensor<64x6xi16>) {
      %v = tensor.empty() : tensor<64x48xbf16>
      %m = tensor.empty() : tensor<64x6xi16>
      %values, %metadata = sparse24.compress ins(%w : tensor<64x96xbf16>)
          outs(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>)
          -> tensor<64x48xbf16>, tensor<64x6xi16>
      return %values, %metadata : tensor<64x48xbf16>, tensor<64x6xi16>
    }
    ```
  }];
  let arguments = (ins
    Arg<Sparse24_Matrix, "the matrix, M × K">:$input,
    Arg<Optional<Sparse24_Shaped>, "what the criterion reads">:$scores,
    Arg<Variadic<Sparse24_Matrix>, "where values and metadata go">:$inits,
    Arg<OptionalAttr<Sparse24_CriterionAttr>,
        "how the kept elements are chosen, if the matrix isn't 2:4">:$criterion);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $input (`,` $scores^)? `:` type($input) (`,` type($scores)^)? `)`
    `outs` `(` $inits `:` type($inits) `)`
    (`prune` `=` $criterion^)? attr-dict (`->` type($results)^)?
  }];
  let hasCanonicalizer = 1;
  let builders = [
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$values,
      "::mlir::Value":$metadata)>
  ];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitsMutable(); }
  }];
}

//===----------------------------------------------------------------------===//
// decompress
//===----------------------------------------------------------------------===//

def Sparse24_DecompressOp : Sparse24_DestinationOp<"decompress"> {
  let summary = "writes a compressed 2:4 matrix out with its zeros";
  let description = [{
    The inverse of `compress`: every kept element goes to its position, every
    other position of the M × K result becomes `+0.0`. Kept elements at
    positions from K on (fillers of a short last group) are dropped.

    ```
    init[i, 4g + p(i, g, s)] = values[i, 2g + s]
    init[i, j]               = +0.0 at every other j
    ```

    Metadata with an illegal nibble is undefined behaviour.

    | operand | shape | element type |
    | --- | --- | --- |
    | `values` | M × 2·⌈K/4⌉, f32: M × ⌈K/2⌉ | f16, bf16, f32 (tf32), i8, ui8, f8E4M3FN, f8E5M2 |
    | `metadata` | M × ⌈K/16⌉, f32: M × ⌈K/8⌉ | i16 |
    | `init` (written, not read) | M × K | that of `values` |

    Rules:
    * `decompress_c1`: all operands are plain tensors, or all are memrefs.
    * `decompress_c2`: the element type of `values` is in the table.
    * `decompress_c3`: `metadata` has element type i16.
    * `decompress_c4`: `init` has the element type of `values`.
    * `decompress_c5`: `values` has the shape in the table.
    * `decompress_c6`: `metadata` has the shape in the table.

    Folds: `decompress` of both results of one `compress` becomes the input of
    `compress` where K is static and the same. The sign of zeros is not kept by
    these operations, so the fold may give `-0.0` for `+0.0`.

    Example:
    ```mlir
    func.func @decompress(%values: tensor<64x48xbf16>,
                          %metadata: tensor<64x6xi16>) -> tensor<64x96xbf16> {
      %init = tensor.empty() : tensor<64x96xbf16>
      %0 = sparse24.decompress
             ins(%values, %metadata : tensor<64x48xbf16>, tensor<64x6xi16>)
             outs(%init : tensor<64x96xbf16>) -> tensor<64x96xbf16>
      return %0 : tensor<64x96xbf16>
    }
    ```
  }];
  let arguments = (ins
    Arg<Sparse24_Matrix, "the kept elements">:$values,
    Arg<Sparse24_Matrix, "their positions">:$metadata,
    Arg<Sparse24_Matrix, "where the result goes, M × K">:$init);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $values `,` $metadata `:` type($values) `,` type($metadata) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Value":$values, "::mlir::Value":$metadata,
      "::mlir::Value":$init)>
  ];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

//===----------------------------------------------------------------------===//
// verify
//===----------------------------------------------------------------------===//

def Sparse24_VerifyOp : Sparse24_DestinationOp<"verify"> {
  let summary = "counts what breaks the 2:4 pattern, and NaN";
  let description = [{
    Of one operand, a matrix: whether it is 2:4. Of two, values and metadata:
    whether the metadata are legal, which `decompress`, `pack` and `matmul`
    rely on. What comes from elsewhere at run time can be checked so.

    | `report` | of a matrix | of values and metadata |
    | --- | --- | --- |
    | `[0]` | groups with more nonzeros than are kept | groups with an illegal nibble, those of padding included (`0x4` is legal there) |
    | `[1]` | the first of them | the first of them |
    | `[2]` | elements that are NaN | values that are NaN |

    Groups are numbered row by row, each of a metadata's row counting whole
    words: group `g` of row `i` has number `i · 4·⌈K/16⌉ + g` (`f32`:
    `i · 4·⌈K/8⌉ + g`); if there is none, `[1]` is the number of all groups so
    counted.

    | operand | shape | element type |
    | --- | --- | --- |
    | `inputs[0]`, a matrix | M × K | f16, bf16, f32 (tf32), i8, ui8, f8E4M3FN, f8E5M2 |
    | or values | M × 2·⌈K/4⌉, f32: M × ⌈K/2⌉ | the same |
    | `inputs[1]`, metadata | M × ⌈K/16⌉, f32: M × ⌈K/8⌉ | i16 |
    | `init`, the report (written, not read) | 3 | i64 |

    Rules:
    * `verify_c1`: all operands are plain tensors, or all are memrefs.
    * `verify_c2`: there are one or two inputs.
    * `verify_c3`: the element type of `inputs[0]` is in the table.
    * `verify_c4`: `metadata` has element type i16.
    * `verify_c5`: `metadata` has the shape in the table.
    * `verify_c6`: `init` has element type i64.
    * `verify_c7`: `init` has the shape in the table.

    Example:
    ```mlir
    func.func @verify(%w: tensor<64x96xbf16>) -> tensor<3xi64> {
      %init = tensor.empty() : tensor<3xi64>
      %0 = sparse24.verify ins(%w : tensor<64x96xbf16>)
             outs(%init : tensor<3xi64>) -> tensor<3xi64>
      return %0 : tensor<3xi64>
    }
    ```
  }];
  let arguments = (ins
    Arg<Variadic<Sparse24_Matrix>, "a matrix, or values and metadata">:$inputs,
    Arg<Sparse24_Shaped, "where the report goes">:$init);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $inputs `:` type($inputs) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// Whether it looks at metadata.
    bool isOfMetadata() { return getInputs().size() == 2; }
  }];
}

//===----------------------------------------------------------------------===//
// pack
//===----------------------------------------------------------------------===//

def Sparse24_PackOp : Sparse24_DestinationOp<"pack"> {
  let summary = "arranges values and metadata as an instruction reads them";
  let description = [{
    Rearranges the logical format into the packed format of `layout`: one
    buffer of bytes in the order in which the instructions of its family read
    them. Nothing but the order changes; padding is zero values and `0x4`
    nibbles. The packed format is opaque at this level: `matmul` with the same
    layout reads it.

    | operand | shape | element type |
    | --- | --- | --- |
    | `values` | rows × 2·⌈k/4⌉, f32: rows × ⌈k/2⌉ | that of `layout` |
    | `metadata` | rows × ⌈k/16⌉, f32: rows × ⌈k/8⌉ | i16 |
    | `init` (written, not read) | the byte size of `layout` | i8 |

    Rules:
    * `pack_c1`: all operands are plain tensors, or all are memrefs.
    * `pack_c2`: `values` has the element type of `layout`.
    * `pack_c3`: `metadata` has element type i16.
    * `pack_c4`: `values` has the shape in the table.
    * `pack_c5`: `metadata` has the shape in the table.
    * `pack_c6`: `init` has the size in the table.

    Example:
    ```mlir
    func.func @pack(%values: tensor<64x48xbf16>, %metadata: tensor<64x6xi16>)
        -> tensor<9216xi8> {
      %init = tensor.empty() : tensor<9216xi8>
      %0 = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
             ins(%values, %metadata : tensor<64x48xbf16>, tensor<64x6xi16>)
             outs(%init : tensor<9216xi8>) -> tensor<9216xi8>
      return %0 : tensor<9216xi8>
    }
    ```
  }];
  let arguments = (ins
    Arg<Sparse24_LayoutAttr, "the packed format">:$layout,
    Arg<Sparse24_Matrix, "the kept elements">:$values,
    Arg<Sparse24_Matrix, "their positions">:$metadata,
    Arg<Sparse24_Packed, "where the result goes">:$init);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    qualified($layout) `ins` `(` $values `,` $metadata `:` type($values) `,` type($metadata) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let builders = [
    OpBuilder<(ins "::mlir::sparse24::LayoutAttr":$layout,
      "::mlir::Value":$values, "::mlir::Value":$metadata,
      "::mlir::Value":$init)>
  ];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

//===----------------------------------------------------------------------===//
// weight
//===----------------------------------------------------------------------===//

def Sparse24_WeightOp : Sparse24_Op<"weight", [Pure]> {
  let summary = "a constant that is kept in the weight file";
  let description = [{
    Stands for the entry `name` of the weight file that belongs to the program
    or, before `sparse24-import-weights`, for the tensor of that name in a
    checkpoint.
    With a layout the entry is a packed matrix; without, it is a plain tensor
    such as a bias, row-major. The result must not be written to.

    Rules:
    * `weight_c1`: `name` is not empty.
    * `weight_c2`: `result` has a static shape and, as a memref, the identity
      layout.
    * `weight_c3`: with `layout`, `result` is 1-D, of i8, and of the byte size
      of `layout`.

    Example:
    ```mlir
    func.func @weight() -> (tensor<9216xi8>, tensor<64xf32>) {
      %w = sparse24.weight "layer0.weight" : tensor<9216xi8>
             layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
      %b = sparse24.weight "layer0.bias" : tensor<64xf32>
      return %w, %b : tensor<9216xi8>, tensor<64xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<StrAttr, "the entry in the weight file">:$name,
    Arg<OptionalAttr<Sparse24_LayoutAttr>, "the packed format">:$layout);
  let results = (outs Sparse24_Shaped:$result);
  let assemblyFormat = [{
    $name attr-dict `:` type($result) (`layout` `=` qualified($layout)^)?
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// matmul
//===----------------------------------------------------------------------===//

def Sparse24_ResidentClustersOp
    : Sparse24_Op<"resident_clusters", [Pure]> {
  let summary = "how many clusters of a kernel run at a time";
  let description = [{
    The number of clusters of a kernel's CTAs that the device holds at a time,
    at least 1. The host function of a persistent kernel launches that many at
    most, each of which computes one tile after another. The number doesn't
    change while the program runs.

    It may be less than the number of multiprocessors says: a cluster is in one
    GPC, whose multiprocessors may not be a multiple of its CTAs. Of 132
    multiprocessors that an H100 or H200 has, clusters of four CTAs of a large
    kernel occupied 120 where it was tried.

    The runtime asks the driver when it loads the kernel
    (`cuOccupancyMaxActiveClusters`; before CUDA 12, multiprocessors by CTAs),
    and refuses a device that can't hold any. In the emulator there are 4
    multiprocessors, so that even small problems have CTAs with more than one
    tile.

    Example:
    ```mlir
    func.func @grid(%tiles: index) -> index {
      %count = sparse24.resident_clusters @kernels::@gemm
                 cluster = 2, threads = 384, shared_memory = 221248 : index
      %clusters = arith.minui %tiles, %count : index
      return %clusters : index
    }
    ```
  }];
  let arguments = (ins
    Arg<SymbolRefAttr, "the kernel, in its module">:$kernel,
    Arg<ConfinedAttr<I64Attr, [IntPositive]>, "CTAs of a cluster">:$cluster,
    Arg<ConfinedAttr<I64Attr, [IntPositive]>, "threads of a CTA">:$threads,
    Arg<ConfinedAttr<I64Attr, [IntNonNegative]>,
        "bytes of dynamic shared memory of a CTA">:$sharedMemoryBytes);
  let results = (outs Index:$result);
  let assemblyFormat = [{
    $kernel `cluster` `=` $cluster `,` `threads` `=` $threads `,`
    `shared_memory` `=` $sharedMemoryBytes attr-dict `:` type($result)
  }];
}

def Sparse24_MatmulOp : Sparse24_DestinationOp<"matmul", [
    AttrSizedOperandSegments, IsolatedFromAbove]> {
  let summary = "the product of a 2:4 sparse and a dense matrix";
  let description = [{
    Multiplies a compressed or packed 2:4 matrix `W` with a dense matrix `X`.
    `W` is always stored with its rows along the output and its columns along
    the summed dimension `k`; the side says on which side of the product it
    stands.

    ```
    lhs:  acc[m, n] = Σ_k W[m, k] · X[k, n]      W: M × K   X: K × N
    rhs:  acc[m, n] = Σ_k X[m, k] · W[n, k]      W: N × K   X: M × K
    D[m, n] = epilogue(acc[m, n], operands at the maps' indices)
    ```

    With `transpose_dense` X is stored the other way: N × K (lhs) or K × M
    (rhs). With `accumulate` the sum starts from `init[m, n]`, converted to the
    accumulator type; without, `init` is written and not read. Positions of `W`
    that were dropped contribute nothing, not even `0 × Inf`. `f32` operands are
    multiplied as tf32. The order of the sum and the rounding within it are not
    fixed.

    The *epilogue* maps the accumulator to the output element. Its first
    argument is the accumulator, the others one element each of the epilogue
    operands, which are indexed by a projected permutation of `(m, n)`; it
    holds scalar operations without side effects and uses no value from
    outside. Without an epilogue the accumulator is converted to the output's
    element type: floats are rounded to nearest even.

    | operand | shape | element type |
    | --- | --- | --- |
    | `sparse`, two: values, metadata | rows × 2·⌈k/4⌉ and rows × ⌈k/16⌉ (f32: rows × ⌈k/2⌉ and rows × ⌈k/8⌉) | that of `dense`; i16 |
    | `sparse`, one: packed | the byte size of `layout` | i8 |
    | `dense` | lhs: K × N (transposed N × K); rhs: M × K (transposed K × M) | f16, bf16, f32 (tf32), i8, ui8, f8E4M3FN, f8E5M2 |
    | `epilogueOperands` | what its map selects of (M, N) | any integer or float |
    | `init` | M × N | see `matmul_c14`, `matmul_c19` and `matmul_c21` |

    | attribute | meaning |
    | --- | --- |
    | `side` | `lhs` or `rhs`: which operand of the product is the sparse one |
    | `k` | the logical K; values and metadata don't tell it exactly |
    | `accumulatorType` | the type of the sum |
    | `transposeDense` | `dense` is stored transposed |
    | `accumulate` | the sum starts from `init` |
    | `layout` | the format of a packed operand |
    | `schedule` | how a GPU kernel walks the product; without, passes choose |
    | `epilogueMaps` | from (m, n) to the indices of each epilogue operand |

    | element type of `dense` | accumulator | output without an epilogue |
    | --- | --- | --- |
    | f16, bf16, f32, f8E4M3FN, f8E5M2 | f32 | f16, bf16, f32, f8E4M3FN, f8E5M2 |
    | i8 (signed), ui8 | i32 | i32 |

    Rules:
    * `matmul_c1`: `sparse` is one operand (packed) or two (values, metadata).
    * `matmul_c2`: all operands are plain tensors, or all are memrefs.
    * `matmul_c3`: `layout` is there exactly if `sparse` is packed.
    * `matmul_c4`: the element type of `dense` is in the table.
    * `matmul_c5`: `values`, or `layout`, has the element type of `dense`.
    * `matmul_c6`: `metadata` has element type i16.
    * `matmul_c7`: `k` is positive.
    * `matmul_c8`: the accumulator type is that of the table.
    * `matmul_c9`: `dense` has the shape in the table.
    * `matmul_c10`: `values` has the shape in the table.
    * `matmul_c11`: `metadata` has the shape in the table.
    * `matmul_c12`: `layout` has this `k`, and as many rows as the output has
      on the sparse side.
    * `matmul_c13`: `packed` is 1-D, of i8, and of the byte size of `layout`.
    * `matmul_c14`: with `accumulate`, `init` is i32 for an i32 accumulator, a
      float of at most 32 bits for f32.
    * `matmul_c15`: there are as many maps as epilogue operands, and both only
      with an epilogue.
    * `matmul_c16`: a map goes from two dimensions to as many results as its
      operand has, and is a projected permutation.
    * `matmul_c17`: an epilogue operand has the sizes of M and N that its map
      selects.
    * `matmul_c18`: an epilogue operand's elements are integers or floats.
    * `matmul_c19`: without an epilogue, the output's element type is in the
      table.
    * `matmul_c20`: the epilogue's arguments are the accumulator type and the
      epilogue operands' element types.
    * `matmul_c21`: the epilogue ends with a `yield` of the output's element
      type.
    * `matmul_c22`: the operations in the epilogue are pure, have no regions and
      work on integers, floats and `index`.
    * `matmul_c23`: `schedule` and `layout` are of the same family.

    Example:
    ```mlir
    // A linear layer with bias and ReLU: D = relu(X · Wᵀ + b).
    func.func @linear(%values: tensor<64x48xbf16>, %metadata: tensor<64x6xi16>,
                      %x: tensor<?x96xbf16>, %bias: tensor<64xf32>,
                      %init: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
      %0 = sparse24.matmul rhs
          ins(%values, %metadata : tensor<64x48xbf16>, tensor<64x6xi16>)
          dense(%x : tensor<?x96xbf16>) outs(%init : tensor<?x64xbf16>)
          k = 96 acc = f32
          epilogue(%bias : tensor<64xf32>) maps = [affine_map<(m, n) -> (n)>] {
          ^bb0(%acc: f32, %b: f32):
            %zero = arith.constant 0.0 : f32
            %sum = arith.addf %acc, %b : f32
            %relu = arith.maximumf %sum, %zero : f32
            %out = arith.truncf %relu : f32 to bf16
            sparse24.yield %out : bf16
          } -> tensor<?x64xbf16>
      return %0 : tensor<?x64xbf16>
    }

    // As memrefs, packed for a kernel, accumulating into f32.
    func.func @accumulate(%packed: memref<9216xi8>, %x: memref<96x?xbf16>,
                          %d: memref<64x?xf32>) {
      sparse24.matmul lhs ins(%packed : memref<9216xi8>)
          dense(%x : memref<96x?xbf16>) outs(%d : memref<64x?xf32>)
          k = 96 acc = f32 accumulate
          layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
      return
    }
    ```
  }];
  let arguments = (ins
    Arg<Sparse24_SideAttr, "which operand of the product is sparse">:$side,
    Arg<Variadic<Sparse24_Shaped>,
        "the sparse matrix: packed, or values and metadata">:$sparse,
    Arg<Sparse24_Matrix, "the dense matrix">:$dense,
    Arg<Variadic<Sparse24_Shaped>, "what the epilogue reads">:$epilogueOperands,
    Arg<Sparse24_Matrix, "where the result goes, M × N">:$init,
    Arg<I64Attr, "the logical number of columns of the sparse matrix">:$k,
    Arg<TypeAttr, "the type of the sum">:$accumulatorType,
    Arg<UnitAttr, "the dense matrix is stored transposed">:$transposeDense,
    Arg<UnitAttr, "the sum starts from init">:$accumulate,
    Arg<OptionalAttr<Sparse24_LayoutAttr>, "the packed format">:$layout,
    Arg<OptionalAttr<Sparse24_ScheduleAttr>, "how a kernel walks">:$schedule,
    Arg<DefaultValuedAttr<AffineMapArrayAttr, "{}">,
        "from (m, n) to the indices of each epilogue operand">:$epilogueMaps
  );
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let regions = (region MaxSizedRegion<1>:$epilogue);
  let builders = [
    OpBuilder<(ins "::mlir::sparse24::Side":$side,
      "::mlir::ValueRange":$sparse, "::mlir::Value":$dense,
      "::mlir::Value":$init, "int64_t":$k, "::mlir::Type":$accumulatorType,
      "::mlir::sparse24::MatmulOptions":$options)>
  ];
  let hasRegionVerifier = 1;
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// Whether the sparse operand is one packed buffer.
    bool isPacked() { return getSparse().size() == 1; }
    ::mlir::Value getPacked() { return isPacked() ? getSparse()[0] : ::mlir::Value(); }
    ::mlir::Value getValues() { return isPacked() ? ::mlir::Value() : getSparse()[0]; }
    ::mlir::Value getMetadata() { return isPacked() ? ::mlir::Value() : getSparse()[1]; }
    bool isLhsSparse() { return getSide() == ::mlir::sparse24::Side::lhs; }
    /// Whether neighbours along K of the dense operand are neighbours in memory.
    bool isDenseKContiguous() { return isLhsSparse() == getTransposeDense(); }
    /// The element type that the instruction multiplies.
    ::mlir::Type getOperandElementType();
    ::mlir::Type getOutputElementType();
    /// The number of rows of the sparse operand, from the output's type.
    int64_t getSparseRows();
    bool hasEpilogue() { return !getEpilogue().empty(); }
    /// The map of the i-th epilogue operand, from (m, n) to its indices.
    ::mlir::AffineMap getEpilogueMap(unsigned i) {
      return ::llvm::cast<::mlir::AffineMapAttr>(getEpilogueMaps()[i]).getValue();
    }
  }];
}

def Sparse24_YieldOp : Sparse24_Op<"yield", [Pure, Terminator, ReturnLike,
    ParentOneOf<["MatmulOp"]>]> {
  let summary = "ends an epilogue";
  let description = [{
    Gives the output element that the epilogue of `matmul` computed. See there
    for an example.
  }];
  let arguments = (ins Arg<AnyType, "the output element">:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // SPARSE24_DIALECT_SPARSE24_IR_SPARSE24OPS_TD
