// RUN: not sparse24-emulate %s 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not sparse24-emulate %s --entry=absent 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not sparse24-emulate %s --kernel=absent 2>&1 | FileCheck %s --check-prefix=NO-KERNEL
// RUN: not sparse24-emulate %s --kernel=fill --arg=i64:3 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: not sparse24-emulate %s --kernel=fill --block=0 --arg=%t.npy:4xi32 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: echo "--kernel=fill --wrong=1" > %t.txt
// RUN: not sparse24-emulate %s --batch=%t.txt 2>&1 | FileCheck %s --check-prefix=BATCH

// NOTHING: error: nothing to run: give --entry, --kernel or --batch
// ABSENT: error: the module has no function 'absent' with a C interface
// NO-KERNEL: error: the module has no kernel 'absent'
// COUNT: error: kernel 'fill' takes 6 parameters, but the arguments are 1 (1 with bare pointers for arrays)
// SIZE: error: bad size '0': write x, x,y or x,y,z
// BATCH: error: {{.*}} line 1: unknown option '--wrong=1'

// A kernel on an array: the last element keeps its poison.
// RUN: sparse24-emulate %s --kernel=fill --grid=2 --block=3 --arg=%t.npy:7xi32 --arg=i32:10 --statistics | FileCheck %s --check-prefix=FILL
// RUN: od -A n -t d4 -j 128 %t.npy | FileCheck %s --check-prefix=DATA
// FILL: {{^fill[[:space:]][0-9.]+$}}
// FILL: 2 st.b32
// DATA: 10 11 12 13
// DATA-NEXT: 14 15 -1

// The same, launched by a function, which gives the kernel memory of its own too.
// RUN: sparse24-emulate %s --entry=host --arg=%t2.npy:7xi32
// RUN: od -A n -t d4 -j 128 %t2.npy | FileCheck %s --check-prefix=DATA

// Beyond an array, and beyond an allocation; nothing else runs then.
// RUN: not sparse24-emulate %s --kernel=fill --block=8 --arg=%t.npy:7xi32 --arg=i32:10 2>&1 | FileCheck %s --check-prefix=BOUNDS
// BOUNDS: sparse24-emulate.mlir:[[# @LINE + 15]]:7: error: out-of-bounds: 4 bytes at {{.*}} [st.b32, CTA (0,0,0), thread (7,0,0)]
// BOUNDS-NEXT: memref.store
// RUN: not sparse24-emulate %s --entry=beyond --arg=%t.npy:7xi32 2>&1 | FileCheck %s --check-prefix=BEYOND
// BEYOND: error: out-of-bounds: {{.*}} thread (6,0,0), and 1 more]

module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @fill(%out: memref<?xi32>, %first: i32) kernel {
      %block = gpu.block_id x
      %size = gpu.block_dim x
      %thread = gpu.thread_id x
      %0 = arith.muli %block, %size : index
      %i = arith.addi %0, %thread : index
      %1 = arith.index_cast %i : index to i32
      %value = arith.addi %first, %1 : i32
      memref.store %value, %out[%i] : memref<?xi32>
      gpu.return
    }

    // Nothing is between the writes and the reads of the other warp.
    gpu.func @race(%out: memref<?xi32>) workgroup(%shared: memref<64xi32, #gpu.address_space<workgroup>>) kernel {
      %c63 = arith.constant 63 : index
      %thread = gpu.thread_id x
      %0 = arith.index_cast %thread : index to i32
      memref.store %0, %shared[%thread] : memref<64xi32, #gpu.address_space<workgroup>>
      %other = arith.subi %c63, %thread : index
      // RUN: not sparse24-emulate %s --kernel=race --block=64 --arg=%t.npy:64xi32 2>&1 | FileCheck %s --check-prefix=RACE
      // RACE: sparse24-emulate.mlir:[[# @LINE + 1]]:{{[0-9]+}}: error: race
      %1 = memref.load %shared[%other] : memref<64xi32, #gpu.address_space<workgroup>>
      memref.store %1, %out[%thread] : memref<?xi32>
      gpu.return
    }

    // With a barrier it is right, in any order of the threads.
    // RUN: sparse24-emulate %s --kernel=reverse --block=64 --arg=%t.npy:64xi32
    // RUN: sparse24-emulate %s --kernel=reverse --block=64 --arg=%t.npy:64xi32 --seed=7
    // RUN: od -A n -t d4 -j 128 -N 8 %t.npy | FileCheck %s --check-prefix=REVERSE
    // REVERSE: 63 62
    gpu.func @reverse(%out: memref<?xi32>) workgroup(%shared: memref<64xi32, #gpu.address_space<workgroup>>) kernel {
      %c63 = arith.constant 63 : index
      %thread = gpu.thread_id x
      %0 = arith.index_cast %thread : index to i32
      memref.store %0, %shared[%thread] : memref<64xi32, #gpu.address_space<workgroup>>
      gpu.barrier
      %other = arith.subi %c63, %thread : index
      %1 = memref.load %shared[%other] : memref<64xi32, #gpu.address_space<workgroup>>
      memref.store %1, %out[%thread] : memref<?xi32>
      gpu.return
    }
  }

  func.func @host(%out: memref<7xi32>) attributes {llvm.emit_c_interface} {
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c6 = arith.constant 6 : index
    %ten = arith.constant 10 : i32
    %scratch = memref.alloc(%c6) : memref<?xi32>
    gpu.launch_func @kernels::@fill blocks in (%c2, %c1, %c1) threads in (%c3, %c1, %c1) args(%scratch : memref<?xi32>, %ten : i32)
    memref.dealloc %scratch : memref<?xi32>
    %all = memref.cast %out : memref<7xi32> to memref<?xi32>
    gpu.launch_func @kernels::@fill blocks in (%c2, %c1, %c1) threads in (%c3, %c1, %c1) args(%all : memref<?xi32>, %ten : i32)
    return
  }

  func.func @beyond(%out: memref<7xi32>) attributes {llvm.emit_c_interface} {
    %c1 = arith.constant 1 : index
    %c6 = arith.constant 6 : index
    %c8 = arith.constant 8 : index
    %ten = arith.constant 10 : i32
    %scratch = memref.alloc(%c6) : memref<?xi32>
    gpu.launch_func @kernels::@fill blocks in (%c1, %c1, %c1) threads in (%c8, %c1, %c1) args(%scratch : memref<?xi32>, %ten : i32)
    memref.dealloc %scratch : memref<?xi32>
    return
  }
}
