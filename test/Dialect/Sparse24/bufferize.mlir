// Each operation bufferizes to its memref form, in place where that is right.
// RUN: sparse24-opt %s --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" --canonicalize | FileCheck %s

// What is written without being read needs no copy.
// CHECK-LABEL: func @chain
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<64x96xbf16>
func.func @chain(%w: tensor<64x96xbf16>) -> tensor<9216xi8> {
  // CHECK-NOT: memref.copy
  // CHECK: %[[PRUNED:.*]] = memref.alloc() {{.*}} : memref<64x96xbf16>
  // CHECK: sparse24.prune magnitude ins(%[[W]] : memref<64x96xbf16>) outs(%[[PRUNED]] : memref<64x96xbf16>)
  %e0 = tensor.empty() : tensor<64x96xbf16>
  %pruned = sparse24.prune magnitude ins(%w : tensor<64x96xbf16>) outs(%e0 : tensor<64x96xbf16>) -> tensor<64x96xbf16>
  // CHECK: %[[V:.*]] = memref.alloc() {{.*}} : memref<64x48xbf16>
  // CHECK: %[[M:.*]] = memref.alloc() {{.*}} : memref<64x6xi16>
  // CHECK: sparse24.compress ins(%[[PRUNED]] : memref<64x96xbf16>) outs(%[[V]], %[[M]] : memref<64x48xbf16>, memref<64x6xi16>)
  %e1 = tensor.empty() : tensor<64x48xbf16>
  %e2 = tensor.empty() : tensor<64x6xi16>
  %v, %m = sparse24.compress ins(%pruned : tensor<64x96xbf16>) outs(%e1, %e2 : tensor<64x48xbf16>, tensor<64x6xi16>) -> tensor<64x48xbf16>, tensor<64x6xi16>
  // CHECK: %[[P:.*]] = memref.alloc() {{.*}} : memref<9216xi8>
  // CHECK: sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 64, k = 96> ins(%[[V]], %[[M]] : {{.*}}) outs(%[[P]] : memref<9216xi8>)
  %e3 = tensor.empty() : tensor<9216xi8>
  %packed = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 64, k = 96> ins(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>) outs(%e3 : tensor<9216xi8>) -> tensor<9216xi8>
  // CHECK: return %[[P]] : memref<9216xi8>
  return %packed : tensor<9216xi8>
}

// The input is used later, so pruning into it needs another buffer.
// CHECK-LABEL: func @prune_into_itself
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<64x96xbf16>
func.func @prune_into_itself(%w: tensor<64x96xbf16>) -> (tensor<64x96xbf16>, tensor<64x96xbf16>) {
  // CHECK: %[[ALLOC:.*]] = memref.alloc()
  // CHECK-NOT: memref.copy
  // CHECK: sparse24.prune magnitude ins(%[[W]] : {{.*}}) outs(%[[ALLOC]] : {{.*}})
  %0 = sparse24.prune magnitude ins(%w : tensor<64x96xbf16>) outs(%w : tensor<64x96xbf16>) -> tensor<64x96xbf16>
  return %0, %w : tensor<64x96xbf16>, tensor<64x96xbf16>
}

// CHECK-LABEL: func @decompress
func.func @decompress(%v: tensor<64x48xf16>, %m: tensor<64x6xi16>) -> tensor<64x96xf16> {
  // CHECK: sparse24.decompress ins(%{{.*}}, %{{.*}} : memref<64x48xf16>, memref<64x6xi16>) outs(%{{.*}} : memref<64x96xf16>)
  %e = tensor.empty() : tensor<64x96xf16>
  %0 = sparse24.decompress ins(%v, %m : tensor<64x48xf16>, tensor<64x6xi16>) outs(%e : tensor<64x96xf16>) -> tensor<64x96xf16>
  return %0 : tensor<64x96xf16>
}

// A weight is read where it is and copied before it is written to.
// CHECK-LABEL: func @weights
func.func @weights(%x: tensor<96x?xbf16>, %init: tensor<64x?xbf16>) -> (tensor<64x?xbf16>, tensor<64xf32>) {
  // CHECK-DAG: %[[W:.*]] = sparse24.weight "w" : memref<9216xi8> layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
  // CHECK-DAG: %[[B:.*]] = sparse24.weight "b" {test.note} : memref<64xf32>
  %w = sparse24.weight "w" : tensor<9216xi8> layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
  %b = sparse24.weight "b" {test.note} : tensor<64xf32>
  // CHECK: sparse24.matmul lhs ins(%[[W]] : memref<9216xi8>) dense(%{{.*}} : memref<96x?xbf16>) outs(%{{.*}} : memref<64x?xbf16>)
  // CHECK-SAME: epilogue(%[[B]] : memref<64xf32>) maps = [#{{.*}}] {
  // CHECK: sparse24.yield %{{.*}} : bf16
  %0 = sparse24.matmul lhs ins(%w : tensor<9216xi8>) dense(%x : tensor<96x?xbf16>) outs(%init : tensor<64x?xbf16>)
    k = 96 acc = f32 layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
    epilogue(%b : tensor<64xf32>) maps = [affine_map<(m, n) -> (m)>] {
    ^bb0(%acc: f32, %bias: f32):
      %sum = arith.addf %acc, %bias : f32
      %t = arith.truncf %sum : f32 to bf16
      sparse24.yield %t : bf16
    } -> tensor<64x?xbf16>
  // CHECK: %[[COPY:.*]] = memref.alloc() {{.*}} : memref<64xf32>
  // CHECK: memref.copy %[[B]], %[[COPY]]
  // CHECK: memref.store %{{.*}}, %[[COPY]]
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %1 = tensor.insert %zero into %b[%c0] : tensor<64xf32>
  return %0, %1 : tensor<64x?xbf16>, tensor<64xf32>
}

// Overwriting needs a buffer, accumulating needs a copy of what is there.
// CHECK-LABEL: func @overwrite
func.func @overwrite(%v: tensor<64x48xbf16>, %m: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xf32>)
    -> (tensor<64x32xf32>, tensor<64x32xf32>) {
  // CHECK: memref.alloc
  // CHECK-NOT: memref.copy
  // CHECK: sparse24.matmul
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>) dense(%x : tensor<96x32xbf16>)
    outs(%init : tensor<64x32xf32>) k = 96 acc = f32 -> tensor<64x32xf32>
  return %0, %init : tensor<64x32xf32>, tensor<64x32xf32>
}

// CHECK-LABEL: func @accumulate
// CHECK-SAME: %[[INIT:[a-z0-9]+]]: memref<64x32xf32>)
func.func @accumulate(%v: tensor<64x48xbf16>, %m: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xf32>)
    -> (tensor<64x32xf32>, tensor<64x32xf32>) {
  // CHECK: %[[ALLOC:.*]] = memref.alloc
  // CHECK: memref.copy %[[INIT]], %[[ALLOC]]
  // CHECK: sparse24.matmul {{.*}} outs(%[[ALLOC]] : memref<64x32xf32>) k = 96 acc = f32 accumulate
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>) dense(%x : tensor<96x32xbf16>)
    outs(%init : tensor<64x32xf32>) k = 96 acc = f32 accumulate -> tensor<64x32xf32>
  return %0, %init : tensor<64x32xf32>, tensor<64x32xf32>
}
