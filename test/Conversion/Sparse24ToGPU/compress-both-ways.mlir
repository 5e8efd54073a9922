// Compression both ways stages what columns keep in shared memory; other compression is no kernel of its own.
// RUN: sparse24-opt %s --sparse24-convert-to-gpu | FileCheck %s

// Nibbles and values of a column's four tiles come from neighbouring places.
// CHECK: gpu.func @compress_both_ways_bf16(
// CHECK: gpu.dynamic_shared_memory
// CHECK: vector.store %{{.*}} vector<2xi16>
// CHECK: gpu.barrier
// CHECK: vector.load %{{.*}} vector<8xi16>
// CHECK: vector.load %{{.*}} vector<4xi8>

// 128 x 128 elements a CTA: 2 x 3 of them.
// CHECK-LABEL: func.func @static
// CHECK: %[[BYTES:.*]] = arith.constant 20480 : i32
// CHECK: gpu.launch_func @sparse24_kernels::@compress_both_ways_bf16 blocks in {{.*}} dynamic_shared_memory_size %[[BYTES]]
// CHECK-NOT: sparse24.compress
func.func @static(%w: memref<160x320xbf16>, %v: memref<160x160xbf16>, %m: memref<160x20xi16>,
                  %tv: memref<320x80xbf16>, %tm: memref<320x10xi16>) {
  sparse24.compress ins(%w : memref<160x320xbf16>)
      outs(%v, %m, %tv, %tm : memref<160x160xbf16>, memref<160x20xi16>, memref<320x80xbf16>, memref<320x10xi16>) prune = transposable
  return
}

// Words may be whole or not: the host chooses.
// CHECK-LABEL: func.func @dynamic
// CHECK: scf.if
// CHECK: gpu.launch_func @sparse24_kernels::@compress_both_ways_bf16 blocks
// CHECK: else
// CHECK: gpu.launch_func @sparse24_kernels::@compress_both_ways_bf16_tail blocks
func.func @dynamic(%w: memref<?x?xbf16>, %v: memref<?x?xbf16>, %m: memref<?x?xi16>, %tv: memref<?x?xbf16>,
                   %tm: memref<?x?xi16>) {
  sparse24.compress ins(%w : memref<?x?xbf16>)
      outs(%v, %m, %tv, %tm : memref<?x?xbf16>, memref<?x?xi16>, memref<?x?xbf16>, memref<?x?xi16>) prune = transposable
  return
}

// CHECK-LABEL: func.func @one_way
// CHECK: sparse24.compress
func.func @one_way(%w: memref<160x320xbf16>, %v: memref<160x160xbf16>, %m: memref<160x20xi16>) {
  sparse24.compress ins(%w : memref<160x320xbf16>) outs(%v, %m : memref<160x160xbf16>, memref<160x20xi16>) prune = transposable
  return
}

// CHECK-LABEL: func.func @strided
// CHECK: sparse24.compress
func.func @strided(%w: memref<160x320xbf16, strided<[512, 1]>>, %v: memref<160x160xbf16>, %m: memref<160x20xi16>,
                   %tv: memref<320x80xbf16>, %tm: memref<320x10xi16>) {
  sparse24.compress ins(%w : memref<160x320xbf16, strided<[512, 1]>>)
      outs(%v, %m, %tv, %tm : memref<160x160xbf16>, memref<160x20xi16>, memref<320x80xbf16>, memref<320x10xi16>) prune = transposable
  return
}
