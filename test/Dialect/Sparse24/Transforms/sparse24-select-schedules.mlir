// RUN: sparse24-opt %s -split-input-file -verify-diagnostics --sparse24-select-schedules="target=sm_80" | FileCheck %s
// RUN: sparse24-opt %s --remarks-filter=none --sparse24-select-schedules="target=sm_80 expected-n=8" | FileCheck %s --check-prefix=NARROW
// RUN: sparse24-opt %s --remarks-filter=none --sparse24-select-schedules="target=cpu" | FileCheck %s --check-prefix=CPU
// RUN: not sparse24-opt %s --sparse24-select-schedules="target=sm_70" 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: error: sparse24-select-schedules: target_c1: unknown target 'sm_70'

// A big product has the biggest tile; the sparse operand is packed before it.

// CHECK-LABEL: @big
// CHECK: %[[E:.*]] = tensor.empty() : tensor<18874368xi8>
// CHECK: %[[P:.*]] = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 4096, k = 4096> ins(%{{[^ ]*}}, %{{[^ ]*}} :
// CHECK-SAME: outs(%[[E]] : tensor<18874368xi8>)
// CHECK: sparse24.matmul lhs ins(%[[P]] : tensor<18874368xi8>)
// CHECK-SAME: layout = #sparse24.layout<mma_sp, bf16, rows = 4096, k = 4096>
// CHECK-SAME: schedule = #sparse24.schedule<mma_sp, tile = [256, 128, 64], warps = [4, 2], stages = 4>
// CPU-LABEL: @big
// CPU: sparse24.matmul lhs ins(%{{[^ ]*}}, %{{[^ ]*}} :
// CPU-NOT: sparse24.pack
func.func @big(%v: tensor<4096x2048xbf16>, %m: tensor<4096x256xi16>, %x: tensor<4096x4096xbf16>, %d: tensor<4096x4096xbf16>) -> tensor<4096x4096xbf16> {
  // expected-remark @below {{[Passed] sparse24-select-schedules | Category:sparse24 | Function=big | Columns=4096}}
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<4096x2048xbf16>, tensor<4096x256xi16>) dense(%x : tensor<4096x4096xbf16>)
      outs(%d : tensor<4096x4096xbf16>) k = 4096 acc = f32 -> tensor<4096x4096xbf16>
  return %0 : tensor<4096x4096xbf16>
}

// A dynamic size is taken to be expected-n: few columns get a narrow tile.

// CHECK-LABEL: @dynamic
// CHECK: sparse24.matmul rhs {{.*}} schedule = #sparse24.schedule<mma_sp, tile = [128, 128, 64]
// NARROW-LABEL: @dynamic
// NARROW: sparse24.matmul rhs {{.*}} schedule = #sparse24.schedule<mma_sp, tile = [64, 8, 64]
func.func @dynamic(%v: tensor<1536x192xf16>, %m: tensor<1536x24xi16>, %x: tensor<?x384xf16>, %d: tensor<?x1536xf32>) -> tensor<?x1536xf32> {
  // expected-remark @below {{Columns=1024}}
  %0 = sparse24.matmul rhs ins(%v, %m : tensor<1536x192xf16>, tensor<1536x24xi16>) dense(%x : tensor<?x384xf16>)
      outs(%d : tensor<?x1536xf32>) k = 384 acc = f32 -> tensor<?x1536xf32>
  return %0 : tensor<?x1536xf32>
}

// A schedule that is there stays.

// CHECK-LABEL: @by_hand
// CHECK: sparse24.matmul {{.*}} schedule = #sparse24.schedule<mma_sp, tile = [64, 16, 64], warps = [4, 1], stages = 3>
func.func @by_hand(%v: tensor<64x32xf16>, %m: tensor<64x4xi16>, %x: tensor<64x64xf16>, %d: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x32xf16>, tensor<64x4xi16>) dense(%x : tensor<64x64xf16>)
      outs(%d : tensor<64x64xf32>) k = 64 acc = f32
      schedule = #sparse24.schedule<mma_sp, tile = [64, 16, 64], warps = [4, 1], stages = 3> -> tensor<64x64xf32>
  return %0 : tensor<64x64xf32>
}
