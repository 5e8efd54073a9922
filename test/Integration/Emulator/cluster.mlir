// Clusters: a CTA writes into another's shared memory, and arrives at its mbarrier.
// RUN: sparse24-emulate %s --entry=exchange --arg=%t.npy:4xi32
// RUN: od -A n -t d4 -j 128 %t.npy | FileCheck %s --check-prefix=DATA

// The values come from the cluster's other CTA: 10 more than its rank in the grid.
// DATA: 11 10 13 12

// Without the barrier of the cluster, the other CTA's mbarrier may not exist yet.
// RUN: sed -e /cluster.arrive/d -e /cluster.wait/d %s > %t.early.mlir
// RUN: not sparse24-emulate %t.early.mlir --entry=exchange --arg=%t.npy:4xi32 2>&1 | FileCheck %s --check-prefix=EARLY
// EARLY: error: {{invalid-operand|race|deadlock}}

module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.mlir.global internal @value() {addr_space = 3 : i32, alignment = 4 : i64} : !llvm.array<1 x i32>
    llvm.mlir.global internal @barrier() {addr_space = 3 : i32, alignment = 8 : i64} : !llvm.array<1 x i64>

    llvm.func @exchange_kernel(%out: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
      %zero = llvm.mlir.constant(0 : i32) : i32
      %one = llvm.mlir.constant(1 : i32) : i32
      %ten = llvm.mlir.constant(10 : i32) : i32
      %ticks = llvm.mlir.constant(1000 : i32) : i32
      %value = llvm.mlir.addressof @value : !llvm.ptr<3>
      %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
      %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
      %block = nvvm.read.ptx.sreg.ctaid.x : i32
      nvvm.mbarrier.init %barrier, %one : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
      nvvm.cluster.arrive
      nvvm.cluster.wait
      %other = llvm.xor %rank, %one : i32
      // One store by an address of the cluster's window, which a cast makes a
      // generic one.
      %there = nvvm.mapa %value, %other : !llvm.ptr<3> -> !llvm.ptr<7>
      %anywhere = llvm.addrspacecast %there : !llvm.ptr<7> to !llvm.ptr
      %mine = llvm.add %block, %ten : i32
      llvm.store %mine, %anywhere : i32, !llvm.ptr
      %its_barrier = nvvm.mapa %barrier, %other : !llvm.ptr<3> -> !llvm.ptr<7>
      nvvm.mbarrier.arrive %its_barrier {scope = #nvvm.mem_scope<cluster>} : !llvm.ptr<7>
      nvvm.mbarrier.try_wait.parity %barrier, %zero, %ticks : !llvm.ptr<3>, i32, i32
      %received = llvm.load %value : !llvm.ptr<3> -> i32
      %to = llvm.getelementptr %out[%block] : (!llvm.ptr, i32) -> !llvm.ptr, i32
      llvm.store %received, %to : i32, !llvm.ptr
      // Nobody leaves while its memory may be accessed.
      nvvm.cluster.arrive
      nvvm.cluster.wait
      llvm.return
    }
  }

  func.func @exchange(%out: memref<4xi32>) attributes {llvm.emit_c_interface} {
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %index = memref.extract_aligned_pointer_as_index %out : memref<4xi32> -> index
    %address = arith.index_cast %index : index to i64
    %pointer = llvm.inttoptr %address : i64 to !llvm.ptr
    gpu.launch_func @kernels::@exchange_kernel clusters in (%c2, %c1, %c1) blocks in (%c4, %c1, %c1) threads in (%c1, %c1, %c1)
      args(%pointer : !llvm.ptr)
    return
  }
}
