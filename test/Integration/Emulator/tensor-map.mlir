// A host function makes tensor maps and launches a persistent kernel of clusters:
// each CTA fetches half of a tile for both, and writes the whole tile to a result
// of its own.

// RUN: sparse24-emulate %s --kernel=fill --grid=48 --block=48 --arg=%t.in.npy:48x48xf32
// RUN: sparse24-emulate %s --kernel=expect --grid=2,48 --block=32 --arg=%t.expected.npy:2x48x32xf32
// RUN: sparse24-emulate %s --entry=copy --arg=%t.in.npy --arg=%t.out.npy:2x48x32xf32 --statistics | FileCheck %s
// RUN: cmp %t.expected.npy %t.out.npy

// Three tiles for two clusters.
// CHECK-DAG: 6 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster
// CHECK-DAG: 6 cp.async.bulk.tensor.3d.global.shared::cta.bulk_group

// Nothing to do is no mistake, though there are no maps of nothing.
// RUN: sparse24-emulate %s --entry=copy --arg=%t.none.npy:0x48xf32 --arg=%t.out.npy:2x0x32xf32

// What a map can't be made of is reported.
// RUN: not sparse24-emulate %s --entry=copy --arg=%t.odd.npy:48x47xf32 --arg=%t.out.npy:2x48x32xf32 2>&1 | FileCheck %s --check-prefix=ODD
// ODD: error: invalid-operand: the program makes a malformed tensor map: strides must be multiples of 16 below 2^40

// Both ends of the launch, as the card's driver gets them.
// RUN: sparse24-opt %s "--sparse24-gpu-pipeline=target=sm_90a format=llvm" | FileCheck %s --check-prefix=KERNEL
// KERNEL: llvm.func @copy({{.*}}, %{{.*}}: i64, %{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<16 x i64>, nvvm.grid_constant}, %{{.*}}: i64, %{{.*}}: !llvm.ptr {llvm.align = 64
// KERNEL: gpu.launch_func @kernels::@copy clusters in

!from = !nvgpu.tensormap.descriptor<tensor = memref<8x32xf32, 3>, swizzle = swizzle_128b, l2promo = l2promo_128b, oob = zero, interleave = none>
!to = !nvgpu.tensormap.descriptor<tensor = memref<1x16x32xf32, 3>, swizzle = swizzle_128b, l2promo = none, oob = zero, interleave = none>

module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @fill(%in: memref<48x48xf32>) kernel {
      %row = gpu.block_id x
      %column = gpu.thread_id x
      %c48 = arith.constant 48 : index
      %0 = arith.muli %row, %c48 : index
      %1 = arith.addi %0, %column : index
      %2 = arith.index_cast %1 : index to i32
      %3 = arith.sitofp %2 : i32 to f32
      memref.store %3, %in[%row, %column] : memref<48x48xf32>
      gpu.return
    }

    gpu.func @expect(%out: memref<2x48x32xf32>) kernel {
      %i = gpu.block_id x
      %row = gpu.block_id y
      %column = gpu.thread_id x
      %c8 = arith.constant 8 : index
      %c48 = arith.constant 48 : index
      %0 = arith.muli %row, %c48 : index
      %1 = arith.addi %column, %c8 : index
      %2 = arith.addi %0, %1 : index
      %3 = arith.index_cast %2 : index to i32
      %4 = arith.sitofp %3 : i32 to f32
      memref.store %4, %out[%i, %row, %column] : memref<2x48x32xf32>
      gpu.return
    }

    // Of two boxes.
    llvm.mlir.global internal @tile() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<2048 x i8>
    llvm.mlir.global internal @barrier() {addr_space = 3 : i32, alignment = 8 : i64} : !llvm.array<1 x i64>

    gpu.func @copy(%unused: memref<?x?xf32>,
                   %from: !from,
                   %tiles: index,
                   %to: !to)
        kernel attributes {known_block_size = array<i32: 32, 1, 1>, known_cluster_size = array<i32: 2, 1, 1>} {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %zero = arith.constant 0 : i32
      %one = arith.constant 1 : i32
      %half = arith.constant 8 : i32
      %rows = arith.constant 16 : i32
      %half_bytes = arith.constant 1024 : i32
      %bytes = arith.constant 2048 : i32
      %ticks = arith.constant 1000 : i32
      %both = arith.constant 3 : i16
      %tile_ptr = llvm.mlir.addressof @tile : !llvm.ptr<3>
      %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
      %from_ptr = builtin.unrealized_conversion_cast %from : !from to !llvm.ptr
      %to_ptr = builtin.unrealized_conversion_cast %to : !to to !llvm.ptr
      %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
      %my_row = arith.muli %rank, %half : i32
      %my_byte = arith.muli %rank, %half_bytes : i32
      %my_half = llvm.getelementptr %tile_ptr[%my_byte] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
      %my_half_cluster = llvm.addrspacecast %my_half : !llvm.ptr<3> to !llvm.ptr<7>
      %thread = gpu.thread_id x
      %is_first = arith.cmpi eq, %thread, %c0 : index
      scf.if %is_first {
        nvgpu.tma.prefetch.descriptor %from : !from
        nvvm.mbarrier.init %barrier, %one : !llvm.ptr<3>, i32
        nvvm.fence.mbarrier.init
      }
      nvvm.cluster.arrive
      nvvm.cluster.wait
      %block = gpu.block_id x
      %blocks = gpu.grid_dim x
      %cluster = arith.divui %block, %c2 : index
      %clusters = arith.divui %blocks, %c2 : index
      scf.for %tile = %cluster to %tiles step %clusters iter_args(%phase = %zero) -> i32 {
        %tile_number = arith.index_cast %tile : index to i32
        %y = arith.muli %tile_number, %rows : i32
        %my_y = arith.addi %y, %my_row : i32
        scf.if %is_first {
          nvvm.mbarrier.arrive.expect_tx %barrier, %bytes : !llvm.ptr<3>, i32
          nvvm.cp.async.bulk.tensor.shared.cluster.global %my_half_cluster, %from_ptr, %barrier, box[%zero, %my_y] multicast_mask = %both : !llvm.ptr<7>, !llvm.ptr
        }
        nvvm.mbarrier.try_wait.parity %barrier, %phase, %ticks : !llvm.ptr<3>, i32, i32
        scf.if %is_first {
          nvvm.cp.async.bulk.tensor.global.shared.cta %to_ptr, %tile_ptr, box[%zero, %y, %rank] : !llvm.ptr, !llvm.ptr<3>
          nvvm.cp.async.bulk.commit.group
          nvvm.cp.async.bulk.wait_group 0 {read}
        }
        // Neither CTA writes into what the other still reads.
        nvvm.cluster.arrive
        nvvm.cluster.wait
        %next = arith.xori %phase, %one : i32
        scf.yield %next : i32
      }
      scf.if %is_first {
        nvvm.cp.async.bulk.wait_group 0
      }
      gpu.return
    }
  }

  // Copies columns 8 to 40.
  func.func @copy(%in: memref<?x?xf32>, %out: memref<2x?x32xf32>) attributes {llvm.emit_c_interface} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    %c16 = arith.constant 16 : index
    %c32 = arith.constant 32 : index
    %rows = memref.dim %in, %c0 : memref<?x?xf32>
    %part = memref.subview %in[0, 8] [%rows, 32] [1, 1] : memref<?x?xf32> to memref<?x32xf32, strided<[?, 1], offset: 8>>
    %from = memref.cast %part : memref<?x32xf32, strided<[?, 1], offset: 8>> to memref<*xf32>
    %from_map = nvgpu.tma.create.descriptor %from box[%c8, %c32] : memref<*xf32> -> !from
    %to = memref.cast %out : memref<2x?x32xf32> to memref<*xf32>
    %to_map = nvgpu.tma.create.descriptor %to box[%c1, %c16, %c32] : memref<*xf32> -> !to
    %tiles = arith.ceildivui %rows, %c16 : index
    %all = arith.muli %tiles, %c2 : index
    %clusters = sparse24.resident_clusters @kernels::@copy cluster = 2, threads = 32, shared_memory = 0 : index
    %resident = arith.muli %clusters, %c2 : index
    %blocks = arith.minui %all, %resident : index
    gpu.launch_func @kernels::@copy clusters in (%c2, %c1, %c1) blocks in (%blocks, %c1, %c1) threads in (%c32, %c1, %c1)
      args(%in : memref<?x?xf32>,
           %from_map : !from,
           %tiles : index,
           %to_map : !to)
    return
  }
}
