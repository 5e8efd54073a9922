// Launches become calls, with the memory that kernels may access made known.
// RUN: sparse24-opt %s --sparse24-convert-to-emulator | FileCheck %s --implicit-check-not=gpu.

// CHECK: llvm.mlir.global external constant @scale_emulator() {{.*}} : !llvm.struct<(ptr, ptr, ptr, ptr, i32, i32, i32, i32, i32)> {
// CHECK-DAG: llvm.mlir.addressof @sparse24_string
// CHECK-DAG: llvm.mlir.addressof @scale_entry
// CHECK-DAG: llvm.mlir.addressof @kernels_sites
// CHECK: llvm.return

module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @scale(%allocated: !llvm.ptr, %aligned: !llvm.ptr, %offset: i64, %size: i64, %stride: i64, %factor: f32)
        attributes {gpu.kernel, nvvm.kernel, nvvm.cluster_dim = array<i32: 2, 1, 1>} {
      llvm.return
    }
  }

  memref.global "private" constant @constant : memref<4xf32> = dense<1.0>

  // CHECK-LABEL: func.func @host
  func.func @host(%n: index, %factor: f32) {
    %c1 = arith.constant 1 : index
    %c32 = arith.constant 32 : index
    %bytes = arith.constant 64 : i32
    // CHECK: %[[CONSTANT:.*]] = memref.get_global @constant
    // CHECK: llvm.call @sparse24EmulatorConstant
    %0 = memref.get_global @constant : memref<4xf32>
    // The exact size, not one rounded up.
    // CHECK: %[[SIZE:.*]] = arith.index_cast %arg0
    // CHECK: %[[BYTES:.*]] = arith.muli %{{.*}}, %[[SIZE]]
    // CHECK: %[[ALIGNMENT:.*]] = llvm.mlir.constant(64 : i64)
    // CHECK: llvm.call @sparse24EmulatorAllocate(%[[BYTES]], %[[ALIGNMENT]])
    %1 = memref.alloc(%n) {alignment = 64 : i64} : memref<?xf32>
    // CHECK: llvm.call @sparse24EmulatorLaunch(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %c64_i32, %{{.*}})
    gpu.launch_func @kernels::@scale blocks in (%c1, %c1, %c1) threads in (%c32, %c1, %c1)
      dynamic_shared_memory_size %bytes args(%1 : memref<?xf32>, %factor : f32)
    // CHECK: llvm.call @sparse24EmulatorWeight({{.*}}) : (!llvm.ptr, i64, i64) -> !llvm.ptr
    %2 = sparse24.weight "bias" : memref<4xf32>
    gpu.launch_func @kernels::@scale blocks in (%c1, %c1, %c1) threads in (%c32, %c1, %c1)
      args(%2 : memref<4xf32>, %factor : f32)
    // CHECK: llvm.call @sparse24EmulatorFree
    memref.dealloc %1 : memref<?xf32>
    return
  }
}

// Kernels take their arguments from an array of pointers to them.
// CHECK: llvm.func @scale_entry(%[[ARGS:.*]]: !llvm.ptr) {
// CHECK: %[[SLOT:.*]] = llvm.getelementptr %[[ARGS]][5]
// CHECK: %[[ADDRESS:.*]] = llvm.load %[[SLOT]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[FACTOR:.*]] = llvm.load %[[ADDRESS]] : !llvm.ptr -> f32
// CHECK: llvm.call @scale({{.*}}, %[[FACTOR]])
