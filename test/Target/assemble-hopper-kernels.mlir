// What ptxas only mentions of Hopper's kernels is an error, too.
// REQUIRES: ptxas
// RUN: split-file %s %t
// RUN: sparse24-opt %t/fine.mlir --pass-pipeline="builtin.module(gpu-module-to-binary{format=isa},sparse24-assemble-kernels)" | FileCheck %s
// RUN: not sparse24-opt %t/serialized.mlir --pass-pipeline="builtin.module(gpu-module-to-binary{format=isa},sparse24-assemble-kernels)" 2>&1 | FileCheck %s --check-prefix=SERIALIZED
// RUN: not sparse24-opt %t/injected.mlir --pass-pipeline="builtin.module(gpu-module-to-binary{format=isa},sparse24-assemble-kernels)" 2>&1 | FileCheck %s --check-prefix=INJECTED
// RUN: not sparse24-opt %t/ignored.mlir --pass-pipeline="builtin.module(gpu-module-to-binary{format=isa},sparse24-assemble-kernels)" 2>&1 | FileCheck %s --check-prefix=IGNORED

// A fence is injected before the product (C7519), and the CTA's registers are
// known at entry.
// CHECK: gpu.binary @kernels [#gpu.object<{{.*}}bin = "\7FELF

// SERIALIZED: error: in kernel 'reads_early', wgmma instructions are serialized: {{.*}}(C7514)
// INJECTED: error: in kernel 'forgets_to_wait', a wait is injected between wgmma instructions: {{.*}}(C7517)
// IGNORED: error: in a kernel of 'kernels', setmaxnreg is ignored: {{.*}}(C7508)

//--- fine.mlir
gpu.module @kernels [#nvvm.target<chip = "sm_90a", features = "+ptx85", O = 3>] {
  llvm.func @fine(%p: i64, %a: i64, %b: i64) attributes {gpu.kernel, nvvm.kernel, nvvm.maxntid = array<i32: 384>, nvvm.maxnreg = 168 : i32} {
    llvm.inline_asm has_side_effects asm_dialect = att "{ setmaxnreg.dec.sync.aligned.u32 40; .reg .f32 f<5>; .reg .b32 e; mov.b32 e, 0x44444444; mov.f32 f1, 0f00000000; mov.f32 f2, f1; mov.f32 f3, f1; mov.f32 f4, f1; ld.global.f32 f1, [$0]; wgmma.mma_async.sp.sync.aligned.m64n8k32.f32.bf16.bf16 {f1, f2, f3, f4}, $1, $2, e, 0, 1, 1, 1, 0, 0; wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0; st.global.f32 [$0], f1; }", "l,l,l" %p, %a, %b : (i64, i64, i64) -> ()
    llvm.return
  }
}

//--- serialized.mlir
gpu.module @kernels [#nvvm.target<chip = "sm_90a", features = "+ptx85", O = 3>] {
  llvm.func @reads_early(%p: i64, %a: i64, %b: i64) attributes {gpu.kernel, nvvm.kernel, nvvm.maxntid = array<i32: 128>} {
    llvm.inline_asm has_side_effects asm_dialect = att "{ .reg .f32 f<5>; .reg .b32 e; mov.b32 e, 0x44444444; mov.f32 f1, 0f00000000; mov.f32 f2, f1; mov.f32 f3, f1; mov.f32 f4, f1; .reg .b64 n; .reg .pred p; mov.b64 n, $2; loop: wgmma.fence.sync.aligned; wgmma.mma_async.sp.sync.aligned.m64n8k32.f32.bf16.bf16 {f1, f2, f3, f4}, $1, $2, e, 0, 1, 1, 1, 0, 0; add.f32 f1, f1, 0f3F800000; wgmma.mma_async.sp.sync.aligned.m64n8k32.f32.bf16.bf16 {f1, f2, f3, f4}, $1, $2, e, 0, 1, 1, 1, 0, 0; wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 1; sub.s64 n, n, 1; setp.ne.s64 p, n, 0; @p bra loop; wgmma.wait_group.sync.aligned 0; st.global.f32 [$0], f1; }", "l,l,l" %p, %a, %b : (i64, i64, i64) -> ()
    llvm.return
  }
}

//--- injected.mlir
gpu.module @kernels [#nvvm.target<chip = "sm_90a", features = "+ptx85", O = 3>] {
  llvm.func @forgets_to_wait(%p: i64, %a: i64, %b: i64) attributes {gpu.kernel, nvvm.kernel, nvvm.maxntid = array<i32: 128>} {
    llvm.inline_asm has_side_effects asm_dialect = att "{ .reg .f32 f<5>; .reg .b32 e; mov.b32 e, 0x44444444; mov.f32 f1, 0f00000000; mov.f32 f2, f1; mov.f32 f3, f1; mov.f32 f4, f1; wgmma.fence.sync.aligned; wgmma.mma_async.sp.sync.aligned.m64n8k32.f32.bf16.bf16 {f1, f2, f3, f4}, $1, $2, e, 0, 1, 1, 1, 0, 0; wgmma.commit_group.sync.aligned; st.global.f32 [$0], f1; }", "l,l,l" %p, %a, %b : (i64, i64, i64) -> ()
    llvm.return
  }
}

//--- ignored.mlir
gpu.module @kernels [#nvvm.target<chip = "sm_90a", features = "+ptx85", O = 3>] {
  llvm.func @knows_no_registers(%p: i64, %a: i64, %b: i64) attributes {gpu.kernel, nvvm.kernel, nvvm.maxntid = array<i32: 384>} {
    llvm.inline_asm has_side_effects asm_dialect = att "{ setmaxnreg.dec.sync.aligned.u32 40; }", "l,l,l" %p, %a, %b : (i64, i64, i64) -> ()
    llvm.return
  }
}
