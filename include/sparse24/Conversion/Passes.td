// Conversions out of the sparse24 dialect and of what they leave. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_CONVERSION_PASSES_TD
#define SPARSE24_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def Sparse24ConvertLaunchToRuntimePass
    : Pass<"sparse24-convert-launch-to-runtime", "::mlir::ModuleOp"> {
  let summary = "Turn functions that launch kernels into entries of the runtime";
  let description = [{
    **Overview.** Replaces each public function `@f` by three, which
    `sparse24/Runtime/Runtime.h` describes for their callers:

    * `@f_create(path, context) -> i32` makes a context out of a constant that
      describes the kernels, their images and the weights that `@f` uses;
    * `@f_run(context, arguments of @f, stream) -> i32`, with
      `llvm.emit_c_interface`, is the body of `@f`, in which launches, tensor
      maps, allocations, copies, fills, weights and the device's size have
      become calls of the runtime;
    * `@f_destroy(context) -> i32`.

    Every `memref` in such a function is device memory. Each call returns a
    status. The first that isn't 0 is what `@f_run` returns; after it the calls
    that could fail are skipped, while temporaries are still freed. Arguments
    are checked to be aligned to 16 bytes, as the kernels assume, before
    anything is launched. Kernel parameters are what `convert-gpu-to-nvvm` makes
    of a `gpu.func`'s arguments by default: for a memref two pointers, the
    offset, the sizes and the strides. A tensor map (`!nvgpu.tensormap.descriptor`,
    from `nvgpu.tma.create.descriptor` of a cast memref) is its 128 bytes.

    **Preconditions.** Functions are bufferized with identity layouts and have
    no results (`buffer-results-to-out-params`); calls are inlined; kernels are
    serialized to `gpu.binary` as PTX, cubin or fat binary; the dynamic shared
    memory of each launch is a constant; launches and fills aren't
    asynchronous. Fills (`gpu.memset`) are of `i32` or `f32` and, like copies
    (`memref.copy`), of contiguous memory.

    **Caveats.** Host code can't look into device memory: operations that read
    or write a memref there are refused, and so are constants in
    `memref.global`, which belong into the weight file. Of several objects in a
    `gpu.binary` the one that `#gpu.select_object` names is taken, by default
    the first. Discardable attributes of dialects that `mlir-translate` doesn't
    know are dropped from the module and its functions.

    Before:
    ```mlir
    gpu.binary @kernels [#gpu.object<#nvvm.target, assembly = "…">]
    func.func @f(%x: memref<64xf32>) {
      gpu.launch_func @kernels::@scale blocks in (%c1, %c1, %c1)
        threads in (%c64, %c1, %c1) args(%x : memref<64xf32>)
      return
    }
    ```
    After:
    ```mlir
    llvm.mlir.global internal constant @kernels_image("…\00")
    llvm.func @f_create(!llvm.ptr, !llvm.ptr) -> i32
    func.func @f_run(%context: !llvm.ptr, %x: memref<64xf32>,
                     %stream: !llvm.ptr) -> i32 attributes {llvm.emit_c_interface}
    llvm.func @f_destroy(!llvm.ptr) -> i32
    ```
  }];
  let statistics = [
    Statistic<"numEntries", "num-entries", "functions converted">,
    Statistic<"numLaunches", "num-launches", "launches converted">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::scf::SCFDialect",
  ];
}

def Sparse24ConvertToEmulatorPass : Pass<"sparse24-convert-to-emulator", "::mlir::ModuleOp"> {
  let summary = "Turn kernels into host code that the emulator runs";
  let description = [{
    **Overview.** Makes a program that runs on the CPU, its kernels in the
    emulator (`sparse24/Emulator/Emulator.h`), out of one for a GPU.

    * Each function of a `gpu.module` becomes a function of the module. What a
      CPU can do, it does: arithmetic, branches, the thread's own stack. Each
      other operation (accesses to global and shared memory, everything of the
      NVVM dialect, inline PTX) becomes a call of `sparse24EmulatorExecute` with
      the number of a site. A site is an opcode, as the PTX manual writes it,
      and the operation's location.
    * For each kernel `@k` the constant `@k_emulator` describes it: an entry that
      takes an array of arguments, the sites, the shared memory
      (`CompiledKernel` in `sparse24/Emulator/HostProgram.h`).
    * `gpu.launch_func` becomes a call of `sparse24EmulatorLaunch`, `gpu.memset`
      one of `sparse24EmulatorMemset32`; allocations, constants and weights are
      made known to the emulator, so that it finds accesses out of bounds.
      `nvgpu.tma.create.descriptor` makes a tensor map of the emulator's;
      `sparse24.resident_clusters` counts on 4 multiprocessors.

    Shared variables are offsets in the CTA's window: static ones from its start
    in the order of their definition, then the dynamic one, at a multiple of 16
    or of its own alignment. A generic address has bit 62 set if it is in shared
    memory: `addrspacecast` from or to space 0 sets or clears it; between other
    spaces it does nothing.

    **Preconditions.** Kernels are in the LLVM and NVVM dialects, as
    `sparse24-pipeline` leaves them with `format=llvm`; memrefs that kernels take
    are passed as descriptors; host functions are bufferized.

    **Caveats.** Inline PTX may not branch. Copies (`llvm.intr.memcpy`) to or from
    memory that isn't the thread's own need a constant size. Launches and fills
    are synchronous. Functions of libdevice become those of the C library of the
    same name.

    Before:
    ```mlir
    nvvm.bar.warp.sync %mask : i32
    ```
    After:
    ```mlir
    llvm.store %mask, %in {alignment = 4 : i64} : i32, !llvm.ptr
    llvm.call @sparse24EmulatorExecute(%site, %in, %out) : (i32, !llvm.ptr, !llvm.ptr) -> ()
    ```
  }];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "kernels converted">,
    Statistic<"numSites", "num-sites", "instructions converted">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::NVVM::NVVMDialect",
  ];
}

def Sparse24ConvertToGPUPass : Pass<"sparse24-convert-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Turn products and two-way compression into generated kernels";
  let description = [{
    **Overview.** Replaces each `sparse24.matmul` on memrefs by a
    `gpu.launch_func` of a kernel that it generates into the `gpu.module`
    `@sparse24_kernels`. The kernel is IR of `gpu`, `scf`, `nvgpu`, `vector`
    and `memref` that a reader can follow: a tile scheduler, a mainloop and an
    epilogue.

    * `mma_sp`: the mainloop is a multi-stage pipeline of asynchronous copies
      into swizzled shared memory, `ldmatrix`, and `mma.sp` on fragments loaded
      a step ahead.
    * `wgmma_sp` (sm_90a): persistent kernels of specialised warpgroups. A
      producer warp fills the stages by tensor and bulk copies, of which the
      CTAs of a cluster share those of the dense operand; consumer warpgroups
      multiply with `sparse24.warpgroup.mma_sp`, apply the epilogue to their
      registers, and store through shared memory and tensor copies.

    Kernels take sizes as arguments: products with the same types, schedule,
    memory order and epilogue share one. Where a dynamic size leaves the
    alignment of rows open, several kernels are generated and the host chooses.
    Tensor copies need rows of multiples of 16 bytes: a dense operand that has
    others is copied to one that hasn't, and such an output is stored element by
    element.

    `compress` with four results, of contiguous buffers, becomes a kernel, too.
    A thread prunes four tiles, stores what their rows keep, and stages what
    their columns keep in shared memory, so that the transposed matrix is
    written in whole words.

    **Preconditions.** The program is bufferized with identity layouts; the
    sparse operand of a product is packed and a schedule is set
    (`sparse24-select-schedules`).

    **Caveats.** `mma_sp` kernels are generated for f16 and bf16 operands.
    Operands of other types than those of 16 bits must have K contiguous for
    `wgmma_sp`. The base pointers of all operands must be 16-byte aligned.
    Each part of `split_k` must have a block along K.

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
    "::mlir::NVVM::NVVMDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::memref::MemRefDialect", "::mlir::nvgpu::NVGPUDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
  ];
}

def Sparse24ConvertToNVVMPass : Pass<"sparse24-convert-to-nvvm"> {
  let summary = "Lower what upstream does not lower, or not well, to nvvm";
  let description = [{
    **Overview.** Lowers `nvgpu.mma.sp.sync` to `nvvm.mma.sp.sync` with
    ordered metadata, for every element type that it takes. Upstream's
    `convert-nvgpu-to-nvvm` goes through inline assembly without
    `sp::ordered_metadata`, which PTX advises against since ISA 8.5 and which
    is slow on newer hardware, and fails for bf16.

    `sparse24.warpgroup.mma_sp` and `sparse24.warpgroup.wait`, for which NVVM
    has no operations, become inline PTX with the accumulators tied to their
    registers.

    Arguments of type `!nvgpu.tensormap.descriptor` become pointers; which they
    were, `sparse24.tensor_maps` tells `sparse24-tensor-map-arguments`.

    Also replaces functions of `math` (`exp`, `tanh`, `erf`, …) by arithmetic
    with an error of a few units in the last place of f32: upstream calls
    libdevice, which is not there without the CUDA Toolkit.

    **Preconditions.** Runs in a `gpu.module` before `convert-nvgpu-to-nvvm` and
    `convert-gpu-to-nvvm`.

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
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::NVVM::NVVMDialect",
    "::mlir::vector::VectorDialect",
  ];
}

def Sparse24AlignSharedMemoryPass
    : Pass<"sparse24-align-shared-memory", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Align dynamic shared memory to 1024 bytes";
  let description = [{
    **Overview.** Kernels of the family `wgmma_sp` have swizzled operands in
    shared memory, from its first byte on. Upstream's `convert-gpu-to-nvvm`
    aligns what `gpu.dynamic_shared_memory` becomes to 16 bytes.

    **Preconditions.** `convert-gpu-to-nvvm` has run.

    Before:
    ```mlir
    llvm.mlir.global internal @__dynamic_shmem__0() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>
    ```
    After:
    ```mlir
    llvm.mlir.global internal @__dynamic_shmem__0() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
    ```
  }];
}

def Sparse24TensorMapArgumentsPass
    : Pass<"sparse24-tensor-map-arguments", "::mlir::LLVM::LLVMFuncOp"> {
  let summary = "Pass tensor maps to kernels by value";
  let description = [{
    **Overview.** The hardware reads a tensor map from the kernel's parameters
    if it is there as a whole: 128 bytes, aligned to 64, that the kernel doesn't
    write. Sets the attributes of the arguments that `sparse24-convert-to-nvvm`
    noted in `sparse24.tensor_maps`; upstream's `convert-gpu-to-nvvm` would drop
    them.

    **Preconditions.** `convert-gpu-to-nvvm` has made the kernel an `llvm.func`,
    with memrefs as their descriptors' fields.

    Before:
    ```mlir
    llvm.func @k(%map: !llvm.ptr) attributes {nvvm.kernel, sparse24.tensor_maps = array<i32: 0>}
    ```
    After:
    ```mlir
    llvm.func @k(%map: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<16 x i64>, nvvm.grid_constant})
      attributes {nvvm.kernel}
    ```
  }];
}

def Sparse24ConvertToLinalgPass : Pass<"sparse24-convert-to-linalg"> {
  let summary = "Lower sparse24 operations on buffers to loops";
  let description = [{
    **Overview.** Replaces the memref forms of `prune`, `compress`,
    `decompress`, `verify`, `pack` and `matmul` (of compressed and of packed
    operands) with `scf` loops around `arith`, `memref` and `vector` operations.
    This is what the operations mean, and what target `cpu` runs; GPUs run so,
    as kernels of a thread for each iteration, what `sparse24-convert-to-gpu`
    has no kernel for.

    `prune`, `compress`, `decompress` and `verify` are loops in parallel over the rows and
    the words of metadata, four groups each. Where rows consist of whole words,
    these are loaded and stored as vectors, otherwise element by element; where
    only run time tells, there is a branch for each. `pack` moves chunks that
    are neighbours in both formats.

    A product reads each row of the sparse operand once, into two buffers: the
    kept elements, and their positions along K. Then, where the dense operand
    is contiguous along the output's columns, each kept element scales a row of
    it and adds it to a row of accumulators; otherwise each output is one sum
    over the kept elements.

    **Preconditions.** Everything is on buffers (`one-shot-bufferize`); packed
    operands have the identity layout.

    **Caveats.** f32 operands, which stand for tf32, are multiplied as f32: the
    hardware's rounding of its operands is within the error bound that outputs
    are compared by, and isn't reproduced. 8-bit floats are widened by
    `arith.extf`, which `sparse24-expand-fp8` turns into integer arithmetic for
    LLVM.

    Before:
    ```mlir
    sparse24.decompress ins(%v, %m : memref<8x16xbf16>, memref<8x2xi16>)
                        outs(%w : memref<8x32xbf16>)
    ```
    After:
    ```mlir
    scf.parallel (%row, %word) = (%c0, %c0) to (%c8, %c2) step (%c1, %c1) {
      %kept = vector.load %v[%row, %first] : memref<8x16xbf16>, vector<8xbf16>
      …
      vector.store %elements, %w[%row, %begin] : memref<8x32xbf16>, vector<16xbf16>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def Sparse24ExpandFp8Pass : Pass<"sparse24-expand-fp8"> {
  let summary = "Expand extensions of 8-bit floats, which LLVM hasn't got";
  let description = [{
    **Overview.** Rewrites scalar `arith.extf` from `f8E4M3FN` and `f8E5M2` to operations on
    integers and `f16`, which has a superset of both types' values.

    **Preconditions.** The extension is on scalars, to `f16` or wider.

    **Caveats.** Truncation to these types stays (`convert-arith-to-apfloat` lowers it).

    Before:
    ```mlir
    %y = arith.extf %x : f8E5M2 to f32
    ```
    After:
    ```mlir
    %bits = arith.bitcast %x : f8E5M2 to i8
    %wide = arith.extui %bits : i8 to i16
    %high = arith.shli %wide, %c8 : i16
    %half = arith.bitcast %high : i16 to f16
    %y = arith.extf %half : f16 to f32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

#endif // SPARSE24_CONVERSION_PASSES_TD
