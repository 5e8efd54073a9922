// RUN: sparse24-opt %s -split-input-file -verify-diagnostics --sparse24-convert-to-linalg | FileCheck %s

// The four largest of a group are counted by comparing magnitudes; a tail is
// stored only up to K.

// CHECK-LABEL: @prune
// CHECK-SAME: %[[W:.*]]: memref<?x?xf16>, %[[OUT:.*]]: memref<?x?xf16>
// CHECK: %[[GROUPS:.*]] = arith.ceildivui
// CHECK: scf.for %[[ROW:.*]] =
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[GROUPS]]
// CHECK-COUNT-4: memref.load %[[W]]
// CHECK-COUNT-4: memref.store %{{.*}}, %[[OUT]][%[[ROW]],
// CHECK-NOT: sparse24
func.func @prune(%w: memref<?x?xf16>, %out: memref<?x?xf16>) {
  sparse24.prune magnitude ins(%w : memref<?x?xf16>) outs(%out : memref<?x?xf16>)
  return
}

// -----

// CHECK-LABEL: @compress
// CHECK-SAME: %{{.*}}, %[[V:.*]]: memref<4x8xbf16>, %[[M:.*]]: memref<4x1xi16>
// CHECK-COUNT-8: memref.store %{{.*}}, %[[V]]
// CHECK: memref.store %{{.*}}, %[[M]]
// CHECK-NOT: sparse24
func.func @compress(%w: memref<4x16xbf16>, %v: memref<4x8xbf16>, %m: memref<4x1xi16>) {
  sparse24.compress ins(%w : memref<4x16xbf16>) outs(%v, %m : memref<4x8xbf16>, memref<4x1xi16>)
  return
}

// -----

// CHECK-LABEL: @decompress
// CHECK-NOT: sparse24
func.func @decompress(%v: memref<4x8xf32>, %m: memref<4x2xi16>, %w: memref<4x16xf32>) {
  sparse24.decompress ins(%v, %m : memref<4x8xf32>, memref<4x2xi16>) outs(%w : memref<4x16xf32>)
  return
}

// -----

// Values first, then metadata.

// CHECK-LABEL: @pack
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1024:.*]] = arith.constant 1024 : index
// CHECK-DAG: memref.view %{{.*}}[%[[C0]]][] : memref<1152xi8> to memref<512xbf16>
// CHECK-DAG: memref.view %{{.*}}[%[[C1024]]][] : memref<1152xi8> to memref<64xi16>
// CHECK-DAG: arith.constant 17476 : i16
// CHECK-NOT: sparse24
func.func @pack(%v: memref<4x8xbf16>, %m: memref<4x1xi16>, %p: memref<1152xi8>) {
  sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 4, k = 16> ins(%v, %m : memref<4x8xbf16>, memref<4x1xi16>) outs(%p : memref<1152xi8>)
  return
}

// -----

// A dense operand that is contiguous along the columns is added row by row; only
// the kept elements below K are multiplied (K = 13: 2 · 3 + 1).

// CHECK-LABEL: @rows
// CHECK-DAG: %[[C7:.*]] = arith.constant 7 : index
// CHECK: %[[E:.*]] = memref.alloc() : memref<7xf32>
// CHECK: %[[P:.*]] = memref.alloc() : memref<7xindex>
// CHECK: %[[ACC:.*]] = memref.alloc(%{{.*}}) : memref<?xf32>
// CHECK: scf.for
// CHECK:   scf.for {{.*}} to %[[C7]]
// CHECK:     memref.store %{{.*}}, %[[E]]
// CHECK:     memref.store %{{.*}}, %[[P]]
// CHECK:   scf.for
// CHECK:     memref.store %{{.*}}, %[[ACC]]
// CHECK:   scf.for {{.*}} to %[[C7]]
// CHECK:     scf.for
// CHECK:       arith.mulf
// CHECK:       memref.store %{{.*}}, %[[ACC]]
// CHECK:   scf.for
// CHECK:     arith.truncf
// CHECK: memref.dealloc
func.func @rows(%v: memref<4x8xf16>, %m: memref<4x1xi16>, %x: memref<13x?xf16>, %d: memref<4x?xf16>) {
  sparse24.matmul lhs ins(%v, %m : memref<4x8xf16>, memref<4x1xi16>) dense(%x : memref<13x?xf16>) outs(%d : memref<4x?xf16>) k = 13 acc = f32
  return
}

// -----

// One that is contiguous along K gives dot products; the epilogue comes last.

// CHECK-LABEL: @dots
// CHECK-NOT: memref<?xi32>
// CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args
// CHECK: arith.muli
// CHECK: arith.addi
// CHECK: scf.yield
// CHECK: %[[B:.*]] = memref.load %{{.*}}[%{{.*}}] : memref<4xi32>
// CHECK: arith.addi %[[SUM]], %[[B]]
func.func @dots(%v: memref<4x8xi8>, %m: memref<4x1xi16>, %x: memref<?x16xi8>, %b: memref<4xi32>, %d: memref<?x4xi32>) {
  sparse24.matmul rhs ins(%v, %m : memref<4x8xi8>, memref<4x1xi16>) dense(%x : memref<?x16xi8>) outs(%d : memref<?x4xi32>) k = 16 acc = i32
      epilogue(%b : memref<4xi32>) maps = [affine_map<(m, n) -> (n)>] {
      ^bb0(%acc: i32, %bias: i32):
        %s = arith.addi %acc, %bias : i32
        sparse24.yield %s : i32
      }
  return
}

// -----

func.func @tensors(%w: tensor<4x16xbf16>, %out: tensor<4x16xbf16>) -> tensor<4x16xbf16> {
  // expected-error @below {{'sparse24.prune' op wasn't lowered to loops: it must be on buffers (run one-shot-bufferize first)}}
  %0 = sparse24.prune magnitude ins(%w : tensor<4x16xbf16>) outs(%out : tensor<4x16xbf16>) -> tensor<4x16xbf16>
  return %0 : tensor<4x16xbf16>
}
