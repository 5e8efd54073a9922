// Attributes and enums of the sparse24 dialect. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_IR_SPARSE24ATTRIBUTES_TD
#define SPARSE24_DIALECT_SPARSE24_IR_SPARSE24ATTRIBUTES_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "sparse24/Dialect/Sparse24/IR/Sparse24Dialect.td"

class Sparse24_I32Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::sparse24";
  let genSpecializedAttr = 0;
}

class Sparse24_EnumAttr<EnumAttrInfo enumInfo, string mnemonic>
    : EnumAttr<Sparse24_Dialect, enumInfo, mnemonic> {
  let assemblyFormat = "$value";
}

def Sparse24_Side : Sparse24_I32Enum<"Side",
    "which operand of a product is the sparse one", [
      I32EnumAttrCase<"lhs", 0>,
      I32EnumAttrCase<"rhs", 1>,
    ]>;
def Sparse24_SideAttr : Sparse24_EnumAttr<Sparse24_Side, "side">;

def Sparse24_Criterion : Sparse24_I32Enum<"Criterion",
    "how a pruning chooses what to keep", [
      I32EnumAttrCase<"magnitude", 0>,
      I32EnumAttrCase<"transposable", 1>,
      I32EnumAttrCase<"importance", 2>,
      I32EnumAttrCase<"wanda", 3>,
    ]>;
def Sparse24_CriterionAttr
    : Sparse24_EnumAttr<Sparse24_Criterion, "criterion">;

def Sparse24_InstructionFamily : Sparse24_I32Enum<"InstructionFamily",
    "the instructions that a packed layout or a schedule is for", [
      I32EnumAttrCase<"mma_sp", 0>,
      I32EnumAttrCase<"wgmma_sp", 1>,
    ]>;

class Sparse24_Attr<string name, string attrMnemonic>
    : AttrDef<Sparse24_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Sparse24_LayoutAttr : Sparse24_Attr<"Layout", "layout"> {
  let summary = "the layout of a packed 2:4 matrix";
  let description = [{
    Names the family of instructions that reads the packed bytes, the element
    type and the logical shape. Two packed matrices are interchangeable
    exactly if their layouts are equal; `getHash()` is what weight files and
    kernels compare. The bytes are described in `Support/PackedLayout.h`.

    Rules:
    * `layout_c1`: the element type is one of the dialect's.
    * `layout_c2`: `rows` and `k` are from 1 to 2^30.

    ```mlir
    #sparse24.layout<mma_sp, bf16, rows = 1536, k = 384>
    ```
  }];
  let parameters = (ins
    EnumParameter<Sparse24_InstructionFamily>:$family,
    TypeParameter<"::mlir::Type", "the element type">:$elementType,
    AttrParameter<"int64_t", "rows of the logical matrix">:$rows,
    AttrParameter<"int64_t", "columns of the logical matrix">:$k
  );
  let assemblyFormat =
      "`<` $family `,` $elementType `,` `rows` `=` $rows `,` `k` `=` $k `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The number of bytes of a matrix packed in this layout.
    int64_t getByteSize() const;
    /// A hash that is equal for equal layouts, over all versions of the project.
    uint64_t getHash() const;
    /// The canonical text that is hashed: "mma_sp,bf16,rows=1536,k=384".
    std::string getText() const;
    ::sparse24::PackedLayout getPackedLayout() const;
  }];
}

def Sparse24_ScheduleAttr : Sparse24_Attr<"Schedule", "schedule"> {
  let summary = "how a kernel walks a product";
  let description = [{
    One CTA computes a tile of `tile[0]` rows of the sparse operand by
    `tile[1]` columns of the dense one, in steps of `tile[2]` along K;
    `warps` is how the CTA's warps divide the tile, and `stages` how many
    steps of operands are in shared memory at a time.

    `mma_sp`: one stage is read, one may still be read by slower warps, and the
    others are in flight.

    `wgmma_sp`: CTAs are persistent. `warps` are the consumers, in warpgroups of
    four along the rows; one more warpgroup, the producer, copies their operands
    in. `cluster` CTAs, one below the other along the rows, share the columns of
    the dense operand. With `split_k` a tile has so many parts along K, for a CTA
    each of the cluster, which then has `cluster / split_k` tiles below each
    other; the CTA of the first part adds the sums of the others. With `ping_pong`
    there are two teams of `warps`, which take tiles in turn, so that one
    multiplies while the other computes its epilogue. With `split_tail` clusters
    whose last tiles would leave half of them or more without work compute those
    in halves, the upper and the lower rows.

    Rules:
    * `schedule_c1`: all numbers are from 1 to 2^16, and `stages` is at least 3
      (mma_sp) or 2 (wgmma_sp).
    * `schedule_c2`: the warps divide the tile.
    * `schedule_c3`: there are at most 32 warps, with the producer's.
    * `schedule_c4`: `cluster`, `split_k`, `ping_pong` and `split_tail` are for
      wgmma_sp.
    * `schedule_c5`: the warps of wgmma_sp are `[4·n, 1]`.
    * `schedule_c6`: a warpgroup of wgmma_sp has a multiple of 64 rows.
    * `schedule_c7`: a tile of wgmma_sp has a multiple of 8 columns, at most 256.
    * `schedule_c8`: `cluster` is 1, 2, 4 or 8.
    * `schedule_c9`: with `split_tail` a warpgroup has a multiple of 128 rows, and
      `split_k` is 1.
    * `schedule_c10`: with `ping_pong` a team is one warpgroup, so `warps` are
      `[4, 1]`, `split_k` is 1, and `split_tail` is false.
    * `schedule_c11`: `split_k` divides `cluster`.

    ```mlir
    #sparse24.schedule<mma_sp, tile = [256, 128, 64], warps = [4, 2], stages = 4>
    ```
    ```mlir
    #sparse24.schedule<wgmma_sp, tile = [64, 64, 64], warps = [4, 1], stages = 12,
                       cluster = 4, split_k = 2>
    ```
  }];
  let parameters = (ins
    EnumParameter<Sparse24_InstructionFamily>:$family,
    AttrParameter<"int64_t", "rows of the sparse operand of a CTA">:$tileRows,
    AttrParameter<"int64_t", "columns of the dense operand of a CTA">:$tileCols,
    AttrParameter<"int64_t", "logical columns of a step along K">:$tileK,
    AttrParameter<"int64_t", "warps along the tile's rows">:$warpRows,
    AttrParameter<"int64_t", "warps along the tile's columns">:$warpCols,
    AttrParameter<"int64_t", "steps in shared memory at a time">:$stages,
    DefaultValuedParameter<"int64_t", "1", "CTAs that share the dense operand, or a tile">:$cluster,
    DefaultValuedParameter<"int64_t", "1", "parts of a tile along K">:$splitK,
    DefaultValuedParameter<"bool", "false", "two teams take tiles in turn">:$pingPong,
    DefaultValuedParameter<"bool", "false", "the last tiles are computed in halves">:$splitTail
  );
  let assemblyFormat = [{
    `<` $family `,` `tile` `=` `[` $tileRows `,` $tileCols `,` $tileK `]` `,`
    `warps` `=` `[` $warpRows `,` $warpCols `]` `,` `stages` `=` $stages ``
    custom<ScheduleOptions>($cluster, $splitK, $pingPong, $splitTail) `>`
  }];
  let genVerifyDecl = 1;
}

def Sparse24_TargetAttr : Sparse24_Attr<"Target", "target"> {
  let summary = "what the program is compiled for";
  let description = [{
    `cpu`, or an NVIDIA target as `ptxas` names it: `sm_80`, `sm_86`, `sm_89`,
    `sm_90`, `sm_90a`, `sm_100a`, `sm_120a`.

    Rules:
    * `target_c1`: the name is one of these.

    ```mlir
    #sparse24.target<"sm_80">
    ```
  }];
  let parameters = (ins StringRefParameter<"the target's name">:$chip);
  let assemblyFormat = "`<` $chip `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// All names that are accepted, for diagnostics and help texts.
    static ::llvm::ArrayRef<::llvm::StringLiteral> getKnownChips();
    bool isCpu() const;
    /// 80 for sm_80, 90 for sm_90a; 0 for the CPU.
    int getComputeCapability() const;
    /// The dynamic shared memory that one CTA may ask for, in bytes.
    int64_t getSharedMemoryBytes() const;
    /// The number of streaming multiprocessors of the commonest card.
    int64_t getMultiprocessors() const;
    /// The instructions that kernels for the target are made of.
    InstructionFamily getFamily() const;
    /// The element types that its kernels multiply.
    ::llvm::ArrayRef<::sparse24::ElementType> getElementTypes() const;
    /// The PTX features that code generation needs (ordered metadata: PTX 8.5).
    ::llvm::StringRef getPtxFeatures() const {
      return getPtxFeatures(getChip());
    }
    /// The same for a name, "" if it is unknown: for building pass pipelines,
    /// where there is no context to make the attribute in.
    static ::llvm::StringRef getPtxFeatures(::llvm::StringRef chip);
  }];
}

#endif // SPARSE24_DIALECT_SPARSE24_IR_SPARSE24ATTRIBUTES_TD
