// On memrefs inputs are read and inits written; on tensors nothing happens.
// RUN: sparse24-opt %s --canonicalize --cse | FileCheck %s

// What nobody uses goes, as tensors.
// CHECK-LABEL: func @unused
// CHECK-NEXT: return
func.func @unused(%v: tensor<64x48xbf16>, %m: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xf32>) {
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>) dense(%x : tensor<96x32xbf16>)
    outs(%init : tensor<64x32xf32>) k = 96 acc = f32 -> tensor<64x32xf32>
  %w = sparse24.weight "w" : tensor<4xf32>
  return
}

// Equal products are one, as tensors.
// CHECK-LABEL: func @equal
// CHECK-COUNT-1: sparse24.matmul
// CHECK-NOT: sparse24.matmul
// CHECK: return
func.func @equal(%v: tensor<64x48xbf16>, %m: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xf32>)
    -> (tensor<64x32xf32>, tensor<64x32xf32>) {
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>) dense(%x : tensor<96x32xbf16>)
    outs(%init : tensor<64x32xf32>) k = 96 acc = f32 -> tensor<64x32xf32>
  %1 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>) dense(%x : tensor<96x32xbf16>)
    outs(%init : tensor<64x32xf32>) k = 96 acc = f32 -> tensor<64x32xf32>
  return %0, %1 : tensor<64x32xf32>, tensor<64x32xf32>
}

// As memrefs, both stay: the second one accumulates onto the first.
// CHECK-LABEL: func @memrefs
// CHECK-COUNT-2: sparse24.matmul
func.func @memrefs(%v: memref<64x48xbf16>, %m: memref<64x6xi16>, %x: memref<96x32xbf16>, %d: memref<64x32xf32>) {
  sparse24.matmul lhs ins(%v, %m : memref<64x48xbf16>, memref<64x6xi16>) dense(%x : memref<96x32xbf16>)
    outs(%d : memref<64x32xf32>) k = 96 acc = f32 accumulate
  sparse24.matmul lhs ins(%v, %m : memref<64x48xbf16>, memref<64x6xi16>) dense(%x : memref<96x32xbf16>)
    outs(%d : memref<64x32xf32>) k = 96 acc = f32 accumulate
  return
}
