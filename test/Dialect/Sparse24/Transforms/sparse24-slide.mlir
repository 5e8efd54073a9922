// RUN: sparse24-opt %s -split-input-file -verify-diagnostics --sparse24-slide="precision=bf16" | FileCheck %s
// RUN: sparse24-opt %s -split-input-file --remarks-filter=none --sparse24-slide="precision=tf32" | FileCheck %s --check-prefix=TF32
// RUN: sparse24-opt %s -split-input-file --remarks-filter=none --sparse24-slide="target=sm_80" | FileCheck %s --check-prefix=SM80

// 6:8: three windows for each block of eight.

// CHECK: #[[$WINDOWS:.*]] = affine_map<(d0) -> ((d0 floordiv 12) * 8 + ((d0 mod 12) floordiv 4) * 2 + d0 mod 4)>
// CHECK-LABEL: @six_of_eight
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xbf16>, %[[INIT:.*]]: tensor<?x1xf32>)
// CHECK: %[[W:.*]] = arith.constant dense_resource<windows> : tensor<12x1xbf16>
// CHECK: %[[M:.*]] = tensor.dim %[[X]]
// CHECK: %[[E:.*]] = tensor.empty(%[[M]]) : tensor<?x12xbf16>
// CHECK: %[[G:.*]] = linalg.generic {{.*}} outs(%[[E]] : tensor<?x12xbf16>)
// CHECK-DAG: %[[ROW:.*]] = linalg.index 0
// CHECK-DAG: %[[K:.*]] = linalg.index 1
// CHECK: %[[FROM:.*]] = affine.apply #[[$WINDOWS]](%[[K]])
// CHECK-NEXT: %[[V:.*]] = tensor.extract %[[X]][%[[ROW]], %[[FROM]]]
// CHECK-NEXT: linalg.yield %[[V]]
// CHECK: linalg.matmul ins(%[[G]], %[[W]] : tensor<?x12xbf16>, tensor<12x1xbf16>) outs(%[[INIT]] : tensor<?x1xf32>)
// 1 to 6 at 0 to 5, in windows of two nonzeros: 1 2 | 3 4 | 5 6.
// CHECK: windows: "0x10000000803F0040000000004040804000000000A040C04000000000"
func.func @six_of_eight(%x: tensor<?x8xbf16>, %init: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %w = arith.constant dense<[[1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [0.0], [0.0]]> : tensor<8x1xbf16>
  // expected-remark @below {{[Passed] sparse24-slide | Category:sparse24 | Function=six_of_eight | K=8, Layer=}}
  %0 = linalg.matmul ins(%x, %w : tensor<?x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<?x1xf32>) -> tensor<?x1xf32>
  return %0 : tensor<?x1xf32>
}

// -----

// Everything the other way round: the weight on the left, stored K × rows, with
// a NaN and a −0.0 that come through, and K no multiple of the block. Channels
// that aren't there are zero, and nothing is read beyond the end.

#w = affine_map<(m, n, k) -> (k, m)>
#x = affine_map<(m, n, k) -> (n, k)>
#d = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: @four_of_six
// CHECK-SAME: (%[[X:.*]]: tensor<3x7xf16>,
// CHECK-DAG: %[[W:.*]] = arith.constant dense_resource<windows> : tensor<16x1xf16>
// CHECK: %[[G:.*]] = linalg.generic
// CHECK: %[[FROM:.*]] = affine.apply
// CHECK: %[[SAFE:.*]] = arith.minui %[[FROM]], %{{.*}} : index
// CHECK: %[[V:.*]] = tensor.extract %[[X]][%{{.*}}, %[[SAFE]]] : tensor<3x7xf16>
// CHECK: %[[THERE:.*]] = arith.cmpi ult, %[[FROM]], %{{.*}} : index
// CHECK: arith.select %[[THERE]], %[[V]], %{{.*}} : f16
// CHECK: -> tensor<3x16xf16>
// CHECK: linalg.matmul {{.*}} ins(%[[W]], %[[G]] : tensor<16x1xf16>, tensor<3x16xf16>)
// CHECK: windows: "0x10000000003C00000080004200000000007E004400450000000000000000000000000000"
func.func @four_of_six(%x: tensor<3x7xf16>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[1.0], [0.0], [-0.0], [3.0], [0x7E00], [4.0], [5.0]]> : tensor<7x1xf16>
  // expected-remark @below {{Pattern=4:6, Remark="becomes 2:4 without loss", Side=lhs, SpreadK=16}}
  %0 = linalg.matmul indexing_maps = [#w, #x, #d] ins(%w, %x : tensor<7x1xf16>, tensor<3x7xf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}

// -----

// A weight behind a transposition and a truncation, in a product whose output is
// stored transposed: the operands keep their places. f32 stays f32 until it is
// rounded; as tf32 the same weight is 3:4.

#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#out = affine_map<(i, j, k) -> (j, i)>

// CHECK-LABEL: @seen_through
// CHECK: %[[W:.*]] = arith.constant dense_resource<windows> : tensor<12x2xf32>
// CHECK: %[[G:.*]] = linalg.generic {{.*}}outs(%{{.*}} : tensor<5x12xf32>)
// CHECK: linalg.generic {{.*}}ins(%[[G]], %[[W]] : tensor<5x12xf32>, tensor<12x2xf32>) outs(%{{.*}} : tensor<2x5xf32>)
// TF32-LABEL: @seen_through
// TF32: linalg.generic {{.*}}ins(%{{.*}}, %{{.*}} : tensor<5x12xf32>, tensor<12x2xf32>)
// SM80-LABEL: @seen_through
// SM80-NOT: dense_resource<windows
func.func @seen_through(%x: tensor<5x8xf32>, %init: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 0.0, 4.0, 5.0, 6.0, 7.0, 0.0], [0.0, 2.0, 3.0, 4.0, 0.0, 6.0, 7.0, 8.0]]> : tensor<2x8xf32>
  %empty = tensor.empty() : tensor<8x2xf32>
  %t = linalg.transpose ins(%w : tensor<2x8xf32>) outs(%empty : tensor<8x2xf32>) permutation = [1, 0]
  // expected-remark @below {{Pattern=6:8}}
  %0 = linalg.generic {indexing_maps = [#a, #b, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %t : tensor<5x8xf32>, tensor<8x2xf32>) outs(%init : tensor<2x5xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %1 = arith.mulf %p, %q : f32
    %2 = arith.addf %s, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}

// -----

// 2:4 weights stay as they are, those too that are by rounding or by pruning.

// CHECK-LABEL: @already
// CHECK-NOT: dense_resource<windows
func.func @already(%x: tensor<8x3xf32>, %y: tensor<8x3xbf16>, %init: tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>) {
  %w = arith.constant dense<[[1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<1x8xf32>
  %0 = linalg.matmul ins(%w, %x : tensor<1x8xf32>, tensor<8x3xf32>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  %tiny = arith.constant dense<[[1.0, 2.0, 1.0e-45, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<1x8xf32>
  %1 = linalg.matmul ins(%tiny, %x : tensor<1x8xf32>, tensor<8x3xf32>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  %dense = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.0, 0.0]]> : tensor<1x8xbf16>
  %e = tensor.empty() : tensor<1x8xbf16>
  %p = sparse24.prune magnitude ins(%dense : tensor<1x8xbf16>) outs(%e : tensor<1x8xbf16>) -> tensor<1x8xbf16>
  %2 = linalg.matmul ins(%p, %y : tensor<1x8xbf16>, tensor<8x3xbf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0, %1, %2 : tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>
}

// -----

// Too many nonzeros for all windows: a remark says where.

// CHECK-LABEL: @too_dense
// CHECK-NOT: dense_resource<windows
func.func @too_dense(%x: tensor<12x3xbf16>, %init: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 0.0, 0.0, 0.0],
                             [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.0, 1.0, 0.0]]> : tensor<2x12xbf16>
  // expected-remark @below {{Fix="prune the weight to 10:12 or sparser"}}
  %0 = linalg.matmul ins(%w, %x : tensor<2x12xbf16>, tensor<12x3xbf16>) outs(%init : tensor<2x3xf32>) -> tensor<2x3xf32>
  // expected-remark @below {{Reason="1 of 2 blocks of 12 along K have more than 10 nonzeros, the first in row 1 at K = 0", Remark="fits into no windows"}}
  %1 = linalg.matmul ins(%w, %x : tensor<2x12xbf16>, tensor<12x3xbf16>) outs(%0 : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// -----

// What can't be sparse is left to sparse24-detect, without a remark: other
// types, data that isn't there, products that aren't of matrices.

// CHECK-LABEL: @no_candidates
// CHECK-NOT: dense_resource<windows>
func.func @no_candidates(%x: tensor<8x3xf64>, %init: tensor<1x3xf64>, %y: tensor<8x3xbf16>, %yi: tensor<1x3xf32>,
                         %v: tensor<8xbf16>, %vi: tensor<1xf32>) -> (tensor<1x3xf64>, tensor<1x3xf32>, tensor<1xf32>) {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0]]> : tensor<1x8xf64>
  %0 = linalg.matmul ins(%w, %x : tensor<1x8xf64>, tensor<8x3xf64>) outs(%init : tensor<1x3xf64>) -> tensor<1x3xf64>
  %elided = arith.constant dense_resource<__elided__> : tensor<1x8xbf16>
  %1 = linalg.matmul ins(%elided, %y : tensor<1x8xbf16>, tensor<8x3xbf16>) outs(%yi : tensor<1x3xf32>) -> tensor<1x3xf32>
  %2 = linalg.matvec ins(%elided, %v : tensor<1x8xbf16>, tensor<8xbf16>) outs(%vi : tensor<1xf32>) -> tensor<1xf32>
  return %0, %1, %2 : tensor<1x3xf64>, tensor<1x3xf32>, tensor<1xf32>
}
