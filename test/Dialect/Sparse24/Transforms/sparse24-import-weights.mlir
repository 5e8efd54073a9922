// Weights that a checkpoint has become constants; packed ones and buffers aren't a checkpoint's.
// RUN: sparse24-opt %s --sparse24-import-weights=files=%S/Inputs/layer.safetensors -allow-unregistered-dialect | FileCheck %s

// CHECK-LABEL: func.func @f
// CHECK: %[[W:.*]] = arith.constant dense_resource<layer.weight> : tensor<2x2xf32>
// CHECK: %[[P:.*]] = sparse24.weight "packed" : tensor<1152xi8> layout
// CHECK: sparse24.weight "layer.weight" {test.note} : memref<2x2xf32>
// CHECK: return %[[W]], %[[P]]
// CHECK: layer.weight: "0x040000000000803F000000400000404000008040"
func.func @f() -> (tensor<2x2xf32>, tensor<1152xi8>) {
  %w = sparse24.weight "layer.weight" : tensor<2x2xf32>
  %p = sparse24.weight "packed" : tensor<1152xi8> layout = #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>
  %m = sparse24.weight "layer.weight" {test.note} : memref<2x2xf32>
  "test.use"(%m) : (memref<2x2xf32>) -> ()
  return %w, %p : tensor<2x2xf32>, tensor<1152xi8>
}
