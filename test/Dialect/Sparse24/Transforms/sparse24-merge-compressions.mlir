// A weight that both ways need is compressed both ways at once.
// RUN: sparse24-opt %s --sparse24-merge-compressions --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @both
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<8x32xbf16>
// CHECK-NOT: sparse24.prune
// CHECK-NOT: linalg.transpose
// CHECK: %[[ALL:.*]]:4 = sparse24.compress ins(%[[W]] : tensor<8x32xbf16>)
// CHECK-SAME: prune = transposable -> tensor<8x16xbf16>, tensor<8x2xi16>, tensor<32x4xbf16>, tensor<32x1xi16>
// CHECK: return %[[ALL]]#0, %[[ALL]]#1, %[[ALL]]#2, %[[ALL]]#3
func.func @both(%w: tensor<8x32xbf16>)
    -> (tensor<8x16xbf16>, tensor<8x2xi16>, tensor<32x4xbf16>, tensor<32x1xi16>) {
  %e = tensor.empty() : tensor<8x32xbf16>
  %v = tensor.empty() : tensor<8x16xbf16>
  %m = tensor.empty() : tensor<8x2xi16>
  %te = tensor.empty() : tensor<32x8xbf16>
  %tv = tensor.empty() : tensor<32x4xbf16>
  %tm = tensor.empty() : tensor<32x1xi16>
  %p = sparse24.prune transposable ins(%w : tensor<8x32xbf16>) outs(%e : tensor<8x32xbf16>) -> tensor<8x32xbf16>
  %t = linalg.transpose ins(%p : tensor<8x32xbf16>) outs(%te : tensor<32x8xbf16>) permutation = [1, 0]
  %0:2 = sparse24.compress ins(%t : tensor<32x8xbf16>) outs(%tv, %tm : tensor<32x4xbf16>, tensor<32x1xi16>)
    -> tensor<32x4xbf16>, tensor<32x1xi16>
  %1:2 = sparse24.compress ins(%p : tensor<8x32xbf16>) outs(%v, %m : tensor<8x16xbf16>, tensor<8x2xi16>)
    -> tensor<8x16xbf16>, tensor<8x2xi16>
  return %1#0, %1#1, %0#0, %0#1 : tensor<8x16xbf16>, tensor<8x2xi16>, tensor<32x4xbf16>, tensor<32x1xi16>
}

// One way alone stays as it is.
// CHECK-LABEL: func.func @transposed
// CHECK: sparse24.prune transposable
// CHECK: linalg.transpose
// CHECK: sparse24.compress {{.*}} -> tensor<32x4xbf16>, tensor<32x1xi16>
func.func @transposed(%w: tensor<8x32xbf16>) -> (tensor<32x4xbf16>, tensor<32x1xi16>) {
  %e = tensor.empty() : tensor<8x32xbf16>
  %te = tensor.empty() : tensor<32x8xbf16>
  %tv = tensor.empty() : tensor<32x4xbf16>
  %tm = tensor.empty() : tensor<32x1xi16>
  %p = sparse24.prune transposable ins(%w : tensor<8x32xbf16>) outs(%e : tensor<8x32xbf16>) -> tensor<8x32xbf16>
  %t = linalg.transpose ins(%p : tensor<8x32xbf16>) outs(%te : tensor<32x8xbf16>) permutation = [1, 0]
  %0:2 = sparse24.compress ins(%t : tensor<32x8xbf16>) outs(%tv, %tm : tensor<32x4xbf16>, tensor<32x1xi16>)
    -> tensor<32x4xbf16>, tensor<32x1xi16>
  return %0#0, %0#1 : tensor<32x4xbf16>, tensor<32x1xi16>
}

// Rounded in between, they are different matrices.
// CHECK-LABEL: func.func @rounded
// CHECK: sparse24.prune transposable
// CHECK-COUNT-2: sparse24.compress
func.func @rounded(%w: tensor<8x32xf32>)
    -> (tensor<8x16xf32>, tensor<8x4xi16>, tensor<32x4xbf16>, tensor<32x1xi16>) {
  %e = tensor.empty() : tensor<8x32xf32>
  %v = tensor.empty() : tensor<8x16xf32>
  %m = tensor.empty() : tensor<8x4xi16>
  %te = tensor.empty() : tensor<32x8xbf16>
  %tv = tensor.empty() : tensor<32x4xbf16>
  %tm = tensor.empty() : tensor<32x1xi16>
  %p = sparse24.prune transposable ins(%w : tensor<8x32xf32>) outs(%e : tensor<8x32xf32>) -> tensor<8x32xf32>
  %r = arith.truncf %p : tensor<8x32xf32> to tensor<8x32xbf16>
  %t = linalg.transpose ins(%r : tensor<8x32xbf16>) outs(%te : tensor<32x8xbf16>) permutation = [1, 0]
  %0:2 = sparse24.compress ins(%t : tensor<32x8xbf16>) outs(%tv, %tm : tensor<32x4xbf16>, tensor<32x1xi16>)
    -> tensor<32x4xbf16>, tensor<32x1xi16>
  %1:2 = sparse24.compress ins(%p : tensor<8x32xf32>) outs(%v, %m : tensor<8x16xf32>, tensor<8x4xi16>)
    -> tensor<8x16xf32>, tensor<8x4xi16>
  return %1#0, %1#1, %0#0, %0#1 : tensor<8x16xf32>, tensor<8x4xi16>, tensor<32x4xbf16>, tensor<32x1xi16>
}
