// RUN: not sparse24-opt %s --sparse24-detect="precision=bf17" 2>&1 | FileCheck %s --check-prefix=PRECISION
// RUN: not sparse24-opt %s --sparse24-detect="prune=some" 2>&1 | FileCheck %s --check-prefix=PRUNE
// RUN: not sparse24-opt %s --sparse24-detect="target=sm_70" 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: sparse24-opt %s --sparse24-detect="target=sm_80 precision=tf32" 2>&1 | FileCheck %s --check-prefix=KERNELS
// RUN: sparse24-opt %s --sparse24-detect="target=sm_90a precision=tf32" 2>&1 | FileCheck %s --check-prefix=WARPGROUPS
// RUN: sparse24-opt %s --sparse24-detect --remark-format=yaml --remarks-output-file=%t.yaml
// RUN: FileCheck %s --check-prefix=YAML < %t.yaml

// PRECISION: error: sparse24-detect: unknown precision 'bf17', expected one of none, bf16, f16, tf32
// PRUNE: error: sparse24-detect: unknown prune 'some', expected one of none, magnitude, transposable, importance, wanda
// TARGET: error: sparse24-detect: unknown target 'sm_70', expected one of cpu, sm_80
// KERNELS: Fix="option precision=f16 or bf16"
// KERNELS-SAME: Reason="the kernels for sm_80 don't multiply f32"
// WARPGROUPS: {sparse24.sparsify = {element_type = f32, side = "lhs"}}

// YAML: --- !Missed
// YAML: Pass: {{.*}}sparse24
// YAML: Name: {{.*}}sparse24-detect
// YAML: Function: layer
// YAML: - Layer: {{.*}}encoder.0
// YAML: - M: {{.*}}1
// YAML: - Reason: {{.*}}f32 operands need permission

func.func @layer(%x: tensor<4x3xf32>, %init: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[1.0, 0.0, 2.0, 0.0]]> : tensor<1x4xf32>
  %0 = linalg.matmul ins(%w, %x : tensor<1x4xf32>, tensor<4x3xf32>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32> loc("encoder.0")
  return %0 : tensor<1x3xf32>
}
