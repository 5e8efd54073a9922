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

func.func @family(%p: memref<9216xi8>, %x: memref<128x96xbf16>, %y: memref<64x96xf32>) {
  // expected-error @below {{kernels of the family wgmma_sp are not generated yet}}
  sparse24.matmul lhs ins(%p : memref<9216xi8>) dense(%x : memref<128x96xbf16>)
    outs(%y : memref<64x96xf32>) k = 128 acc = f32
    layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [8, 1], stages = 3>
  return
}
