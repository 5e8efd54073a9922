// Parallel loops become one over CTAs and one over the threads of each.
// RUN: sparse24-opt %s --sparse24-tile-parallel-loops=threads=32 --canonicalize | FileCheck %s

// Two dimensions as one. The last CTA has fewer threads to do.
// CHECK: #[[$REST:.*]] = affine_map<(d0)[s0] -> (-d0 + s0, 32)>
// CHECK-LABEL: func.func @two
// CHECK-SAME: %[[X:.*]]: memref<?x?xf32>, %[[M:.*]]: index, %[[N:.*]]: index
func.func @two(%x: memref<?x?xf32>, %m: index, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v = arith.constant 1.0 : f32
  // CHECK: %[[MN:.*]] = arith.muli %[[M]], %[[N]]
  // CHECK: scf.parallel (%[[TILE:.*]]) = (%c0) to (%[[MN]]) step (%c32) {
  // CHECK:   %[[THREADS:.*]] = affine.min #[[$REST]](%[[TILE]])[%[[MN]]]
  // CHECK:   scf.parallel (%[[THREAD:.*]]) = (%c0) to (%[[THREADS]]) step (%c1) {
  // CHECK:     %[[ELEMENT:.*]] = arith.addi %[[THREAD]], %[[TILE]]
  // CHECK:     %[[J:.*]] = arith.remsi %[[ELEMENT]], %[[N]]
  // CHECK:     %[[I:.*]] = arith.divsi %[[ELEMENT]], %[[N]]
  // CHECK:     memref.store %{{.*}}, %[[X]][%[[I]], %[[J]]]
  scf.parallel (%i, %j) = (%c0, %c0) to (%m, %n) step (%c1, %c1) {
    memref.store %v, %x[%i, %j] : memref<?x?xf32>
  }
  return
}

// What is inside a parallel loop belongs to a thread.
// CHECK-LABEL: func.func @nested
func.func @nested(%x: memref<?x?xf32>, %m: index, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v = arith.constant 1.0 : f32
  // CHECK-COUNT-3: scf.parallel
  // CHECK-NOT: scf.parallel
  // CHECK: return
  scf.parallel (%i) = (%c0) to (%m) step (%c1) {
    scf.parallel (%j) = (%c0) to (%n) step (%c1) {
      memref.store %v, %x[%i, %j] : memref<?x?xf32>
    }
  }
  return
}
