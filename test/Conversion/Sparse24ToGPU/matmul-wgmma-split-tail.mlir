// Tiles of the last wave in halves: producer and consumer have a loop for whole
// tiles and one for halves.
// RUN: sparse24-opt %s --sparse24-convert-to-gpu --canonicalize --cse --mlir-print-local-scope | FileCheck %s

// Only where each has a cluster.
// CHECK: gpu.func @matmul_wgmma_sp_bf16_f32_128x32x64(
// CHECK: gpu.barrier
// CHECK: %[[REST:.*]] = arith.remui %[[TILES:.*]], %[[CLUSTERS:.*]] : i32
// CHECK: %[[HALVES:.*]] = arith.muli %[[REST]], %c2_i32
// CHECK: %[[SPLIT:.*]] = arith.cmpi ult, %[[HALVES]],
// CHECK: %[[WHOLE:.*]] = arith.select %[[SPLIT]], %{{.*}}, %[[TILES]]

// The producer copies two blocks of 64 rows, one after the other, or one to the same
// places.
// CHECK: %[[STATE:.*]]:2 = scf.for %{{.*}} = %{{.*}} to %[[WHOLE]] step %[[CLUSTERS]]
// CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %c13312_i32
// CHECK: arith.muli %{{.*}}, %c8192_i32
// CHECK: scf.for {{.*}} step %[[CLUSTERS]] iter_args(%{{.*}} = %[[STATE]]#0, %{{.*}} = %[[STATE]]#1)
// CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %c8704_i32
// CHECK: arith.muli %{{.*}}, %c8192_i32

// The consumer multiplies two, or one, for even and odd numbers of stages.
// CHECK: } else {
// CHECK-COUNT-2: sparse24.warpgroup.wait 0 %{{[^ ]*}}, %{{[^ ]*}} : vector<16xf32>, vector<16xf32>
// CHECK-COUNT-2: sparse24.warpgroup.wait 0 %{{[^ ]*}} : vector<16xf32>
// CHECK-NOT: sparse24.warpgroup.wait 0

// A tile has two halves, each for a cluster.
// CHECK-LABEL: func.func @product
// CHECK: %[[RESIDENT:.*]] = sparse24.resident_clusters @sparse24_kernels::@{{.*}} cluster = 1, threads = 256, shared_memory = {{[0-9]+}} : index
// CHECK: arith.minui %[[RESIDENT]], %c6 : index
func.func @product(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 32, 64], warps = [4, 1], stages = 3, split_tail = true>
  return
}
