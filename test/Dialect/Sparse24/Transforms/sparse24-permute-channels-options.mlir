// RUN: not sparse24-opt %s --sparse24-permute-channels="permute=some" 2>&1 | FileCheck %s --check-prefix=PERMUTE
// RUN: not sparse24-opt %s --sparse24-permute-channels="prune=some" 2>&1 | FileCheck %s --check-prefix=PRUNE
// RUN: not sparse24-opt %s --sparse24-pipeline="permute=some" 2>&1 | FileCheck %s --check-prefix=PERMUTE
// RUN: sparse24-opt %s --sparse24-pipeline="format=mlir prune=magnitude" 2>&1 | FileCheck %s --check-prefix=OFF
// RUN: sparse24-opt %s --sparse24-pipeline="format=mlir prune=magnitude permute=producers" 2>&1 | FileCheck %s --check-prefix=PRODUCERS
// RUN: sparse24-opt %s --sparse24-pipeline="format=mlir prune=magnitude permute=all" 2>&1 | FileCheck %s --check-prefix=ALL
// RUN: sparse24-opt %s --sparse24-pipeline="format=mlir prune=magnitude permute=all permute-sweeps=0" 2>&1 | FileCheck %s --check-prefix=SWEEPS

// PERMUTE: error: sparse24-permute-channels: unknown permute 'some', expected one of none, producers, all
// PRUNE: error: sparse24-permute-channels: unknown prune 'some', expected one of none, magnitude, transposable

// The pass is optional, and goes before detection, which counts what is kept.

// OFF-NOT: [Passed] sparse24-permute-channels
// OFF: remark: {{.*}}[Passed] sparse24-detect{{.*}}NormKept=0.6494
// PRODUCERS: remark: {{.*}}[Missed] sparse24-permute-channels
// PRODUCERS: remark: {{.*}}[Passed] sparse24-detect{{.*}}NormKept=0.6494
// ALL: remark: {{.*}}[Passed] sparse24-permute-channels{{.*}}NormKept=0.6494, NormKeptAfter=1.0000
// ALL: remark: {{.*}}[Passed] sparse24-detect{{.*}}NormKept=1.0000
// SWEEPS: Fix="nothing, or more sweeps (option permute-sweeps)"

func.func @layer(%x: tensor<8x3xbf16>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[8.0, 7.0, 6.0, 5.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<1x8xbf16>
  %0 = linalg.matmul ins(%w, %x : tensor<1x8xbf16>, tensor<8x3xbf16>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}
