// A weight of one value throughout isn't 2:4: without permission the product
// stays dense and says why. Its constant isn't in the host's memory, where no
// kernel could read it, but filled in on the device.
// RUN: sparse24-opt %s --sparse24-pipeline="target=sm_80 format=isa weights-file=%t.weights" -o %t.mlir 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s --input-file=%t.mlir --implicit-check-not=memref.
// With permission it is pruned like any other.
// RUN: sparse24-opt %s --remarks-filter= --sparse24-pipeline="target=sm_80 prune=magnitude format=isa weights-file=%t.weights" | FileCheck %s --check-prefix=PRUNED

// REMARK: [Missed] sparse24-detect
// REMARK-SAME: the weight isn't 2:4: 3072 of 3072 groups
// CHECK: llvm.func @dense_run
// CHECK: llvm.func @dense_create
// PRUNED: matmul_mma_sp_bf16_f32
func.func @dense(%x: tensor<64x128xbf16>) -> tensor<64x96xf32> {
  %w = arith.constant dense<1.5> : tensor<128x96xbf16>
  %z = arith.constant dense<0.0> : tensor<64x96xf32>
  %r = linalg.matmul ins(%x, %w : tensor<64x128xbf16>, tensor<128x96xbf16>)
                     outs(%z : tensor<64x96xf32>) -> tensor<64x96xf32>
  return %r : tensor<64x96xf32>
}
