// What kernels can't be generated for.
// RUN: sparse24-opt %s --sparse24-convert-to-gpu --split-input-file --verify-diagnostics

func.func @tile(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // expected-error @below {{mma.sp kernels need tiles and numbers of warps that are powers of two, and at least 16 rows and 8 columns a warp; the schedule is #sparse24.schedule<mma_sp, tile = [64, 96, 64], warps = [2, 2], stages = 3>}}
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<mma_sp, tile = [64, 96, 64], warps = [2, 2], stages = 3>
  return
}

// -----

func.func @warps(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // expected-error @below {{at least 16 rows and 8 columns a warp}}
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [8, 1], stages = 3>
  return
}

// -----

func.func @unscheduled(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // expected-error @below {{has no packed operand and schedule; run sparse24-select-schedules first}}
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 128>
  return
}

// -----

func.func @one_warp(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // expected-error @below {{mma.sp kernels of this tile need at least 2 warps}}
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<mma_sp, tile = [16, 8, 64], warps = [1, 1], stages = 3>
  return
}

// -----

func.func @few_warps_for_rows(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // expected-error @below {{mma.sp kernels of this tile need at least 8 warps}}
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<mma_sp, tile = [64, 256, 64], warps = [1, 4], stages = 3>
  return
}

// -----

func.func @tile_k(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // expected-error @below {{wgmma.sp kernels of 'bf16' walk K in steps of 64; the schedule is #sparse24.schedule<wgmma_sp, tile = [128, 64, 128], warps = [8, 1], stages = 2>}}
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 64, 128], warps = [8, 1], stages = 2>
  return
}

// -----

func.func @split_k(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // expected-error @below {{each part of split_k has a block along K, but there are only 2; the schedule is #sparse24.schedule<wgmma_sp, tile = [64, 32, 64], warps = [4, 1], stages = 3, cluster = 4, split_k = 4>}}
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 32, 64], warps = [4, 1], stages = 3, cluster = 4, split_k = 4>
  return
}

// -----

func.func @order_of_8_bits(%p: memref<5120xi8>, %x: memref<128x96xi8>, %y: memref<64x96xi32>) {
  // expected-error @below {{wgmma.sp reads a dense operand of 'i8' only with K contiguous; transpose it first}}
  sparse24.matmul lhs ins(%p : memref<5120xi8>) dense(%x : memref<128x96xi8>)
    outs(%y : memref<64x96xi32>) k = 128 acc = i32
    layout = #sparse24.layout<wgmma_sp, i8, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 32, 128], warps = [4, 1], stages = 3>
  return
}

// -----

func.func @order_of_32_bits(%p: memref<4608xi8>, %x: memref<32x96xf32>, %y: memref<96x64xf32>) {
  // expected-error @below {{wgmma.sp reads a dense operand of 'f32' only with K contiguous; transpose it first}}
  sparse24.matmul rhs ins(%p : memref<4608xi8>) dense(%x : memref<32x96xf32>)
    outs(%y : memref<96x64xf32>) k = 32 acc = f32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, f32, rows = 64, k = 32>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 32, 32], warps = [4, 1], stages = 3>
  return
}

// -----

func.func @shared_memory(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // expected-error-re @below {{needs {{[0-9]+}} bytes of shared memory, of which sm_90a has 232432; the schedule is #sparse24.schedule<wgmma_sp, tile = [256, 192, 64], warps = [8, 1], stages = 6>}}
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [256, 192, 64], warps = [8, 1], stages = 6>
  return
}

// -----

func.func @columns_of_bytes(%p: memref<5120xi8>, %x: memref<96x128xi8>, %y: memref<64x96xi32>) {
  // expected-error @below {{wgmma.sp multiplies 'i8' in tiles of up to 32 columns, or multiples of 16; the schedule is #sparse24.schedule<wgmma_sp, tile = [64, 40, 128], warps = [4, 1], stages = 3>}}
  sparse24.matmul lhs ins(%p : memref<5120xi8>) dense(%x : memref<96x128xi8>)
    outs(%y : memref<64x96xi32>) k = 128 acc = i32 transpose_dense
    layout = #sparse24.layout<wgmma_sp, i8, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 40, 128], warps = [4, 1], stages = 3>
  return
}

// -----

func.func @registers(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // expected-error @below {{a thread has 64 sums, and needs 24 registers more, but has 64; the schedule is #sparse24.schedule<wgmma_sp, tile = [448, 128, 64], warps = [28, 1], stages = 3>}}
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [448, 128, 64], warps = [28, 1], stages = 3>
  return
}
