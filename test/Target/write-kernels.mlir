// The object of the program's gpu.binary, without the NUL that loaders want.
// RUN: split-file %s %t
// RUN: sparse24-opt %t/one.mlir --sparse24-write-kernels=path=%t/kernels.ptx | FileCheck %t/one.mlir
// RUN: printf 'kernel\n' | cmp - %t/kernels.ptx
// RUN: sparse24-opt %t/cubin.mlir --sparse24-write-kernels=path=%t/kernels.cubin -o /dev/null
// RUN: printf 'a\0' | cmp - %t/kernels.cubin
// RUN: not sparse24-opt %t/none.mlir --sparse24-write-kernels=path=%t/nothing -o /dev/null 2>&1 | FileCheck %t/none.mlir
// RUN: not ls %t/nothing
// RUN: not sparse24-opt %t/one.mlir --sparse24-write-kernels=path=%t/missing/kernels.ptx -o /dev/null 2>&1 | FileCheck %t/one.mlir --check-prefix=MISSING

//--- one.mlir
// The program stays as it is.
// CHECK: gpu.binary @kernels [#gpu.object<#nvvm.target<chip = "sm_90a">, assembly = "kernel\0A\00">]
// MISSING: error: {{.*}}missing/kernels.ptx
module {
  gpu.binary @kernels [#gpu.object<#nvvm.target<chip = "sm_90a">, assembly = "kernel\0A\00">]
}

//--- cubin.mlir
module {
  gpu.binary @kernels [#gpu.object<#nvvm.target<chip = "sm_90a">, bin = "a\00">]
}

//--- none.mlir
// CHECK: error: has 0 gpu.binary operations; one is needed to write kernels to a file
module {
}
