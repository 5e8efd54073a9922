// Two consumers take tiles in turn: one multiplies while the other stores.
// RUN: sparse24-opt %s --sparse24-convert-to-gpu --canonicalize --cse --mlir-print-local-scope | FileCheck %s

// CHECK: gpu.func @matmul_wgmma_sp_bf16_f32_128x32x64(
// CHECK-SAME: known_block_size = array<i32: 384, 1, 1>
// A stage is read by one of them: four warps in each of two CTAs. Each has a barrier that says that its turn has come.
// CHECK-DAG: memref.view {{.*}} to memref<2xi64, #gpu.address_space<workgroup>>
// CHECK-COUNT-4: nvvm.mbarrier.init %{{.*}}, %c8_i32
// CHECK-COUNT-2: nvvm.mbarrier.init %{{.*}}, %c1_i32

// The producer copies all tiles of the cluster.
// CHECK: nvvm.elect.sync
// CHECK: scf.for {{.*}} step %[[CLUSTERS:[^ ]*]] iter_args

// A consumer has every other one. It skips the stages of the others before its first tile, and after each.
// CHECK: } else {
// CHECK: %[[FIRST:.*]] = arith.divui %{{.*}}, %c4_i32
// CHECK: %[[ROUND:.*]] = arith.remui %[[FIRST]], %c2_i32
// CHECK: %[[OTHER:.*]] = arith.xori %{{.*}}, %c1_i32
// CHECK: %[[STEP:.*]] = arith.muli %[[CLUSTERS]], %c2_i32
// CHECK: scf.for {{.*}} step %[[STEP]] iter_args(%{{.*}}, %{{.*}} = %[[ROUND]], %[[PARITY:.*]] = %[[OTHER]])
// Its turn comes when the other has seen all of its stages, not when it has stored.
// CHECK: nvvm.mbarrier.try_wait %{{.*}}, %[[PARITY]]
// CHECK: sparse24.warpgroup.mma_sp
// CHECK: nvvm.mbarrier.arrive %{{.*}} : !llvm.ptr<3> -> i64
// CHECK: sparse24.warpgroup.wait 0
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta
// CHECK: arith.divui %{{.*}}, %c4_i32
// CHECK: arith.xori %[[PARITY]], %c1_i32
// CHECK: scf.yield

// CHECK-LABEL: func.func @product
func.func @product(%p: memref<73728xi8>, %x: memref<96x128xbf16>, %y: memref<512x128xf32>) {
  sparse24.matmul lhs ins(%p : memref<73728xi8>) dense(%x : memref<96x128xbf16>)
    outs(%y : memref<512x128xf32>) k = 96 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 512, k = 96>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 32, 64], warps = [4, 1], stages = 4, cluster = 2, ping_pong = true>
  return
}
