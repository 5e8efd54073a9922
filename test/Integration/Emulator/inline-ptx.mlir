// Values that inline PTX computes.
// RUN: sparse24-emulate %s --kernel=values --block=2 --arg=%t.npy:2x7xi32
// RUN: od -A n -t x4 -w28 -v -j 128 %t.npy | FileCheck %s

// 2^1.5 and its tf32 by PTX's rounding; the pair (1.5, 2^1.5) in bf16; the lane
// where it isn't 0, else 7; the lane · 4 + 3; what a shuffle brings of the other lane;
// and whether it is in range.
// CHECK: 403504f3 40350000 3fc04035 00000007 00000003 00000004 00000001
// CHECK-NEXT: 403504f3 40350000 3fc04035 00000001 00000007 00000000 00000001

gpu.module @kernels {
  gpu.func @values(%out: memref<2x7xi32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c5 = arith.constant 5 : index
    %c6 = arith.constant 6 : index
    %thread = gpu.thread_id x
    %x = arith.constant 1.5 : f32
    %power = nvvm.inline_ptx "ex2.approx.ftz.f32 {$w0}, {$r0};" ro (%x : f32) -> f32
    %tf32 = llvm.inline_asm asm_dialect = att "cvt.rna.tf32.f32 $0, $1;", "=r,f" %power : (f32) -> i32
    %pair = llvm.inline_asm asm_dialect = att "cvt.rn.bf16x2.f32 $0, $1, $2;", "=r,f,f" %x, %power : (f32, f32) -> i32
    %lane = llvm.inline_asm asm_dialect = att "mov.u32 $0, %laneid;", "=r" : () -> i32
    %chosen = llvm.inline_asm asm_dialect = att "{\0A.reg .pred p;\0Asetp.ne.u32 p, $1, 0;\0Aselp.b32 $0, $1, 7, p;\0A}", "=r,r" %lane : (i32) -> i32
    %scaled = llvm.inline_asm asm_dialect = att "{.reg .b32 t<2>; shl.b32 t0, $1, 2; mov.b32 t1, 0x3; add.s32 $0, t0, t1;}", "=r,r" %lane : (i32) -> i32
    %both = llvm.inline_asm has_side_effects asm_dialect = att "{.reg .pred p; .reg .b32 t; shl.b32 t, $2, 2; shfl.sync.bfly.b32 $0|p, t, 1, 31, 3; selp.b32 $1, 1, 0, p;}", "=r,=r,r" %lane : (i32) -> !llvm.struct<(i32, i32)>
    %shuffled = llvm.extractvalue %both[0] : !llvm.struct<(i32, i32)>
    %valid = llvm.extractvalue %both[1] : !llvm.struct<(i32, i32)>
    %bits = arith.bitcast %power : f32 to i32
    memref.store %bits, %out[%thread, %c0] : memref<2x7xi32>
    memref.store %tf32, %out[%thread, %c1] : memref<2x7xi32>
    memref.store %pair, %out[%thread, %c2] : memref<2x7xi32>
    memref.store %chosen, %out[%thread, %c3] : memref<2x7xi32>
    memref.store %scaled, %out[%thread, %c4] : memref<2x7xi32>
    memref.store %shuffled, %out[%thread, %c5] : memref<2x7xi32>
    memref.store %valid, %out[%thread, %c6] : memref<2x7xi32>
    gpu.return
  }
}
