// Tensor maps are passed by value, however the kernel uses them.
// RUN: sparse24-opt %s --pass-pipeline='builtin.module(gpu.module(sparse24-convert-to-nvvm))' | FileCheck %s --check-prefix=NOTED
// RUN: sparse24-opt %s --pass-pipeline='builtin.module(gpu.module(sparse24-convert-to-nvvm,convert-nvgpu-to-nvvm,convert-scf-to-cf,convert-gpu-to-nvvm,llvm.func(sparse24-tensor-map-arguments),reconcile-unrealized-casts))' | FileCheck %s --implicit-check-not=sparse24.tensor_maps

!map = !nvgpu.tensormap.descriptor<tensor = memref<64x32xbf16, 3>, swizzle = swizzle_64b, l2promo = l2promo_256b, oob = zero, interleave = none>

gpu.module @kernels {
  // A memref of rank 2 is seven parameters.
  // NOTED: gpu.func @kernel(%{{.*}}: memref<?x?xf32>, %{{.*}}: !llvm.ptr, %{{.*}}: index, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) workgroup
  // NOTED-SAME: attributes {sparse24.tensor_maps = array<i32: 7, 9, 10>
  // CHECK-LABEL: llvm.func @kernel(
  // CHECK-SAME:    %arg6: i64, %[[FROM:[^:]*]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<16 x i64>, nvvm.grid_constant}, %arg8: i64,
  // CHECK-SAME:    %[[TO:[^:]*]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<16 x i64>, nvvm.grid_constant},
  // CHECK-SAME:    %arg10: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<16 x i64>, nvvm.grid_constant})
  gpu.func @kernel(%x: memref<?x?xf32>, %from: !map, %n: index, %to: !map, %unused: !map)
      workgroup(%tile: memref<64x32xbf16, 3>) kernel {
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0 : i32
    %barriers = nvgpu.mbarrier.create -> !nvgpu.mbarrier.group<memorySpace = #gpu.address_space<workgroup>>
    // CHECK: nvvm.prefetch tensormap, %[[FROM]]
    nvgpu.tma.prefetch.descriptor %from : !map
    // CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[FROM]],
    nvgpu.tma.async.load %from[%c0, %n], %barriers[%c0] to %tile
      : !map, !nvgpu.mbarrier.group<memorySpace = #gpu.address_space<workgroup>> -> memref<64x32xbf16, 3>
    // CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta %[[TO]],
    nvgpu.tma.async.store %tile to %to[%c0, %n] : memref<64x32xbf16, 3> -> !map
    // CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta %[[TO]],
    %pointer = builtin.unrealized_conversion_cast %to : !map to !llvm.ptr
    %shared = llvm.mlir.zero : !llvm.ptr<3>
    nvvm.cp.async.bulk.tensor.global.shared.cta %pointer, %shared, box[%zero, %zero] : !llvm.ptr, !llvm.ptr<3>
    gpu.return
  }

  // CHECK-LABEL: llvm.func @without(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64) attributes
  gpu.func @without(%x: memref<f32>) kernel {
    gpu.return
  }
}
