// What is 2:4 already isn't pruned again; what was compressed isn't written out.
// RUN: sparse24-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func @prune_of_prune
// CHECK: %[[PRUNED:.*]] = sparse24.prune
// CHECK-NOT: sparse24.prune
// CHECK: return %[[PRUNED]]
func.func @prune_of_prune(%w: tensor<4x32xbf16>, %a: tensor<4x32xbf16>, %b: tensor<4x32xbf16>) -> tensor<4x32xbf16> {
  %0 = sparse24.prune magnitude ins(%w : tensor<4x32xbf16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  %1 = sparse24.prune magnitude ins(%0 : tensor<4x32xbf16>) outs(%b : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  return %1 : tensor<4x32xbf16>
}

// CHECK-LABEL: func @prune_of_prune_cast
// CHECK: %[[PRUNED:.*]] = sparse24.prune
// CHECK: %[[CAST:.*]] = tensor.cast %[[PRUNED]] : tensor<4x32xbf16> to tensor<?x32xbf16>
// CHECK: return %[[CAST]]
func.func @prune_of_prune_cast(%w: tensor<4x32xbf16>, %a: tensor<4x32xbf16>, %b: tensor<?x32xbf16>) -> tensor<?x32xbf16> {
  %0 = sparse24.prune magnitude ins(%w : tensor<4x32xbf16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  %1 = sparse24.prune magnitude ins(%0 : tensor<4x32xbf16>) outs(%b : tensor<?x32xbf16>) -> tensor<?x32xbf16>
  return %1 : tensor<?x32xbf16>
}

// Scores may prefer a zero to a nonzero.
// CHECK-LABEL: func @wanda_of_prune
// CHECK-COUNT-2: sparse24.prune
func.func @wanda_of_prune(%w: tensor<4x32xbf16>, %s: tensor<32xf32>, %a: tensor<4x32xbf16>) -> tensor<4x32xbf16> {
  %0 = sparse24.prune magnitude ins(%w : tensor<4x32xbf16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  %1 = sparse24.prune wanda ins(%0, %s : tensor<4x32xbf16>, tensor<32xf32>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  return %1 : tensor<4x32xbf16>
}

// CHECK-LABEL: func @compress_of_wanda
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<4x32xbf16>, %[[S:[a-z0-9]+]]: tensor<32xf32>
// CHECK-NOT: sparse24.prune
// CHECK: sparse24.compress ins(%[[W]], %[[S]] : tensor<4x32xbf16>, tensor<32xf32>) {{.*}} prune = wanda
func.func @compress_of_wanda(%w: tensor<4x32xbf16>, %s: tensor<32xf32>, %a: tensor<4x32xbf16>, %v: tensor<4x16xbf16>,
                             %m: tensor<4x2xi16>) -> (tensor<4x16xbf16>, tensor<4x2xi16>) {
  %0 = sparse24.prune wanda ins(%w, %s : tensor<4x32xbf16>, tensor<32xf32>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  %1:2 = sparse24.compress ins(%0 : tensor<4x32xbf16>) outs(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) -> tensor<4x16xbf16>, tensor<4x2xi16>
  return %1#0, %1#1 : tensor<4x16xbf16>, tensor<4x2xi16>
}

// CHECK-LABEL: func @prune_of_decompress
// CHECK: %[[DENSE:.*]] = sparse24.decompress
// CHECK-NOT: sparse24.prune
// CHECK: return %[[DENSE]]
func.func @prune_of_decompress(%v: tensor<4x16xbf16>, %m: tensor<4x2xi16>, %a: tensor<4x32xbf16>) -> tensor<4x32xbf16> {
  %0 = sparse24.decompress ins(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  %1 = sparse24.prune magnitude ins(%0 : tensor<4x32xbf16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  return %1 : tensor<4x32xbf16>
}

// CHECK-LABEL: func @prune_of_argument
// CHECK: sparse24.prune
func.func @prune_of_argument(%w: tensor<4x32xbf16>, %a: tensor<4x32xbf16>) -> tensor<4x32xbf16> {
  %0 = sparse24.prune magnitude ins(%w : tensor<4x32xbf16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  return %0 : tensor<4x32xbf16>
}

// CHECK-LABEL: func @prune_of_memref
// CHECK-COUNT-2: sparse24.prune
func.func @prune_of_memref(%w: memref<4x32xbf16>, %a: memref<4x32xbf16>, %b: memref<4x32xbf16>) {
  sparse24.prune magnitude ins(%w : memref<4x32xbf16>) outs(%a : memref<4x32xbf16>)
  sparse24.prune magnitude ins(%a : memref<4x32xbf16>) outs(%b : memref<4x32xbf16>)
  return
}

// CHECK-LABEL: func @decompress_of_compress
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<?x32xbf16>
// CHECK-NEXT: return %[[W]]
func.func @decompress_of_compress(%w: tensor<?x32xbf16>, %v: tensor<?x16xbf16>, %m: tensor<?x2xi16>,
                                  %a: tensor<?x32xbf16>) -> tensor<?x32xbf16> {
  %0:2 = sparse24.compress ins(%w : tensor<?x32xbf16>) outs(%v, %m : tensor<?x16xbf16>, tensor<?x2xi16>) -> tensor<?x16xbf16>, tensor<?x2xi16>
  %1 = sparse24.decompress ins(%0#0, %0#1 : tensor<?x16xbf16>, tensor<?x2xi16>) outs(%a : tensor<?x32xbf16>) -> tensor<?x32xbf16>
  return %1 : tensor<?x32xbf16>
}

// 30 and 32 columns have values and metadata of the same shape.
// CHECK-LABEL: func @decompress_of_compress_other_k
// CHECK: sparse24.compress
// CHECK: sparse24.decompress
func.func @decompress_of_compress_other_k(%w: tensor<4x30xbf16>, %v: tensor<4x16xbf16>, %m: tensor<4x2xi16>,
                                          %a: tensor<4x32xbf16>) -> tensor<4x32xbf16> {
  %0:2 = sparse24.compress ins(%w : tensor<4x30xbf16>) outs(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) -> tensor<4x16xbf16>, tensor<4x2xi16>
  %1 = sparse24.decompress ins(%0#0, %0#1 : tensor<4x16xbf16>, tensor<4x2xi16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  return %1 : tensor<4x32xbf16>
}

// CHECK-LABEL: func @decompress_of_compress_dynamic_k
// CHECK: sparse24.compress
// CHECK: sparse24.decompress
func.func @decompress_of_compress_dynamic_k(%w: tensor<4x?xbf16>, %v: tensor<4x?xbf16>, %m: tensor<4x?xi16>,
                                            %a: tensor<4x?xbf16>) -> tensor<4x?xbf16> {
  %0:2 = sparse24.compress ins(%w : tensor<4x?xbf16>) outs(%v, %m : tensor<4x?xbf16>, tensor<4x?xi16>) -> tensor<4x?xbf16>, tensor<4x?xi16>
  %1 = sparse24.decompress ins(%0#0, %0#1 : tensor<4x?xbf16>, tensor<4x?xi16>) outs(%a : tensor<4x?xbf16>) -> tensor<4x?xbf16>
  return %1 : tensor<4x?xbf16>
}

// Metadata of one matrix with the values of another say nothing.
// CHECK-LABEL: func @decompress_of_two
// CHECK: sparse24.decompress
func.func @decompress_of_two(%w: tensor<4x32xbf16>, %x: tensor<4x32xbf16>, %v: tensor<4x16xbf16>,
                             %m: tensor<4x2xi16>, %a: tensor<4x32xbf16>) -> tensor<4x32xbf16> {
  %0:2 = sparse24.compress ins(%w : tensor<4x32xbf16>) outs(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) -> tensor<4x16xbf16>, tensor<4x2xi16>
  %1:2 = sparse24.compress ins(%x : tensor<4x32xbf16>) outs(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) -> tensor<4x16xbf16>, tensor<4x2xi16>
  %2 = sparse24.decompress ins(%0#0, %1#1 : tensor<4x16xbf16>, tensor<4x2xi16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  return %2 : tensor<4x32xbf16>
}

// Metadata from elsewhere need not have the canonical fillers.
// CHECK-LABEL: func @compress_of_decompress
// CHECK: sparse24.decompress
// CHECK: sparse24.compress
func.func @compress_of_decompress(%v: tensor<4x16xbf16>, %m: tensor<4x2xi16>, %a: tensor<4x32xbf16>)
    -> (tensor<4x16xbf16>, tensor<4x2xi16>) {
  %0 = sparse24.decompress ins(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  %1:2 = sparse24.compress ins(%0 : tensor<4x32xbf16>) outs(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) -> tensor<4x16xbf16>, tensor<4x2xi16>
  return %1#0, %1#1 : tensor<4x16xbf16>, tensor<4x2xi16>
}

// Casts that lose static sizes fold into the operation (upstream's pattern for
// destination style).
// CHECK-LABEL: func @cast
// CHECK-NEXT: %[[RESULT:.*]] = sparse24.matmul lhs {{.*}} dense(%{{.*}} : tensor<96x32xbf16>) outs(%{{.*}} : tensor<64x32xf32>)
// CHECK: arith.negf
// CHECK: tensor.cast %[[RESULT]] : tensor<64x32xf32> to tensor<64x?xf32>
func.func @cast(%v: tensor<64x48xbf16>, %m: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xf32>) -> tensor<64x?xf32> {
  %0 = tensor.cast %x : tensor<96x32xbf16> to tensor<96x?xbf16>
  %1 = tensor.cast %init : tensor<64x32xf32> to tensor<64x?xf32>
  %2 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>) dense(%0 : tensor<96x?xbf16>)
    outs(%1 : tensor<64x?xf32>) k = 96 acc = f32 epilogue {
    ^bb0(%acc: f32):
      %3 = arith.negf %acc : f32
      sparse24.yield %3 : f32
    } -> tensor<64x?xf32>
  return %2 : tensor<64x?xf32>
}

// An epilogue is isolated: its constants stay in it.
// CHECK-LABEL: func @constant_in_epilogue
// CHECK-NEXT: sparse24.matmul
// CHECK: arith.constant
func.func @constant_in_epilogue(%v: tensor<64x48xbf16>, %m: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xf32>) -> tensor<64x32xf32> {
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>) dense(%x : tensor<96x32xbf16>)
    outs(%init : tensor<64x32xf32>) k = 96 acc = f32 epilogue {
    ^bb0(%acc: f32):
      %zero = arith.constant 0.0 : f32
      %relu = arith.maximumf %acc, %zero : f32
      sparse24.yield %relu : f32
    } -> tensor<64x32xf32>
  return %0 : tensor<64x32xf32>
}

// Pruning and compressing take one pass, unless somebody else wants the pruned matrix, too.
// CHECK-LABEL: func @compress_of_prune
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<4x32xbf16>
// CHECK-NOT: sparse24.prune
// CHECK: sparse24.compress ins(%[[W]] : {{.*}}) outs({{.*}}) prune = magnitude
func.func @compress_of_prune(%w: tensor<4x32xbf16>, %v: tensor<4x16xbf16>, %m: tensor<4x2xi16>, %a: tensor<4x32xbf16>)
    -> (tensor<4x16xbf16>, tensor<4x2xi16>) {
  %0 = sparse24.prune magnitude ins(%w : tensor<4x32xbf16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  %1:2 = sparse24.compress ins(%0 : tensor<4x32xbf16>) outs(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) -> tensor<4x16xbf16>, tensor<4x2xi16>
  return %1#0, %1#1 : tensor<4x16xbf16>, tensor<4x2xi16>
}

// CHECK-LABEL: func @compress_of_prune_with_other_uses
// CHECK: %[[PRUNED:.*]] = sparse24.prune
// CHECK: sparse24.compress ins(%[[PRUNED]] : {{.*}}) outs({{.*}}) ->
func.func @compress_of_prune_with_other_uses(%w: tensor<4x32xbf16>, %v: tensor<4x16xbf16>, %m: tensor<4x2xi16>,
    %a: tensor<4x32xbf16>) -> (tensor<4x16xbf16>, tensor<4x2xi16>, tensor<4x32xbf16>) {
  %0 = sparse24.prune magnitude ins(%w : tensor<4x32xbf16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  %1:2 = sparse24.compress ins(%0 : tensor<4x32xbf16>) outs(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) -> tensor<4x16xbf16>, tensor<4x2xi16>
  return %1#0, %1#1, %0 : tensor<4x16xbf16>, tensor<4x2xi16>, tensor<4x32xbf16>
}

// What compress has pruned comes back pruned.
// CHECK-LABEL: func @decompress_of_compress_that_prunes
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<4x32xbf16>
// CHECK-NEXT: %[[PRUNED:.*]] = sparse24.prune magnitude ins(%[[W]]
// CHECK-NEXT: return %[[PRUNED]]
func.func @decompress_of_compress_that_prunes(%w: tensor<4x32xbf16>, %v: tensor<4x16xbf16>, %m: tensor<4x2xi16>, %a: tensor<4x32xbf16>)
    -> tensor<4x32xbf16> {
  %0:2 = sparse24.compress ins(%w : tensor<4x32xbf16>) outs(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) prune = magnitude -> tensor<4x16xbf16>, tensor<4x2xi16>
  %1 = sparse24.decompress ins(%0#0, %0#1 : tensor<4x16xbf16>, tensor<4x2xi16>) outs(%a : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  return %1 : tensor<4x32xbf16>
}
