// A large product for Hopper: what the compiler chooses fits the registers, and ptxas
// has nothing to say against the order of its wgmma instructions.
// REQUIRES: ptxas
// RUN: sparse24-opt %s --remarks-filter= "--sparse24-pipeline=target=sm_90a format=isa kernels-file=%t.ptx" -o /dev/null
// RUN: FileCheck %s --input-file=%t.ptx
// RUN: %ptxas -v -arch=sm_90a %t.ptx -o %t.cubin > %t.log 2>&1
// RUN: FileCheck %s --check-prefix=REPORT --implicit-check-not="C75" --input-file=%t.log

// CHECK: .entry matmul_wgmma_sp_bf16_bf16_
// CHECK: .reqnctapercluster
// CHECK: wgmma.mma_async.sp.sync.aligned

// REPORT: Compiling entry function 'matmul_wgmma_sp_bf16_bf16_
// REPORT: 0 bytes spill stores, 0 bytes spill loads
// REPORT: Used 168 registers

func.func @large(%w: tensor<75497472xi8>, %x: tensor<8192x8192xbf16>) -> tensor<8192x8192xbf16> {
  %init = tensor.empty() : tensor<8192x8192xbf16>
  %d = sparse24.matmul lhs ins(%w : tensor<75497472xi8>) dense(%x : tensor<8192x8192xbf16>)
    outs(%init : tensor<8192x8192xbf16>) k = 8192 acc = f32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 8192, k = 8192> -> tensor<8192x8192xbf16>
  return %d : tensor<8192x8192xbf16>
}
