// Conversions out of the sparse24 dialect and of what they leave. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_CONVERSION_PASSES_TD
#define SPARSE24_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertToGPU : Pass<"sparse24-convert-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Turn products into launches of generated kernels";
  let description = [{
    **Overview.** Replaces each `sparse24.matmul` on memrefs by a
    `gpu.launch_func` of a kernel that it generates into the `gpu.module`
    `@sparse24_kernels`. The kernel is IR of `gpu`, `scf`, `nvgpu`, `vector`
    and `memref` that a reader can follow: a tile scheduler, a mainloop (a
    multi-stage pipeline of asynchronous copies into swizzled shared memory,
    `ldmatrix`, and `mma.sp` on fragments loaded a step ahead) and an epilogue.

    Kernels take sizes as arguments: products with the same types, schedule,
    memory order and epilogue share one. Where a dynamic size leaves the
    alignment of the dense operand's rows open, two kernels are generated and
    the host chooses.

    **Preconditions.** The program is bufferized with identity layouts; the
    sparse operand is packed and a schedule is set
    (`sparse24-select-schedules`).

    **Caveats.** Kernels are generated for f16 and bf16 operands with f32
    accumulation. The base pointers of all operands must be 16-byte aligned.

    Before:
    ```mlir
    sparse24.matmul lhs ins(%packed, %x) outs(%y) …
    ```
    After:
    ```mlir
    gpu.launch_func @sparse24_kernels::@matmul_mma_sp_bf16_f32_256x128x64
      blocks in (%tiles, %c1, %c1) threads in (%c256, %c1, %c1)
      dynamic_shared_memory_size %c139264_i32
      args(%packed : memref<?xi8>, %x : memref<?x?xbf16>, %y : memref<?x?xf32>)
    ```
  }];
  let statistics = [
    Statistic<"numProducts", "num-products", "products converted">,
    Statistic<"numKernels", "num-kernels", "kernels generated">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
    "::mlir::NVVM::NVVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::nvgpu::NVGPUDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
  ];
}

def ConvertToNVVM : Pass<"sparse24-convert-to-nvvm"> {
  let summary = "Lower sparse instructions that upstream does not";
  let description = [{
    **Overview.** Lowers `nvgpu.mma.sp.sync` to `nvvm.mma.sp.sync` with
    ordered metadata, for every element type that it takes. Upstream's
    `convert-nvgpu-to-nvvm` goes through inline assembly without
    `sp::ordered_metadata`, which PTX advises against since ISA 8.5 and which
    is slow on newer hardware, and fails for bf16.

    **Preconditions.** Runs in a `gpu.module` before `convert-nvgpu-to-nvvm`.

    **Caveats.** The target needs the feature `+ptx85`.

    Before:
    ```mlir
    %d = nvgpu.mma.sp.sync(%a, %b, %c) metadata(%e) {mmaShape = [16, 8, 32]} : …
    ```
    After:
    ```mlir
    %d = nvvm.mma.sp.sync A[…] B[…] C[…] sparseMetadata[…] selector[…]
      {orderedMetadata, shape = #nvvm.shape<m = 16, n = 8, k = 32>} : …
    ```
  }];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
    "::mlir::vector::VectorDialect",
  ];
}

#endif // SPARSE24_CONVERSION_PASSES_TD
