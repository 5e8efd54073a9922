// Tensor maps: boxes of a matrix go to shared memory and from there to another
// matrix, by copies that one thread starts and that an mbarrier tells of. Boxes at
// the edges hang over; what is outside isn't written.

// RUN: sparse24-emulate %s --kernel=fill --grid=13 --block=104 --arg=%t.in.npy:13x104xi16
// RUN: sparse24-emulate %s --kernel=copy --grid=2,2 --block=64 --shared=2048 '--arg=map(8x64,128):%t.in.npy' '--arg=map(8x64,128):%t.out.npy:13x104xi16' --statistics | FileCheck %s
// RUN: cmp %t.in.npy %t.out.npy

// CHECK: 4 cp.async.bulk.tensor.2d.global.shared::cta.bulk_group
// CHECK: 4 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes
// CHECK: tensor copies: 32 rows of boxes, 6 of them beyond the tensor

// A map needs rows of a multiple of 16 bytes, and says so.
// RUN: not sparse24-emulate %s --kernel=copy '--arg=map(8x64,128):%t.in.npy' '--arg=map(8x64,128):%t.out.npy:13x101xi16' 2>&1 | FileCheck %s --check-prefix=MAP
// RUN: not sparse24-emulate %s --kernel=copy '--arg=map(8x64,128):%t.in.npy' '--arg=map(8,128):%t.out.npy:13x104xi16' 2>&1 | FileCheck %s --check-prefix=RANK
// MAP: error: 'map(8x64,128):{{.*}}':
// RANK: error: 'map(8,128):{{.*}}': the box has 1 dimensions, the array 2

// Nobody waits for the copy to have come.
// RUN: sed -e /try_wait/d %s > %t.no-wait.mlir
// RUN: not sparse24-emulate %t.no-wait.mlir --kernel=copy --grid=2,2 --block=64 --shared=2048 '--arg=map(8x64,128):%t.in.npy' '--arg=map(8x64,128):%t.out.npy:13x104xi16' 2>&1 | FileCheck %s --check-prefix=WAIT
// WAIT: error: {{missing-wait|race|uninitialized-read}}

gpu.module @kernels {
  gpu.func @fill(%out: memref<13x104xi16>) kernel {
    %row = gpu.block_id x
    %col = gpu.thread_id x
    %c104 = arith.constant 104 : index
    %0 = arith.muli %row, %c104 : index
    %1 = arith.addi %0, %col : index
    %2 = arith.index_cast %1 : index to i16
    memref.store %2, %out[%row, %col] : memref<13x104xi16>
    gpu.return
  }

  llvm.mlir.global internal @box() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  llvm.mlir.global internal @barrier() {addr_space = 3 : i32, alignment = 8 : i64} : !llvm.array<1 x i64>

  llvm.func @copy(%from: !llvm.ptr {llvm.byval = !llvm.array<16 x i64>, llvm.align = 64 : i64, nvvm.grid_constant},
                  %to: !llvm.ptr {llvm.byval = !llvm.array<16 x i64>, llvm.align = 64 : i64, nvvm.grid_constant})
      attributes {gpu.kernel, nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %rows = llvm.mlir.constant(8 : i32) : i32
    %columns = llvm.mlir.constant(64 : i32) : i32
    %bytes = llvm.mlir.constant(1024 : i32) : i32
    %ticks = llvm.mlir.constant(1000 : i32) : i32
    %box = llvm.mlir.addressof @box : !llvm.ptr<3>
    %box_cluster = llvm.addrspacecast %box : !llvm.ptr<3> to !llvm.ptr<7>
    %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block_x = nvvm.read.ptx.sreg.ctaid.x : i32
    %block_y = nvvm.read.ptx.sreg.ctaid.y : i32
    %x = llvm.mul %block_x, %columns : i32
    %y = llvm.mul %block_y, %rows : i32
    %is_first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %is_first, ^initialize, ^ready
  ^initialize:
    nvvm.mbarrier.init %barrier, %one : !llvm.ptr<3>, i32
    nvvm.fence.mbarrier.init
    nvvm.mbarrier.arrive.expect_tx %barrier, %bytes : !llvm.ptr<3>, i32
    nvvm.cp.async.bulk.tensor.shared.cluster.global %box_cluster, %from, %barrier, box[%x, %y] : !llvm.ptr<7>, !llvm.ptr
    llvm.br ^ready
  ^ready:
    nvvm.barrier0
    nvvm.mbarrier.try_wait.parity %barrier, %zero, %ticks : !llvm.ptr<3>, i32, i32
    llvm.cond_br %is_first, ^store, ^end
  ^store:
    nvvm.cp.async.bulk.tensor.global.shared.cta %to, %box, box[%x, %y] : !llvm.ptr, !llvm.ptr<3>
    nvvm.cp.async.bulk.commit.group
    nvvm.cp.async.bulk.wait_group 0
    llvm.br ^end
  ^end:
    llvm.return
  }
}
