// RUN: not sparse24-opt %s --sparse24-slide="precision=bf17" 2>&1 | FileCheck %s --check-prefix=PRECISION
// RUN: not sparse24-opt %s --sparse24-slide="target=sm_70" 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: sparse24-opt %s --sparse24-pipeline="format=mlir" 2>&1 | FileCheck %s --check-prefix=OFF
// RUN: sparse24-opt %s --sparse24-pipeline="format=mlir slide=true prune=magnitude" 2>&1 | FileCheck %s --check-prefix=ON

// PRECISION: error: sparse24-slide: unknown precision 'bf17', expected one of none, bf16, f16, tf32
// TARGET: error: sparse24-slide: unknown target 'sm_70', expected one of cpu, sm_80

// The pass is optional, and goes before pruning: what has no loss isn't pruned.

// OFF-NOT: [Passed] sparse24-slide
// OFF: remark: {{.*}}[Missed] sparse24-detect
// ON: remark: {{.*}}[Passed] sparse24-slide{{.*}}Pattern=6:8
// ON: remark: {{.*}}[Passed] sparse24-detect{{.*}}K=12{{.*}}Remark="becomes sparse, losslessly"
// ON: sparse24.matmul lhs

func.func @layer(%x: tensor<8x3xbf16>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0]]> : tensor<1x8xbf16>
  %0 = linalg.matmul ins(%w, %x : tensor<1x8xbf16>, tensor<8x3xbf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}
