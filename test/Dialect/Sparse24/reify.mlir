// Results have the sizes of the inits they are tied to.
// RUN: sparse24-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize | FileCheck %s

// CHECK-LABEL: func @matmul
// CHECK-SAME: %[[M:[a-z0-9]+]]: index, %[[N:[a-z0-9]+]]: index
// CHECK-NEXT: return %[[M]], %[[N]] : index, index
func.func @matmul(%rows: index, %cols: index, %v: tensor<?x48xbf16>, %m: tensor<?x6xi16>, %x: tensor<96x?xbf16>)
    -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %init = tensor.empty(%rows, %cols) : tensor<?x?xf32>
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<?x48xbf16>, tensor<?x6xi16>) dense(%x : tensor<96x?xbf16>)
    outs(%init : tensor<?x?xf32>) k = 96 acc = f32 -> tensor<?x?xf32>
  %d0 = tensor.dim %0, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %0, %c1 : tensor<?x?xf32>
  return %d0, %d1 : index, index
}

// CHECK-LABEL: func @compress
// CHECK-SAME: %[[M:[a-z0-9]+]]: index
// CHECK: %[[C6:.*]] = arith.constant 6 : index
// CHECK-NEXT: return %[[M]], %[[C6]]
func.func @compress(%rows: index, %w: tensor<?x96xbf16>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v = tensor.empty(%rows) : tensor<?x48xbf16>
  %m = tensor.empty(%rows) : tensor<?x6xi16>
  %0:2 = sparse24.compress ins(%w : tensor<?x96xbf16>) outs(%v, %m : tensor<?x48xbf16>, tensor<?x6xi16>) -> tensor<?x48xbf16>, tensor<?x6xi16>
  %d0 = tensor.dim %0#0, %c0 : tensor<?x48xbf16>
  %d1 = tensor.dim %0#1, %c1 : tensor<?x6xi16>
  return %d0, %d1 : index, index
}
