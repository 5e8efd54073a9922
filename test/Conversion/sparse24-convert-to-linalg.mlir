// RUN: sparse24-opt %s -split-input-file -verify-diagnostics --sparse24-convert-to-linalg | FileCheck %s

// A thread of the loop has the elements of a word of metadata. Rows of whole words
// are read as vectors; others element by element, and stored only up to K. Elements
// are compared and moved as integers.

// CHECK-LABEL: @prune
// CHECK-SAME: %[[W:.*]]: memref<?x?xf16>, %[[OUT:.*]]: memref<?x?xf16>
// CHECK: %[[REST:.*]] = arith.remui %{{.*}}, %c16
// CHECK: %[[WHOLE:.*]] = arith.cmpi eq, %[[REST]]
// CHECK: scf.if %[[WHOLE]]
// CHECK: scf.parallel
// CHECK: vector.load %[[W]][{{.*}}] {alignment = 16 : i64} : memref<?x?xf16>, vector<16xf16>
// CHECK: vector.bitcast %{{.*}} : vector<16xf16> to vector<16xi16>
// CHECK-COUNT-24: arith.cmpi sge
// CHECK-NOT: arith.cmpi
// CHECK: vector.store %{{.*}}, %[[OUT]][{{.*}}] {alignment = 16 : i64} : memref<?x?xf16>, vector<16xf16>
// CHECK: else
// CHECK: scf.parallel
// CHECK-COUNT-16: vector.load %[[W]]{{.*}}vector<1xf16>
// CHECK-COUNT-16: vector.store %{{.*}}, %[[OUT]]{{.*}}vector<1xf16>
// CHECK-NOT: sparse24
func.func @prune(%w: memref<?x?xf16>, %out: memref<?x?xf16>) {
  sparse24.prune magnitude ins(%w : memref<?x?xf16>) outs(%out : memref<?x?xf16>)
  return
}

// -----

// CHECK-LABEL: @compress
// CHECK-SAME: %[[W:.*]]: memref<4x16xbf16>, %[[V:.*]]: memref<4x8xbf16>, %[[M:.*]]: memref<4x1xi16>
// CHECK-NOT: scf.if
// CHECK: scf.parallel
// CHECK: vector.load %[[W]]
// CHECK: arith.cmpi ne
// CHECK: vector.store %{{.*}}, %[[V]]
// CHECK: memref.store %{{.*}}, %[[M]]
// CHECK-NOT: sparse24
func.func @compress(%w: memref<4x16xbf16>, %v: memref<4x8xbf16>, %m: memref<4x1xi16>) {
  sparse24.compress ins(%w : memref<4x16xbf16>) outs(%v, %m : memref<4x8xbf16>, memref<4x1xi16>)
  return
}

// -----

// Pruned in the same pass: what is compared are magnitudes, not whether there are any.

// CHECK-LABEL: @prune_and_compress
// CHECK: scf.parallel
// CHECK-NOT: arith.cmpi ne
// CHECK: vector.store
// CHECK-NOT: sparse24
func.func @prune_and_compress(%w: memref<4x16xbf16>, %v: memref<4x8xbf16>, %m: memref<4x1xi16>) {
  sparse24.compress ins(%w : memref<4x16xbf16>) outs(%v, %m : memref<4x8xbf16>, memref<4x1xi16>) prune = magnitude
  return
}

// -----

// CHECK-LABEL: @decompress
// CHECK: vector.load {{.*}} : memref<4x8xf32>, vector<4xf32>
// CHECK: memref.load %{{.*}} : memref<4x2xi16>
// CHECK: vector.store {{.*}} : memref<4x16xf32>, vector<8xf32>
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
// CHECK-DAG: memref.view %{{.*}}[%[[C0]]][] : memref<1152xi8> to memref<512xi16>
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

// -----

// Nothing was found; then what is found is added, wherever it is.
// CHECK-LABEL: @verify
// CHECK-SAME: %[[W:.*]]: memref<4x16xi8>, %[[R:.*]]: memref<3xi64>
// CHECK: scf.parallel
// CHECK-COUNT-3: memref.store %{{.*}}, %[[R]]
// CHECK: scf.parallel
// CHECK: vector.load %[[W]]
// CHECK: scf.if
// CHECK: memref.atomic_rmw addi %{{.*}}, %[[R]]
// CHECK: memref.atomic_rmw minu %{{.*}}, %[[R]]
// Integers have no NaN.
// CHECK-NOT: memref.atomic_rmw
func.func @verify(%w: memref<4x16xi8>, %r: memref<3xi64>) {
  sparse24.verify ins(%w : memref<4x16xi8>) outs(%r : memref<3xi64>)
  return
}
