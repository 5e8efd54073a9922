// Kernels of wgmma.sp: their layout, their schedules, and operands that must be
// transposed.
// RUN: sparse24-opt %s -split-input-file -verify-diagnostics --sparse24-select-schedules="target=sm_90a" | FileCheck %s
// RUN: sparse24-opt %s -split-input-file --remarks-filter=none --sparse24-select-schedules="target=sm_90a expected-n=8" | FileCheck %s --check-prefix=NARROW

// CHECK-LABEL: @big
// CHECK: sparse24.pack #sparse24.layout<wgmma_sp, bf16, rows = 10240, k = 10240>
// CHECK: sparse24.matmul lhs
// CHECK-SAME: layout = #sparse24.layout<wgmma_sp, bf16, rows = 10240, k = 10240>
// CHECK-SAME: schedule = #sparse24.schedule<wgmma_sp, tile = [256, 192, 64], warps = [8, 1], stages = 4, cluster = 2, split_tail = true>
func.func @big(%v: tensor<10240x5120xbf16>, %m: tensor<10240x640xi16>, %x: tensor<10240x10240xbf16>, %d: tensor<10240x10240xbf16>) -> tensor<10240x10240xbf16> {
  // expected-remark @below {{[Passed] sparse24-select-schedules | Category:sparse24 | Function=big | Columns=10240}}
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<10240x5120xbf16>, tensor<10240x640xi16>) dense(%x : tensor<10240x10240xbf16>)
      outs(%d : tensor<10240x10240xbf16>) k = 10240 acc = f32 -> tensor<10240x10240xbf16>
  return %0 : tensor<10240x10240xbf16>
}

// -----

// 1024 columns are no multiple of 192.

// CHECK-LABEL: @dynamic
// CHECK: sparse24.matmul rhs {{.*}} schedule = #sparse24.schedule<wgmma_sp, tile = [{{256, 128|128, 256}}, 64], warps = [8, 1]
// NARROW-LABEL: @dynamic
// NARROW: sparse24.matmul rhs {{.*}} schedule = #sparse24.schedule<wgmma_sp, tile = [128, 8, 64], warps = [8, 1]
func.func @dynamic(%v: tensor<28672x2048xf16>, %m: tensor<28672x256xi16>, %x: tensor<?x4096xf16>, %d: tensor<?x28672xf16>) -> tensor<?x28672xf16> {
  // expected-remark @below {{Columns=1024}}
  %0 = sparse24.matmul rhs ins(%v, %m : tensor<28672x2048xf16>, tensor<28672x256xi16>) dense(%x : tensor<?x4096xf16>)
      outs(%d : tensor<?x28672xf16>) k = 4096 acc = f32 -> tensor<?x28672xf16>
  return %0 : tensor<?x28672xf16>
}

// -----

// One tile of rows has no cluster.

// CHECK-LABEL: @one_row_tile
// CHECK: schedule = #sparse24.schedule<wgmma_sp, tile = [64, {{[0-9]+}}, 64], warps = [4, 1], stages = {{[0-9]+}}>
func.func @one_row_tile(%v: tensor<32x32xbf16>, %m: tensor<32x4xi16>, %x: tensor<64x64xbf16>, %d: tensor<32x64xf32>) -> tensor<32x64xf32> {
  // expected-remark @below {{[Passed]}}
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<32x32xbf16>, tensor<32x4xi16>) dense(%x : tensor<64x64xbf16>)
      outs(%d : tensor<32x64xf32>) k = 64 acc = f32 -> tensor<32x64xf32>
  return %0 : tensor<32x64xf32>
}

// -----

// Operands of 8 and of 32 bits have K contiguous, or are transposed; the size may
// be dynamic.

// CHECK-LABEL: @transposed_lhs
// CHECK-SAME: %[[X:[^:]*]]: tensor<128x?xi8>
// CHECK: %[[C1:.*]] = arith.constant 1 : index
// CHECK: %[[N:.*]] = tensor.dim %[[X]], %[[C1]]
// CHECK: %[[E:.*]] = tensor.empty(%[[N]]) : tensor<?x128xi8>
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[X]] : tensor<128x?xi8>) outs(%[[E]] : tensor<?x128xi8>) permutation = [1, 0]
// CHECK: sparse24.matmul lhs {{.*}} dense(%[[T]] : tensor<?x128xi8>) {{.*}} k = 128 acc = i32 transpose_dense layout = #sparse24.layout<wgmma_sp, i8, rows = 64, k = 128>
// CHECK-SAME: tile = [{{[0-9]+, [0-9]+}}, 128]
func.func @transposed_lhs(%x: tensor<128x?xi8>, %v: tensor<64x64xi8>, %m: tensor<64x8xi16>, %d: tensor<64x?xi32>) -> tensor<64x?xi32> {
  // expected-remark @below {{[Analysis] sparse24-select-schedules | Category:sparse24 | Function=transposed_lhs | Fix="store it as N × K", Operand=dense, Reason="wgmma reads i8 only with K contiguous", Remark="transposes an operand", Type=tensor<128x?xi8>}}
  // expected-remark @below {{[Passed]}}
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x64xi8>, tensor<64x8xi16>) dense(%x : tensor<128x?xi8>)
      outs(%d : tensor<64x?xi32>) k = 128 acc = i32 -> tensor<64x?xi32>
  return %0 : tensor<64x?xi32>
}

// -----

// CHECK-LABEL: @transposed_rhs
// CHECK: %[[T:.*]] = linalg.transpose ins(%{{.*}} : tensor<32x48xf32>) outs(%{{.*}} : tensor<48x32xf32>)
// CHECK: sparse24.matmul rhs {{.*}} dense(%[[T]] : tensor<48x32xf32>) {{.*}} k = 32 acc = f32 layout = #sparse24.layout<wgmma_sp, f32, rows = 64, k = 32>
// CHECK-SAME: tile = [{{[0-9]+, [0-9]+}}, 32]
func.func @transposed_rhs(%x: tensor<32x48xf32>, %v: tensor<64x16xf32>, %m: tensor<64x4xi16>, %d: tensor<48x64xf32>) -> tensor<48x64xf32> {
  // expected-remark @below {{Fix="store it as M × K"}}
  // expected-remark @below {{[Passed]}}
  %0 = sparse24.matmul rhs ins(%v, %m : tensor<64x16xf32>, tensor<64x4xi16>) dense(%x : tensor<32x48xf32>)
      outs(%d : tensor<48x64xf32>) k = 32 acc = f32 transpose_dense -> tensor<48x64xf32>
  return %0 : tensor<48x64xf32>
}

// -----

// CHECK-LABEL: @contiguous
// CHECK-NOT: linalg.transpose
// CHECK: #sparse24.layout<wgmma_sp, ui8, rows = 64, k = 128>
// CHECK: #sparse24.layout<wgmma_sp, f8E5M2, rows = 64, k = 128>
// CHECK: #sparse24.layout<wgmma_sp, f16, rows = 64, k = 128>
func.func @contiguous(%x: tensor<48x128xui8>, %v: tensor<64x64xui8>, %m: tensor<64x8xi16>, %d: tensor<48x64xi32>,
                      %x8: tensor<48x128xf8E5M2>, %v8: tensor<64x64xf8E5M2>, %d8: tensor<64x48xf32>,
                      %x16: tensor<128x48xf16>, %v16: tensor<64x64xf16>) -> (tensor<48x64xi32>, tensor<64x48xf32>, tensor<64x48xf32>) {
  // expected-remark @below {{[Passed]}}
  %0 = sparse24.matmul rhs ins(%v, %m : tensor<64x64xui8>, tensor<64x8xi16>) dense(%x : tensor<48x128xui8>)
      outs(%d : tensor<48x64xi32>) k = 128 acc = i32 -> tensor<48x64xi32>
  // expected-remark @below {{[Passed]}}
  %1 = sparse24.matmul lhs ins(%v8, %m : tensor<64x64xf8E5M2>, tensor<64x8xi16>) dense(%x8 : tensor<48x128xf8E5M2>)
      outs(%d8 : tensor<64x48xf32>) k = 128 acc = f32 transpose_dense -> tensor<64x48xf32>
  // expected-remark @below {{[Passed]}}
  %2 = sparse24.matmul lhs ins(%v16, %m : tensor<64x64xf16>, tensor<64x8xi16>) dense(%x16 : tensor<128x48xf16>)
      outs(%d8 : tensor<64x48xf32>) k = 128 acc = f32 -> tensor<64x48xf32>
  return %0, %1, %2 : tensor<48x64xi32>, tensor<64x48xf32>, tensor<64x48xf32>
}

// -----

// A layout and a schedule that are there stay.

// CHECK-LABEL: @by_hand
// CHECK: sparse24.pack #sparse24.layout<mma_sp, f16, rows = 64, k = 64>
// CHECK: schedule = #sparse24.schedule<mma_sp, tile = [64, 16, 64], warps = [4, 1], stages = 3>
// CHECK: layout = #sparse24.layout<mma_sp, f16, rows = 64, k = 64> schedule = #sparse24.schedule<mma_sp,
func.func @by_hand(%v: tensor<64x32xf16>, %m: tensor<64x4xi16>, %p: tensor<4608xi8>, %x: tensor<64x64xf16>, %d: tensor<64x64xf32>) -> (tensor<64x64xf32>, tensor<64x64xf32>) {
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x32xf16>, tensor<64x4xi16>) dense(%x : tensor<64x64xf16>)
      outs(%d : tensor<64x64xf32>) k = 64 acc = f32
      schedule = #sparse24.schedule<mma_sp, tile = [64, 16, 64], warps = [4, 1], stages = 3> -> tensor<64x64xf32>
  // expected-remark @below {{[Passed]}}
  %1 = sparse24.matmul lhs ins(%p : tensor<4608xi8>) dense(%x : tensor<64x64xf16>)
      outs(%d : tensor<64x64xf32>) k = 64 acc = f32 layout = #sparse24.layout<mma_sp, f16, rows = 64, k = 64> -> tensor<64x64xf32>
  return %0, %1 : tensor<64x64xf32>, tensor<64x64xf32>
}

// -----

// An epilogue that reads the output, or a matrix of its size, gets it by tensor copies. Where their rows are no multiples of 16
// bytes it needs registers beside the sums: no tile is as large as for the plain product.

// CHECK-LABEL: @full_operands
// CHECK: sparse24.matmul lhs {{.*}} schedule = #sparse24.schedule<wgmma_sp, tile = [256, 192, 64]
// CHECK: sparse24.matmul lhs {{.*}} accumulate {{.*}} schedule = #sparse24.schedule<wgmma_sp, tile = [256, 192, 64]
// CHECK: sparse24.matmul lhs {{.*}} accumulate {{.*}} schedule = #sparse24.schedule<wgmma_sp, tile = [{{256, 128|128, 256}}, 64]
func.func @full_operands(%p: tensor<75497472xi8>, %x: tensor<8192x8192xbf16>, %d: tensor<8192x8192xbf16>,
                         %x1: tensor<8191x8192xbf16>, %d1: tensor<8192x8191xbf16>)
    -> (tensor<8192x8192xbf16>, tensor<8192x8192xbf16>, tensor<8192x8191xbf16>) {
  // expected-remark @below {{[Passed]}}
  %0 = sparse24.matmul lhs ins(%p : tensor<75497472xi8>) dense(%x : tensor<8192x8192xbf16>)
      outs(%d : tensor<8192x8192xbf16>) k = 8192 acc = f32 transpose_dense
      layout = #sparse24.layout<wgmma_sp, bf16, rows = 8192, k = 8192> -> tensor<8192x8192xbf16>
  // expected-remark @below {{[Passed]}}
  %1 = sparse24.matmul lhs ins(%p : tensor<75497472xi8>) dense(%x : tensor<8192x8192xbf16>)
      outs(%d : tensor<8192x8192xbf16>) k = 8192 acc = f32 accumulate transpose_dense
      layout = #sparse24.layout<wgmma_sp, bf16, rows = 8192, k = 8192> -> tensor<8192x8192xbf16>
  // expected-remark @below {{[Passed]}}
  %2 = sparse24.matmul lhs ins(%p : tensor<75497472xi8>) dense(%x1 : tensor<8191x8192xbf16>)
      outs(%d1 : tensor<8192x8191xbf16>) k = 8192 acc = f32 accumulate transpose_dense
      layout = #sparse24.layout<wgmma_sp, bf16, rows = 8192, k = 8192> -> tensor<8192x8191xbf16>
  return %0, %1, %2 : tensor<8192x8192xbf16>, tensor<8192x8192xbf16>, tensor<8192x8191xbf16>
}

// -----

// Two warpgroups take tiles in turn where an epilogue computes much and K is short.

// CHECK-LABEL: @heavy_epilogue
// CHECK: k = 1024 {{.*}} warps = [4, 1], stages = {{[0-9]+}}, cluster = 2, ping_pong = true>
// CHECK: k = 8192 {{.*}} warps = [8, 1]
// CHECK: k = 1024 {{.*}} warps = [8, 1]
func.func @heavy_epilogue(%p1024: tensor<33030144xi8>, %x1024: tensor<1024x4096xbf16>, %p8192: tensor<264241152xi8>,
                          %x8192: tensor<8192x4096xbf16>, %b: tensor<28672xf32>, %o: tensor<28672x4096xbf16>)
    -> (tensor<28672x4096xbf16>, tensor<28672x4096xbf16>, tensor<28672x4096xbf16>) {
  // expected-remark @below {{[Passed]}}
  %d1024 = sparse24.matmul lhs ins(%p1024 : tensor<33030144xi8>) dense(%x1024 : tensor<1024x4096xbf16>)
      outs(%o : tensor<28672x4096xbf16>) k = 1024 acc = f32
      layout = #sparse24.layout<wgmma_sp, bf16, rows = 28672, k = 1024>
      epilogue(%b : tensor<28672xf32>) maps = [affine_map<(m, n) -> (m)>] {
      ^bb0(%acc: f32, %bias: f32):
        %0 = arith.addf %acc, %bias : f32
        %1 = math.tanh %0 : f32
        %2 = arith.mulf %0, %1 : f32
        %3 = arith.truncf %2 : f32 to bf16
        sparse24.yield %3 : bf16
      } -> tensor<28672x4096xbf16>
  // expected-remark @below {{[Passed]}}
  %d8192 = sparse24.matmul lhs ins(%p8192 : tensor<264241152xi8>) dense(%x8192 : tensor<8192x4096xbf16>)
      outs(%o : tensor<28672x4096xbf16>) k = 8192 acc = f32
      layout = #sparse24.layout<wgmma_sp, bf16, rows = 28672, k = 8192>
      epilogue(%b : tensor<28672xf32>) maps = [affine_map<(m, n) -> (m)>] {
      ^bb0(%acc: f32, %bias: f32):
        %0 = arith.addf %acc, %bias : f32
        %1 = math.tanh %0 : f32
        %2 = arith.mulf %0, %1 : f32
        %3 = arith.truncf %2 : f32 to bf16
        sparse24.yield %3 : bf16
      } -> tensor<28672x4096xbf16>
  // expected-remark @below {{[Passed]}}
  %dr = sparse24.matmul lhs ins(%p1024 : tensor<33030144xi8>) dense(%x1024 : tensor<1024x4096xbf16>)
      outs(%o : tensor<28672x4096xbf16>) k = 1024 acc = f32
      layout = #sparse24.layout<wgmma_sp, bf16, rows = 28672, k = 1024>
      epilogue(%b : tensor<28672xf32>) maps = [affine_map<(m, n) -> (m)>] {
      ^bb0(%acc: f32, %bias: f32):
        %0 = arith.addf %acc, %bias : f32
        %1 = math.roundeven %0 : f32
        %2 = arith.mulf %0, %1 : f32
        %3 = arith.truncf %2 : f32 to bf16
        sparse24.yield %3 : bf16
      } -> tensor<28672x4096xbf16>
  return %d1024, %d8192, %dr : tensor<28672x4096xbf16>, tensor<28672x4096xbf16>, tensor<28672x4096xbf16>
}

// -----

// A product of no columns is estimated as one of a column.

// CHECK-LABEL: @no_columns
// CHECK: sparse24.matmul lhs {{.*}} schedule = #sparse24.schedule<wgmma_sp, tile = [64, 8, 64]
func.func @no_columns(%v: tensor<64x32xbf16>, %m: tensor<64x4xi16>, %x: tensor<64x0xbf16>, %d: tensor<64x0xf32>) -> tensor<64x0xf32> {
  // expected-remark-re @below {{EstimatedMicroseconds={{[0-9.]+}}}}
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x32xbf16>, tensor<64x4xi16>) dense(%x : tensor<64x0xbf16>)
      outs(%d : tensor<64x0xf32>) k = 64 acc = f32 -> tensor<64x0xf32>
  return %0 : tensor<64x0xf32>
}

// -----

// There are no tensor maps of masks: threads load them, for which the largest
// tile leaves no registers.

// CHECK-LABEL: @mask
// CHECK-NOT: tile = [256, 192, 64]
// CHECK: sparse24.yield
func.func @mask(%p: tensor<75497472xi8>, %x: tensor<8192x8192xbf16>, %mask: tensor<8192x8192xi1>,
                %d: tensor<8192x8192xbf16>) -> tensor<8192x8192xbf16> {
  // expected-remark @below {{[Passed]}}
  %0 = sparse24.matmul rhs ins(%p : tensor<75497472xi8>) dense(%x : tensor<8192x8192xbf16>)
      outs(%d : tensor<8192x8192xbf16>) k = 8192 acc = f32 layout = #sparse24.layout<wgmma_sp, bf16, rows = 8192, k = 8192>
      epilogue(%mask : tensor<8192x8192xi1>) maps = [affine_map<(m, n) -> (m, n)>] {
  ^bb0(%acc: f32, %keep: i1):
    %zero = arith.constant 0.0 : f32
    %1 = arith.select %keep, %acc, %zero : f32
    %2 = arith.truncf %1 : f32 to bf16
    sparse24.yield %2 : bf16
  } -> tensor<8192x8192xbf16>
  return %0 : tensor<8192x8192xbf16>
}
