// What takes one iteration is a kernel, too: host code can't read a device's memory.
// RUN: sparse24-opt %s --remarks-filter= --sparse24-pipeline="target=sm_80 format=isa kernels-file=%t.ptx" -o /dev/null
// RUN: FileCheck %s < %t.ptx

// CHECK: .entry one_kernel
func.func @one(%w: tensor<1x4xbf16>) -> tensor<1x4xbf16> {
  %e = tensor.empty() : tensor<1x4xbf16>
  %0 = sparse24.prune magnitude ins(%w : tensor<1x4xbf16>) outs(%e : tensor<1x4xbf16>) -> tensor<1x4xbf16>
  return %0 : tensor<1x4xbf16>
}
