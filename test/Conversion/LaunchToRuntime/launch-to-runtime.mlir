// RUN: sparse24-opt %s -sparse24-convert-launch-to-runtime -split-input-file | FileCheck %s

// CHECK-LABEL: module {
// CHECK-DAG: llvm.func @sparse24Launch(!llvm.ptr, i32, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, !llvm.ptr, !llvm.ptr) -> i32
// CHECK-DAG: llvm.mlir.global internal constant @kernels_image("PTX\00") {{.*}}alignment = 64
// CHECK-DAG: llvm.mlir.global internal constant @sparse24_string("scale\00")

// Each kernel once, with the most shared memory that a launch asks for: its name,
// image and bytes, and the threads and clusters that are counted.
// CHECK-DAG: llvm.mlir.global internal constant @f_kernels() {{.*}} : !llvm.array<1 x struct<(ptr, i32, i32, i32, i32)>>
// CHECK-DAG: llvm.mlir.constant(65536 : i32)

// CHECK-LABEL: func.func @f_run(
// CHECK-SAME:    %[[CONTEXT:.*]]: !llvm.ptr, %[[X:.*]]: memref<4x?xf32>, %[[S:.*]]: f16, %[[STREAM:.*]]: !llvm.ptr) -> i32
// CHECK-SAME:    attributes {llvm.emit_c_interface}
// CHECK-COUNT-2: llvm.alloca {{.*}} x !llvm.struct<(ptr, ptr, i64, i64, i64, i64, i64, f16, i64)>
// CHECK:         %[[STATUS:.*]] = llvm.alloca {{.*}} x i32

// Once, before anything is launched.
// CHECK:         scf.if
// CHECK:           %[[BASE:.*]] = llvm.extractvalue {{.*}}[1]
// CHECK:           %[[ALIGNED:.*]] = llvm.call @sparse24CheckAligned(%[[BASE]], %c16_i64)
// CHECK:           llvm.store %[[ALIGNED]], %[[STATUS]]
// CHECK-NOT:     sparse24CheckAligned

// CHECK:         %[[SO_FAR:.*]] = llvm.load %[[STATUS]] : !llvm.ptr -> i32
// CHECK:         %[[FINE:.*]] = arith.cmpi eq, %[[SO_FAR]], %c0_i32
// CHECK:         scf.if %[[FINE]] {
// CHECK:           %[[SLOT:.*]] = llvm.getelementptr %{{.*}}[0, 7] {{.*}} !llvm.struct<
// CHECK:           llvm.store %[[S]], %[[SLOT]] : f16
// CHECK:           %[[PARAM:.*]] = llvm.getelementptr %[[PARAMS:.*]][0, 7] {{.*}} !llvm.array<9 x ptr>
// CHECK:           llvm.store %[[SLOT]], %[[PARAM]] : !llvm.ptr
// CHECK:           %[[RESULT:.*]] = llvm.call @sparse24Launch(%[[CONTEXT]], %c0_i32{{.*}}, {{.*}}, %c1_i64{{[_0-9]*}}, %c1_i64{{[_0-9]*}}, %c1_i64{{[_0-9]*}}, %c65536_i64, %[[STREAM]], %[[PARAMS]])
// CHECK:           llvm.store %[[RESULT]], %[[STATUS]]
// CHECK:         }
// CHECK:         scf.if
// CHECK:           llvm.call @sparse24Launch(%[[CONTEXT]], %c0_i32{{.*}}, {{.*}}, %c0_i64{{.*}}, %[[STREAM]], %
// CHECK:         %[[LAST:.*]] = llvm.load %[[STATUS]]
// CHECK:         return %[[LAST]] : i32

// CHECK-LABEL: llvm.func @f_create(
// CHECK-SAME:    %[[PATH:.*]]: !llvm.ptr, %[[OUT:.*]]: !llvm.ptr) -> i32
// CHECK:         %[[MODULE:.*]] = llvm.mlir.addressof @f_module
// CHECK:         %[[CREATED:.*]] = llvm.call @sparse24ContextCreate(%[[MODULE]], %[[PATH]], %[[OUT]])
// CHECK:         llvm.return %[[CREATED]] : i32

// CHECK-LABEL: llvm.func @f_destroy(
// CHECK:         llvm.call @sparse24ContextDestroy
// CHECK-NOT:   gpu.binary
module attributes {gpu.container_module, sparse24.allow_prune = "magnitude"} {
  gpu.binary @kernels [#gpu.object<#nvvm.target, assembly = "PTX">]
  func.func @f(%x: memref<4x?xf32> {bufferization.writable = true}, %s: f16) {
    %c1 = arith.constant 1 : index
    %c64 = arith.constant 64 : index
    %shared = arith.constant 65536 : i32
    %n = memref.dim %x, %c1 : memref<4x?xf32>
    gpu.launch_func @kernels::@scale blocks in (%n, %c1, %c1) threads in (%c64, %c1, %c1)
      dynamic_shared_memory_size %shared
      args(%x : memref<4x?xf32>, %s : f16, %n : index)
    gpu.launch_func @kernels::@scale blocks in (%n, %c1, %c1) threads in (%c64, %c1, %c1)
      args(%x : memref<4x?xf32>, %s : f16, %n : index)
    return
  }
}

// -----

// Temporaries are allocated and freed in the order of the stream, freed whatever
// happened, and a second temporary of a loop isn't the first one's slot.

// CHECK-LABEL: func.func @temporaries_run(
// CHECK-SAME:    %[[CONTEXT:.*]]: !llvm.ptr, %{{.*}}: memref<?xbf16>, %[[STREAM:.*]]: !llvm.ptr)
// CHECK:         %[[SLOT:.*]] = llvm.alloca {{.*}} x !llvm.ptr
// CHECK:         scf.for
// CHECK:           llvm.store %{{.*}}, %[[SLOT]] : !llvm.ptr
// CHECK:           scf.if
// CHECK:             %[[BYTES:.*]] = arith.muli %c2_i64
// CHECK:             llvm.call @sparse24Alloc(%[[CONTEXT]], %[[BYTES]], %[[STREAM]], %[[SLOT]])
// CHECK:           %[[ADDRESS:.*]] = llvm.load %[[SLOT]] : !llvm.ptr -> !llvm.ptr
// CHECK:           scf.if
// CHECK:             llvm.call @sparse24Memcpy(%[[CONTEXT]], {{.*}}, %[[STREAM]])
// CHECK-NOT:       scf.if
// CHECK:           %[[FREED:.*]] = llvm.call @sparse24Free(%[[CONTEXT]], {{.*}}, %[[STREAM]])
// CHECK:           arith.select %{{.*}}, %[[FREED]]
func.func @temporaries(%x: memref<?xbf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %n = memref.dim %x, %c0 : memref<?xbf16>
  scf.for %i = %c0 to %c3 step %c1 {
    %t = memref.alloc(%n) : memref<?xbf16>
    memref.copy %x, %t : memref<?xbf16> to memref<?xbf16>
    memref.dealloc %t : memref<?xbf16>
  }
  return
}

// -----

// A part of a row is contiguous; its offset counts.

// CHECK-LABEL: func.func @slice_run(
// CHECK:         llvm.getelementptr %{{.*}}[%{{.*}}] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK:         llvm.call @sparse24Memcpy({{.*}}, %c32_i64, %{{.*}})
func.func @slice(%x: memref<4x8xf32>, %y: memref<8xf32>, %i: index) {
  %row = memref.subview %x[%i, 0] [1, 8] [1, 1]
    : memref<4x8xf32> to memref<8xf32, strided<[1], offset: ?>>
  memref.copy %row, %y : memref<8xf32, strided<[1], offset: ?>> to memref<8xf32>
  return
}

// -----

// Flags in a part of a temporary: how many words, not bytes. What is freed is the
// temporary.

// CHECK-LABEL: func.func @flags_run(
// CHECK-SAME:    %[[CONTEXT:.*]]: !llvm.ptr, %[[COUNT:.*]]: index, %[[VALUE:.*]]: i32, %[[STREAM:.*]]: !llvm.ptr)
// CHECK:         %[[SLOT:.*]] = llvm.alloca {{.*}} x !llvm.ptr
// CHECK:         llvm.call @sparse24Alloc(%[[CONTEXT]], %{{.*}}, %[[STREAM]], %[[SLOT]])
// CHECK:         %[[FLAGS:.*]] = memref.view %{{.*}}[%{{.*}}][%[[COUNT]]]
// CHECK:         scf.if
// CHECK:           %[[FIELDS:.*]] = builtin.unrealized_conversion_cast %[[FLAGS]]
// CHECK:           %[[SIZE:.*]] = llvm.extractvalue %[[FIELDS]][3, 0]
// CHECK:           %[[WORDS:.*]] = arith.muli %c1_i64{{.*}}, %[[SIZE]]
// CHECK:           %[[BEGIN:.*]] = llvm.extractvalue %[[FIELDS]][1]
// CHECK:           %[[FILLED:.*]] = llvm.call @sparse24Memset32(%[[CONTEXT]], %[[BEGIN]], %[[VALUE]], %[[WORDS]], %[[STREAM]])
// CHECK:           llvm.store %[[FILLED]]
// CHECK-NOT:     scf.if
// CHECK:         llvm.call @sparse24Free(
func.func @flags(%count: index, %value: i32) {
  %c64 = arith.constant 64 : index
  %t = memref.alloc() : memref<4096xi8>
  %flags = memref.view %t[%c64][%count] : memref<4096xi8> to memref<?xi32>
  gpu.memset %flags, %value : memref<?xi32>, i32
  memref.dealloc %t : memref<4096xi8>
  return
}

// -----

// Floats are filled with as words; an offset counts.

// CHECK-LABEL: func.func @row_run(
// CHECK:         %[[BITS:.*]] = arith.bitcast %{{.*}} : f32 to i32
// CHECK:         %[[BEGIN:.*]] = llvm.getelementptr %{{.*}}[%{{.*}}] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK:         llvm.call @sparse24Memset32(%{{.*}}, %[[BEGIN]], %[[BITS]], %c8_i64, %{{.*}})
func.func @row(%x: memref<4x8xf32>, %i: index, %value: f32) {
  %row = memref.subview %x[%i, 0] [1, 8] [1, 1]
    : memref<4x8xf32> to memref<8xf32, strided<[1], offset: ?>>
  gpu.memset %row, %value : memref<8xf32, strided<[1], offset: ?>>, f32
  return
}

// -----

// Two functions share images; each names the kernels and weights that it uses.
// What g needs is written first, as constants are put in front.

// CHECK-DAG:   llvm.mlir.global internal constant @first_image("A\00")
// CHECK-DAG:   llvm.mlir.global internal constant @second_image("\7FELF")
// CHECK-DAG:   llvm.mlir.global internal constant @[[W:sparse24_string.*]]("w\00")
// CHECK-DAG:   llvm.mlir.global internal constant @[[B:sparse24_string.*]]("bias\00")

// CHECK-DAG:   llvm.mlir.global internal constant @h_weights{{.*}} : !llvm.array<2 x struct<(ptr, i64, i64)>>
// CHECK-DAG:   llvm.mlir.global internal constant @h_images{{.*}} : !llvm.array<1 x struct<(ptr, i64)>>
// CHECK-DAG:   llvm.mlir.global internal constant @g_weights{{.*}} : !llvm.array<1 x struct<(ptr, i64, i64)>>
// CHECK-DAG:   llvm.mlir.global internal constant @g_images{{.*}} : !llvm.array<2 x struct<(ptr, i64)>>
// CHECK-DAG:   llvm.mlir.global internal constant @g_kernels{{.*}} : !llvm.array<2 x struct<(ptr, i32, i32, i32, i32)>>

// CHECK-LABEL: func.func @h_run(
// CHECK:         %[[P:.*]] = llvm.call @sparse24ContextWeight(%{{.*}}, %c0_i32{{.*}}) : (!llvm.ptr, i32) -> !llvm.ptr
// CHECK:         llvm.insertvalue %[[P]], %{{.*}}[1]
// CHECK:         llvm.call @sparse24ContextWeight(%{{.*}}, %c1_i32{{.*}})
module attributes {gpu.container_module} {
  gpu.binary @first [#gpu.object<#nvvm.target, assembly = "A\00">]
  gpu.binary @second <#gpu.select_object<1>> [
    #gpu.object<#nvvm.target, assembly = "B">,
    #gpu.object<#nvvm.target, bin = "\7FELF">]
  func.func @h(%x: memref<16xf32>) {
    %c1 = arith.constant 1 : index
    %w = "sparse24.weight"() <{name = "w", layout = #sparse24.layout<mma_sp, bf16, rows = 16, k = 64>}> : () -> memref<1152xi8>
    %b = sparse24.weight "bias" : memref<16xf32>
    gpu.launch_func @second::@gemm blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
      args(%w : memref<1152xi8>, %b : memref<16xf32>, %x : memref<16xf32>)
    return
  }
  func.func @g(%x: memref<16xf32>) {
    %c1 = arith.constant 1 : index
    %b = sparse24.weight "bias" : memref<16xf32>
    gpu.launch_func @second::@gemm blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
      args(%b : memref<16xf32>)
    gpu.launch_func @first::@gemm blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
      args(%x : memref<16xf32>)
    return
  }
}

// -----

// A tensor map is encoded unless something failed before, at a place of its own,
// which is the kernel's parameter as it is. Clusters, and how many of the kernel run
// at a time.

// CHECK-LABEL: func.func @clusters_run(
// CHECK-SAME:    %[[CONTEXT:.*]]: !llvm.ptr, %[[X:.*]]: memref<?x384xbf16>, %[[STREAM:.*]]: !llvm.ptr)
// CHECK-DAG:     %[[PARAMS:.*]] = llvm.alloca %{{.*}} x !llvm.array<2 x ptr>
// CHECK-DAG:     %[[FIELDS:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(i64)>
// CHECK-DAG:     %[[MAP:.*]] = llvm.alloca %{{.*}} x !llvm.array<16 x i64> {alignment = 64 : i64}
// CHECK-DAG:     %[[BOX:.*]] = llvm.alloca %{{.*}} x !llvm.array<2 x i64> {alignment = 64 : i64}
// CHECK-DAG:     %[[TENSOR:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(ptr, ptr, i64, array<2 x i64>, array<2 x i64>)> {alignment = 64 : i64}
// CHECK:         %[[NUMBER:.*]] = llvm.call @sparse24ResidentClusters(%[[CONTEXT]], %c0_i32{{.*}}) : (!llvm.ptr, i32) -> i64
// CHECK:         %[[COUNT:.*]] = arith.index_cast %[[NUMBER]] : i64 to index
// CHECK-NOT:     memref.cast
// CHECK:         %[[STATUS:.*]] = llvm.load
// CHECK:         %[[FINE:.*]] = arith.cmpi eq, %[[STATUS]]
// CHECK:         scf.if %[[FINE]] {
// CHECK:           llvm.store %{{.*}}, %[[TENSOR]]
// CHECK:           llvm.call @sparse24EncodeTensorMap(%[[CONTEXT]], %[[MAP]], %c9_i32, %c2_i32, %[[TENSOR]], %[[BOX]], %c3_i32, %c2_i32{{.*}}, %c0_i32{{.*}})
// CHECK:         }
// CHECK:         scf.if
// CHECK:           %[[ADDRESS:.*]] = builtin.unrealized_conversion_cast %{{.*}} : !nvgpu.tensormap.descriptor<{{.*}}> to !llvm.ptr
// CHECK:           %[[FIRST:.*]] = llvm.getelementptr %[[PARAMS]][0, 0]
// CHECK:           llvm.store %[[ADDRESS]], %[[FIRST]]
// CHECK:           %[[FIELD:.*]] = llvm.getelementptr %[[FIELDS]][0, 0]
// CHECK:           llvm.store %{{.*}}, %[[FIELD]] : i64
// CHECK:           %[[SECOND:.*]] = llvm.getelementptr %[[PARAMS]][0, 1]
// CHECK:           llvm.store %[[FIELD]], %[[SECOND]]
// CHECK:           %[[BLOCKS:.*]] = arith.index_cast %[[COUNT]]
// CHECK:           %[[CLUSTER:.*]] = arith.index_cast %c2
// CHECK:           llvm.call @sparse24Launch(%[[CONTEXT]], %c0_i32{{.*}}, %[[BLOCKS]], {{.*}}, %[[CLUSTER]], %{{.*}}, %{{.*}}, %c0_i64{{.*}}, %[[STREAM]], %[[PARAMS]])
!map = !nvgpu.tensormap.descriptor<tensor = memref<128x64xbf16, 3>, swizzle = swizzle_128b, l2promo = l2promo_128b, oob = zero, interleave = none>
module attributes {gpu.container_module} {
  gpu.binary @kernels [#gpu.object<#nvvm.target, assembly = "PTX">]
  func.func @clusters(%x: memref<?x384xbf16>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c64 = arith.constant 64 : index
    %c128 = arith.constant 128 : index
    %n = memref.dim %x, %c0 : memref<?x384xbf16>
    %count = sparse24.resident_clusters @kernels::@persistent cluster = 2, threads = 128, shared_memory = 0 : index
    %0 = memref.cast %x : memref<?x384xbf16> to memref<*xbf16>
    %1 = nvgpu.tma.create.descriptor %0 box[%c128, %c64] : memref<*xbf16> -> !map
    gpu.launch_func @kernels::@persistent clusters in (%c2, %c1, %c1) blocks in (%count, %c1, %c1) threads in (%c128, %c1, %c1)
      args(%1 : !map, %n : index)
    return
  }
}
