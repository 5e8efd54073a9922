// Operands of a wgmma.sp kernel's epilogue: those as large as the output come through the mainloop's stages, others through shared
// memory of their own.
// RUN: sparse24-opt %s --sparse24-convert-to-gpu --canonicalize --cse --mlir-print-local-scope | FileCheck %s

// The residual is passed as a tensor map, the bias as it is.
// CHECK: gpu.func @matmul_wgmma_sp_bf16_bf16_128x128x64(
// CHECK-SAME: %[[BIAS:[^ ]*]]: memref<?xf32>, %[[MAP:[^ ]*]]: !nvgpu.tensormap.descriptor<tensor = memref<64x64xbf16, 3>, swizzle = swizzle_128b, l2promo = l2promo_128b, oob = zero, interleave = none>)
// CHECK: %[[RESIDUAL:.*]] = builtin.unrealized_conversion_cast %[[MAP]] : {{.*}} to !llvm.ptr

// After a tile's blocks along K, four copies each in one of two loops, the producer brings it, 64 × 64 elements for each consumer, to the next stage, and the
// other columns to the one after; and not to both CTAs.
// CHECK: nvvm.setmaxregister decrease 40
// CHECK: scf.for
// CHECK-COUNT-8: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK: nvvm.mbarrier.try_wait
// CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %c16384_i32
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[RESIDUAL]], %{{.*}}, box[%{{.*}}, %{{.*}}] : !llvm.ptr
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[RESIDUAL]], %{{.*}}, box[%{{.*}}, %{{.*}}] : !llvm.ptr
// CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %c16384_i32
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[RESIDUAL]], %{{.*}}, box[%{{.*}}, %{{.*}}] : !llvm.ptr

// The consumers read it as matrices, and give the stage back to both CTAs before they store the output.
// CHECK: nvvm.setmaxregister increase 232
// CHECK: memref.load %[[BIAS]]
// CHECK: sparse24.warpgroup.wait 0
// CHECK: nvvm.mbarrier.try_wait
// CHECK: nvgpu.ldmatrix {{.*}} {numTiles = 4 : i32, transpose = false}
// CHECK: nvvm.stmatrix
// CHECK: nvvm.barrier
// CHECK: nvvm.mapa
// CHECK-NEXT: nvvm.mbarrier.arrive
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta
// CHECK: gpu.return

// What a product is added to comes the same way, by the map that the output is stored with; of four bytes in pairs.
// CHECK: gpu.func @matmul_wgmma_sp_bf16_f32_128x128x64(
// CHECK-SAME: %[[MAP:[^ ]*]]: !nvgpu.tensormap.descriptor<tensor = memref<64x32xf32, 3>, swizzle = swizzle_128b, l2promo = l2promo_128b, oob = zero, interleave = none>)
// CHECK: %[[OUT:.*]] = builtin.unrealized_conversion_cast %[[MAP]] : {{.*}} to !llvm.ptr
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[OUT]]
// CHECK: vector.load {{.*}}, vector<2xf32>
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta %[[OUT]]
// CHECK: gpu.return

// Rows of 100 bytes are none that a tensor map takes, and a matrix that is read the other way round isn't as the output is: the
// threads load their elements.
// CHECK: gpu.func @matmul_wgmma_sp_bf16_f32_128x128x64_{{[0-9]+}}(
// CHECK-SAME: %[[RESIDUAL:[^ ]*]]: memref<?x?xbf16>)
// CHECK: memref.load %[[RESIDUAL]]
// CHECK: gpu.return
// CHECK: gpu.func @matmul_wgmma_sp_bf16_f32_128x128x64_{{[0-9]+}}(
// CHECK-SAME: %[[RESIDUAL:[^ ]*]]: memref<?x?xbf16>)
// CHECK: memref.load %[[RESIDUAL]]
// CHECK: gpu.return

// CHECK-LABEL: func @residual
func.func @residual(%p: memref<18432xi8>, %x: memref<128x128xbf16>, %bias: memref<128xf32>, %r: memref<128x128xbf16>,
                    %y: memref<128x128xbf16>) {
  // CHECK: nvgpu.tma.create.descriptor {{.*}} box[%c64, %c64] : memref<*xbf16>
  // CHECK: nvgpu.tma.create.descriptor {{.*}} box[%c64, %c64] : memref<*xbf16>
  // CHECK: gpu.launch_func
  sparse24.matmul lhs ins(%p : memref<18432xi8>) dense(%x : memref<128x128xbf16>)
    outs(%y : memref<128x128xbf16>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 128, 64], warps = [8, 1], stages = 3, cluster = 2>
    epilogue(%bias, %r : memref<128xf32>, memref<128x128xbf16>)
      maps = [affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m, n)>] {
    ^bb0(%acc: f32, %b: f32, %e: bf16):
      %0 = arith.addf %acc, %b : f32
      %1 = arith.extf %e : bf16 to f32
      %2 = arith.addf %0, %1 : f32
      %3 = arith.truncf %2 : f32 to bf16
      sparse24.yield %3 : bf16
    }
  return
}

func.func @accumulate(%p: memref<18432xi8>, %x: memref<128x128xbf16>, %y: memref<128x128xf32>) {
  sparse24.matmul lhs ins(%p : memref<18432xi8>) dense(%x : memref<128x128xbf16>)
    outs(%y : memref<128x128xf32>) k = 128 acc = f32 accumulate
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 128, 64], warps = [8, 1], stages = 3, cluster = 2>
  return
}

func.func @unaligned(%p: memref<18432xi8>, %x: memref<128x52xbf16>, %r: memref<128x52xbf16>, %y: memref<128x52xf32>) {
  sparse24.matmul lhs ins(%p : memref<18432xi8>) dense(%x : memref<128x52xbf16>)
    outs(%y : memref<128x52xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 128, 64], warps = [8, 1], stages = 3, cluster = 2>
    epilogue(%r : memref<128x52xbf16>) maps = [affine_map<(m, n) -> (m, n)>] {
    ^bb0(%acc: f32, %e: bf16):
      %0 = arith.extf %e : bf16 to f32
      %1 = arith.addf %acc, %0 : f32
      sparse24.yield %1 : f32
    }
  return
}

func.func @transposed(%p: memref<18432xi8>, %x: memref<128x128xbf16>, %r: memref<128x128xbf16>, %y: memref<128x128xf32>) {
  sparse24.matmul lhs ins(%p : memref<18432xi8>) dense(%x : memref<128x128xbf16>)
    outs(%y : memref<128x128xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 128, 64], warps = [8, 1], stages = 3, cluster = 2>
    epilogue(%r : memref<128x128xbf16>) maps = [affine_map<(m, n) -> (n, m)>] {
    ^bb0(%acc: f32, %e: bf16):
      %0 = arith.extf %e : bf16 to f32
      %1 = arith.addf %acc, %0 : f32
      sparse24.yield %1 : f32
    }
  return
}
