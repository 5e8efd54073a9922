// A product that adds to its output reads it in the epilogue; it assembles.
// REQUIRES: ptxas
// RUN: sparse24-opt %s --remarks-filter= --sparse24-pipeline="target=sm_80 format=isa kernels-file=%t.ptx" -o /dev/null
// RUN: FileCheck %s --input-file=%t.ptx
// RUN: sparse24-opt %s --remarks-filter= --sparse24-pipeline="target=sm_90 format=bin" -o /dev/null

// CHECK: mma.sp::ordered_metadata
// CHECK: ld.global
// CHECK: add.{{(rn.)?}}f32
// CHECK: st.global

func.func @add(%w: tensor<18432xi8>, %x: tensor<128x?xbf16>, %y: tensor<128x?xf32>) -> tensor<128x?xf32> {
  %d = sparse24.matmul lhs ins(%w : tensor<18432xi8>) dense(%x : tensor<128x?xbf16>)
    outs(%y : tensor<128x?xf32>) k = 128 acc = f32 accumulate
    layout = #sparse24.layout<mma_sp, bf16, rows = 128, k = 128> -> tensor<128x?xf32>
  return %d : tensor<128x?xf32>
}
