// Passes on the target level: from kernels to what a GPU loads. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TARGET_PASSES_TD
#define SPARSE24_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def Sparse24TileParallelLoopsPass : Pass<"sparse24-tile-parallel-loops"> {
  let summary = "Shape parallel loops for a grid of CTAs";
  let description = [{
    **Overview.** Makes each outermost `scf.parallel` one-dimensional and splits
    it into a loop over CTAs and one over the threads of a CTA, so that
    upstream's `gpu-map-parallel-loops` and `convert-parallel-loops-to-gpu` fill
    the GPU. It serves what a program does besides its sparse products:
    element-wise operations, and products that stay dense.

    **Preconditions.** Loops have no reductions.

    Before:
    ```mlir
    scf.parallel (%i, %j) = (%c0, %c0) to (%m, %n) step (%c1, %c1) { … }
    ```
    After:
    ```mlir
    scf.parallel (%t) = (%c0) to (%mn) step (%c256) {
      scf.parallel (%u) = (%c0) to (%rest) step (%c1) { … }
    }
    ```
  }];
  let options = [
    Option<"threads", "threads", "int64_t", /*default=*/"256",
           "the number of threads of a CTA">,
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::scf::SCFDialect",
  ];
}

def Sparse24MergeKernelsPass
    : Pass<"sparse24-merge-kernels", "::mlir::ModuleOp"> {
  let summary = "Gather all kernels in one gpu.module and share equal ones";
  let description = [{
    **Overview.** `gpu-kernel-outlining` makes a `gpu.module` for every launch.
    This pass moves their functions into the first one, drops those that equal
    an earlier one but for the name, and redirects the launches, so that a
    program has one image and no kernel is compiled twice.

    **Preconditions.** Kernels are still `gpu.func`; modules have no symbols
    but functions.

    Before:
    ```mlir
    gpu.module @a { gpu.func @f() kernel { … } }
    gpu.module @b { gpu.func @g() kernel { … } }
    ```
    After, if `@f` and `@g` have equal bodies:
    ```mlir
    gpu.module @a { gpu.func @f() kernel { … } }
    ```
  }];
  let statistics = [
    Statistic<"numShared", "num-shared", "kernels that equalled another">,
  ];
}

def Sparse24AssembleKernelsPass
    : Pass<"sparse24-assemble-kernels", "::mlir::ModuleOp"> {
  let summary = "Assemble PTX with ptxas and read its report";
  let description = [{
    **Overview.** Runs `ptxas -v` on the PTX of every `gpu.binary` and replaces
    it by the cubin. The report is read: a kernel that spills registers, whose
    `wgmma` instructions are serialized (C7510, C7514, C7520, …), that gets a
    wait injected (C7517) or whose `setmaxnreg` is ignored (C7508) is an error,
    because such a kernel runs at a fraction of its speed and nothing else would
    tell. `ptxas` itself calls these information, so that its exit status doesn't
    show them. An injected `warpgroup.arrive` (C7519) does no harm.

    `setmaxnreg` is taken only where the number of registers at entry is known:
    by `nvvm.maxnreg`, or by `nvvm.minctasm` with the size of a CTA.

    **Preconditions.** `gpu-module-to-binary{format=isa}` has run. `ptxas` is
    on the PATH, or in `$CUDA_HOME/bin` or `/usr/local/cuda/bin`.

    **Caveats.** `allow-spills` turns the error for spills into a warning.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"\"",
           "the GPU to assemble for; empty means the target of the PTX">,
    Option<"allowSpills", "allow-spills", "bool", /*default=*/"false",
           "warn of spilled registers instead of failing">,
  ];
}

def Sparse24WriteKernelsPass
    : Pass<"sparse24-write-kernels", "::mlir::ModuleOp"> {
  let summary = "Write the kernels of the program to a file";
  let description = [{
    **Overview.** Writes the object of the program's `gpu.binary` (PTX text, a
    cubin or a fatbin) to a file and leaves the program as it is.

    **Preconditions.** There is exactly one `gpu.binary`; see
    `sparse24-merge-kernels`.
  }];
  let options = [
    Option<"path", "path", "std::string", /*default=*/"\"\"",
           "the file to write; `-` is standard output">,
  ];
}

#endif // SPARSE24_TARGET_PASSES_TD
