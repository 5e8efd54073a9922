// The warpgroup's operations: custom and generic round trip.
// RUN: sparse24-opt %s | sparse24-opt | FileCheck %s
// RUN: sparse24-opt %s --mlir-print-op-generic | sparse24-opt | FileCheck %s

// CHECK-LABEL: func @descriptors
func.func @descriptors(%d: vector<96xf32>, %a: i64, %b: i64, %e: i32) -> vector<96xf32> {
  nvvm.wgmma.fence.aligned
  // CHECK: %[[D:.*]] = sparse24.warpgroup.mma_sp %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {a_type = bf16, b_type = bf16, selector = 1 : i32, shape = array<i64: 64, 192, 32>, transpose_b} : (vector<96xf32>, i64, i64, i32) -> vector<96xf32>
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e
    {shape = array<i64: 64, 192, 32>, a_type = bf16, b_type = bf16, selector = 1 : i32, transpose_b}
    : (vector<96xf32>, i64, i64, i32) -> vector<96xf32>
  nvvm.wgmma.commit.group.sync.aligned
  // CHECK: sparse24.warpgroup.wait 0 %[[D]] : vector<96xf32>
  %1 = sparse24.warpgroup.wait 0 %0 : vector<96xf32>
  return %1 : vector<96xf32>
}

// CHECK-LABEL: func @registers
func.func @registers(%c: vector<8xi32>, %d: vector<8xi32>, %a: vector<4xi32>, %b: i64, %e: i32) -> (vector<8xi32>, vector<8xi32>) {
  // CHECK: sparse24.warpgroup.mma_sp {{.*}} {a_type = i8, b_type = ui8, overwrite, shape = array<i64: 64, 16, 64>} : (vector<8xi32>, vector<4xi32>, i64, i32) -> vector<8xi32>
  %0 = sparse24.warpgroup.mma_sp %c, %a, %b, %e
    {shape = array<i64: 64, 16, 64>, a_type = i8, b_type = ui8, overwrite}
    : (vector<8xi32>, vector<4xi32>, i64, i32) -> vector<8xi32>
  // CHECK: %{{.*}}:2 = sparse24.warpgroup.wait 1 %{{.*}}, %{{.*}} : vector<8xi32>, vector<8xi32> metadata(%{{.*}})
  %1:2 = sparse24.warpgroup.wait 1 %0, %d : vector<8xi32>, vector<8xi32> metadata(%e)
  // CHECK: sparse24.warpgroup.wait 0{{$}}
  sparse24.warpgroup.wait 0
  return %1#0, %1#1 : vector<8xi32>, vector<8xi32>
}
