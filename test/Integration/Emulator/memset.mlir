// The host fills a part of a temporary before a launch; the rest keeps its poison.

// RUN: sparse24-emulate %s --entry=host --arg=%t.npy:7xi32 --arg=index:4 --arg=index:4
// RUN: od -A n -t d4 -j 128 %t.npy | FileCheck %s
// CHECK: -1 0 0 0
// CHECK-NEXT: 0 -1 -1

// Nothing is no mistake, wherever it is.
// RUN: sparse24-emulate %s --entry=host --arg=%t.npy:7xi32 --arg=index:64 --arg=index:0

// RUN: not sparse24-emulate %s --entry=host --arg=%t.npy:7xi32 --arg=index:4 --arg=index:7 2>&1 | FileCheck %s --check-prefix=BEYOND
// BEYOND: error: out-of-bounds: the program fills 7 words of memory that it doesn't have
// RUN: not sparse24-emulate %s --entry=host --arg=%t.npy:7xi32 --arg=index:2 --arg=index:4 2>&1 | FileCheck %s --check-prefix=ODD
// ODD: error: misaligned: the program fills 4 words of memory that don't begin at a multiple of 4

module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @copy(%in: memref<7xi32>, %out: memref<7xi32>) kernel {
      %i = gpu.thread_id x
      %0 = memref.load %in[%i] : memref<7xi32>
      memref.store %0, %out[%i] : memref<7xi32>
      gpu.return
    }
  }

  func.func @host(%out: memref<7xi32>, %begin: index, %count: index) attributes {llvm.emit_c_interface} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c7 = arith.constant 7 : index
    %zero = arith.constant 0 : i32
    %temporary = memref.alloc() : memref<28xi8>
    %flags = memref.view %temporary[%begin][%count] : memref<28xi8> to memref<?xi32>
    gpu.memset %flags, %zero : memref<?xi32>, i32
    %all = memref.view %temporary[%c0][] : memref<28xi8> to memref<7xi32>
    gpu.launch_func @kernels::@copy blocks in (%c1, %c1, %c1) threads in (%c7, %c1, %c1)
      args(%all : memref<7xi32>, %out : memref<7xi32>)
    memref.dealloc %temporary : memref<28xi8>
    return
  }
}
