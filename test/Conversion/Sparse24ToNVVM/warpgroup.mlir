// Products of a warpgroup become inline PTX with tied accumulators; ptxas neither
// serializes them nor injects a wait, which would fail the assembly.
// RUN: sparse24-opt %s --pass-pipeline="builtin.module(gpu.module(sparse24-convert-to-nvvm))" | FileCheck %s
// RUN: sparse24-opt %s --pass-pipeline="builtin.module(gpu.module(sparse24-convert-to-nvvm,convert-scf-to-cf,convert-gpu-to-nvvm,reconcile-unrealized-casts),gpu-module-to-binary{format=isa})" | FileCheck %s --check-prefix=PTX

gpu.module @kernels [#nvvm.target<chip = "sm_90a", features = "+ptx85", O = 3>] {
  // CHECK-LABEL: gpu.func @loop
  // PTX: .entry loop
  // PTX: wgmma.mma_async.sp.sync.aligned.m64n16k32.f32.bf16.bf16
  // PTX: wgmma.wait_group.sync.aligned 0
  gpu.func @loop(%a: i64, %b: i64, %e: i32, %n: index, %out: memref<?x8xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %zero = arith.constant dense<0.0> : vector<8xf32>
    %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%d0 = %zero, %d1 = %zero) -> (vector<8xf32>, vector<8xf32>) {
      nvvm.wgmma.fence.aligned
      // CHECK: llvm.inline_asm has_side_effects asm_dialect = att "wgmma.mma_async.sp.sync.aligned.m64n16k32.f32.bf16.bf16 {$0, $1, $2, $3, $4, $5, $6, $7}, $16, $17, $18, 0, 1, 1, 1, 0, 0;", "=f,=f,=f,=f,=f,=f,=f,=f,0,1,2,3,4,5,6,7,l,l,r,~{memory}"
      %0 = sparse24.warpgroup.mma_sp %d0, %a, %b, %e {shape = array<i64: 64, 16, 32>, a_type = bf16, b_type = bf16} : (vector<8xf32>, i64, i64, i32) -> vector<8xf32>
      // CHECK: llvm.inline_asm {{.*}} "wgmma.mma_async.sp.sync.aligned.m64n16k32.f32.bf16.bf16 {$0, {{.*}}, $16, $17, $18, 1, 1, -1, 1, 0, 1;"
      %1 = sparse24.warpgroup.mma_sp %d1, %a, %b, %e {shape = array<i64: 64, 16, 32>, a_type = bf16, b_type = bf16, selector = 1 : i32, negate_a, transpose_b} : (vector<8xf32>, i64, i64, i32) -> vector<8xf32>
      nvvm.wgmma.commit.group.sync.aligned
      // CHECK: llvm.inline_asm {{.*}} "wgmma.wait_group.sync.aligned 1;", "{{(=f,)+}}0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,~{memory}"
      %2:2 = sparse24.warpgroup.wait 1 %0, %1 : vector<8xf32>, vector<8xf32>
      scf.yield %2#0, %2#1 : vector<8xf32>, vector<8xf32>
    }
    %d:2 = sparse24.warpgroup.wait 0 %r#0, %r#1 : vector<8xf32>, vector<8xf32>
    %sum = arith.addf %d#0, %d#1 : vector<8xf32>
    %thread = gpu.thread_id x
    vector.store %sum, %out[%thread, %c0] : memref<?x8xf32>, vector<8xf32>
    gpu.return
  }

  // A in registers; 8-bit types have no order to state; f16 accumulators in pairs.
  // CHECK-LABEL: gpu.func @types
  gpu.func @types(%a: vector<4xi32>, %b: i64, %e: i32, %i: vector<8xi32>, %h: vector<8xf16>, %out: memref<8xi32>, %half: memref<8xf16>) kernel {
    %c0 = arith.constant 0 : index
    nvvm.wgmma.fence.aligned
    // CHECK: "wgmma.mma_async.sp.sync.aligned.m64n16k64.s32.u8.s8 {$0, $1, $2, $3, $4, $5, $6, $7}, {$16, $17, $18, $19}, $20, $21, 0, 0;"
    %0 = sparse24.warpgroup.mma_sp %i, %a, %b, %e {shape = array<i64: 64, 16, 64>, a_type = ui8, b_type = i8, overwrite} : (vector<8xi32>, vector<4xi32>, i64, i32) -> vector<8xi32>
    // CHECK: "wgmma.mma_async.sp.sync.aligned.m64n16k64.f16.e4m3.e5m2 {$0, $1, $2, $3}, {$8, $9, $10, $11}, $12, $13, 0, 1, 1, 1;"
    %1 = sparse24.warpgroup.mma_sp %h, %a, %b, %e {shape = array<i64: 64, 16, 64>, a_type = f8E4M3FN, b_type = f8E5M2} : (vector<8xf16>, vector<4xi32>, i64, i32) -> vector<8xf16>
    nvvm.wgmma.commit.group.sync.aligned
    // CHECK: "wgmma.wait_group.sync.aligned 0;", "{{(=r,)+}}0,1,2,3,4,5,6,7,8,9,10,11,r,~{memory}"
    %2:2 = sparse24.warpgroup.wait 0 %0, %1 : vector<8xi32>, vector<8xf16> metadata(%e)
    vector.store %2#0, %out[%c0] : memref<8xi32>, vector<8xi32>
    vector.store %2#1, %half[%c0] : memref<8xf16>, vector<8xf16>
    gpu.return
  }
}
