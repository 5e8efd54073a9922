// RUN: not sparse24-opt %s -split-input-file --sparse24-select-schedules="target=sm_80" 2>&1 | FileCheck %s --check-prefix=SM80
// RUN: not sparse24-opt %s -split-input-file --sparse24-select-schedules="target=sm_90a" 2>&1 | FileCheck %s --check-prefix=SM90A

// SM80: error: 'sparse24.matmul' op is packed for wgmma_sp, which sm_80 doesn't have
// SM90A-NOT: error
func.func @family(%p: tensor<4608xi8>, %x: tensor<64x64xf16>, %d: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %0 = sparse24.matmul lhs ins(%p : tensor<4608xi8>) dense(%x : tensor<64x64xf16>)
      outs(%d : tensor<64x64xf32>) k = 64 acc = f32 layout = #sparse24.layout<wgmma_sp, f16, rows = 64, k = 64> -> tensor<64x64xf32>
  return %0 : tensor<64x64xf32>
}

// -----

// SM90A: error: 'sparse24.matmul' op is on buffers, and its dense operand must be transposed; select schedules before bufferization
func.func @buffers(%p: memref<5120xi8>, %x: memref<128x48xi8>, %d: memref<64x48xi32>) {
  sparse24.matmul lhs ins(%p : memref<5120xi8>) dense(%x : memref<128x48xi8>)
      outs(%d : memref<64x48xi32>) k = 128 acc = i32 layout = #sparse24.layout<wgmma_sp, i8, rows = 64, k = 128>
  return
}

// -----

// SM80: error: 'sparse24.matmul' op can't be packed: layout_c2: rows and k must be from 1 to 2^30, got rows = 0, k = 128
// SM90A: error: 'sparse24.matmul' op can't be packed: layout_c2: rows and k must be from 1 to 2^30, got rows = 0, k = 128
func.func @no_rows(%v: tensor<0x64xbf16>, %m: tensor<0x8xi16>, %x: tensor<16x128xbf16>,
                   %y: tensor<0x16xf32>) -> tensor<0x16xf32> {
  %d = sparse24.matmul lhs ins(%v, %m : tensor<0x64xbf16>, tensor<0x8xi16>)
    dense(%x : tensor<16x128xbf16>) outs(%y : tensor<0x16xf32>) k = 128 acc = f32
    transpose_dense -> tensor<0x16xf32>
  return %d : tensor<0x16xf32>
}
