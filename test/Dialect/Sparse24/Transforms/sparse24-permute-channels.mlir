// RUN: sparse24-opt %s -split-input-file -verify-diagnostics \
// RUN:   --sparse24-permute-channels="prune=magnitude" | FileCheck %s
// RUN: sparse24-opt %s -split-input-file --remarks-filter=none \
// RUN:   --sparse24-permute-channels="prune=magnitude permute=all" | FileCheck %s --check-prefix=ALL
// RUN: sparse24-opt %s -split-input-file --remarks-filter=none \
// RUN:   --sparse24-permute-channels | FileCheck %s --check-prefix=NONE
// RUN: sparse24-opt %s -split-input-file --remarks-filter=none \
// RUN:   --sparse24-permute-channels="prune=magnitude permute=none" | FileCheck %s --check-prefix=NONE

// In all weights that are pruned here, channels 0 to 3 are large and 4 to 7 are
// zero; the order 0 1 4 5 2 3 6 7 keeps all. Without permission nothing moves.

// NONE-NOT: dense_resource<permuted

// The activations are another product's, with a bias and a ReLU: the columns of
// its weight and the bias are permuted, and nothing is left at run time. Asking
// for the number of rows isn't a use, nor is being overwritten; zeros to start from
// may be shared.

#mn = affine_map<(m, n) -> (m, n)>
#n = affine_map<(m, n) -> (n)>

// CHECK-LABEL: @folded
// CHECK: %[[W0:.*]] = arith.constant dense_resource<[[NAME0:permuted[_0-9]*]]> : tensor<1x8xbf16>
// CHECK: %[[H:.*]] = linalg.matmul ins(%{{.*}}, %[[W0]] :
// CHECK: %[[B:.*]] = arith.constant dense_resource<[[NAME1:permuted[_0-9]*]]> : tensor<8xbf16>
// CHECK: %[[A:.*]] = linalg.generic {{.*}} ins(%[[H]], %[[B]] :
// CHECK: %[[W1:.*]] = arith.constant dense_resource<[[NAME2:permuted[_0-9]*]]> : tensor<8x1xbf16>
// CHECK: linalg.matmul ins(%[[A]], %[[W1]] :
// CHECK-DAG: [[NAME0]]: "0x10000000803F0040A040C04040408040E0400041"
// CHECK-DAG: [[NAME1]]: "0x100000000000803F8040A04000404040C040E040"
// CHECK-DAG: [[NAME2]]: "0x100000000041E04000000000C040A04000000000"
func.func @folded(%x: tensor<?x1xbf16>, %bias: tensor<8xbf16>) -> (tensor<?x1xf32>, tensor<?x8xbf16>) {
  %w0 = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]> : tensor<1x8xbf16>
  %b = arith.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]> : tensor<8xbf16>
  %w1 = arith.constant dense<[[8.0], [7.0], [6.0], [5.0], [0.0], [0.0], [0.0], [0.0]]> : tensor<8x1xbf16>
  %zero = arith.constant 0.0 : bf16
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x1xbf16>
  %e = tensor.empty(%rows) : tensor<?x8xbf16>
  %z = linalg.fill ins(%zero : bf16) outs(%e : tensor<?x8xbf16>) -> tensor<?x8xbf16>
  %h = linalg.matmul ins(%x, %w0 : tensor<?x1xbf16>, tensor<1x8xbf16>) outs(%z : tensor<?x8xbf16>) -> tensor<?x8xbf16>
  %a = linalg.generic {indexing_maps = [#mn, #n, #mn], iterator_types = ["parallel", "parallel"]}
      ins(%h, %b : tensor<?x8xbf16>, tensor<8xbf16>) outs(%h : tensor<?x8xbf16>) {
  ^bb0(%in: bf16, %add: bf16, %out: bf16):
    %0 = arith.addf %in, %add : bf16
    %1 = arith.maximumf %0, %zero : bf16
    linalg.yield %1 : bf16
  } -> tensor<?x8xbf16>
  %zero32 = arith.constant 0.0 : f32
  %dim = tensor.dim %a, %c0 : tensor<?x8xbf16>
  %e1 = tensor.empty(%dim) : tensor<?x1xf32>
  %z1 = linalg.fill ins(%zero32 : f32) outs(%e1 : tensor<?x1xf32>) -> tensor<?x1xf32>
  // expected-remark @below {{[Passed] sparse24-permute-channels | Category:sparse24 | Function=folded | K=8, Layer=}}
  %y = linalg.matmul ins(%a, %w1 : tensor<?x8xbf16>, tensor<8x1xbf16>) outs(%z1 : tensor<?x1xf32>) -> tensor<?x1xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x8xbf16>
}

// -----

// The same on the left: the weight before is stored K × rows and rounded, its
// product starts from a bias that is broadcast, and the activation is of several
// operations on tensors, one of which uses its operand twice. One value
// throughout, and what isn't along the channels, stays.

#km = affine_map<(m, n, k) -> (k, m)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: @folded_left
// CHECK: %[[W0:.*]] = arith.constant dense_resource<permuted{{.*}}> : tensor<1x8xf32>
// CHECK: %[[N0:.*]] = arith.truncf %[[W0]]
// CHECK: %[[SCALE:.*]] = arith.constant dense<2.000000e+00> : tensor<8x3xbf16>
// CHECK: %[[B:.*]] = arith.constant dense_resource<permuted{{.*}}> : tensor<8xbf16>
// CHECK: %[[START:.*]] = linalg.broadcast ins(%[[B]] :
// CHECK: %[[H:.*]] = linalg.matmul {{.*}} ins(%[[N0]], %{{.*}} : {{.*}} outs(%[[START]] :
// CHECK: %[[S:.*]] = arith.mulf %[[H]], %[[SCALE]]
// CHECK: %[[Q:.*]] = arith.mulf %[[S]], %[[S]]
// CHECK: %[[W1:.*]] = arith.constant dense_resource<permuted{{.*}}> : tensor<1x8xbf16>
// CHECK: linalg.matmul ins(%[[W1]], %[[Q]] :
func.func @folded_left(%x: tensor<1x3xbf16>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %w0 = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]> : tensor<1x8xf32>
  %n0 = arith.truncf %w0 : tensor<1x8xf32> to tensor<1x8xbf16>
  %b = arith.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]> : tensor<8xbf16>
  %w1 = arith.constant dense<[[8.0, 7.0, 6.0, 5.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<1x8xbf16>
  %scale = arith.constant dense<2.0> : tensor<8x3xbf16>
  %e = tensor.empty() : tensor<8x3xbf16>
  %start = linalg.broadcast ins(%b : tensor<8xbf16>) outs(%e : tensor<8x3xbf16>) dimensions = [1]
  %h = linalg.matmul indexing_maps = [#km, #kn, #mn] ins(%n0, %x : tensor<1x8xbf16>, tensor<1x3xbf16>) outs(%start : tensor<8x3xbf16>) -> tensor<8x3xbf16>
  %s = arith.mulf %h, %scale : tensor<8x3xbf16>
  %q = arith.mulf %s, %s : tensor<8x3xbf16>
  // expected-remark @below {{NormKept=0.6494, NormKeptAfter=1.0000, Remark="orders channels for pruning", Rows=1, RowsSearched=1, Where=producer}}
  %y = linalg.matmul ins(%w1, %q : tensor<1x8xbf16>, tensor<8x3xbf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}

// -----

// An argument is gathered at run time, where that is allowed.

// CHECK-LABEL: @argument
// CHECK-NOT: permuted
// ALL-LABEL: @argument
// ALL-SAME: (%[[X:.*]]: tensor<?x8xf16>,
// ALL: %[[TABLE:.*]] = arith.constant dense<[0, 1, 4, 5, 2, 3, 6, 7]> : tensor<8xi32>
// ALL: %[[G:.*]] = linalg.generic {{.*}} ins(%[[TABLE]] : tensor<8xi32>) outs(%{{.*}} : tensor<?x8xf16>)
// ALL-NEXT: ^bb0(%[[C:.*]]: i32, %{{.*}}: f16):
// ALL: %[[ROW:.*]] = linalg.index 0
// ALL: %[[K:.*]] = arith.index_cast %[[C]] : i32 to index
// ALL-NEXT: %[[V:.*]] = tensor.extract %[[X]][%[[ROW]], %[[K]]]
// ALL-NEXT: linalg.yield %[[V]]
// ALL: %[[W:.*]] = arith.constant dense_resource<permuted{{.*}}> : tensor<1x8xf16>
// ALL: linalg.generic {{.*}} ins(%[[G]], %[[W]] : tensor<?x8xf16>, tensor<1x8xf16>)
#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (j, k)>
#out = affine_map<(i, j, k) -> (j, i)>
func.func @argument(%x: tensor<?x8xf16>, %init: tensor<1x?xf32>) -> tensor<1x?xf32>
    attributes {sparse24.allow_prune = "magnitude"} {
  %w = arith.constant dense<[[8.0, 7.0, 6.0, 5.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<1x8xf16>
  // expected-remark @below {{Reason="the activations' channels can't be moved in advance: they are an argument", Remark="keeps the order of channels"}}
  %0 = linalg.generic {indexing_maps = [#a, #b, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x8xf16>, tensor<1x8xf16>) outs(%init : tensor<1x?xf32>) {
  ^bb0(%p: f16, %q: f16, %s: f32):
    %1 = arith.extf %p : f16 to f32
    %2 = arith.extf %q : f16 to f32
    %3 = arith.mulf %1, %2 : f32
    %4 = arith.addf %s, %3 : f32
    linalg.yield %4 : f32
  } -> tensor<1x?xf32>
  return %0 : tensor<1x?xf32>
}

// -----

// Two products of the same activations: neither may change them alone.

// CHECK-LABEL: @shared
// CHECK-NOT: permuted
func.func @shared(%x: tensor<3x1xbf16>, %init: tensor<3x8xbf16>, %out: tensor<3x1xf32>) -> (tensor<3x1xf32>, tensor<3x1xf32>) {
  %w0 = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]> : tensor<1x8xbf16>
  %w1 = arith.constant dense<[[8.0], [7.0], [6.0], [5.0], [0.0], [0.0], [0.0], [0.0]]> : tensor<8x1xbf16>
  %e = tensor.empty() : tensor<3x8xbf16>
  %zero = arith.constant 0.0 : bf16
  %z = linalg.fill ins(%zero : bf16) outs(%e : tensor<3x8xbf16>) -> tensor<3x8xbf16>
  %h = linalg.matmul ins(%x, %w0 : tensor<3x1xbf16>, tensor<1x8xbf16>) outs(%z : tensor<3x8xbf16>) -> tensor<3x8xbf16>
  // expected-remark @below {{Reason="the activations' channels can't be moved in advance: 'linalg.matmul' uses them, too"}}
  %0 = linalg.matmul ins(%h, %w1 : tensor<3x8xbf16>, tensor<8x1xbf16>) outs(%out : tensor<3x1xf32>) -> tensor<3x1xf32>
  // expected-remark @below {{Fix="option permute=all moves them at run time"}}
  %1 = linalg.matmul ins(%h, %w1 : tensor<3x8xbf16>, tensor<8x1xbf16>) outs(%out : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %0, %1 : tensor<3x1xf32>, tensor<3x1xf32>
}

// -----

// A product before whose weight has scores, in the order that it has.

// CHECK-LABEL: @scored
// CHECK-NOT: permuted
func.func @scored(%x: tensor<3x4xbf16>, %init: tensor<3x8xbf16>, %out: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %w0 = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
                              [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]> : tensor<4x8xbf16>
  %w1 = arith.constant dense<[[8.0], [7.0], [6.0], [5.0], [0.0], [0.0], [0.0], [0.0]]> : tensor<8x1xbf16>
  // expected-remark @below {{Reason="the search is for what is pruned by magnitude"}}
  %h = linalg.matmul {sparse24.allow_prune = "wanda", sparse24.scores = dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>}
      ins(%x, %w0 : tensor<3x4xbf16>, tensor<4x8xbf16>) outs(%init : tensor<3x8xbf16>) -> tensor<3x8xbf16>
  // expected-remark @below {{'linalg.matmul' has scores for them as they are}}
  %0 = linalg.matmul ins(%h, %w1 : tensor<3x8xbf16>, tensor<8x1xbf16>) outs(%out : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// -----

// What depends on where a channel is: its index, a tensor that the body reads,
// an operand that isn't constant, a dimension read in another way, and a
// constant that is used along both its dimensions.

#mn = affine_map<(m, n) -> (m, n)>
#nm = affine_map<(m, n) -> (n, m)>
#shift = affine_map<(m, n) -> (m, n + 1)>

// CHECK-LABEL: @depends_on_the_order
// CHECK-NOT: permuted
func.func @depends_on_the_order(%x: tensor<8x8xbf16>, %table: tensor<8xbf16>, %init: tensor<8x1xf32>)
    -> (tensor<8x1xf32>, tensor<8x1xf32>, tensor<8x1xf32>, tensor<8x1xf32>, tensor<8x1xf32>, tensor<8x1xf32>) {
  %w = arith.constant dense<[[8.0], [7.0], [6.0], [5.0], [0.0], [0.0], [0.0], [0.0]]> : tensor<8x1xbf16>
  %e = tensor.empty() : tensor<8x8xbf16>
  %a0 = linalg.generic {indexing_maps = [#mn], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<8x8xbf16>) {
  ^bb0(%out: bf16):
    %k = linalg.index 1 : index
    %i = arith.index_cast %k : index to i32
    %f = arith.sitofp %i : i32 to bf16
    linalg.yield %f : bf16
  } -> tensor<8x8xbf16>
  // expected-remark @below {{Reason="the activations' channels can't be moved in advance: 'linalg.generic' doesn't compute them one by one"}}
  %0 = linalg.matmul ins(%a0, %w : tensor<8x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<8x1xf32>) -> tensor<8x1xf32>

  %a1 = linalg.generic {indexing_maps = [#mn], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<8x8xbf16>) {
  ^bb0(%out: bf16):
    %m = linalg.index 0 : index
    %f = tensor.extract %table[%m] : tensor<8xbf16>
    linalg.yield %f : bf16
  } -> tensor<8x8xbf16>
  // expected-remark @below {{'linalg.generic' doesn't compute them one by one}}
  %1 = linalg.matmul ins(%a1, %w : tensor<8x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<8x1xf32>) -> tensor<8x1xf32>

  %wide = arith.constant dense_resource<wide> : tensor<8x9xbf16>
  %a2 = linalg.generic {indexing_maps = [#shift, #mn], iterator_types = ["parallel", "parallel"]}
      ins(%wide : tensor<8x9xbf16>) outs(%e : tensor<8x8xbf16>) {
  ^bb0(%in: bf16, %out: bf16):
    linalg.yield %in : bf16
  } -> tensor<8x8xbf16>
  // expected-remark @below {{'linalg.generic' doesn't compute them one by one}}
  %2 = linalg.matmul ins(%a2, %w : tensor<8x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<8x1xf32>) -> tensor<8x1xf32>

  %square = arith.constant dense_resource<square> : tensor<8x8xbf16>
  %n = arith.negf %square : tensor<8x8xbf16>
  %a3 = linalg.generic {indexing_maps = [#mn, #nm, #mn], iterator_types = ["parallel", "parallel"]}
      ins(%n, %n : tensor<8x8xbf16>, tensor<8x8xbf16>) outs(%e : tensor<8x8xbf16>) {
  ^bb0(%in: bf16, %in2: bf16, %out: bf16):
    %s = arith.addf %in, %in2 : bf16
    linalg.yield %s : bf16
  } -> tensor<8x8xbf16>
  // expected-remark @below {{'arith.negf' is used along two of its dimensions}}
  %3 = linalg.matmul ins(%a3, %w : tensor<8x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<8x1xf32>) -> tensor<8x1xf32>

  %a4 = arith.mulf %x, %square : tensor<8x8xbf16>
  // expected-remark @below {{they are an argument}}
  %4 = linalg.matmul ins(%a4, %w : tensor<8x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<8x1xf32>) -> tensor<8x1xf32>

  %a5 = tensor.insert_slice %x into %e[0, 0] [8, 8] [1, 1] : tensor<8x8xbf16> into tensor<8x8xbf16>
  // expected-remark @below {{they come from 'tensor.insert_slice'}}
  %5 = linalg.matmul ins(%a5, %w : tensor<8x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<8x1xf32>) -> tensor<8x1xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<8x1xf32>, tensor<8x1xf32>, tensor<8x1xf32>, tensor<8x1xf32>, tensor<8x1xf32>, tensor<8x1xf32>
}

{-#
  dialect_resources: {
    builtin: {
      wide: "0x10000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
      square: "0x100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    }
  }
#-}

// -----

// Weights that stay: one that others read rounded, too; one for whose masks there
// is no search; one that can't gain; one that is 2:4 already, without a remark.

// CHECK-LABEL: @stays
// CHECK-NOT: permuted
func.func @stays(%x: tensor<3x8xbf16>, %init: tensor<3x1xf32>)
    -> (tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xf32>, tensor<8x1xbf16>) {
  %c = arith.constant dense<[[8.0], [7.0], [6.0], [5.0], [0.0], [0.0], [0.0], [0.0]]> : tensor<8x1xf32>
  %w0 = arith.truncf %c : tensor<8x1xf32> to tensor<8x1xbf16>
  // expected-remark @below {{Reason="the weight's columns can't be moved: 'func.return' uses them, too"}}
  %0 = linalg.matmul ins(%x, %w0 : tensor<3x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<3x1xf32>) -> tensor<3x1xf32>
  %w1 = arith.constant dense<[[8.0], [7.0], [6.0], [5.0], [0.0], [0.0], [0.0], [0.0]]> : tensor<8x1xbf16>
  // expected-remark @below {{Reason="the search is for what is pruned by magnitude"}}
  %1 = linalg.matmul {sparse24.allow_prune = "transposable"} ins(%x, %w1 : tensor<3x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<3x1xf32>) -> tensor<3x1xf32>
  %equal = arith.constant dense<1.0> : tensor<3x8xbf16>
  %w2 = arith.constant dense<1.0> : tensor<8x1xbf16>
  // expected-remark @below {{NormKept=0.5000, NormKeptAfter=0.5000, Reason="no order that keeps more was found"}}
  %2 = linalg.matmul ins(%equal, %w2 : tensor<3x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<3x1xf32>) -> tensor<3x1xf32>
  %w3 = arith.constant dense<[[8.0], [7.0], [0.0], [0.0], [6.0], [5.0], [0.0], [0.0]]> : tensor<8x1xbf16>
  %3 = linalg.matmul ins(%x, %w3 : tensor<3x8xbf16>, tensor<8x1xbf16>) outs(%init : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %0, %1, %2, %3, %w0 : tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xf32>, tensor<8x1xbf16>
}
