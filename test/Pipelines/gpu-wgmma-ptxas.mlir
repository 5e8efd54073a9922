// Large products for Hopper, one by the schedule that the compiler chooses, one with
// stream-K: they fit the registers, and ptxas has nothing to say against the order of
// their wgmma instructions.
// REQUIRES: ptxas
// RUN: sparse24-opt %s --remarks-filter= "--sparse24-pipeline=target=sm_90a format=isa kernels-file=%t.ptx" -o /dev/null
// RUN: FileCheck %s --input-file=%t.ptx
// RUN: %ptxas -v -arch=sm_90a %t.ptx -o %t.cubin > %t.log 2>&1
// RUN: FileCheck %s --check-prefix=REPORT --implicit-check-not="C75" --input-file=%t.log
// RUN: FileCheck %s --check-prefix=EACH --input-file=%t.log

// CHECK: .entry matmul_wgmma_sp_bf16_bf16_
// CHECK: .reqnctapercluster
// CHECK: wgmma.mma_async.sp.sync.aligned
// CHECK: .entry matmul_wgmma_sp_f8E4M3FN_bf16_
// CHECK: .reqnctapercluster
// CHECK: wgmma.mma_async.sp.sync.aligned

// REPORT-DAG: Compiling entry function 'matmul_wgmma_sp_bf16_bf16_
// REPORT-DAG: Compiling entry function 'matmul_wgmma_sp_f8E4M3FN_bf16_
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH-NOT: Compiling entry function

func.func @large(%w: tensor<75497472xi8>, %x: tensor<8192x8192xbf16>) -> tensor<8192x8192xbf16> {
  %init = tensor.empty() : tensor<8192x8192xbf16>
  %d = sparse24.matmul lhs ins(%w : tensor<75497472xi8>) dense(%x : tensor<8192x8192xbf16>)
    outs(%init : tensor<8192x8192xbf16>) k = 8192 acc = f32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 8192, k = 8192> -> tensor<8192x8192xbf16>
  return %d : tensor<8192x8192xbf16>
}

func.func @stream_k(%w: tensor<10485760xi8>, %x: tensor<4096x4096xf8E4M3FN>) -> tensor<4096x4096xbf16> {
  %init = tensor.empty() : tensor<4096x4096xbf16>
  %d = sparse24.matmul lhs ins(%w : tensor<10485760xi8>) dense(%x : tensor<4096x4096xf8E4M3FN>)
    outs(%init : tensor<4096x4096xbf16>) k = 4096 acc = f32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, f8E4M3FN, rows = 4096, k = 4096>
    schedule = #sparse24.schedule<wgmma_sp, tile = [256, 192, 128], warps = [8, 1], stages = 4, cluster = 2, stream_k = true>
    -> tensor<4096x4096xbf16>
  return %d : tensor<4096x4096xbf16>
}
