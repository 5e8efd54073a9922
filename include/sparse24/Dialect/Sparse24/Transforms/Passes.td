// Passes on the tensor level. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_PASSES_TD
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def Sparse24SlidePass : Pass<"sparse24-slide", "::mlir::ModuleOp"> {
  let summary = "Spread N:M weights over 2:4 windows, without loss";
  let description = [{
    **Overview.** A constant weight that isn't 2:4, but has at most 4, 6, 8 or 10
    nonzeros in each block of 6, 8, 10 or 12 along K, becomes 2:4 by becoming
    wider: windows of four, two apart, cover each block, and every element goes
    into one window that covers it, such that none has more than two nonzeros
    (`Support/Windows.h` has the proof that they fit). The other operand becomes
    what the windows cover: of 6:8, column 12·g + 4·w + j is what was column
    8·g + 2·w + j, and zeros beyond K. The product stays a `linalg` operation
    with the same result, which `sparse24-detect` then takes losslessly.

    | pattern | K becomes | multiplications beside dense | speed-up at best |
    | --- | --- | --- | --- |
    | 4:6 | 8 for 6 | 0.67 | 1.5 |
    | 6:8 | 12 for 8 | 0.75 | 1.33 |
    | 8:10 | 16 for 10 | 0.8 | 1.25 |
    | 10:12 | 20 for 12 | 0.83 | 1.2 |

    The first of these that the weight has is taken. Multiplied as `tf32`, whose
    pattern is 1:2, weights are 2:3, 3:4, 4:5 or 5:6, and windows two wide.

    A remark of category `sparse24` says, *passed*, which pattern it is
    (`Pattern`) and how many columns there were and are (`K`, `SpreadK`), or,
    *missed*, where the first block is that has too many nonzeros. Products that
    can't be sparse for other reasons are left to `sparse24-detect` to explain.

    **Preconditions.** Tensor semantics. K and the weight's rows are static.

    **Caveats.** No permission is needed, for nothing is lost, but it isn't always
    faster: the gathered operand is written and read once more, so that it pays
    where products are large in all three dimensions. Whether a weight has a
    pattern is looked at before it is rounded to `precision`.

    Before:
    ```mlir
    %d = linalg.matmul ins(%x, %w : tensor<?x8xbf16>, tensor<8x16xbf16>) outs(…) -> …
    ```
    After:
    ```mlir
    %w1 = arith.constant dense_resource<windows> : tensor<12x16xbf16>
    %x1 = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>], …} outs(%e : tensor<?x12xbf16>) {
    ^bb0(%out: bf16):
      %m = linalg.index 0 : index
      %k = linalg.index 1 : index
      %s = affine.apply affine_map<(k) -> (k floordiv 12 * 8 + k mod 12 floordiv 4 * 2 + k mod 4)>(%k)
      %v = tensor.extract %x[%m, %s] : tensor<?x8xbf16>
      linalg.yield %v : bf16
    } -> tensor<?x12xbf16>
    %d = linalg.matmul ins(%x1, %w1 : tensor<?x12xbf16>, tensor<12x16xbf16>) outs(…) -> …
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::sparse24::Sparse24Dialect",
    "::mlir::tensor::TensorDialect"
  ];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"",
           "what the program is compiled for: products that its kernels can't "
           "do are left as they are">,
    Option<"precision", "precision", "std::string", "\"none\"",
           "f32 operands will be multiplied as (none, bf16, f16, tf32), where no "
           "sparse24.allow_precision says otherwise">,
  ];
  let statistics = [
    Statistic<"numSpread", "spread", "products whose weight was spread">,
  ];
}

def Sparse24PermuteChannelsPass
    : Pass<"sparse24-permute-channels", "::mlir::ModuleOp"> {
  let summary = "Order channels so that pruning keeps more of the norm";
  let description = [{
    **Overview.** Pruning keeps the two largest of four neighbours along K. In
    another order of the channels (the columns along K) other weights are
    neighbours, and more of the norm is kept. For each product whose constant
    weight will be pruned by permission, this searches for a better order
    (`Support/ChannelPermutation.h`), brings the weight's columns into it, and the
    other operand's channels, too:

    * Where they are the result of another product whose weight is constant,
      through elementwise operations and additions of constant biases, that
      weight's rows and the biases are permuted. Nothing is left at run time.
    * Elsewhere, with `permute=all`, they are gathered at run time, by a constant
      table.

    The sum has the same terms in another order: without pruning, the program
    means the same.

    A remark of category `sparse24` tells of each such product the share of the
    squared norm that is kept before and after (`NormKept`, `NormKeptAfter`), how
    many rows the search looked at (`RowsSearched`) and where the channels are
    permuted (`Where`: `producer` or `activations`), or, *missed*, why not
    (`Reason`, `Fix`).

    **Preconditions.** Tensor semantics. K and the weight's rows are static.

    **Caveats.** Activations that several products share (query, key and value of
    an attention) aren't the result of a product for this one alone: they stay as
    they are without `permute=all`. The search takes K² · rows steps, a second or so
    for a thousand channels and rows; of more than about two thousand of both
    it looks at a part of the rows. It is the same on every machine, whatever
    the number of cores.

    Before:
    ```mlir
    %h = linalg.matmul ins(%x, %w0 : …, tensor<384x1536xbf16>) outs(…) -> tensor<?x1536xf32>
    %a = linalg.generic … ins(%h, %bias : …, tensor<1536xf32>) … -> tensor<?x1536xbf16>
    %y = linalg.matmul ins(%a, %w1 : …, tensor<1536x384xbf16>) outs(…) -> …
    ```
    After, with the columns of `%w0`, the elements of `%bias` and the rows of
    `%w1` in another order:
    ```mlir
    %h = linalg.matmul ins(%x, %p0 : …, tensor<384x1536xbf16>) outs(…) -> tensor<?x1536xf32>
    %a = linalg.generic … ins(%h, %p1 : …, tensor<1536xf32>) … -> tensor<?x1536xbf16>
    %y = linalg.matmul ins(%a, %p2 : …, tensor<1536x384xbf16>) outs(…) -> …
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::sparse24::Sparse24Dialect", "::mlir::tensor::TensorDialect"
  ];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"",
           "what the program is compiled for: products that its kernels can't "
           "do are left as they are">,
    Option<"prune", "prune", "std::string", "\"none\"",
           "weights that aren't 2:4 will be pruned (none, magnitude, "
           "transposable, importance, wanda), where no sparse24.allow_prune "
           "says otherwise">,
    Option<"precision", "precision", "std::string", "\"none\"",
           "f32 operands will be multiplied as (none, bf16, f16, tf32), where no "
           "sparse24.allow_precision says otherwise">,
    Option<"permute", "permute", "std::string", "\"producers\"",
           "permute nothing (none), what costs nothing at run time (producers), "
           "or gather other activations at run time, too (all)">,
    Option<"sweeps", "sweeps", "int", "4",
           "the effort of the search: how often at most every two groups of "
           "channels meet">,
  ];
  let statistics = [
    Statistic<"numPermuted", "permuted", "products whose channels were permuted">,
  ];
}

def Sparse24DetectPass : Pass<"sparse24-detect", "::mlir::ModuleOp"> {
  let summary = "Find matrix products that can be sparse, and say which will be";
  let description = [{
    **Overview.** A candidate is a `linalg` contraction. It is taken if it is a
    product of two matrices (`linalg.matmul` with any transposition,
    `linalg.contract`, `linalg.generic`), and one operand, seen through
    `linalg.transpose`, `tensor.cast` and floating-point truncation, is

    * an `arith.constant` with `dense` or `dense_resource` data, or
    * the result of `sparse24.prune` or `sparse24.decompress`, with its groups
      along the summed dimension.

    A constant weight that is already 2:4 is taken as it is: that changes
    nothing. One that isn't needs permission to be pruned, and operands of type
    `f32` need permission for a lower precision. Permission comes from the
    attributes `sparse24.allow_prune = "magnitude" | "transposable" | …` and
    `sparse24.allow_precision = "bf16" | "f16" | "tf32"` on the operation or an
    operation around it (function, module), where the nearest wins and `"none"`
    withdraws it; without one, from the options `prune` and `precision`. The
    criteria `importance` and `wanda` also need scores, the attribute
    `sparse24.scores` of the operation.

    What is taken gets the discardable attribute `sparse24.sparsify`, which
    `sparse24-sparsify` reads and which can also be written by hand:

    | key | value |
    | --- | --- |
    | `side` | `"lhs"` or `"rhs"`: which factor is the weight (of the product whose result is stored rows × columns) |
    | `element_type` | the type that is multiplied; `f32` stands for tf32 |
    | `prune` | the criterion of `sparse24.prune`, or absent where the weight is 2:4 already |

    Every candidate gets one remark of category `sparse24`, *passed* or
    *missed*, with the arguments `Layer` (the location), `M`, `N`, `K`, `Side`,
    `Groups`, `Violations` (groups with more nonzeros than the pattern keeps),
    `NaN` (how many there are, if any), `NormKept` (the share of the squared norm that survives), `BytesBefore`,
    `BytesAfter`, and, where it is missed, `Reason` and `Fix`.

    **Preconditions.** Tensor semantics. K is static for what is taken; M and N
    may be dynamic.

    **Caveats.** A position that is dropped contributes nothing, so a product
    that is taken differs from the dense one where a dropped zero meets an
    infinity or NaN. Truncation comes before the pattern is looked at: a weight
    that rounds to zero counts as a zero.

    Before:
    ```mlir
    %d = linalg.matmul ins(%x, %w : tensor<?x384xbf16>, tensor<384x1536xbf16>)
                       outs(%z : tensor<?x1536xf32>) -> tensor<?x1536xf32>
    ```
    After:
    ```mlir
    %d = linalg.matmul
        {sparse24.sparsify = {element_type = bf16, side = "rhs"}}
        ins(%x, %w : tensor<?x384xbf16>, tensor<384x1536xbf16>)
        outs(%z : tensor<?x1536xf32>) -> tensor<?x1536xf32>
    ```
  }];
  let dependentDialects = ["::mlir::sparse24::Sparse24Dialect"];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"",
           "what the program is compiled for: products that its kernels can't "
           "do stay dense">,
    Option<"prune", "prune", "std::string", "\"none\"",
           "prune weights that aren't 2:4 (none, magnitude, transposable, "
           "importance, wanda), where no sparse24.allow_prune says otherwise">,
    Option<"precision", "precision", "std::string", "\"none\"",
           "multiply f32 operands as (none, bf16, f16, tf32), where no "
           "sparse24.allow_precision says otherwise">,
  ];
  let statistics = [
    Statistic<"numCandidates", "candidates", "contractions looked at">,
    Statistic<"numTaken", "taken", "products that will be sparse">,
    Statistic<"numPruned", "pruned", "products whose weight will be pruned">,
  ];
}

def Sparse24SparsifyPass : Pass<"sparse24-sparsify"> {
  let summary = "Rewrite annotated products with sparse24 operations";
  let description = [{
    **Overview.** Replaces each `linalg` product that carries
    `sparse24.sparsify` (see `sparse24-detect`): its weight is transposed to
    rows × K where needed, truncated where the annotation names a narrower type,
    pruned where it says so, compressed, and multiplied by `sparse24.matmul`;
    the other operand is truncated likewise. An output that starts from zeros is
    overwritten, any other accumulated into.

    **Preconditions.** Tensor semantics. An annotation without `prune` promises
    that the weight is 2:4.

    **Caveats.** The output keeps its element type, but the sum is always in
    `f32` (`s32` for integers) and rounded once, at the end. `linalg.matmul`
    with an `f16` or `bf16` output would, by its letter, round after each
    addition; this is more exact.

    Before:
    ```mlir
    %z = linalg.fill ins(%zero : f32) outs(%e : tensor<8x16xf32>) -> tensor<8x16xf32>
    %d = linalg.matmul
        {sparse24.sparsify = {element_type = bf16, prune = "magnitude", side = "lhs"}}
        ins(%w, %x : tensor<8x32xbf16>, tensor<32x16xbf16>)
        outs(%z : tensor<8x16xf32>) -> tensor<8x16xf32>
    ```
    After:
    ```mlir
    %p = sparse24.prune magnitude ins(%w : tensor<8x32xbf16>) outs(%e0 : tensor<8x32xbf16>) -> tensor<8x32xbf16>
    %v, %m = sparse24.compress ins(%p : tensor<8x32xbf16>)
        outs(%e1, %e2 : tensor<8x16xbf16>, tensor<8x2xi16>) -> tensor<8x16xbf16>, tensor<8x2xi16>
    %d = sparse24.matmul lhs … ins(%v, %m, %x …) outs(%e …)
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::sparse24::Sparse24Dialect", "::mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"numProducts", "products", "products rewritten">,
  ];
}

def Sparse24FuseEpiloguesPass : Pass<"sparse24-fuse-epilogues"> {
  let summary = "Move elementwise consumers into the epilogue of products";
  let description = [{
    **Overview.** An elementwise operation that alone uses the result of a
    `sparse24.matmul` (a bias, an activation, a residual, a truncation) becomes
    part of the product's epilogue, which then computes it on the accumulator
    before anything is stored; again and again, until something else comes.
    Operands that are broadcast (`linalg.broadcast` or a `linalg.generic` that
    does the same) are read before they are broadcast. A product that
    accumulates into a broadcast adds it in the epilogue instead.

    Named elementwise operations are generalized and chains of them fused first,
    so that a product used several times by one activation (x · sigmoid(x)) has
    one consumer.

    **Preconditions.** Tensor semantics; elementwise `arith` and `math`
    operations on tensors are `linalg` already (`convert-elementwise-to-linalg`).

    **Caveats.** The consumer is in the same block, reads the product by the
    identity map and other tensors by projected permutations of (m, n), and its
    body has nothing but pure `arith` and `math` operations, on its arguments
    and constants. Rounding stays as written: a product that is rounded to
    `f16` before the consumer still is.

    Before:
    ```mlir
    %d = sparse24.matmul rhs ins(…) dense(…) outs(%e : tensor<?x8xf32>) …
    %r = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>,
                                          affine_map<(m, n) -> (n)>,
                                          affine_map<(m, n) -> (m, n)>], …}
        ins(%d, %bias : tensor<?x8xf32>, tensor<8xf32>) outs(%e : …) {
    ^bb0(%x: f32, %b: f32, %o: f32):
      %s = arith.addf %x, %b : f32
      linalg.yield %s : f32
    }
    ```
    After:
    ```mlir
    %r = sparse24.matmul rhs ins(…) dense(…) outs(%e : tensor<?x8xf32>) …
      epilogue(%bias : tensor<8xf32>) maps = [affine_map<(m, n) -> (n)>] {
    ^bb0(%x: f32, %b: f32):
      %s = arith.addf %x, %b : f32
      sparse24.yield %s : f32
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::sparse24::Sparse24Dialect",
    "::mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"numFused", "fused", "operations moved into epilogues">,
  ];
}

def Sparse24SelectSchedulesPass : Pass<"sparse24-select-schedules", "::mlir::ModuleOp"> {
  let summary = "Pack sparse operands and choose a schedule for each product";
  let description = [{
    **Overview.** For GPU targets: inserts `sparse24.pack` before each
    `sparse24.matmul` of values and metadata, constant or not, and sets its
    layout and its schedule: the candidate with the least time by a model of
    math, shared-memory traffic, latency, waves and operand bytes (see
    `ScheduleModel.h`). A remark of category `sparse24` names the choice. A
    schedule that is there stays. For target `cpu` the pass does nothing.

    The target says for which family of instructions: `wgmma_sp` for `sm_90a`,
    else `mma_sp`; a layout or schedule that is there keeps its own. As wgmma
    reads operands of 8 and 32 bits only with K contiguous, a dense operand that
    isn't stored so is transposed first (`linalg.transpose`), and an analysis
    remark says which (`Operand`, `Type`), why (`Reason`) and what would avoid
    it (`Fix`).

    **Preconditions.** Tensor semantics; the sparse operand's shape is static.

    **Caveats.** Where the dense operand's size is dynamic the schedule is the
    best for `expected-n`; the kernel is right for any.

    Before:
    ```mlir
    %d = sparse24.matmul lhs ins(%v, %m : tensor<64x32xbf16>, tensor<64x4xi16>) …
    ```
    After:
    ```mlir
    %p = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 64, k = 64> ins(%v, %m : …) …
    %d = sparse24.matmul lhs ins(%p : tensor<4608xi8>) …
        layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 64>
        schedule = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [2, 2], stages = 6>
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"sm_80\"",
           "what the program is compiled for">,
    Option<"expectedN", "expected-n", "int64_t", "1024",
           "the size to assume where the dense operand's is dynamic">,
  ];
  let dependentDialects = [
    "::mlir::linalg::LinalgDialect", "::mlir::sparse24::Sparse24Dialect",
    "::mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"numScheduled", "scheduled", "products given a schedule">,
    Statistic<"numTransposed", "transposed", "dense operands transposed">,
  ];
}

def Sparse24MergeCompressionsPass : Pass<"sparse24-merge-compressions"> {
  let summary = "Compress a matrix and its transpose in one pass over it";
  let description = [{
    **Overview.** Where a matrix that `sparse24.prune transposable` gave is
    compressed as it is and transposed, one `compress` with four results takes
    the place of pruning, transposition and both compressions. This is the form
    of training: the forward product takes the weight one way, the backward
    product the other.

    **Preconditions.** Tensor semantics; the matrix has a static shape.

    Before:
    ```mlir
    %p = sparse24.prune transposable ins(%w : …) outs(%e : …) -> tensor<64x96xbf16>
    %t = linalg.transpose ins(%p : …) outs(%f : tensor<96x64xbf16>) permutation = [1, 0]
    %0:2 = sparse24.compress ins(%p : …) outs(…) -> …
    %1:2 = sparse24.compress ins(%t : …) outs(…) -> …
    ```
    After:
    ```mlir
    %0:4 = sparse24.compress ins(%w : …) outs(…) prune = transposable -> …
    ```
  }];
  let dependentDialects = [
    "::mlir::sparse24::Sparse24Dialect", "::mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"numMerged", "merged", "matrices that are compressed both ways">,
  ];
}

def Sparse24ImportWeightsPass
    : Pass<"sparse24-import-weights", "::mlir::ModuleOp"> {
  let summary = "Take weights from checkpoints, without reading them";
  let description = [{
    **Overview.** Replaces each `sparse24.weight` without a layout, on tensors,
    by a `dense_resource` constant: the tensor of that name in one of the
    safetensors `files`, the first that has it. The files are mapped into
    memory, and nothing of a weight is read before it is used, so that a
    checkpoint may be bigger than memory: `sparse24-fold-constants` with
    `weights-file` then takes one weight at a time.

    **Preconditions.** Every such weight is in a file, with the type that it has
    in the program.

    **Caveats.** Element types: f64, f32, f16, bf16, f8E4M3FN, f8E5M2, ui8 and
    signless integers of 8 to 64 bits. What a program prints contains the
    elements. More than one weight is in memory where `sparse24-slide` or
    `sparse24-permute-channels` rewrites them, where they stay in the module
    (target `cpu`), and where a file's tensors aren't aligned to their elements.

    Before:
    ```mlir
    %w = sparse24.weight "encoder.0.query.weight" : tensor<384x384xf32>
    ```
    After:
    ```mlir
    %w = arith.constant dense_resource<encoder.0.query.weight> : tensor<384x384xf32>
    ```
  }];
  let options = [
    ListOption<"files", "files", "std::string",
               "checkpoints in the safetensors format">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let statistics = [
    Statistic<"numImported", "imported", "weights found">,
  ];
}

def Sparse24FoldConstantsPass
    : Pass<"sparse24-fold-constants", "::mlir::ModuleOp"> {
  let summary = "Prune, compress and pack constant weights at compile time";
  let description = [{
    **Overview.** Evaluates `sparse24.prune`, `compress`, `decompress` and
    `pack`, `linalg.transpose` and floating-point truncation whose operands are
    constants, `dense` or `dense_resource`, natively and in parallel. Pruning,
    transposition and packing are done in one pass over the data.

    Results become `dense_resource` constants or, with `weights-file`, entries
    of that file, which the program names by `sparse24.weight`. Then all other
    constant tensors (biases, dense weights) go there too, but for splats, which
    become `linalg.fill`: nothing big stays in the code. Names are made of the
    function's name and the name in the location (`loc("encoder.0.query")`).

    **Preconditions.** Tensor semantics, static shapes.

    **Caveats.** Compressing a constant that isn't 2:4 is an error, which names
    the first group that isn't. The file is written whole or not at all, and
    written anew by each run.

    Before:
    ```mlir
    %v, %m = sparse24.compress ins(%constant : tensor<1536x384xbf16>) outs(…) -> …
    %p = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 1536, k = 384>
        ins(%v, %m : …) outs(%e : tensor<663552xi8>) -> tensor<663552xi8>
    ```
    After:
    ```mlir
    %p = sparse24.weight "f.encoder.0.intermediate" : tensor<663552xi8>
        layout = #sparse24.layout<mma_sp, bf16, rows = 1536, k = 384>
    ```
  }];
  let options = [
    Option<"weightsFile", "weights-file", "std::string", "\"\"",
           "write the results to this file instead of into the module">,
    Option<"threads", "threads", "int", "0",
           "threads to compute with; 0 means one for each core">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::sparse24::Sparse24Dialect", "::mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"numFolded", "folded", "constants made">,
  ];
}

def Sparse24PrepareEntriesPass
    : Pass<"sparse24-prepare-entries", "::mlir::ModuleOp"> {
  let summary = "Make public functions fit to be called from outside";
  let description = [{
    **Overview.** Marks the tensor arguments of public functions as not
    writable, so that bufferization never writes a result over a caller's input,
    and asks for a C interface (`llvm.emit_c_interface`) for each. A tensor that
    is returned twice is copied: each result is a buffer of its own.

    **Preconditions.** Before bufferization.

    **Caveats.** An argument that says `bufferization.writable` itself keeps it.

    Before:
    ```mlir
    func.func @f(%x: tensor<4xf32>) -> tensor<4xf32>
    ```
    After:
    ```mlir
    func.func @f(%x: tensor<4xf32> {bufferization.writable = false})
        -> tensor<4xf32> attributes {llvm.emit_c_interface}
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_PASSES_TD
