// Products of the family wgmma_sp become tensor maps and launches of persistent
// kernels in clusters.
// RUN: sparse24-opt %s --sparse24-convert-to-gpu --canonicalize --cse --mlir-print-local-scope | FileCheck %s
// RUN: sparse24-opt %s --sparse24-convert-to-gpu --canonicalize --cse --mlir-print-local-scope | FileCheck %s --check-prefix=KERNELS

// One kernel for each alignment of the output and each schedule, and no more.
// KERNELS-COUNT-3: gpu.func
// KERNELS-NOT: gpu.func

// CHECK: gpu.module @sparse24_kernels

// Its arguments: the tensor maps of values and metadata, two blocks of 64 rows at a
// time, and of the dense operand, a part of a stage for each CTA of the cluster, K,
// the output, and its tensor map.
// CHECK: gpu.func @matmul_wgmma_sp_bf16_f32_128x64x64(
// CHECK-SAME: %[[VALUES:.*]]: !nvgpu.tensormap.descriptor<tensor = memref<2x4x256xi32, 3>, swizzle = none, {{.*}}, %[[METADATA:.*]]: !nvgpu.tensormap.descriptor<tensor = memref<2x1x128xi32, 3>, swizzle = none,
// CHECK-SAME: %[[DENSE:.*]]: !nvgpu.tensormap.descriptor<tensor = memref<32x64xbf16, 3>, swizzle = swizzle_128b,
// CHECK-SAME: %{{.*}}: index, %[[OUT:.*]]: memref<?x?xf32>, %[[OUTMAP:.*]]: !nvgpu.tensormap.descriptor<tensor = memref<64x32xf32, 3>, swizzle = swizzle_128b,
// A producer and two consumers.
// CHECK-SAME: kernel attributes {known_block_size = array<i32: 384, 1, 1>, known_cluster_size = array<i32: 2, 1, 1>, nvvm.minctasm = 1 : i32}
// CHECK-DAG: %[[STORE:.*]] = builtin.unrealized_conversion_cast %[[OUTMAP]] : {{.*}} to !llvm.ptr
// CHECK-DAG: %[[LOADVALUES:.*]] = builtin.unrealized_conversion_cast %[[VALUES]] : {{.*}} to !llvm.ptr
// CHECK-DAG: %[[LOADMETADATA:.*]] = builtin.unrealized_conversion_cast %[[METADATA]] : {{.*}} to !llvm.ptr
// CHECK-DAG: %[[LOAD:.*]] = builtin.unrealized_conversion_cast %[[DENSE]] : {{.*}} to !llvm.ptr
// Three stages: the producer arrives at the full one; at the empty one, eight
// warps of each of the two CTAs.
// CHECK-DAG: %[[FULL:.*]] = memref.view {{.*}} to memref<3xi64, #gpu.address_space<workgroup>>
// CHECK-COUNT-3: nvvm.mbarrier.init %{{.*}}, %c1_i32
// CHECK-COUNT-3: nvvm.mbarrier.init %{{.*}}, %c16_i32
// CHECK: nvvm.fence.mbarrier.init
// CHECK: nvvm.cluster.arrive {aligned}
// CHECK-NEXT: nvvm.cluster.wait {aligned}

// One thread, the producer, waits for a stage to be empty, says what will come, and
// brings its part of the dense operand, 64 × 64 numbers, to both CTAs, and 128 rows
// of 64 bytes with 8 of metadata, blocks of the packed operand, to its own. There is
// a loop for tiles that end beyond the matrix' columns and one for all others.
// CHECK: nvvm.setmaxregister decrease 40
// CHECK: %[[ELECTED:.*]] = nvvm.elect.sync
// CHECK-NEXT: scf.if %[[ELECTED]]
// CHECK: scf.for
// CHECK: %[[ISTAIL:.*]] = arith.cmpi ult, %{{.*}}, %c64_i32
// CHECK: scf.if %[[ISTAIL]]
// CHECK: scf.for
// CHECK: nvvm.mbarrier.try_wait
// CHECK: %[[DENSEBYTES:.*]] = arith.muli %{{.*}}, %c8192_i32
// CHECK: %[[BYTES:.*]] = arith.addi %[[DENSEBYTES]], %c9216_i32
// CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %[[BYTES]]
// CHECK-COUNT-3: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK: } else {
// CHECK: scf.for
// CHECK: nvvm.mbarrier.try_wait
// CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %c17408_i32
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[LOAD]], %{{.*}}, box[%{{.*}}, %{{.*}}] multicast_mask = %c3_i16
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[LOADVALUES]], %{{.*}}, box[%c0_i32, %{{.*}}, %{{.*}}] : !llvm.ptr
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[LOADMETADATA]], %{{.*}}, box[%c0_i32, %{{.*}}, %{{.*}}] : !llvm.ptr

// A consumer waits for a stage to be full, loads its metadata, which it makes legal
// for rows beyond the matrix, multiplies 64 rows in two steps, and gives the stage
// before back to both CTAs.
// CHECK: } else {
// CHECK: nvvm.setmaxregister increase 232
// CHECK: %[[LEGAL:.*]] = arith.select %{{.*}}, %c0_i32, %c1145324612_i32
// CHECK: scf.for
// CHECK-SAME: vector<32xf32>
// CHECK: nvvm.mbarrier.try_wait
// CHECK: vector.load {{.*}} : memref<1xi32, #gpu.address_space<workgroup>>, vector<1xi32>
// CHECK: %[[WORD:.*]] = arith.ori %{{.*}}, %[[LEGAL]]
// CHECK: nvvm.wgmma.fence.aligned
// CHECK: %[[FIRST:.*]] = sparse24.warpgroup.mma_sp %{{.*}}, %[[WORD]] {a_type = bf16, b_type = bf16, shape = array<i64: 64, 64, 32>, transpose_b}
// CHECK: %[[SECOND:.*]] = sparse24.warpgroup.mma_sp %[[FIRST]], %{{.*}}, %{{.*}}, %[[WORD]] {a_type = bf16, b_type = bf16, selector = 1 : i32
// CHECK-NEXT: nvvm.wgmma.commit.group.sync.aligned
// CHECK: sparse24.warpgroup.wait 1 %[[SECOND]] : vector<32xf32> metadata(%{{.*}})
// CHECK: nvvm.bar.warp.sync
// CHECK: %[[OTHER:.*]] = nvvm.mapa {{.*}} -> !llvm.ptr<7>
// CHECK-NEXT: nvvm.mbarrier.arrive %[[OTHER]]
// CHECK: sparse24.warpgroup.wait 0 %{{.*}} : vector<32xf32> metadata(%{{.*}})

// The epilogue has two places in shared memory. It waits until one has been stored,
// writes it, and stores it with one copy.
// CHECK: nvvm.cp.async.bulk.wait_group 1 {read}
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %c128_i32
// CHECK: vector.store
// CHECK: nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %c128_i32
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta %[[STORE]]
// CHECK-NEXT: nvvm.cp.async.bulk.commit.group
// CHECK: nvvm.cp.async.bulk.wait_group 0
// CHECK: nvvm.cluster.arrive {aligned}
// CHECK-NEXT: nvvm.cluster.wait {aligned}
// CHECK-NEXT: gpu.return

// Rows of the output that a tensor map doesn't take are stored by the threads.
// CHECK: gpu.func @matmul_wgmma_sp_bf16_f32_128x64x64_{{[0-9]+}}(
// CHECK-SAME: %[[OUT:[^ ]*]]: memref<?x?xf32>)
// CHECK-NOT: tensor.global.shared
// CHECK: memref.store %{{.*}}, %[[OUT]]
// CHECK-NOT: tensor.global.shared
// CHECK: gpu.return

// Sixteen bits, transposed: 8 × 8 matrices. One CTA and one consumer need neither
// cluster nor other registers. The dense operand's K is contiguous, so a tile that
// ends beyond the matrix takes another map for what there is of it.
// CHECK: gpu.func @matmul_wgmma_sp_bf16_bf16_64x32x64(
// CHECK-SAME: %[[DENSE:[^ ]*]]: !nvgpu.tensormap.descriptor<tensor = memref<32x64xbf16, 3>, swizzle = swizzle_128b, {{[^>]*}}>, %[[TAIL:[^ ]*]]: !nvgpu.tensormap.descriptor<tensor = memref<32x64xbf16, 3>,
// CHECK-SAME: kernel attributes {known_block_size = array<i32: 256, 1, 1>, nvvm.minctasm = 1 : i32}
// CHECK-DAG: %[[LOAD:.*]] = builtin.unrealized_conversion_cast %[[DENSE]] : {{.*}} to !llvm.ptr
// CHECK-DAG: %[[LOADTAIL:.*]] = builtin.unrealized_conversion_cast %[[TAIL]] : {{.*}} to !llvm.ptr
// CHECK-NOT: setmaxregister
// CHECK-NOT: multicast_mask
// CHECK: scf.for
// CHECK: %[[ISTAIL:.*]] = arith.cmpi ult, %{{.*}}, %c32_i32
// CHECK: scf.if %[[ISTAIL]]
// CHECK: scf.for
// CHECK: %[[DENSEBYTES:.*]] = arith.muli %{{.*}}, %c128_i32
// CHECK: %[[BYTES:.*]] = arith.addi %[[DENSEBYTES]], %c4608_i32
// CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %[[BYTES]]
// CHECK-NOT: scf.if
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[LOADTAIL]]
// CHECK: } else {
// CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %c8704_i32
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[LOAD]]
// CHECK: nvvm.stmatrix
// CHECK-NOT: cluster.arrive
// CHECK: gpu.return

// CHECK-LABEL: func @shared
func.func @shared(%p: memref<18432xi8>, %x: memref<128x128xbf16>, %y: memref<128x128xf32>,
                  %p2: memref<41472xi8>, %x2: memref<192x200xbf16>, %y2: memref<192x200xf32>) {
  // As many clusters of two as there are tiles, or as run at a time.
  // CHECK: %[[RESIDENT:.*]] = sparse24.resident_clusters @sparse24_kernels::@matmul_wgmma_sp_bf16_f32_128x64x64 cluster = 2, threads = 384, shared_memory = {{[0-9]+}} : index
  // CHECK: %[[VALUES:.*]] = memref.view %arg0[%c0][] : memref<18432xi8> to memref<2x8x256xi32>
  // CHECK: %[[CAST:.*]] = memref.cast %[[VALUES]]
  // CHECK: nvgpu.tma.create.descriptor %[[CAST]] box[%c2, %c4, %c256] : memref<*xi32>
  // CHECK: %[[METADATA:.*]] = memref.view %arg0[%c16384][] : memref<18432xi8> to memref<2x2x128xi32>
  // CHECK: %[[CAST:.*]] = memref.cast %[[METADATA]]
  // CHECK: nvgpu.tma.create.descriptor %[[CAST]] box[%c2, %c1, %c128] : memref<*xi32>
  // CHECK: nvgpu.tma.create.descriptor {{.*}} box[%c32, %c64] : memref<*xbf16>
  // CHECK: nvgpu.tma.create.descriptor {{.*}} box[%c64, %c32] : memref<*xf32>
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_f32_128x64x64 clusters in (%c2, %c1, %c1) blocks in (%{{.*}}, %c1, %c1) threads in (%c384, %c1, %c1)
  // CHECK-SAME: dynamic_shared_memory_size
  sparse24.matmul lhs ins(%p : memref<18432xi8>) dense(%x : memref<128x128xbf16>)
    outs(%y : memref<128x128xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [8, 1], stages = 3, cluster = 2>
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_f32_128x64x64 clusters in
  sparse24.matmul lhs ins(%p2 : memref<41472xi8>) dense(%x2 : memref<192x200xbf16>)
    outs(%y2 : memref<192x200xf32>) k = 192 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 192, k = 192>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [8, 1], stages = 3, cluster = 2>
  return
}

// 50 bf16 are 100 bytes, 50 f32 200: neither is a multiple of 16.
// CHECK-LABEL: func @unaligned
// CHECK-SAME: %{{.*}}: memref<18432xi8>, %[[X:.*]]: memref<128x50xbf16>, %{{.*}}: memref<128x50xf32>
func.func @unaligned(%p: memref<18432xi8>, %x: memref<128x50xbf16>, %y: memref<128x50xf32>) {
  // CHECK: %[[COPY:.*]] = memref.alloc({{.*}}) : memref<{{.*}}xbf16>
  // CHECK: %[[VIEW:.*]] = memref.subview %[[COPY]]
  // CHECK: linalg.copy ins(%[[X]] : memref<128x50xbf16>) outs(%[[VIEW]]
  // CHECK-COUNT-3: nvgpu.tma.create.descriptor
  // CHECK-NOT: nvgpu.tma.create.descriptor
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_f32_128x64x64_{{[0-9]+}} clusters in
  // CHECK: memref.dealloc %[[COPY]]
  sparse24.matmul lhs ins(%p : memref<18432xi8>) dense(%x : memref<128x50xbf16>)
    outs(%y : memref<128x50xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [8, 1], stages = 3, cluster = 2>
  return
}

// Where only run time tells, there is a branch for each case.
// CHECK-LABEL: func @dynamic
func.func @dynamic(%p: memref<18432xi8>, %x: memref<128x?xbf16>, %y: memref<128x?xf32>) {
  // CHECK: scf.if
  // CHECK: scf.if
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_f32_128x64x64 clusters
  // CHECK: else
  // CHECK: linalg.copy
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_f32_128x64x64 clusters
  // CHECK: else
  // CHECK: scf.if
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_f32_128x64x64_{{[0-9]+}} clusters
  // CHECK: else
  // CHECK: linalg.copy
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_f32_128x64x64_{{[0-9]+}} clusters
  sparse24.matmul lhs ins(%p : memref<18432xi8>) dense(%x : memref<128x?xbf16>)
    outs(%y : memref<128x?xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [8, 1], stages = 3, cluster = 2>
  return
}

// CHECK-LABEL: func @single
func.func @single(%p: memref<9216xi8>, %x: memref<40x128xbf16>, %y: memref<40x64xbf16>) {
  // CHECK: nvgpu.tma.create.descriptor {{.*}} box[%c32, %c64] : memref<*xbf16>
  // CHECK: nvgpu.tma.create.descriptor {{.*}} box[%c8, %c64] : memref<*xbf16>
  // CHECK-NOT: clusters in
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_bf16_64x32x64 blocks in (%{{.*}}, %c1, %c1) threads in (%c256, %c1, %c1)
  sparse24.matmul rhs ins(%p : memref<9216xi8>) dense(%x : memref<40x128xbf16>)
    outs(%y : memref<40x64xbf16>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 32, 64], warps = [4, 1], stages = 4>
  return
}

// Where all boxes are known to be whole, the map of the last columns is the other one.
// CHECK-LABEL: func @whole
func.func @whole(%p: memref<9216xi8>, %x: memref<64x128xbf16>, %y: memref<64x64xbf16>) {
  // CHECK: %[[MAP:.*]] = nvgpu.tma.create.descriptor {{.*}} box[%c32, %c64] : memref<*xbf16>
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_wgmma_sp_bf16_bf16_64x32x64 blocks
  // CHECK-SAME: args({{.*}}, %[[MAP]] : {{[^:]*}}, %[[MAP]] :
  sparse24.matmul rhs ins(%p : memref<9216xi8>) dense(%x : memref<64x128xbf16>)
    outs(%y : memref<64x64xbf16>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 32, 64], warps = [4, 1], stages = 4>
  return
}
