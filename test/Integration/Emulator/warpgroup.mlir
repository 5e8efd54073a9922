// A warpgroup multiplies from shared memory, asynchronously. A is 64 × 16 with
// row · 16 + k at (row, k); B picks columns, so that D[row, n] = row · 16 + n.

// RUN: sed -e 's/PRODUCT/wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16/; s/SPARSITY//; s/SCALE/2/' %s > %t.dense.mlir
// RUN: sparse24-emulate %t.dense.mlir --kernel=product --block=128 --arg=%t.npy:64x8xf32 --statistics | FileCheck %s
// RUN: od -A n -t f4 -w32 -v -j 128 %t.npy | FileCheck %s --check-prefix=DATA
// CHECK: 4 wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16.adesc
// DATA: {{^ *}}0 {{ *}}1 {{ *}}2 {{ *}}3 {{ *}}4 {{ *}}5 {{ *}}6 {{ *}}7{{$}}
// DATA-NEXT: {{^ *}}16 {{ *}}17 {{ *}}18 {{ *}}19 {{ *}}20 {{ *}}21 {{ *}}22 {{ *}}23{{$}}
// DATA: {{^ *}}1008 {{ *}}1009 {{ *}}1010 {{ *}}1011 {{ *}}1012 {{ *}}1013 {{ *}}1014 {{ *}}1015{{$}}
// DATA-NOT: {{.}}

// The same A as the kept half of one with 32 columns: with metadata 0x4, columns 0
// and 1 of each group, which is where B has its ones.
// RUN: sed -e 's/PRODUCT/wgmma.mma_async.sp.sync.aligned.m64n8k32.f32.f16.f16/; s/SPARSITY/$11, 0, /; s/SCALE/4/' %s > %t.sparse.mlir
// RUN: sparse24-emulate %t.sparse.mlir --kernel=product --block=128 --arg=%t.npy:64x8xf32
// RUN: od -A n -t f4 -w32 -v -j 128 %t.npy | FileCheck %s --check-prefix=DATA

// Without the fence, the asynchronous proxy may not see what threads have stored;
// without a wait, accumulators aren't there yet.
// RUN: sed -e /fence.proxy/d %t.dense.mlir > %t.no-fence.mlir
// RUN: not sparse24-emulate %t.no-fence.mlir --kernel=product --block=128 --arg=%t.npy:64x8xf32 2>&1 | FileCheck %s --check-prefix=FENCE
// FENCE: error: missing-fence
// RUN: sed -e 's/wgmma.wait_group.sync.aligned 0;//' %t.sparse.mlir > %t.no-wait.mlir
// RUN: not sparse24-emulate %t.no-wait.mlir --kernel=product --block=128 --arg=%t.npy:64x8xf32 2>&1 | FileCheck %s --check-prefix=WAIT
// WAIT: error: missing-wait

#shared = #gpu.address_space<workgroup>
gpu.module @kernels {
  gpu.func @product(%out: memref<64x8xf32>)
      workgroup(%a: memref<1024xf16, #shared>, %b: memref<256xf16, #shared>) kernel {
    // Matrices of 8 × 8 elements, one after the other: along K, then along rows.
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    %c64 = arith.constant 64 : index
    %scale = arith.constant SCALE : index
    %thread = gpu.thread_id x
    %row = arith.divui %thread, %c2 : index
    %k_core = arith.remui %thread, %c2 : index
    %row_core = arith.divui %row, %c8 : index
    %row_in_core = arith.remui %row, %c8 : index
    %0 = arith.muli %row_core, %c2 : index
    %1 = arith.addi %0, %k_core : index
    %2 = arith.muli %1, %c64 : index
    %3 = arith.muli %row_in_core, %c8 : index
    %base = arith.addi %2, %3 : index
    %value_base = arith.muli %thread, %c8 : index
    scf.for %i = %c0 to %c8 step %c1 {
      %at = arith.addi %base, %i : index
      %4 = arith.addi %value_base, %i : index
      %5 = arith.index_cast %4 : index to i32
      %value = arith.sitofp %5 : i32 to f16
      memref.store %value, %a[%at] : memref<1024xf16, #shared>
    }
    // Column n of B, of 8 · 4 elements along K, is zero but for one.
    scf.for %i = %c0 to %c2 step %c1 {
      %4 = arith.muli %thread, %c2 : index
      %at = arith.addi %4, %i : index
      %core = arith.divui %at, %c64 : index
      %in_core = arith.remui %at, %c64 : index
      %n = arith.divui %in_core, %c8 : index
      %5 = arith.remui %in_core, %c8 : index
      %6 = arith.muli %core, %c8 : index
      %k = arith.addi %5, %6 : index
      // k = n, or where n is in the sparse operand.
      %group = arith.divui %n, %c2 : index
      %7 = arith.muli %group, %scale : index
      %8 = arith.remui %n, %c2 : index
      %9 = arith.addi %7, %8 : index
      %is_one = arith.cmpi eq, %k, %9 : index
      %bit = arith.extui %is_one : i1 to i32
      %value = arith.sitofp %bit : i32 to f16
      memref.store %value, %b[%at] : memref<256xf16, #shared>
    }
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    gpu.barrier

    // Descriptors, in units of 16 bytes: the address, 8 to the next matrix along K
    // and 16 (of A) along rows.
    %a_index = memref.extract_aligned_pointer_as_index %a : memref<1024xf16, #shared> -> index
    %b_index = memref.extract_aligned_pointer_as_index %b : memref<256xf16, #shared> -> index
    %a_at = arith.index_cast %a_index : index to i64
    %b_at = arith.index_cast %b_index : index to i64
    %four = arith.constant 4 : i64
    %a_unit = arith.shrui %a_at, %four : i64
    %b_unit = arith.shrui %b_at, %four : i64
    %strides = arith.constant 0x0000001000080000 : i64
    %a_desc = arith.ori %a_unit, %strides : i64
    %b_desc = arith.ori %b_unit, %strides : i64
    %zero = arith.constant 0.0 : f32
    %none = arith.constant 0 : i32
    %metadata = arith.constant 0x44444444 : i32
    nvvm.wgmma.fence.aligned
    %started = llvm.inline_asm has_side_effects asm_dialect = att "{\0A.reg .pred p;\0Asetp.ne.b32 p, $10, 0;\0APRODUCT {$0, $1, $2, $3}, $8, $9, SPARSITYp, 1, 1, 0, 0;\0A}\0A", "=f,=f,=f,=f,0,1,2,3,l,l,r,r"
      %zero, %zero, %zero, %zero, %a_desc, %b_desc, %none, %metadata : (f32, f32, f32, f32, i64, i64, i32, i32) -> !llvm.struct<(f32, f32, f32, f32)>
    nvvm.wgmma.commit.group.sync.aligned
    %s0 = llvm.extractvalue %started[0] : !llvm.struct<(f32, f32, f32, f32)>
    %s1 = llvm.extractvalue %started[1] : !llvm.struct<(f32, f32, f32, f32)>
    %s2 = llvm.extractvalue %started[2] : !llvm.struct<(f32, f32, f32, f32)>
    %s3 = llvm.extractvalue %started[3] : !llvm.struct<(f32, f32, f32, f32)>
    %d = llvm.inline_asm has_side_effects asm_dialect = att "wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3,~{memory}"
      %s0, %s1, %s2, %s3 : (f32, f32, f32, f32) -> !llvm.struct<(f32, f32, f32, f32)>

    %c4 = arith.constant 4 : index
    %c16 = arith.constant 16 : index
    %c32 = arith.constant 32 : index
    %warp = arith.divui %thread, %c32 : index
    %lane = arith.remui %thread, %c32 : index
    %w0 = arith.muli %warp, %c16 : index
    %w1 = arith.divui %lane, %c4 : index
    %out_row = arith.addi %w0, %w1 : index
    %w2 = arith.remui %lane, %c4 : index
    %col = arith.muli %w2, %c2 : index
    %next_out_row = arith.addi %out_row, %c8 : index
    %next_col = arith.addi %col, %c1 : index
    %d0 = llvm.extractvalue %d[0] : !llvm.struct<(f32, f32, f32, f32)>
    %d1 = llvm.extractvalue %d[1] : !llvm.struct<(f32, f32, f32, f32)>
    %d2 = llvm.extractvalue %d[2] : !llvm.struct<(f32, f32, f32, f32)>
    %d3 = llvm.extractvalue %d[3] : !llvm.struct<(f32, f32, f32, f32)>
    memref.store %d0, %out[%out_row, %col] : memref<64x8xf32>
    memref.store %d1, %out[%out_row, %next_col] : memref<64x8xf32>
    memref.store %d2, %out[%next_out_row, %col] : memref<64x8xf32>
    memref.store %d3, %out[%next_out_row, %next_col] : memref<64x8xf32>
    gpu.return
  }
}
