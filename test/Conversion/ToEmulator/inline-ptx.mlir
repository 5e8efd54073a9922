// Inline PTX: instructions, registers that the text declares, tied operands.
// RUN: sparse24-opt %s --sparse24-convert-to-emulator | FileCheck %s --implicit-check-not=inline_asm

// CHECK: llvm.mlir.global internal constant @kernels_sites("
// CHECK-SAME: wgmma.mma_async.sp.sync.aligned.m64n8k32.f32.bf16.bf16.adesc\00
// CHECK-SAME: wgmma.wait_group.sync.aligned.x1\00
// CHECK-SAME: mbarrier.arrive.release.cluster.shared::cluster.b64\00
// CHECK-SAME: cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes\00
// CHECK-SAME: st.shared.b32\00
// CHECK-SAME: mov.u32.%laneid\00
gpu.module @kernels {
  // CHECK-LABEL: llvm.func @products
  // CHECK: %[[IN:.*]] = llvm.alloca {{.*}} x !llvm.array<13 x i32>
  // CHECK: %[[OUT:.*]] = llvm.alloca {{.*}} x !llvm.array<4 x i32>
  llvm.func @products(%a: f32, %desc: i64, %metadata: i32, %n: i32, %out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    // The predicate is 1 or 0 in a word, after the selector; the accumulators
    // come first.
    // CHECK: %[[ONE:.*]] = llvm.icmp "ne" %arg3
    // CHECK: llvm.store %arg0, %[[IN]] {alignment = 4 : i64} : f32
    // CHECK: %[[SCALE:.*]] = llvm.zext %[[ONE]] : i1 to i32
    // CHECK: %[[AT:.*]] = llvm.getelementptr %[[IN]][40]
    // CHECK: llvm.store %[[SCALE]], %[[AT]]
    // CHECK: llvm.call @sparse24EmulatorExecute
    // CHECK: %[[D:.*]] = llvm.load %[[OUT]] {alignment = 4 : i64} : !llvm.ptr -> f32
    %0 = llvm.inline_asm has_side_effects asm_dialect = att "{\0A.reg .pred p;\0Asetp.ne.b32 p, $11, 0;\0Awgmma.mma_async.sp.sync.aligned.m64n8k32.f32.bf16.bf16 {$0, $1, $2, $3}, $8, $9, $10, 0, p, 1, 1;\0A}\0A", "=f,=f,=f,=f,0,1,2,3,l,l,r,r" %a, %a, %a, %a, %desc, %desc, %metadata, %n : (f32, f32, f32, f32, i64, i64, i32, i32) -> !llvm.struct<(f32, f32, f32, f32)>
    %d = llvm.extractvalue %0[0] : !llvm.struct<(f32, f32, f32, f32)>
    // A wait takes the accumulators that it is tied to, though its text doesn't
    // name them.
    // CHECK: %[[WORD:.*]] = llvm.getelementptr %[[IN]][4]
    // CHECK: llvm.store %{{.*}}, %[[WORD]] {alignment = 4 : i64} : f32
    // CHECK: llvm.call @sparse24EmulatorExecute
    // CHECK: llvm.load %[[OUT]] {alignment = 4 : i64} : !llvm.ptr -> f32
    %1 = llvm.inline_asm has_side_effects asm_dialect = att "wgmma.wait_group.sync.aligned 0;", "=f,0,~{memory}" %d : (f32) -> f32
    llvm.return
  }

  llvm.func @others(%s: !llvm.ptr<3>, %map: !llvm.ptr, %n: i32, %p: i1) attributes {nvvm.kernel} {
    llvm.inline_asm has_side_effects asm_dialect = att "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [$0];", "r" %n : (i32) -> ()
    llvm.inline_asm has_side_effects asm_dialect = att "@$4 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$2, $3}], [$0];", "r,l,r,r,b" %s, %map, %n, %n, %p : (!llvm.ptr<3>, !llvm.ptr, i32, i32, i1) -> ()
    nvvm.inline_ptx "st.shared.b32 [{$r0} + 4], {$r1};" ro (%s, %n : !llvm.ptr<3>, i32)
    %0 = llvm.inline_asm asm_dialect = att "mov.u32 $0, %laneid;", "=r" : () -> i32
    llvm.return
  }
}
