// RUN: sparse24-opt %s -split-input-file --convert-elementwise-to-linalg --sparse24-fuse-epilogues | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#col = affine_map<(d0, d1) -> (d1)>
#none = affine_map<(d0, d1) -> ()>

// A linear layer: bias, residual, activation that uses its input twice, truncation.

// CHECK-LABEL: @linear
// CHECK-SAME: %[[V:.*]]: tensor<16x16xbf16>, %[[M:.*]]: tensor<16x2xi16>, %[[X:.*]]: tensor<?x32xbf16>, %[[B:.*]]: tensor<16xf32>, %[[R:.*]]: tensor<?x16xbf16>, %[[D:.*]]: tensor<?x16xf32>, %[[O:.*]]: tensor<?x16xbf16>
// CHECK-NOT: linalg.
// CHECK: %[[RESULT:.*]] = sparse24.matmul rhs ins(%[[V]], %[[M]] :
// CHECK-SAME: dense(%[[X]] : tensor<?x32xbf16>) outs(%{{.*}} : tensor<?x16xbf16>) k = 32 acc = f32
// CHECK-SAME: epilogue(%[[B]], %[[R]] : tensor<16xf32>, tensor<?x16xbf16>) maps = [#{{.*}}, #{{.*}}]
// CHECK: ^bb0(%[[ACC:.*]]: f32, %[[BIAS:.*]]: f32, %[[RES:.*]]: bf16):
// CHECK-DAG: %[[S0:.*]] = arith.addf %[[ACC]], %[[BIAS]] : f32
// CHECK-DAG: %[[WIDE:.*]] = arith.extf %[[RES]] : bf16 to f32
// CHECK: %[[S1:.*]] = arith.addf %[[S0]], %[[WIDE]] : f32
// CHECK: %[[T:.*]] = math.tanh %[[S1]] : f32
// CHECK: %[[P:.*]] = arith.mulf %[[S1]], %[[T]] : f32
// CHECK: %[[N:.*]] = arith.truncf %[[P]] : f32 to bf16
// CHECK: sparse24.yield %[[N]] : bf16
// CHECK: return %[[RESULT]]
func.func @linear(%v: tensor<16x16xbf16>, %m: tensor<16x2xi16>, %x: tensor<?x32xbf16>, %bias: tensor<16xf32>,
                  %residual: tensor<?x16xbf16>, %d: tensor<?x16xf32>, %o: tensor<?x16xbf16>) -> tensor<?x16xbf16> {
  %0 = sparse24.matmul rhs ins(%v, %m : tensor<16x16xbf16>, tensor<16x2xi16>) dense(%x : tensor<?x32xbf16>)
      outs(%d : tensor<?x16xf32>) k = 32 acc = f32 -> tensor<?x16xf32>
  %b = linalg.broadcast ins(%bias : tensor<16xf32>) outs(%d : tensor<?x16xf32>) dimensions = [0]
  %1 = arith.addf %0, %b : tensor<?x16xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%1, %residual : tensor<?x16xf32>, tensor<?x16xbf16>) outs(%d : tensor<?x16xf32>) {
  ^bb0(%p: f32, %q: bf16, %out: f32):
    %w = arith.extf %q : bf16 to f32
    %s = arith.addf %p, %w : f32
    linalg.yield %s : f32
  } -> tensor<?x16xf32>
  %3 = math.tanh %2 : tensor<?x16xf32>
  %4 = arith.mulf %2, %3 : tensor<?x16xf32>
  %5 = arith.truncf %4 : tensor<?x16xf32> to tensor<?x16xbf16>
  return %5 : tensor<?x16xbf16>
}

// -----

// Constants go along; a scalar tensor; a row vector; an output argument that the
// body reads.

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#none = affine_map<(d0, d1) -> ()>

// CHECK-LABEL: @operands
// CHECK: sparse24.matmul lhs
// CHECK-SAME: outs(%[[O:.*]] : tensor<16x8xf32>)
// CHECK-SAME: epilogue(%{{.*}}, %{{.*}}, %[[O]] : tensor<f32>, tensor<16xf32>, tensor<16x8xf32>)
// CHECK: ^bb0(%[[ACC:.*]]: f32, %[[S:.*]]: f32, %[[R:.*]]: f32, %[[OUT:.*]]: f32):
// CHECK: arith.constant 2.000000e+00
// CHECK: sparse24.yield
// CHECK-NOT: linalg
func.func @operands(%v: tensor<16x16xf16>, %m: tensor<16x2xi16>, %x: tensor<32x8xf16>, %scale: tensor<f32>,
                    %rows: tensor<16xf32>, %d: tensor<16x8xf32>, %o: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %two = arith.constant 2.0 : f32
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<16x16xf16>, tensor<16x2xi16>) dense(%x : tensor<32x8xf16>)
      outs(%d : tensor<16x8xf32>) k = 32 acc = f32 -> tensor<16x8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #none, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0, %scale, %rows : tensor<16x8xf32>, tensor<f32>, tensor<16xf32>) outs(%o : tensor<16x8xf32>) {
  ^bb0(%p: f32, %q: f32, %r: f32, %out: f32):
    %2 = arith.mulf %p, %q : f32
    %3 = arith.mulf %2, %two : f32
    %4 = arith.addf %3, %r : f32
    %5 = arith.addf %4, %out : f32
    linalg.yield %5 : f32
  } -> tensor<16x8xf32>
  return %1 : tensor<16x8xf32>
}

// -----

// Accumulating into a broadcast becomes an addition of what was broadcast; an
// accumulation that is followed by something else moves into the epilogue too.

#id = affine_map<(d0, d1) -> (d0, d1)>
#col = affine_map<(d0, d1) -> (d1)>

// CHECK-LABEL: @accumulate
// CHECK-SAME: %[[BIAS:[^:]*]]: tensor<16xf16>, %[[C:[^:]*]]: tensor<?x16xf16>
// CHECK: sparse24.matmul rhs
// CHECK-NOT: accumulate
// CHECK-SAME: epilogue(%[[BIAS]] : tensor<16xf16>)
// CHECK: %[[B:.*]] = arith.extf %{{.*}} : f16 to f32
// CHECK: %[[SUM:.*]] = arith.addf %{{.*}}, %[[B]] : f32
// CHECK: %[[T:.*]] = arith.truncf %[[SUM]] : f32 to f16
// CHECK: sparse24.yield %[[T]]
// CHECK: sparse24.matmul rhs
// CHECK-NOT: accumulate
// CHECK-SAME: epilogue(%[[C]] : tensor<?x16xf16>)
// CHECK: arith.addf
// CHECK: arith.truncf
// CHECK: math.absf
// CHECK: sparse24.yield
// CHECK: sparse24.matmul rhs {{.*}} accumulate
func.func @accumulate(%v: tensor<16x16xf16>, %m: tensor<16x2xi16>, %x: tensor<?x32xf16>, %bias: tensor<16xf16>, %c: tensor<?x16xf16>)
    -> (tensor<?x16xf16>, tensor<?x16xf16>, tensor<?x16xf16>) {
  %b = linalg.generic {indexing_maps = [#col, #id], iterator_types = ["parallel", "parallel"]}
      ins(%bias : tensor<16xf16>) outs(%c : tensor<?x16xf16>) {
  ^bb0(%in: f16, %out: f16):
    linalg.yield %in : f16
  } -> tensor<?x16xf16>
  %0 = sparse24.matmul rhs ins(%v, %m : tensor<16x16xf16>, tensor<16x2xi16>) dense(%x : tensor<?x32xf16>)
      outs(%b : tensor<?x16xf16>) k = 32 acc = f32 accumulate -> tensor<?x16xf16>
  %1 = sparse24.matmul rhs ins(%v, %m : tensor<16x16xf16>, tensor<16x2xi16>) dense(%x : tensor<?x32xf16>)
      outs(%c : tensor<?x16xf16>) k = 32 acc = f32 accumulate -> tensor<?x16xf16>
  %2 = math.absf %1 : tensor<?x16xf16>
  %3 = sparse24.matmul rhs ins(%v, %m : tensor<16x16xf16>, tensor<16x2xi16>) dense(%x : tensor<?x32xf16>)
      outs(%c : tensor<?x16xf16>) k = 32 acc = f32 accumulate -> tensor<?x16xf16>
  return %0, %2, %3 : tensor<?x16xf16>, tensor<?x16xf16>, tensor<?x16xf16>
}

// -----

// What isn't fused: another use, a transposed read, a reduction, an index.

#id = affine_map<(d0, d1) -> (d0, d1)>
#t = affine_map<(d0, d1) -> (d1, d0)>
#row = affine_map<(d0, d1) -> (d0)>

// CHECK-LABEL: @not_fused
// CHECK-COUNT-4: sparse24.matmul {{.*}} acc = f32 -> tensor<16x16xf32>
// CHECK-NOT: epilogue
func.func @not_fused(%v: tensor<16x16xf16>, %m: tensor<16x2xi16>, %x: tensor<32x16xf16>, %d: tensor<16x16xf32>, %s: tensor<16xf32>)
    -> (tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<16xf32>, tensor<16x16xf32>) {
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<16x16xf16>, tensor<16x2xi16>) dense(%x : tensor<32x16xf16>)
      outs(%d : tensor<16x16xf32>) k = 32 acc = f32 -> tensor<16x16xf32>
  %used = math.absf %0 : tensor<16x16xf32>
  %1 = sparse24.matmul lhs ins(%v, %m : tensor<16x16xf16>, tensor<16x2xi16>) dense(%x : tensor<32x16xf16>)
      outs(%d : tensor<16x16xf32>) k = 32 acc = f32 -> tensor<16x16xf32>
  %transposed = linalg.generic {indexing_maps = [#t, #id], iterator_types = ["parallel", "parallel"]}
      ins(%1 : tensor<16x16xf32>) outs(%d : tensor<16x16xf32>) {
  ^bb0(%in: f32, %out: f32):
    %e = math.exp %in : f32
    linalg.yield %e : f32
  } -> tensor<16x16xf32>
  %2 = sparse24.matmul lhs ins(%v, %m : tensor<16x16xf16>, tensor<16x2xi16>) dense(%x : tensor<32x16xf16>)
      outs(%d : tensor<16x16xf32>) k = 32 acc = f32 -> tensor<16x16xf32>
  %reduced = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%2 : tensor<16x16xf32>) outs(%s : tensor<16xf32>) {
  ^bb0(%in: f32, %out: f32):
    %e = arith.addf %in, %out : f32
    linalg.yield %e : f32
  } -> tensor<16xf32>
  %3 = sparse24.matmul lhs ins(%v, %m : tensor<16x16xf16>, tensor<16x2xi16>) dense(%x : tensor<32x16xf16>)
      outs(%d : tensor<16x16xf32>) k = 32 acc = f32 -> tensor<16x16xf32>
  %indexed = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%3 : tensor<16x16xf32>) outs(%d : tensor<16x16xf32>) {
  ^bb0(%in: f32, %out: f32):
    %i = linalg.index 0 : index
    %n = arith.index_cast %i : index to i32
    %f = arith.sitofp %n : i32 to f32
    %e = arith.addf %in, %f : f32
    linalg.yield %e : f32
  } -> tensor<16x16xf32>
  return %0, %used, %transposed, %reduced, %indexed
      : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<16xf32>, tensor<16x16xf32>
}

// A product that nobody uses goes.

// CHECK-LABEL: @unused_product
// CHECK-NOT: sparse24.matmul
// CHECK: return
func.func @unused_product(%v: tensor<64x48xbf16>, %m: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %d: tensor<64x32xf32>) {
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>) dense(%x : tensor<96x32xbf16>)
      outs(%d : tensor<64x32xf32>) k = 96 acc = f32 -> tensor<64x32xf32>
  return
}
