// Matrix products of a warpgroup, which upstream lacks. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// These stand beside nvgpu.warpgroup.mma and use no other part of this dialect.
// Upstream's operation issues fence, product, commit and wait at once; here the
// product is one instruction, and the wait is an operation of its own.

#ifndef SPARSE24_DIALECT_SPARSE24_IR_WARPGROUPOPS_TD
#define SPARSE24_DIALECT_SPARSE24_IR_WARPGROUPOPS_TD

include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "sparse24/Dialect/Sparse24/IR/Sparse24OpBase.td"

def Sparse24_Accumulators : VectorOfRankAndType<[1], [F32, F16, I32]>;

def Sparse24_WarpgroupMmaSpOp : Sparse24_Op<"warpgroup.mma_sp", [
    MemoryEffects<[MemRead, MemWrite]>,
    AllTypesMatch<["accumulators", "result"]>]> {
  let summary = "starts a product of a 2:4 sparse and a dense matrix by a warpgroup";
  let description = [{
    Starts `D = A·B + D`, or `D = A·B` with `overwrite`, for the 128 threads of a
    warpgroup (PTX ISA, "wgmma.mma_async.sp"). `A` is m × k, 2:4 sparse along k
    and compressed (m × k/2; tf32 is 1:2), `B` is k × n, `D` m × n.

    `a` is a descriptor of compressed A in shared memory (i64), or the thread's
    four registers of it (vector<4xi32>). `b` is a descriptor of B in shared
    memory. `metadata` is the thread's word of metadata; of 16-bit types and
    tf32 two of each four threads supply those of a product, and `selector` says
    which (Support/MmaSp.h; a warp has 16 rows of A).

    `accumulators` are the thread's elements of D: n/2 of them, in the order of
    the instruction's registers.

    The product is asynchronous. Between a write to registers that it reads and
    the first product stands `nvvm.wgmma.fence.aligned`; products are committed by
    `nvvm.wgmma.commit.group.sync.aligned`; and results may be used only as they
    come out of `sparse24.warpgroup.wait`, or by further products as their
    accumulators.

    Rules:
    * `mma_sp_c1`: A and B are both f16, bf16 or f32 (as tf32); i8 (signed) or
      ui8; or f8E4M3FN or f8E5M2, in any mixture within a family of 8-bit types.
    * `mma_sp_c2`: the shape is [64, n, k] with k = 32 for 16-bit types, 16 for
      tf32, 64 for 8-bit ones; n is a multiple of 8 up to 256, for integers one
      of 16 beyond 32.
    * `mma_sp_c3`: there are n/2 accumulators; they are f32, or f16 where A is f16
      or an 8-bit float, or i32 for integers.
    * `mma_sp_c4`: the selector is 0 or 1; 0 for 8-bit types.
    * `mma_sp_c5`: only 16-bit operands in shared memory are transposed (stored
      with m or n contiguous instead of k).
    * `mma_sp_c6`: integers aren't negated.

    ```mlir
    func.func @product(%0: vector<96xf32>, %a: i64, %b: i64, %metadata: i32)
        -> vector<96xf32> {
      nvvm.wgmma.fence.aligned
      %1 = sparse24.warpgroup.mma_sp %0, %a, %b, %metadata
        {shape = array<i64: 64, 192, 32>, a_type = bf16, b_type = bf16, selector = 1 : i32}
        : (vector<96xf32>, i64, i64, i32) -> vector<96xf32>
      nvvm.wgmma.commit.group.sync.aligned
      %2 = sparse24.warpgroup.wait 0 %1 : vector<96xf32>
      return %2 : vector<96xf32>
    }
    ```
  }];
  let arguments = (ins
    Sparse24_Accumulators:$accumulators,
    AnyTypeOf<[I64, VectorOfLengthAndType<[4], [I32]>]>:$a,
    I64:$b, I32:$metadata,
    DenseI64ArrayAttr:$shape, TypeAttr:$a_type, TypeAttr:$b_type,
    DefaultValuedAttr<I32Attr, "0">:$selector,
    UnitAttr:$overwrite, UnitAttr:$negate_a, UnitAttr:$negate_b,
    UnitAttr:$transpose_a, UnitAttr:$transpose_b
  );
  let results = (outs Sparse24_Accumulators:$result);
  let assemblyFormat = [{
    $accumulators `,` $a `,` $b `,` $metadata attr-dict
      `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getM() { return getShape()[0]; }
    int64_t getN() { return getShape()[1]; }
    int64_t getK() { return getShape()[2]; }
    bool isAInRegisters() { return isa<VectorType>(getA().getType()); }
  }];
}

def Sparse24_WarpgroupWaitOp : Sparse24_Op<"warpgroup.wait", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<InferTypeOpInterface>,
    MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits for products of a warpgroup and hands on their results";
  let description = [{
    Waits until at most `pending` groups of products are in flight (PTX ISA,
    "wgmma.wait_group"). The accumulators of all products that may still be in
    flight go in and come out: so nothing can read them before the wait, which
    would make ptxas serialize the products.

    `metadata` are words that products which this wait completes have read. The
    hardware reads them while a product is in flight, not when it starts, and
    ptxas doesn't know: it would give their registers to other values. Named
    here, they are kept. (Seen on an H100, whose results were wrong without.)

    Rules:
    * `wait_c1`: `pending` isn't negative.

    ```mlir
    func.func @results(%0: vector<96xf32>, %1: vector<96xf32>, %metadata: i32)
        -> (vector<96xf32>, vector<96xf32>) {
      %d:2 = sparse24.warpgroup.wait 1 %0, %1 : vector<96xf32>, vector<96xf32>
             metadata(%metadata)
      return %d#0, %d#1 : vector<96xf32>, vector<96xf32>
    }
    ```
  }];
  let arguments = (ins I32Attr:$pending,
                       Variadic<Sparse24_Accumulators>:$accumulators,
                       Variadic<I32>:$metadata);
  let results = (outs Variadic<Sparse24_Accumulators>:$results);
  let assemblyFormat = [{
    $pending ($accumulators^ `:` type($accumulators))?
    (`metadata` `(` $metadata^ `)`)? attr-dict
  }];
  let hasVerifier = 1;
}

#endif // SPARSE24_DIALECT_SPARSE24_IR_WARPGROUPOPS_TD
