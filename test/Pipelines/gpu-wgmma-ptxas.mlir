// Large products for Hopper, most by the schedule that the compiler chooses, one
// with bias, GELU and residual, and one with split-K: they fit the registers, and ptxas has nothing to say against the order of
// their wgmma instructions. ptxas doesn't know how long these read their metadata: in the machine code nothing writes them too early.
// REQUIRES: ptxas
// RUN: sparse24-opt %s --remarks-filter= "--sparse24-pipeline=target=sm_90a format=isa kernels-file=%t.ptx" -o /dev/null
// RUN: FileCheck %s --input-file=%t.ptx
// RUN: %ptxas -v -arch=sm_90a %t.ptx -o %t.cubin > %t.log 2>&1
// RUN: FileCheck %s --check-prefix=REPORT --implicit-check-not="C75" --input-file=%t.log
// RUN: FileCheck %s --check-prefix=EACH --input-file=%t.log
// RUN: %if nvdisasm %{ %nvdisasm -c %t.cubin > %t.sass %}
// RUN: %if nvdisasm %{ %python %S/../../scripts/check_metadata_registers.py %t.sass | FileCheck %s --check-prefix=REGISTERS %}

// CHECK: .shared .align 1024 .b8 __dynamic_shmem__
// CHECK: .entry matmul_wgmma_sp_bf16_bf16_
// CHECK: .reqnctapercluster
// CHECK: wgmma.mma_async.sp.sync.aligned
// CHECK: .entry matmul_wgmma_sp_bf16_bf16_
// CHECK: ex2.approx
// CHECK: .entry matmul_wgmma_sp_f8E4M3FN_bf16_
// CHECK: .reqnctapercluster
// CHECK: wgmma.mma_async.sp.sync.aligned

// REPORT-DAG: Compiling entry function 'matmul_wgmma_sp_bf16_bf16_{{.*}}_{{[0-9]+}}'
// REPORT-DAG: Compiling entry function 'matmul_wgmma_sp_bf16_bf16_{{[x0-9]+}}'
// REPORT-DAG: Compiling entry function 'matmul_wgmma_sp_f8E4M3FN_bf16_
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH: Compiling entry function 'matmul_wgmma_sp_
// EACH: 0 bytes spill stores, 0 bytes spill loads
// EACH: Used 168 registers
// EACH-NOT: Compiling entry function

// REGISTERS-COUNT-10: {{[1-9][0-9]* products, 0 errors}}
// REGISTERS-NOT: products

func.func @large(%w: tensor<75497472xi8>, %x: tensor<8192x8192xbf16>) -> tensor<8192x8192xbf16> {
  %init = tensor.empty() : tensor<8192x8192xbf16>
  %d = sparse24.matmul lhs ins(%w : tensor<75497472xi8>) dense(%x : tensor<8192x8192xbf16>)
    outs(%init : tensor<8192x8192xbf16>) k = 8192 acc = f32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 8192, k = 8192> -> tensor<8192x8192xbf16>
  return %d : tensor<8192x8192xbf16>
}

func.func @fused(%w: tensor<75497472xi8>, %x: tensor<8192x8192xbf16>, %bias: tensor<8192xf32>, %residual: tensor<8192x8192xbf16>)
    -> tensor<8192x8192xbf16> {
  %init = tensor.empty() : tensor<8192x8192xbf16>
  %d = sparse24.matmul rhs ins(%w : tensor<75497472xi8>) dense(%x : tensor<8192x8192xbf16>)
    outs(%init : tensor<8192x8192xbf16>) k = 8192 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 8192, k = 8192>
    epilogue(%bias, %residual : tensor<8192xf32>, tensor<8192x8192xbf16>)
      maps = [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>] {
    ^bb0(%acc: f32, %b: f32, %r: bf16):
      %cubic = arith.constant 0.044715 : f32
      %scale = arith.constant 0.797884561 : f32
      %one = arith.constant 1.0 : f32
      %half = arith.constant 0.5 : f32
      %0 = arith.addf %acc, %b : f32
      %1 = arith.mulf %0, %0 : f32
      %2 = arith.mulf %1, %0 : f32
      %3 = arith.mulf %2, %cubic : f32
      %4 = arith.addf %0, %3 : f32
      %5 = arith.mulf %4, %scale : f32
      %6 = math.tanh %5 : f32
      %7 = arith.addf %6, %one : f32
      %8 = arith.mulf %0, %half : f32
      %9 = arith.mulf %8, %7 : f32
      %10 = arith.extf %r : bf16 to f32
      %11 = arith.addf %9, %10 : f32
      %12 = arith.truncf %11 : f32 to bf16
      sparse24.yield %12 : bf16
    } -> tensor<8192x8192xbf16>
  return %d : tensor<8192x8192xbf16>
}

func.func @split_k(%w: tensor<10485760xi8>, %x: tensor<4096x4096xf8E4M3FN>) -> tensor<4096x4096xbf16> {
  %init = tensor.empty() : tensor<4096x4096xbf16>
  %d = sparse24.matmul lhs ins(%w : tensor<10485760xi8>) dense(%x : tensor<4096x4096xf8E4M3FN>)
    outs(%init : tensor<4096x4096xbf16>) k = 4096 acc = f32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, f8E4M3FN, rows = 4096, k = 4096>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 128, 128], warps = [8, 1], stages = 5, cluster = 4, split_k = 4>
    -> tensor<4096x4096xbf16>
  return %d : tensor<4096x4096xbf16>
}

// With tiles of 128 × 256, and with halves of tiles of 8-bit types.

func.func @wide(%w: tensor<66060288xi8>, %x: tensor<1024x14336xbf16>) -> tensor<4096x1024xbf16> {
  %init = tensor.empty() : tensor<4096x1024xbf16>
  %d = sparse24.matmul lhs ins(%w : tensor<66060288xi8>) dense(%x : tensor<1024x14336xbf16>)
    outs(%init : tensor<4096x1024xbf16>) k = 14336 acc = f32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 4096, k = 14336> -> tensor<4096x1024xbf16>
  return %d : tensor<4096x1024xbf16>
}

func.func @halves(%w: tensor<65536000xi8>, %x: tensor<10240x10240xf8E4M3FN>) -> tensor<10240x10240xbf16> {
  %init = tensor.empty() : tensor<10240x10240xbf16>
  %d = sparse24.matmul lhs ins(%w : tensor<65536000xi8>) dense(%x : tensor<10240x10240xf8E4M3FN>)
    outs(%init : tensor<10240x10240xbf16>) k = 10240 acc = f32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, f8E4M3FN, rows = 10240, k = 10240> -> tensor<10240x10240xbf16>
  return %d : tensor<10240x10240xbf16>
}

// With scales, and rows of the output that may not be aligned: a kernel for each case.

func.func @scaled(%w: tensor<65536000xi8>, %x: tensor<?x10240xi8>, %scales: tensor<10240xf32>) -> tensor<10240x?xbf16> {
  %zero = arith.constant 0 : index
  %n = tensor.dim %x, %zero : tensor<?x10240xi8>
  %init = tensor.empty(%n) : tensor<10240x?xbf16>
  %d = sparse24.matmul lhs ins(%w : tensor<65536000xi8>) dense(%x : tensor<?x10240xi8>)
    outs(%init : tensor<10240x?xbf16>) k = 10240 acc = i32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, i8, rows = 10240, k = 10240>
    schedule = #sparse24.schedule<wgmma_sp, tile = [256, 192, 128], warps = [8, 1], stages = 4, cluster = 2, split_tail = true>
    epilogue(%scales : tensor<10240xf32>) maps = [affine_map<(m, n) -> (m)>] {
    ^bb0(%acc: i32, %scale: f32):
      %value = arith.sitofp %acc : i32 to f32
      %scaled = arith.mulf %value, %scale : f32
      %out = arith.truncf %scaled : f32 to bf16
      sparse24.yield %out : bf16
    } -> tensor<10240x?xbf16>
  return %d : tensor<10240x?xbf16>
}

// Two consumers that take tiles in turn.

func.func @ping_pong(%w: tensor<9437184xi8>, %x: tensor<8192x1024xbf16>, %b: tensor<8192xf32>) -> tensor<8192x8192xbf16> {
  %init = tensor.empty() : tensor<8192x8192xbf16>
  %d = sparse24.matmul lhs ins(%w : tensor<9437184xi8>) dense(%x : tensor<8192x1024xbf16>)
    outs(%init : tensor<8192x8192xbf16>) k = 1024 acc = f32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 8192, k = 1024>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 192, 64], warps = [4, 1], stages = 5, cluster = 2, ping_pong = true>
    epilogue(%b : tensor<8192xf32>) maps = [affine_map<(m, n) -> (m)>] {
    ^bb0(%acc: f32, %bias: f32):
      %one = arith.constant 1.0 : f32
      %0 = arith.addf %acc, %bias : f32
      %1 = math.tanh %0 : f32
      %2 = arith.addf %1, %one : f32
      %3 = arith.mulf %0, %2 : f32
      %4 = arith.truncf %3 : f32 to bf16
      sparse24.yield %4 : bf16
    } -> tensor<8192x8192xbf16>
  return %d : tensor<8192x8192xbf16>
}

// Where the dense operand's columns are contiguous, it is copied in chunks.

func.func @columns(%w: tensor<75497472xi8>, %x: tensor<8192x8192xbf16>) -> tensor<8192x8192xbf16> {
  %init = tensor.empty() : tensor<8192x8192xbf16>
  %d = sparse24.matmul lhs ins(%w : tensor<75497472xi8>) dense(%x : tensor<8192x8192xbf16>)
    outs(%init : tensor<8192x8192xbf16>) k = 8192 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 8192, k = 8192> -> tensor<8192x8192xbf16>
  return %d : tensor<8192x8192xbf16>
}

// Parts of K with what they are added to, which only the first CTA brings.

func.func @split_k_accumulate(%w: tensor<66060288xi8>, %x: tensor<128x14336xbf16>, %old: tensor<128x4096xbf16>) -> tensor<128x4096xbf16> {
  %d = sparse24.matmul rhs ins(%w : tensor<66060288xi8>) dense(%x : tensor<128x14336xbf16>)
    outs(%old : tensor<128x4096xbf16>) k = 14336 acc = f32 accumulate
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 4096, k = 14336>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 128, 64], warps = [8, 1], stages = 5, cluster = 4, split_k = 2>
    -> tensor<128x4096xbf16>
  return %d : tensor<128x4096xbf16>
}
