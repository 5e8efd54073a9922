// Tensor maps are encoded on the stack, from where kernels take them.
// RUN: sparse24-opt %s --sparse24-convert-to-emulator | FileCheck %s --implicit-check-not=nvgpu.tma --implicit-check-not=memref.cast

!map = !nvgpu.tensormap.descriptor<tensor = memref<8x32xbf16, 3>, swizzle = swizzle_64b, l2promo = l2promo_256b, oob = nan, interleave = none>

module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @kernel(%map: !llvm.ptr {llvm.byval = !llvm.array<16 x i64>, llvm.align = 64 : i64, nvvm.grid_constant}, %size: i64)
        attributes {gpu.kernel, nvvm.kernel} {
      llvm.return
    }
  }

  // CHECK-LABEL: func.func @host(
  // CHECK-SAME:    %[[X:.*]]: memref<8x?xbf16, strided<[?, 1], offset: ?>>, %[[SIZE:.*]]: i64)
  // CHECK-DAG:     %[[MAP:.*]] = llvm.alloca %{{.*}} x !llvm.array<16 x i64> {alignment = 64 : i64}
  // CHECK-DAG:     %[[TENSOR:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(ptr, ptr, i64, array<2 x i64>, array<2 x i64>)>
  // CHECK-DAG:     %[[BOX:.*]] = llvm.alloca %{{.*}} x !llvm.array<2 x i64>
  func.func @host(%x: memref<8x?xbf16, strided<[?, 1], offset: ?>>, %size: i64) {
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    // CHECK-DAG:     %[[C32:.*]] = arith.constant 32 : index
    %c32 = arith.constant 32 : index
    // CHECK:         %[[DESCRIPTOR:.*]] = builtin.unrealized_conversion_cast %[[X]]
    // CHECK:         llvm.store %[[DESCRIPTOR]], %[[TENSOR]]
    // CHECK:         %[[INNER:.*]] = llvm.getelementptr %[[BOX]][1]
    // CHECK:         %[[EXTENT:.*]] = arith.index_cast %[[C32]] : index to i64
    // CHECK:         llvm.store %[[EXTENT]], %[[INNER]] : i64
    // A bf16 of the driver's, two dimensions, 64 bytes swizzled, 256 promoted, NaN outside.
    // CHECK:         llvm.call @sparse24EmulatorEncodeTensorMap(%[[MAP]], %c9_i32, %c2_i32, %[[TENSOR]], %[[BOX]], %c2_i32{{.*}}, %c3_i32, %c1_i32)
    %0 = memref.cast %x : memref<8x?xbf16, strided<[?, 1], offset: ?>> to memref<*xbf16>
    %1 = nvgpu.tma.create.descriptor %0 box[%c8, %c32] : memref<*xbf16> -> !map
    // CHECK:         %[[PARAMETER:.*]] = builtin.unrealized_conversion_cast %{{.*}} : !nvgpu.tensormap.descriptor<{{.*}}> to !llvm.ptr
    // CHECK:         %[[FIRST:.*]] = llvm.getelementptr %[[PARAMETERS:.*]][0]
    // CHECK:         llvm.store %[[PARAMETER]], %[[FIRST]] : !llvm.ptr
    // CHECK:         llvm.call @sparse24EmulatorLaunch(
    gpu.launch_func @kernels::@kernel clusters in (%c8, %c1, %c1) blocks in (%c8, %c1, %c1) threads in (%c1, %c1, %c1)
      args(%1 : !map, %size : i64)
    return
  }

  // Of four multiprocessors, but never none.
  // CHECK-LABEL: func.func @resident_clusters(
  // CHECK-DAG:     %[[TWO:.*]] = arith.constant 2 : index
  // CHECK-DAG:     %[[ONE:.*]] = arith.constant 1 : index
  // CHECK:         return %[[TWO]], %[[ONE]]
  func.func @resident_clusters() -> (index, index) {
    %0 = sparse24.resident_clusters @kernels::@kernel cluster = 2, threads = 1, shared_memory = 0 : index
    %1 = sparse24.resident_clusters @kernels::@kernel cluster = 8, threads = 1, shared_memory = 0 : index
    return %0, %1 : index, index
  }
}
