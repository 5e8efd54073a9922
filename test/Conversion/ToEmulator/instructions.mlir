// Each operation becomes the PTX instruction that it stands for.
// RUN: sparse24-opt %s --sparse24-convert-to-emulator | FileCheck %s --implicit-check-not=nvvm.

// The opcodes, in the order of the operations; a location follows each.
// CHECK: llvm.mlir.global internal constant @kernels_sites("
gpu.module @kernels {
  llvm.func @ids() attributes {nvvm.kernel} {
    // CHECK-SAME: mov.u32.%tid.x\00{{[^"]*}}instructions.mlir:[[# @LINE + 1]]:10\00
    %0 = nvvm.read.ptx.sreg.tid.x : i32
    // CHECK-SAME: mov.u32.%ctaid.z\00
    %1 = nvvm.read.ptx.sreg.ctaid.z : i32
    // CHECK-SAME: mov.u32.%cluster_ctarank\00
    %2 = nvvm.read.ptx.sreg.cluster.ctarank : i32
    // CHECK-SAME: mov.u32.%cluster_nctaid.x\00
    %3 = nvvm.read.ptx.sreg.cluster.nctaid.x : i32
    // CHECK-SAME: mov.u64.%clock64\00
    %4 = nvvm.read.ptx.sreg.clock64 : i64
    llvm.return
  }

  llvm.func @barriers(%s: !llvm.ptr<3>, %c: !llvm.ptr<7>, %n: i32, %state: i64, %p: i1) attributes {nvvm.kernel} {
    // CHECK-SAME: bar.sync\00
    nvvm.barrier0
    // CHECK-SAME: bar.arrive\00
    nvvm.barrier.arrive id = %n number_of_threads = %n
    // CHECK-SAME: bar.warp.sync\00
    nvvm.bar.warp.sync %n : i32
    // CHECK-SAME: barrier.cluster.arrive\00
    nvvm.cluster.arrive
    // CHECK-SAME: barrier.cluster.arrive.relaxed.aligned\00
    nvvm.cluster.arrive.relaxed {aligned}
    // CHECK-SAME: barrier.cluster.wait\00
    nvvm.cluster.wait
    // CHECK-SAME: fence.mbarrier_init.release.cluster\00
    nvvm.fence.mbarrier.init
    // CHECK-SAME: fence.proxy.async.shared::cta\00
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    // CHECK-SAME: setmaxnreg.dec.sync.aligned.u32\00
    nvvm.setmaxregister decrease 40
    // CHECK-SAME: griddepcontrol.wait\00
    nvvm.griddepcontrol wait
    // CHECK-SAME: mbarrier.init.shared.b64\00
    nvvm.mbarrier.init %s, %n : !llvm.ptr<3>, i32
    // CHECK-SAME: mbarrier.arrive.shared.b64\00
    %0 = nvvm.mbarrier.arrive %s : !llvm.ptr<3> -> i64
    // CHECK-SAME: mbarrier.arrive.release.cluster.shared::cluster.b64\00
    nvvm.mbarrier.arrive %c {scope = #nvvm.mem_scope<cluster>} : !llvm.ptr<7>
    // CHECK-SAME: mbarrier.arrive.expect_tx.shared.b64\00
    nvvm.mbarrier.arrive.expect_tx %s, %n : !llvm.ptr<3>, i32
    // CHECK-SAME: mbarrier.test_wait.shared.b64\00
    %1 = nvvm.mbarrier.test.wait %s, %state : !llvm.ptr<3>, i64 -> i1
    // CHECK-SAME: mbarrier.test_wait.parity.shared.b64\00
    %2 = nvvm.mbarrier.test.wait %s, %n : !llvm.ptr<3>, i32 -> i1
    // CHECK-SAME: mbarrier.try_wait.parity.shared.b64\00
    nvvm.mbarrier.try_wait.parity %s, %n, %n : !llvm.ptr<3>, i32, i32
    // CHECK-SAME: mapa.shared::cluster.u64\00
    %3 = nvvm.mapa %s, %n : !llvm.ptr<3> -> !llvm.ptr<7>
    llvm.return
  }

  llvm.func @lanes(%n: i32, %f: f32, %p: i1) attributes {nvvm.kernel} {
    // CHECK-SAME: shfl.sync.bfly.b32\00
    %0 = nvvm.shfl.sync bfly %n, %f, %n, %n : f32 -> f32
    // CHECK-SAME: shfl.sync.idx.b32\00
    %1 = nvvm.shfl.sync idx %n, %n, %n, %n {return_value_and_is_valid} : i32 -> !llvm.struct<(i32, i1)>
    // CHECK-SAME: vote.sync.ballot.b32\00
    %2 = nvvm.vote.sync ballot %n, %p -> i32
    // CHECK-SAME: vote.sync.any.pred\00
    %3 = nvvm.vote.sync any %n, %p -> i1
    // CHECK-SAME: redux.sync.max.u32\00
    %4 = nvvm.redux.sync umax %n, %n : i32 -> i32
    // CHECK-SAME: elect.sync\00
    %5 = nvvm.elect.sync -> i1
    llvm.return
  }

  llvm.func @copies(%s: !llvm.ptr<3>, %c: !llvm.ptr<7>, %g: !llvm.ptr<1>, %map: !llvm.ptr, %n: i32, %mask: i16, %p: i1) attributes {nvvm.kernel} {
    // CHECK-SAME: cp.async.cg.shared.global\00
    nvvm.cp.async.shared.global %s, %g, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    // CHECK-SAME: cp.async.commit_group\00
    nvvm.cp.async.commit.group
    // CHECK-SAME: cp.async.wait_group\00
    nvvm.cp.async.wait.group 1
    // CHECK-SAME: cp.async.mbarrier.arrive.noinc.shared.b64\00
    nvvm.cp.async.mbarrier.arrive %s {noinc = true} : !llvm.ptr<3>
    // CHECK-SAME: cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes\00
    nvvm.cp.async.bulk.shared.cluster.global %c, %g, %s, %n : !llvm.ptr<7>, !llvm.ptr<1>
    // CHECK-SAME: cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster\00
    nvvm.cp.async.bulk.tensor.shared.cluster.global %c, %map, %s, box[%n, %n] multicast_mask = %mask : !llvm.ptr<7>, !llvm.ptr
    // CHECK-SAME: cp.async.bulk.tensor.3d.global.shared::cta.bulk_group\00
    nvvm.cp.async.bulk.tensor.global.shared.cta %map, %s, box[%n, %n, %n] : !llvm.ptr, !llvm.ptr<3>
    // CHECK-SAME: cp.async.bulk.commit_group\00
    nvvm.cp.async.bulk.commit.group
    // CHECK-SAME: cp.async.bulk.wait_group.read\00
    nvvm.cp.async.bulk.wait_group 0 {read}
    llvm.return
  }

  llvm.func @matrices(%s: !llvm.ptr<3>, %h: vector<2xf16>, %n: i32, %f: f32, %desc: i64, %acc: !llvm.struct<(f32, f32, f32, f32)>) attributes {nvvm.kernel} {
    // CHECK-SAME: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16\00
    %0 = nvvm.ldmatrix %s {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<col>, num = 4 : i32, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
    // CHECK-SAME: stmatrix.sync.aligned.m8n8.x2.shared.b16\00
    nvvm.stmatrix %s, %n, %n {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>} : !llvm.ptr<3>, i32, i32
    // CHECK-SAME: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32\00
    %1 = nvvm.mma.sync A[%h, %h, %h, %h] B[%h, %h] C[%f, %f, %f, %f] {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, shape = #nvvm.shape<m = 16, n = 8, k = 16>} : (vector<2xf16>, vector<2xf16>, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    // CHECK-SAME: mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32\00
    %2 = nvvm.mma.sp.sync A[%n, %n, %n, %n] B[%n, %n, %n, %n] C[%f, %f, %f, %f] sparseMetadata[%n] selector[%n] {multiplicandAPtxType = #nvvm.mma_type<bf16>, multiplicandBPtxType = #nvvm.mma_type<bf16>, orderedMetadata, shape = #nvvm.shape<m = 16, n = 8, k = 32>} : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    // CHECK-SAME: mma.sp::ordered_metadata.sync.aligned.m16n8k64.row.col.f32.e4m3.e4m3.f32\00
    %3 = llvm.call_intrinsic "llvm.nvvm.mma.sp.ordered.metadata.m16n8k64.row.col.f32.e4m3.e4m3.f32"(%n, %n, %n, %n, %n, %n, %n, %n, %f, %f, %f, %f, %n, %n) : (i32, i32, i32, i32, i32, i32, i32, i32, f32, f32, f32, f32, i32, i32) -> !llvm.struct<(f32, f32, f32, f32)>
    // CHECK-SAME: wgmma.fence.sync.aligned\00
    nvvm.wgmma.fence.aligned
    // CHECK-SAME: wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16.adesc\00
    %4 = nvvm.wgmma.mma_async %desc, %desc, %acc, #nvvm.shape<m = 64, n = 8, k = 16>, D [<f32>, #nvvm.wgmma_scale_out<zero>], A [<f16>, #nvvm.wgmma_scale_in<one>, <row>], B [<f16>, #nvvm.wgmma_scale_in<neg>, <col>] : !llvm.struct<(f32, f32, f32, f32)> -> !llvm.struct<(f32, f32, f32, f32)>
    // CHECK-SAME: wgmma.commit_group.sync.aligned\00
    nvvm.wgmma.commit.group.sync.aligned
    // CHECK-SAME: wgmma.wait_group.sync.aligned\00
    nvvm.wgmma.wait.group.sync.aligned 0
    llvm.return
  }
}

// Operands are in the manual's order, each in words of its own: here the
// accumulators, two descriptors, then scale-d, imm-scale-a and -b, and no operand
// is transposed.
// CHECK-LABEL: llvm.func @matrices
// CHECK: %[[IN:.*]] = llvm.alloca {{.*}} x !llvm.array<14 x i32>
// CHECK: llvm.getelementptr %[[IN]][16]
// CHECK: llvm.store %arg4, {{.*}} {alignment = 4 : i64} : i64
// CHECK: llvm.getelementptr %[[IN]][24]
// CHECK: llvm.store %arg4, {{.*}} {alignment = 4 : i64} : i64
