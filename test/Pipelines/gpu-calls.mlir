// Functions that a public one calls are inlined: only it becomes an entry.
// RUN: sparse24-opt %s "--sparse24-pipeline=target=sm_80 format=isa" | FileCheck %s

// CHECK-NOT: @helper
// CHECK: llvm.func @_mlir_ciface_twice_run
// CHECK-NOT: @helper

func.func private @helper(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %init = tensor.empty() : tensor<64x64xf32>
  %0 = linalg.add ins(%x, %x : tensor<64x64xf32>, tensor<64x64xf32>)
    outs(%init : tensor<64x64xf32>) -> tensor<64x64xf32>
  return %0 : tensor<64x64xf32>
}

func.func @twice(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %0 = call @helper(%x) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %1 = call @helper(%0) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  return %1 : tensor<64x64xf32>
}
