// nvgpu.mma.sp.sync becomes nvvm.mma.sp.sync with ordered metadata.
// RUN: sparse24-opt %s --sparse24-convert-to-nvvm | FileCheck %s

// CHECK-LABEL: func @bf16
// CHECK-SAME: (%[[A:.*]]: vector<4x2xbf16>, %[[B:.*]]: vector<4x2xbf16>, %[[C:.*]]: vector<2x2xf32>, %[[E:.*]]: vector<2xi16>)
func.func @bf16(%a: vector<4x2xbf16>, %b: vector<4x2xbf16>,
                %c: vector<2x2xf32>, %e: vector<2xi16>) -> vector<2x2xf32> {
  // bf16 goes through 32-bit words, four of A and four of B.
  // CHECK-COUNT-8: vector.bitcast %{{.*}} : vector<2xbf16> to vector<1xi32>
  // CHECK: %[[D:.*]] = nvvm.mma.sp.sync
  // CHECK-SAME: multiplicandAPtxType = #nvvm.mma_type<bf16>
  // CHECK-SAME: multiplicandBPtxType = #nvvm.mma_type<bf16>
  // CHECK-SAME: orderedMetadata
  // CHECK-SAME: shape = #nvvm.shape<m = 16, n = 8, k = 32>
  // CHECK-SAME: !llvm.struct<(f32, f32, f32, f32)>
  // CHECK: vector.from_elements
  %d = nvgpu.mma.sp.sync(%a, %b, %c) metadata(%e)
         {mmaShape = [16, 8, 32], sparsitySelector = 1 : i32}
         : (vector<4x2xbf16>, vector<4x2xbf16>, vector<2x2xf32>) -> vector<2x2xf32>
  return %d : vector<2x2xf32>
}

// CHECK-LABEL: func @f16
func.func @f16(%a: vector<4x2xf16>, %b: vector<4x2xf16>,
               %c: vector<2x2xf32>, %e: vector<2xi16>) -> vector<2x2xf32> {
  // f16 registers are pairs.
  // CHECK-NOT: vector<2xf16> to vector<1xi32>
  // CHECK: nvvm.mma.sp.sync
  // CHECK-SAME: orderedMetadata
  // CHECK-SAME: (vector<2xf16>, vector<2xf16>, f32)
  %d = nvgpu.mma.sp.sync(%a, %b, %c) metadata(%e) {mmaShape = [16, 8, 32]}
         : (vector<4x2xf16>, vector<4x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
  return %d : vector<2x2xf32>
}

// CHECK-LABEL: func @s8
func.func @s8(%a: vector<4x4xi8>, %b: vector<4x4xi8>,
              %c: vector<2x2xi32>, %e: vector<2xi16>) -> vector<2x2xi32> {
  // CHECK: nvvm.mma.sp.sync
  // CHECK-SAME: intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>
  // CHECK-SAME: multiplicandAPtxType = #nvvm.mma_type<s8>
  // CHECK-SAME: shape = #nvvm.shape<m = 16, n = 8, k = 64>
  %d = nvgpu.mma.sp.sync(%a, %b, %c) metadata(%e) {mmaShape = [16, 8, 64]}
         : (vector<4x4xi8>, vector<4x4xi8>, vector<2x2xi32>) -> vector<2x2xi32>
  return %d : vector<2x2xi32>
}

// CHECK-LABEL: func @tf32
func.func @tf32(%a: vector<4x1xf32>, %b: vector<4x1xf32>,
                %c: vector<2x2xf32>, %e: vector<2xi16>) -> vector<2x2xf32> {
  // CHECK: nvvm.mma.sp.sync
  // CHECK-SAME: multiplicandAPtxType = #nvvm.mma_type<tf32>
  // CHECK-SAME: shape = #nvvm.shape<m = 16, n = 8, k = 16>
  %d = nvgpu.mma.sp.sync(%a, %b, %c) metadata(%e)
         {mmaShape = [16, 8, 16], tf32Enabled}
         : (vector<4x1xf32>, vector<4x1xf32>, vector<2x2xf32>) -> vector<2x2xf32>
  return %d : vector<2x2xf32>
}
