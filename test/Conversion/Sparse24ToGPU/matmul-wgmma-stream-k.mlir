// Stream-K: clusters share the tiles of the last wave along K and hand their sums on.
// RUN: sparse24-opt %s --sparse24-convert-to-gpu --canonicalize --cse --mlir-print-local-scope | FileCheck %s

// CHECK: gpu.func @matmul_wgmma_sp_bf16_f32_64x32x64(
// CHECK-SAME: %[[SUMS:[^ ]*]]: memref<?xf32>, %[[FLAGS:[^ ]*]]: memref<?xi32>)

// One thread writes down which parts of tiles the cluster has.
// CHECK: nvvm.fence.mbarrier.init
// CHECK-COUNT-12: memref.store %{{.*}} : memref<12xi32, #gpu.address_space<workgroup>>
// CHECK: gpu.barrier

// Producer and consumers read it.
// CHECK: memref.load %{{.*}} : memref<12xi32, #gpu.address_space<workgroup>>
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK: } else {
// CHECK: memref.load %{{.*}} : memref<12xi32, #gpu.address_space<workgroup>>
// CHECK: sparse24.warpgroup.wait 0 %{{.*}} : vector<16xf32>

// Whoever hasn't the tile's last blocks stores its sums and then raises its flag.
// CHECK: scf.if
// CHECK-COUNT-4: vector.store %{{.*}}, %[[SUMS]]{{.*}} {alignment = 16 : i64} : memref<?xf32>, vector<4xf32>
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %c128_i32
// CHECK: memref.extract_aligned_pointer_as_index %[[FLAGS]]
// CHECK: llvm.store %c1_i32, %{{.*}} atomic syncscope("device") release
// CHECK-NOT: sparse24.warpgroup

// Whoever has them waits for each of the others, adds, and goes on to the epilogue.
// CHECK: } else {
// CHECK: scf.for
// CHECK: scf.while
// CHECK: llvm.load %{{.*}} atomic syncscope("device") acquire
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %c128_i32
// CHECK: vector.load %[[SUMS]]
// CHECK: arith.addf %{{.*}} : vector<4xf32>
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta

// CHECK-LABEL: func.func @product
func.func @product(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // Up to eight clusters share one of the three tiles. Each of them, with one consumer
  // here, has a flag and 64 × 32 sums; flags are zero before.
  // CHECK: %[[RESIDENT:.*]] = sparse24.resident_clusters @sparse24_kernels::@{{.*}} cluster = 1, threads = 256, shared_memory = {{[0-9]+}} : index
  // CHECK: %[[CLUSTERS:.*]] = arith.minui %[[RESIDENT]], %c24
  // CHECK: %[[NUMSUMS:.*]] = arith.muli %[[CLUSTERS]], %c2048
  // CHECK: %[[MEMORY:.*]] = memref.alloc(%{{.*}}) : memref<?xi8>
  // CHECK: %[[HOSTFLAGS:.*]] = memref.view %[[MEMORY]][%c0][%[[CLUSTERS]]] : memref<?xi8> to memref<?xi32>
  // CHECK: %[[HOSTSUMS:.*]] = memref.view %[[MEMORY]][%{{.*}}][%[[NUMSUMS]]] : memref<?xi8> to memref<?xf32>
  // CHECK: gpu.memset %[[HOSTFLAGS]], %c0_i32
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_f32_64x32x64
  // CHECK-SAME: %[[HOSTSUMS]] : memref<?xf32>, %[[HOSTFLAGS]] : memref<?xi32>
  // CHECK: memref.dealloc %[[MEMORY]]
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 32, 64], warps = [4, 1], stages = 3, stream_k = true>
  return
}
