// RUN: sparse24-opt %s -split-input-file -verify-diagnostics --sparse24-sparsify | FileCheck %s

// The left operand, row-major: compressed as it is. A zero-filled output is
// overwritten.

// CHECK-LABEL: @lhs
// CHECK-SAME: %[[W:.*]]: tensor<8x30xbf16>, %[[X:.*]]: tensor<30x16xbf16>
// CHECK: %[[OUT:.*]] = tensor.empty() : tensor<8x16xf32>
// CHECK: %[[V0:.*]] = tensor.empty() : tensor<8x16xbf16>
// CHECK: %[[M0:.*]] = tensor.empty() : tensor<8x2xi16>
// CHECK: %[[C:.*]]:2 = sparse24.compress ins(%[[W]] : tensor<8x30xbf16>) outs(%[[V0]], %[[M0]] :
// CHECK: sparse24.matmul lhs ins(%[[C]]#0, %[[C]]#1 : tensor<8x16xbf16>, tensor<8x2xi16>) dense(%[[X]] : tensor<30x16xbf16>)
// CHECK-SAME: outs(%[[OUT]] : tensor<8x16xf32>) k = 30 acc = f32 -> tensor<8x16xf32>
func.func @lhs(%w: tensor<8x30xbf16>, %x: tensor<30x16xbf16>) -> tensor<8x16xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<8x16xf32>) -> tensor<8x16xf32>
  %0 = linalg.matmul {sparse24.sparsify = {element_type = bf16, side = "lhs"}}
      ins(%w, %x : tensor<8x30xbf16>, tensor<30x16xbf16>) outs(%z : tensor<8x16xf32>) -> tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// -----

// The right operand of X·W is transposed, truncated and pruned; what isn't zero is
// accumulated into; dynamic rows.

// CHECK-LABEL: @rhs
// CHECK-SAME: %[[X:.*]]: tensor<?x32xf32>, %[[W:.*]]: tensor<32x8xf32>, %[[INIT:.*]]: tensor<?x8xf32>
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[W]] : tensor<32x8xf32>) outs({{.*}} : tensor<8x32xf32>) permutation = [1, 0]
// CHECK: %[[N:.*]] = linalg.generic {{.*}} ins(%[[T]] : tensor<8x32xf32>) outs({{.*}} : tensor<8x32xf16>)
// CHECK: arith.truncf
// CHECK: %[[P:.*]] = sparse24.prune magnitude ins(%[[N]] : tensor<8x32xf16>)
// CHECK: %[[C:.*]]:2 = sparse24.compress ins(%[[P]] : tensor<8x32xf16>)
// CHECK: %[[NX:.*]] = linalg.generic {{.*}} ins(%[[X]] : tensor<?x32xf32>) outs({{.*}} : tensor<?x32xf16>)
// CHECK: sparse24.matmul rhs ins(%[[C]]#0, %[[C]]#1 : tensor<8x16xf16>, tensor<8x2xi16>) dense(%[[NX]] : tensor<?x32xf16>)
// CHECK-SAME: outs(%[[INIT]] : tensor<?x8xf32>) k = 32 acc = f32 accumulate -> tensor<?x8xf32>
func.func @rhs(%x: tensor<?x32xf32>, %w: tensor<32x8xf32>, %init: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = linalg.matmul {sparse24.sparsify = {element_type = f16, prune = "magnitude", side = "rhs"}}
      ins(%x, %w : tensor<?x32xf32>, tensor<32x8xf32>) outs(%init : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

// Both operands stored transposed.

#x = affine_map<(m, n, k) -> (k, m)>
#w = affine_map<(m, n, k) -> (n, k)>
#d = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: @transposed
// CHECK-NOT: linalg.transpose
// CHECK: sparse24.matmul rhs
// CHECK-SAME: k = 16 acc = f32 accumulate transpose_dense
func.func @transposed(%x: tensor<16x8xbf16>, %w: tensor<4x16xbf16>, %init: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = linalg.matmul indexing_maps = [#x, #w, #d] {sparse24.sparsify = {element_type = bf16, side = "rhs"}}
      ins(%x, %w : tensor<16x8xbf16>, tensor<4x16xbf16>) outs(%init : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// -----

// f32 as tf32: 1:2, nothing truncated. i8: sums in i32.

// CHECK-LABEL: @other_types
// CHECK: sparse24.matmul lhs ins({{.*}} : tensor<4x8xf32>, tensor<4x2xi16>) {{.*}} k = 16 acc = f32
// CHECK: sparse24.matmul lhs ins({{.*}} : tensor<4x8xi8>, tensor<4x1xi16>) {{.*}} k = 16 acc = i32
func.func @other_types(%w: tensor<4x16xf32>, %x: tensor<16x8xf32>, %init: tensor<4x8xf32>,
                       %wi: tensor<4x16xi8>, %xi: tensor<16x8xi8>, %initi: tensor<4x8xi32>) -> (tensor<4x8xf32>, tensor<4x8xi32>) {
  %0 = linalg.matmul {sparse24.sparsify = {element_type = f32, side = "lhs"}}
      ins(%w, %x : tensor<4x16xf32>, tensor<16x8xf32>) outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = linalg.matmul {sparse24.sparsify = {element_type = i8, side = "lhs"}}
      ins(%wi, %xi : tensor<4x16xi8>, tensor<16x8xi8>) outs(%initi : tensor<4x8xi32>) -> tensor<4x8xi32>
  return %0, %1 : tensor<4x8xf32>, tensor<4x8xi32>
}

// -----

func.func @not_a_product(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'linalg.exp' op can't be sparse: it is no matrix product}}
  %0 = linalg.exp {sparse24.sparsify = {element_type = bf16, side = "lhs"}} ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @widening(%w: tensor<4x16xbf16>, %x: tensor<16x8xbf16>, %init: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{'linalg.matmul' op has an operand of element type 'bf16', which doesn't truncate to 'f32'}}
  %0 = linalg.matmul {sparse24.sparsify = {element_type = f32, side = "lhs"}}
      ins(%w, %x : tensor<4x16xbf16>, tensor<16x8xbf16>) outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
