// Products on memrefs become launches of generated kernels.
// RUN: sparse24-opt %s --sparse24-convert-to-gpu --canonicalize --cse --mlir-print-local-scope | FileCheck %s

// The kernels come first in the module: one for each copy width and epilogue.
// CHECK: gpu.module @sparse24_kernels

// CHECK: gpu.func @matmul_mma_sp_bf16_f32_64x64x64(
// CHECK-SAME: %[[PACKED:.*]]: memref<?xi8>, %[[DENSE:.*]]: memref<?x?xbf16>, %[[OUT:.*]]: memref<?x?xf32>)
// CHECK-SAME: kernel attributes {known_block_size = array<i32: 128, 1, 1>, nvvm.minctasm = 1 : i32}
// Three stages of 4 row blocks (values and metadata) and 64 rows of 128 bytes,
// and a barrier each, for the copies of 128 threads and the release of 4 warps.
// CHECK: memref.view {{.*}} to memref<3xi64, #gpu.address_space<workgroup>>
// CHECK: memref.view {{.*}} to memref<12288xi8, #gpu.address_space<workgroup>>
// CHECK: memref.view {{.*}} to memref<1536xi8, #gpu.address_space<workgroup>>
// CHECK: memref.view {{.*}} to memref<12288xbf16, #gpu.address_space<workgroup>>
// CHECK-COUNT-3: nvvm.mbarrier.init %{{.*}}, %c132_i32
// CHECK: gpu.barrier
// CHECK: nvgpu.device_async_copy %[[PACKED]][%{{.*}}], %{{.*}}, 16, %{{.*}} {bypassL1}
// CHECK: nvvm.cp.async.mbarrier.arrive %{{.*}} {noinc = true}
// CHECK: scf.while
// CHECK: nvvm.mbarrier.test.wait
// CHECK: scf.for
// CHECK: nvvm.bar.warp.sync
// CHECK: nvvm.mbarrier.arrive
// CHECK: nvgpu.ldmatrix {{.*}} {numTiles = 4 : i32, transpose = true}
// CHECK: nvgpu.mma.sp.sync{{.*}}{mmaShape = [16, 8, 32]}
// CHECK: nvgpu.mma.sp.sync{{.*}}sparsitySelector = 1 : i32
// The epilogue stages accumulators in shared memory and stores vectors.
// CHECK: nvvm.bar.warp.sync
// CHECK: vector.store %{{.*}}, %[[OUT]]

// The same with K × N rows of unknown alignment: through registers.
// CHECK: gpu.func @matmul_mma_sp_bf16_f32_64x64x64_{{[0-9]+}}(
// CHECK: memref.load %{{.*}} : memref<?xbf16>

// An epilogue makes a kernel of its own.
// CHECK: gpu.func @matmul_mma_sp_bf16_bf16_64x64x64(
// CHECK-SAME: memref<?x?xbf16>, %[[BIAS:arg[0-9]+]]: memref<?xf32>)
// CHECK: nvgpu.ldmatrix {{.*}} {numTiles = 4 : i32, transpose = false}
// CHECK: vector.load %[[BIAS]]
// CHECK: arith.addf
// CHECK: arith.truncf
// CHECK-NOT: gpu.func

// CHECK-LABEL: func @shared
func.func @shared(%p: memref<9216xi8>, %x: memref<96x128xbf16>, %y: memref<64x128xf32>,
                  %p2: memref<13824xi8>, %x2: memref<192x40xbf16>, %y2: memref<64x40xf32>) {
  // Two shapes, one kernel: 64 × 128 has two tiles, 64 × 40 has one.
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_mma_sp_bf16_f32_64x64x64 blocks in (%c2, %c1, %c1) threads in (%c128, %c1, %c1)
  // CHECK-SAME: dynamic_shared_memory_size
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<96x128xbf16>)
    outs(%y : memref<64x128xf32>) k = 96 acc = f32
    layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
    schedule = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [2, 2], stages = 3>
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_mma_sp_bf16_f32_64x64x64 blocks in (%c1, %c1, %c1)
  sparse24.matmul lhs ins(%p2 : memref<13824xi8>) dense(%x2 : memref<192x40xbf16>)
    outs(%y2 : memref<64x40xf32>) k = 192 acc = f32
    layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 192>
    schedule = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [2, 2], stages = 3>
  return
}

// CHECK-LABEL: func @dynamic
func.func @dynamic(%p: memref<9216xi8>, %x: memref<96x?xbf16>, %y: memref<64x?xf32>) {
  // CHECK: %[[N:.*]] = memref.dim %{{.*}}, %c1 : memref<96x?xbf16>
  // CHECK: %[[REST:.*]] = arith.remui %[[N]], %c8
  // CHECK: %[[ALIGNED:.*]] = arith.cmpi
  // CHECK: scf.if %[[ALIGNED]]
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_mma_sp_bf16_f32_64x64x64 blocks
  // CHECK: else
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_mma_sp_bf16_f32_64x64x64_{{[0-9]+}} blocks
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<96x?xbf16>)
    outs(%y : memref<64x?xf32>) k = 96 acc = f32
    layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
    schedule = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [2, 2], stages = 3>
  return
}

// CHECK-LABEL: func @epilogue
func.func @epilogue(%p: memref<9216xi8>, %x: memref<?x96xbf16>, %y: memref<?x64xbf16>,
                    %bias: memref<64xf32>) {
  // CHECK: gpu.launch_func @sparse24_kernels::@matmul_mma_sp_bf16_bf16_64x64x64 blocks
  sparse24.matmul rhs ins(%p : memref<9216xi8>) dense(%x : memref<?x96xbf16>)
    outs(%y : memref<?x64xbf16>) k = 96 acc = f32
    layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
    schedule = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [2, 2], stages = 3>
    epilogue(%bias : memref<64xf32>) maps = [affine_map<(m, n) -> (n)>] {
    ^bb0(%acc: f32, %b: f32):
      %0 = arith.addf %acc, %b : f32
      %1 = arith.truncf %0 : f32 to bf16
      sparse24.yield %1 : bf16
    }
  return
}
