// The host side of a program, compiled with stock LLVM tools, linked with the
// runtime and run on a driver that records what it is asked to do.

// RUN: sparse24-opt %s -sparse24-host-to-llvm -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: FileCheck %s --check-prefix=NONE < %t.mlir
// RUN: mlir-translate --mlir-to-llvmir %t.mlir -o %t.ll
// RUN: llc -O2 -relocation-model=pic -filetype=obj %t.ll -o %t.o
// RUN: %cxx -std=c++17 -I%sparse24_include_dir -I%S/../../FakeCuda %S/Inputs/host-to-llvm.cpp %t.o \
// RUN:   -L%sparse24_runtime_dir -lsparse24_runtime -Wl,-rpath,%sparse24_runtime_dir -ldl -o %t.exe
// RUN: env SPARSE24_LIBCUDA=%sparse24_fake_cuda %t.exe

// Nothing of upstream's GPU runtime, and no work that makes the host wait.
// NONE-NOT: {{mgpu|StreamCreate|Synchronize|unrealized_conversion_cast|func\.func}}
// CHECK-DAG: llvm.func @f_create(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// CHECK-DAG: llvm.func @f_run(
// CHECK-DAG: llvm.func @_mlir_ciface_f_run(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: !llvm.ptr) -> i32
// CHECK-DAG: llvm.func @f_destroy(%{{.*}}: !llvm.ptr) -> i32

module attributes {gpu.container_module, sparse24.allow_prune = "magnitude"} {
  gpu.binary @kernels [#gpu.object<#nvvm.target, assembly = ".version 8.5">]

  // Copies x to a temporary, launches `scale` on it for each of `steps` rounds and
  // once more, as `store`, on row 1 and 2 of it and y.
  func.func @f(%x: memref<4x?xf32>, %y: memref<2x?xf32>, %steps: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c128 = arith.constant 128 : index
    %shared = arith.constant 1024 : i32
    %n = memref.dim %x, %c1 : memref<4x?xf32>
    %t = memref.alloc(%n) : memref<4x?xf32>
    memref.copy %x, %t : memref<4x?xf32> to memref<4x?xf32>
    scf.for %i = %c0 to %steps step %c1 {
      gpu.launch_func @kernels::@scale blocks in (%n, %c4, %c1) threads in (%c128, %c1, %c1)
        dynamic_shared_memory_size %shared args(%t : memref<4x?xf32>, %i : index)
    }
    %rows = memref.subview %t[1, 0] [2, %n] [1, 1]
      : memref<4x?xf32> to memref<2x?xf32, strided<[?, 1], offset: ?>>
    gpu.launch_func @kernels::@store blocks in (%c1, %c1, %c1) threads in (%c128, %c1, %c1)
      args(%rows : memref<2x?xf32, strided<[?, 1], offset: ?>>, %y : memref<2x?xf32>)
    memref.dealloc %t : memref<4x?xf32>
    return
  }

  // Zeroes a flag for each element of x in a temporary, whose first 64 bytes are
  // something else.
  func.func @g(%x: memref<?xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c64 = arith.constant 64 : index
    %zero = arith.constant 0 : i32
    %n = memref.dim %x, %c0 : memref<?xf32>
    %0 = arith.muli %n, %c4 : index
    %bytes = arith.addi %0, %c64 : index
    %t = memref.alloc(%bytes) : memref<?xi8>
    %flags = memref.view %t[%c64][%n] : memref<?xi8> to memref<?xi32>
    gpu.memset %flags, %zero : memref<?xi32>, i32
    gpu.launch_func @kernels::@scale blocks in (%c1, %c1, %c1) threads in (%c64, %c1, %c1)
      args(%flags : memref<?xi32>)
    memref.dealloc %t : memref<?xi8>
    return
  }
}
