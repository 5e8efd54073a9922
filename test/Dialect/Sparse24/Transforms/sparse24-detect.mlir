// RUN: sparse24-opt %s -split-input-file -verify-diagnostics \
// RUN:   --sparse24-detect | FileCheck %s
// RUN: sparse24-opt %s -split-input-file --remarks-filter=none \
// RUN:   --sparse24-detect="prune=magnitude precision=bf16" \
// RUN:   | FileCheck %s --check-prefix=ALLOWED
// RUN: sparse24-opt %s -split-input-file --remarks-filter=none \
// RUN:   --sparse24-detect=target=sm_80 | FileCheck %s --check-prefix=SM80
// RUN: sparse24-opt %s -split-input-file --remarks-filter=none \
// RUN:   --sparse24-detect=target=sm_90a | FileCheck %s --check-prefix=SM90A

// A 2:4 weight in the type that is multiplied is taken without asking.

// CHECK-LABEL: @lossless_rhs
// CHECK: linalg.matmul {sparse24.sparsify = {element_type = bf16, side = "rhs"}}
func.func @lossless_rhs(%x: tensor<?x4xbf16>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 4.0]]> : tensor<4x2xbf16>
  // expected-remark @below {{[Passed] sparse24-detect | Category:sparse24 | Function=lossless_rhs}}
  %0 = linalg.matmul ins(%x, %w : tensor<?x4xbf16>, tensor<4x2xbf16>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

// The remark's arguments: sizes, counts and bytes.

func.func @lossless_lhs(%x: tensor<6x3xf16>, %init: tensor<2x3xf16>) -> tensor<2x3xf16> {
  // −0.0 is a zero; the second group has two columns only.
  %w = arith.constant dense<[[1.0, 0.0, -0.0, 2.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0, 3.0]]> : tensor<2x6xf16>
  // expected-remark @below {{BytesAfter=20, BytesBefore=24, ElementType=f16, Groups=4, K=6, Layer=}}
  %0 = linalg.matmul ins(%w, %x : tensor<2x6xf16>, tensor<6x3xf16>) outs(%init : tensor<2x3xf16>) -> tensor<2x3xf16>
  return %0 : tensor<2x3xf16>
}

// -----

// Transposed operands: W is N×K here, and its groups run along K.

#x = affine_map<(m, n, k) -> (k, m)>
#w = affine_map<(m, n, k) -> (n, k)>
#d = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: @transposed
// CHECK: linalg.matmul
// CHECK-SAME: {sparse24.sparsify = {element_type = bf16, side = "rhs"}}
func.func @transposed(%x: tensor<4x8xbf16>, %init: tensor<8x2xf32>) -> tensor<8x2xf32> {
  %w = arith.constant dense<[[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 2.0, 3.0]]> : tensor<2x4xbf16>
  // expected-remark @below {{[Passed]}}
  %0 = linalg.matmul indexing_maps = [#x, #w, #d] ins(%x, %w : tensor<4x8xbf16>, tensor<2x4xbf16>) outs(%init : tensor<8x2xf32>) -> tensor<8x2xf32>
  return %0 : tensor<8x2xf32>
}

// -----

// The weight is seen through a transposition and a truncation, and a generic
// contraction whose output is transposed is the product of swapped operands.

#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#out = affine_map<(i, j, k) -> (j, i)>

// CHECK-LABEL: @seen_through
// CHECK: linalg.generic
// CHECK-SAME: attrs = {sparse24.sparsify = {element_type = bf16, side = "lhs"}}
func.func @seen_through(%x: tensor<?x4xbf16>, %init: tensor<2x?xf32>) -> tensor<2x?xf32> {
  %w = arith.constant dense<[[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 2.0, 3.0]]> : tensor<2x4xf32>
  %narrow = arith.truncf %w : tensor<2x4xf32> to tensor<2x4xbf16>
  %empty = tensor.empty() : tensor<4x2xbf16>
  %t = linalg.transpose ins(%narrow : tensor<2x4xbf16>) outs(%empty : tensor<4x2xbf16>) permutation = [1, 0]
  // expected-remark @below {{[Passed]}}
  %0 = linalg.generic {indexing_maps = [#a, #b, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %t : tensor<?x4xbf16>, tensor<4x2xbf16>) outs(%init : tensor<2x?xf32>) {
  ^bb0(%p: bf16, %q: bf16, %s: f32):
    %1 = arith.extf %p : bf16 to f32
    %2 = arith.extf %q : bf16 to f32
    %3 = arith.mulf %1, %2 : f32
    %4 = arith.addf %s, %3 : f32
    linalg.yield %4 : f32
  } -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

// -----

// A weight that isn't 2:4 stays dense without permission.

// CHECK-LABEL: @violates
// CHECK-NOT: sparse24.sparsify
// ALLOWED-LABEL: @violates
// ALLOWED: {sparse24.sparsify = {element_type = bf16, prune = "magnitude", side = "lhs"}}
func.func @violates(%x: tensor<8x3xbf16>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[1.0, 0.0, 2.0, 0.0, 1.0, 1.0, 1.0, 0.0]]> : tensor<1x8xbf16>
  // expected-remark @below {{Fix="allow pruning: option prune=magnitude or attribute sparse24.allow_prune = "magnitude"", Groups=2, K=8}}
  %0 = linalg.matmul ins(%w, %x : tensor<1x8xbf16>, tensor<8x3xbf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}

// -----

// Scores come with the product, in the shape of the criterion.

// CHECK-LABEL: @scores
// CHECK: {sparse24.allow_prune = "wanda", sparse24.scores = dense<{{.*}}> : tensor<4xf32>, sparse24.sparsify = {element_type = bf16, prune = "wanda", side = "lhs"}}
// CHECK-NOT: sparse24.sparsify
func.func @scores(%x: tensor<4x3xbf16>, %init: tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>) {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xbf16>
  // expected-remark @below {{NormKept=0.1667}}
  %0 = linalg.matmul {sparse24.allow_prune = "wanda", sparse24.scores = dense<[9.0, 9.0, 1.0, 1.0]> : tensor<4xf32>}
      ins(%w, %x : tensor<1x4xbf16>, tensor<4x3xbf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  // expected-remark-re @below {{Fix="give the product an attribute sparse24.scores, f32 of 4", {{.*}}Reason="pruning by wanda needs scores, and there are none"}}
  %1 = linalg.matmul {sparse24.allow_prune = "wanda"}
      ins(%w, %x : tensor<1x4xbf16>, tensor<4x3xbf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  // expected-remark-re @below {{Fix="give the product an attribute sparse24.scores, f32 of 1 x 4", {{.*}}Reason="the scores don't have the shape that pruning by importance needs"}}
  %2 = linalg.matmul {sparse24.allow_prune = "importance", sparse24.scores = dense<1.0> : tensor<4xf32>}
      ins(%w, %x : tensor<1x4xbf16>, tensor<4x3xbf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0, %1, %2 : tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>
}

// -----

// NaN ranks above everything and is kept; the remark counts it.

// CHECK-LABEL: @nan
// CHECK: sparse24.sparsify
func.func @nan(%x: tensor<4x3xbf16>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[0x7FC0, 0.0, 0xFF81, 0.0]]> : tensor<1x4xbf16>
  // expected-remark @below {{NaN=2, NormKept=1.0000}}
  %0 = linalg.matmul ins(%w, %x : tensor<1x4xbf16>, tensor<4x3xbf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}

// -----

// The nearest attribute wins over the function's, the module's and the option.

// CHECK-LABEL: @permissions
// CHECK: linalg.matmul {sparse24.allow_prune = "none"} ins
// CHECK: linalg.matmul {sparse24.sparsify = {element_type = f16, prune = "magnitude", side = "lhs"}}
// ALLOWED-LABEL: @permissions
// ALLOWED: linalg.matmul {sparse24.allow_prune = "none"} ins
func.func @permissions(%x: tensor<4x3xf32>, %init: tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>)
    attributes {sparse24.allow_prune = "magnitude", sparse24.allow_precision = "f16"} {
  %w = arith.constant dense<[[1.0, 0.5, 2.0, 0.0]]> : tensor<1x4xf32>
  // expected-remark @below {{the weight isn't 2:4: 1 of 1 groups have more nonzeros than the pattern keeps, the first in row 0 at K = 0}}
  %0 = linalg.matmul {sparse24.allow_prune = "none"} ins(%w, %x : tensor<1x4xf32>, tensor<4x3xf32>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  // expected-remark @below {{NormKept=0.9524, Remark="becomes sparse after pruning"}}
  %1 = linalg.matmul ins(%w, %x : tensor<1x4xf32>, tensor<4x3xf32>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0, %1 : tensor<1x3xf32>, tensor<1x3xf32>
}

// -----

// f32 stays f32 without permission.

// CHECK-LABEL: @precision
// CHECK-NOT: sparse24.sparsify
// ALLOWED-LABEL: @precision
// ALLOWED: {sparse24.sparsify = {element_type = bf16, side = "lhs"}}
func.func @precision(%x: tensor<4x3xf32>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[1.0, 0.0, 2.0, 0.0]]> : tensor<1x4xf32>
  // expected-remark @below {{f32 operands need permission for a lower precision}}
  %0 = linalg.matmul ins(%w, %x : tensor<1x4xf32>, tensor<4x3xf32>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}

// -----

// tf32 is 1:2 and stays f32.

// CHECK-LABEL: @tf32
// CHECK: {sparse24.sparsify = {element_type = f32, side = "lhs"}}
module attributes {sparse24.allow_precision = "tf32"} {
  func.func @tf32(%x: tensor<4x3xf32>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
    %w = arith.constant dense<[[1.0, 0.0, 2.0, 0.0]]> : tensor<1x4xf32>
    // expected-remark @below {{Groups=2}}
    %0 = linalg.matmul ins(%w, %x : tensor<1x4xf32>, tensor<4x3xf32>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
    return %0 : tensor<1x3xf32>
  }
}

// -----

// A run-time weight is known to be 2:4 if its groups run along K.

// CHECK-LABEL: @pruned_at_run_time
// CHECK: linalg.matmul {sparse24.sparsify = {element_type = bf16, side = "lhs"}}
// CHECK: linalg.matmul ins
func.func @pruned_at_run_time(%w: tensor<8x8xbf16>, %x: tensor<8x8xbf16>, %init: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %e = tensor.empty() : tensor<8x8xbf16>
  %p = sparse24.prune magnitude ins(%w : tensor<8x8xbf16>) outs(%e : tensor<8x8xbf16>) -> tensor<8x8xbf16>
  // expected-remark @below {{[Passed]}}
  %0 = linalg.matmul ins(%p, %x : tensor<8x8xbf16>, tensor<8x8xbf16>) outs(%init : tensor<8x8xf32>) -> tensor<8x8xf32>
  // expected-remark @below {{neither operand is a constant or made by sparse24.prune or sparse24.decompress along the summed dimension}}
  %1 = linalg.matmul ins(%x, %p : tensor<8x8xbf16>, tensor<8x8xbf16>) outs(%init : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0, %1 : tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

// Candidates that are no products of two matrices.

func.func @other_contractions(%x: tensor<2x3x4xbf16>, %y: tensor<2x4x5xbf16>, %init: tensor<2x3x5xf32>,
                              %v: tensor<4xbf16>, %vi: tensor<1xf32>) -> (tensor<2x3x5xf32>, tensor<1xf32>) {
  // expected-remark @below {{Fix="collapse the batch into the rows (tensor.collapse_shape) where all batches share the weight", Layer=}}
  %0 = linalg.batch_matmul ins(%x, %y : tensor<2x3x4xbf16>, tensor<2x4x5xbf16>) outs(%init : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %w = arith.constant dense<[[1.0, 0.0, 2.0, 0.0]]> : tensor<1x4xbf16>
  // expected-remark @below {{Reason="the product has no row, column and summed dimension (it is a matrix-vector or dot product)"}}
  %1 = linalg.matvec ins(%w, %v : tensor<1x4xbf16>, tensor<4xbf16>) outs(%vi : tensor<1xf32>) -> tensor<1xf32>
  return %0, %1 : tensor<2x3x5xf32>, tensor<1xf32>
}

// -----

func.func @dynamic_k(%w: tensor<8x?xbf16>, %x: tensor<?x8xbf16>, %init: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %e = tensor.empty() : tensor<8x8xf32>
  %c1 = arith.constant 1 : index
  %k = tensor.dim %w, %c1 : tensor<8x?xbf16>
  %pe = tensor.empty(%k) : tensor<8x?xbf16>
  %p = sparse24.prune magnitude ins(%w : tensor<8x?xbf16>) outs(%pe : tensor<8x?xbf16>) -> tensor<8x?xbf16>
  // expected-remark @below {{Reason="the summed dimension K is dynamic"}}
  %0 = linalg.matmul ins(%p, %x : tensor<8x?xbf16>, tensor<?x8xbf16>) outs(%init : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// -----

func.func @types(%x: tensor<4x3xf64>, %init: tensor<1x3xf64>) -> tensor<1x3xf64> {
  %w = arith.constant dense<[[1.0, 0.0, 2.0, 0.0]]> : tensor<1x4xf64>
  // expected-remark @below {{Reason="no Sparse Tensor Core multiplies f64"}}
  %0 = linalg.matmul ins(%w, %x : tensor<1x4xf64>, tensor<4x3xf64>) outs(%init : tensor<1x3xf64>) -> tensor<1x3xf64>
  return %0 : tensor<1x3xf64>
}

// -----

// SM80-LABEL: @integers
// SM80-NOT: sparse24.sparsify
// SM90A-LABEL: @integers
// SM90A: {sparse24.sparsify = {element_type = i8, side = "lhs"}}
func.func @integers(%x: tensor<4x3xi8>, %init: tensor<1x3xi32>) -> (tensor<1x3xi32>, tensor<1x3xi32>) {
  %w = arith.constant dense<[[-128, 0, 2, 0]]> : tensor<1x4xi8>
  // expected-remark @below {{ElementType=i8}}
  %0 = linalg.matmul ins(%w, %x : tensor<1x4xi8>, tensor<4x3xi8>) outs(%init : tensor<1x3xi32>) -> tensor<1x3xi32>
  // expected-remark @below {{more than a product of signed integers or floats and a sum}}
  %1 = linalg.matmul {cast = #linalg.type_fn<cast_unsigned>} ins(%w, %x : tensor<1x4xi8>, tensor<4x3xi8>) outs(%init : tensor<1x3xi32>) -> tensor<1x3xi32>
  return %0, %1 : tensor<1x3xi32>, tensor<1x3xi32>
}

// -----

// SM80-LABEL: @eight_bit_floats
// SM80-NOT: sparse24.sparsify
// SM90A-LABEL: @eight_bit_floats
// SM90A: {sparse24.sparsify = {element_type = f8E4M3FN, side = "lhs"}}
func.func @eight_bit_floats(%x: tensor<4x3xf8E4M3FN>, %y: tensor<4x3xf8E5M2>, %init: tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>) {
  %w = arith.constant dense<[[1.0, 0.0, 2.0, 0.0]]> : tensor<1x4xf8E4M3FN>
  // expected-remark @below {{ElementType=f8E4M3FN}}
  %0 = linalg.matmul ins(%w, %x : tensor<1x4xf8E4M3FN>, tensor<4x3xf8E4M3FN>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  // expected-remark @below {{the operands' element types differ}}
  %1 = linalg.matmul ins(%w, %y : tensor<1x4xf8E4M3FN>, tensor<4x3xf8E5M2>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0, %1 : tensor<1x3xf32>, tensor<1x3xf32>
}

// -----

// Data that isn't there is no reason to crash.

func.func @elided(%x: tensor<4x3xbf16>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense_resource<__elided__> : tensor<1x4xbf16>
  // expected-remark @below {{the constant's data isn't there}}
  %0 = linalg.matmul ins(%w, %x : tensor<1x4xbf16>, tensor<4x3xbf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}

// -----

#structured = #sparse_tensor.encoding<{
  map = (i, j) -> (i : dense, j floordiv 4 : dense, j mod 4 : structured[2, 4])
}>

func.func @encoded(%w: tensor<8x8xbf16, #structured>, %x: tensor<8x8xbf16>, %init: tensor<8x8xf32>) -> tensor<8x8xf32> {
  // expected-remark @below {{Reason="an operand's type has an encoding"}}
  %0 = linalg.matmul ins(%w, %x : tensor<8x8xbf16, #structured>, tensor<8x8xbf16>) outs(%init : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// -----

func.func @convolution(%x: tensor<1x8x8x4xbf16>, %init: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %w = arith.constant dense<0.0> : tensor<3x3x4x8xbf16>
  // expected-remark @below {{Reason="convolutions aren't taken yet"}}
  %0 = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<1x8x8x4xbf16>, tensor<3x3x4x8xbf16>) outs(%init : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32>
  return %0 : tensor<1x6x6x8xf32>
}
