// Split-K: CTAs of a cluster have parts of K of a tile, and the first adds the sums of the others.
// RUN: sparse24-opt %s --sparse24-convert-to-gpu --canonicalize --cse --mlir-print-local-scope | FileCheck %s

// CHECK: gpu.func @matmul_wgmma_sp_bf16_f32_64x32x64(
// CHECK-SAME: known_cluster_size = array<i32: 4, 1, 1>
// CHECK: %[[RANK:.*]] = arith.remui %{{.*}}, %c4_i32

// A stage is empty when its own CTA's consumer has read it: four warps. The sums are
// there when the 128 threads of three others have stored them, and may be overwritten
// when 128 have read them.
// CHECK-COUNT-3: nvvm.mbarrier.init %{{.*}}, %c1_i32
// CHECK-COUNT-3: nvvm.mbarrier.init %{{.*}}, %c4_i32
// CHECK: nvvm.mbarrier.init %{{.*}}, %c384_i32
// CHECK: nvvm.mbarrier.init %{{.*}}, %c128_i32
// CHECK: nvvm.fence.mbarrier.init

// The producer copies the blocks of the CTA's part, and nothing to the others.
// CHECK: %[[BEFORE:.*]] = arith.muli %[[RANK]], %[[BLOCKS:.*]] overflow
// CHECK: %[[BEGIN:.*]] = arith.divui %[[BEFORE]], %c4_i32
// CHECK: %[[NEXT:.*]] = arith.addi %[[RANK]], %c1_i32
// CHECK: %[[UPTO:.*]] = arith.muli %[[NEXT]], %[[BLOCKS]]
// CHECK: %[[END:.*]] = arith.divui %[[UPTO]], %c4_i32
// CHECK: scf.for %{{.*}} = %[[BEGIN]] to %[[END]] step %c1_i32
// CHECK-NOT: multicast_mask

// The first CTA waits for the others' sums, reads them in the order of ranks, tells
// those CTAs, and has the epilogue.
// CHECK: sparse24.warpgroup.wait 0 %{{.*}} : vector<16xf32>
// CHECK: scf.if
// CHECK: nvvm.mbarrier.try_wait {{.*}} {scope = #nvvm.mem_scope<cluster>}
// CHECK: %[[SUMS:.*]] = scf.for %[[OTHER:.*]] = %c1_i32 to %c4_i32 step %c1_i32 iter_args
// CHECK: nvvm.mapa %{{.*}}, %[[OTHER]] : !llvm.ptr<3> -> !llvm.ptr<7>
// CHECK-COUNT-4: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<7> -> vector<4xf32>
// CHECK-NOT: llvm.load
// CHECK: scf.for %[[OTHER:.*]] = %c1_i32 to %c4_i32 step %c1_i32
// CHECK: %[[THERE:.*]] = nvvm.mapa %{{.*}}, %[[OTHER]]
// CHECK-NEXT: nvvm.mbarrier.arrive %[[THERE]] {scope = #nvvm.mem_scope<cluster>}
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta

// The others wait until the sums of their tile before have been read, store their own, and
// tell the first.
// CHECK: } else {
// CHECK: nvvm.mbarrier.try_wait {{.*}} {scope = #nvvm.mem_scope<cluster>}
// CHECK-COUNT-4: vector.store %{{.*}} {alignment = 16 : i64} : memref<2048xf32, #gpu.address_space<workgroup>>, vector<4xf32>
// CHECK: %[[FIRST:.*]] = nvvm.mapa %{{.*}}, %c0_i32
// CHECK-NEXT: nvvm.mbarrier.arrive %[[FIRST]] {scope = #nvvm.mem_scope<cluster>}
// CHECK-NOT: tensor.global.shared

// Nobody ends before its sums have been read.
// CHECK: nvvm.cluster.arrive {aligned}
// CHECK-NEXT: nvvm.cluster.wait {aligned}
// CHECK-NEXT: gpu.return

// Clusters of two tiles below each other, with two parts each. CTAs of the same part share the dense operand, of which each
// brings half: those of the second part have ranks 2 and 3.
// CHECK: gpu.func @matmul_wgmma_sp_bf16_f32_64x64x64(
// CHECK: %[[RANK:.*]] = arith.remui %{{.*}}, %c4_i32
// CHECK: %[[TILE:.*]] = arith.remui %[[RANK]], %c2_i32
// CHECK: %[[PART:.*]] = arith.divui %[[RANK]], %c2_i32
// CHECK-COUNT-3: nvvm.mbarrier.init %{{.*}}, %c8_i32
// CHECK: nvvm.mbarrier.init %{{.*}}, %c128_i32
// CHECK: %[[FIRSTRANK:.*]] = arith.muli %[[PART]], %c2_i32
// CHECK: %[[NARROW:.*]] = arith.trunci %[[FIRSTRANK]] : i32 to i16
// CHECK: %[[MASK:.*]] = arith.shli %c3_i16, %[[NARROW]] : i16
// CHECK: multicast_mask = %[[MASK]]
// CHECK: gpu.return

// CHECK-LABEL: func.func @product(
func.func @product(%p: memref<18432xi8>, %x: memref<256x96xbf16>, %y: memref<64x96xf32>) {
  // A cluster for each of the three tiles.
  // CHECK: %[[RESIDENT:.*]] = sparse24.resident_clusters @sparse24_kernels::@{{.*}} cluster = 4, threads = 256, shared_memory = {{[0-9]+}} : index
  // CHECK: %[[CLUSTERS:.*]] = arith.minui %[[RESIDENT]], %c3
  // CHECK: %[[CTAS:.*]] = arith.muli %[[CLUSTERS]], %c4
  // CHECK-NOT: memref.alloc
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_f32_64x32x64 clusters in (%c4, %c1, %c1) blocks in (%[[CTAS]],
  sparse24.matmul lhs ins(%p : memref<18432xi8>) dense(%x : memref<256x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 256 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 256>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 32, 64], warps = [4, 1], stages = 3, cluster = 4, split_k = 4>
  return
}

func.func @tiles(%p: memref<36864xi8>, %x: memref<256x96xbf16>, %y: memref<128x96xf32>) {
  sparse24.matmul lhs ins(%p : memref<36864xi8>) dense(%x : memref<256x96xbf16>)
    outs(%y : memref<128x96xf32>) k = 256 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 256>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 64, 64], warps = [4, 1], stages = 3, cluster = 4, split_k = 2>
  return
}
