// Kernels of all modules are gathered in the first; equal ones are shared.
// RUN: sparse24-opt %s --sparse24-merge-kernels | FileCheck %s

!map = !nvgpu.tensormap.descriptor<tensor = memref<8x64xbf16, 3>, swizzle = none, l2promo = none, oob = zero, interleave = none>

module attributes {gpu.container_module} {
  // CHECK: gpu.module @a {
  // CHECK: gpu.func @f
  // CHECK: gpu.func @different
  // CHECK: gpu.func @f_0
  // CHECK: gpu.func @pairs
  // CHECK: gpu.func @fours
  // CHECK-NOT: gpu.func
  // CHECK-NOT: gpu.module
  gpu.module @a {
    gpu.func @f(%x: memref<?xf32>, %i: index, %v: f32) kernel {
      memref.store %v, %x[%i] : memref<?xf32>
      gpu.return
    }
  }
  gpu.module @b {
    gpu.func @same(%x: memref<?xf32>, %i: index, %v: f32) kernel {
      memref.store %v, %x[%i] : memref<?xf32>
      gpu.return
    }
    gpu.func @different(%x: memref<?xf32>, %i: index, %v: f32) kernel {
      %0 = arith.addf %v, %v : f32
      memref.store %0, %x[%i] : memref<?xf32>
      gpu.return
    }
  }
  // Another function of the same name.
  gpu.module @c {
    gpu.func @f(%x: memref<?xf32>, %i: index, %v: f32) kernel {
      %0 = arith.mulf %v, %v : f32
      memref.store %0, %x[%i] : memref<?xf32>
      gpu.return
    }
  }
  // What is launched otherwise isn't equal.
  gpu.module @d {
    gpu.func @pairs(%map: !map) kernel attributes {known_cluster_size = array<i32: 2, 1, 1>} {
      nvgpu.tma.prefetch.descriptor %map : !map
      gpu.return
    }
    gpu.func @fours(%map: !map) kernel attributes {known_cluster_size = array<i32: 4, 1, 1>} {
      nvgpu.tma.prefetch.descriptor %map : !map
      gpu.return
    }
  }
  // CHECK-LABEL: func @launches
  func.func @launches(%x: memref<?xf32>, %i: index, %v: f32, %map: !map) {
    // CHECK: sparse24.resident_clusters @a::@f cluster
    // CHECK: gpu.launch_func @a::@f blocks
    // CHECK: gpu.launch_func @a::@f blocks
    // CHECK: gpu.launch_func @a::@different blocks
    // CHECK: gpu.launch_func @a::@f_0 blocks
    %n = sparse24.resident_clusters @b::@same cluster = 1, threads = 32, shared_memory = 0 : index
    gpu.launch_func @a::@f blocks in (%i, %i, %i) threads in (%i, %i, %i) args(%x : memref<?xf32>, %i : index, %v : f32)
    gpu.launch_func @b::@same blocks in (%i, %i, %i) threads in (%i, %i, %i) args(%x : memref<?xf32>, %i : index, %v : f32)
    gpu.launch_func @b::@different blocks in (%i, %i, %i) threads in (%i, %i, %i) args(%x : memref<?xf32>, %i : index, %v : f32)
    gpu.launch_func @c::@f blocks in (%i, %i, %i) threads in (%i, %i, %i) args(%x : memref<?xf32>, %i : index, %v : f32)
    // CHECK: gpu.launch_func @a::@pairs clusters in (%{{.*}}, %{{.*}}, %{{.*}}) blocks in {{.*}} args(%{{.*}} : !nvgpu.tensormap.descriptor
    // CHECK: gpu.launch_func @a::@fours clusters in
    gpu.launch_func @d::@pairs clusters in (%i, %i, %i) blocks in (%i, %i, %i) threads in (%i, %i, %i) args(%map : !map)
    gpu.launch_func @d::@fours clusters in (%i, %i, %i) blocks in (%i, %i, %i) threads in (%i, %i, %i) args(%map : !map)
    return
  }
}
