// Every operation in tensor and memref form: custom and generic round trip.
// RUN: sparse24-opt %s | sparse24-opt | FileCheck %s
// RUN: sparse24-opt %s --mlir-print-op-generic | sparse24-opt | FileCheck %s

// CHECK-LABEL: func @matmul
func.func @matmul(%values: tensor<64x48xbf16>, %metadata: tensor<64x6xi16>,
                  %dense: tensor<96x?xbf16>, %init: tensor<64x?xbf16>) -> tensor<64x?xbf16> {
  // CHECK: sparse24.matmul lhs ins(%{{.*}}, %{{.*}} : tensor<64x48xbf16>, tensor<64x6xi16>) dense(%{{.*}} : tensor<96x?xbf16>)
  // CHECK-SAME: outs(%{{.*}} : tensor<64x?xbf16>) k = 96 acc = f32 -> tensor<64x?xbf16>
  %0 = sparse24.matmul lhs ins(%values, %metadata : tensor<64x48xbf16>, tensor<64x6xi16>)
         dense(%dense : tensor<96x?xbf16>) outs(%init : tensor<64x?xbf16>) k = 96 acc = f32 -> tensor<64x?xbf16>
  return %0 : tensor<64x?xbf16>
}

// CHECK-LABEL: func @matmul_everything
func.func @matmul_everything(%packed: tensor<9216xi8>, %dense: tensor<96x?xbf16>,
                             %init: tensor<?x64xf32>, %bias: tensor<64xf32>,
                             %scale: tensor<f32>) -> tensor<?x64xf32> {
  // CHECK: sparse24.matmul rhs ins(%{{.*}} : tensor<9216xi8>) dense(%{{.*}} : tensor<96x?xbf16>)
  // CHECK-SAME: outs(%{{.*}} : tensor<?x64xf32>) k = 96 acc = f32 accumulate transpose_dense
  // CHECK-SAME: layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
  // CHECK-SAME: schedule = #sparse24.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>
  // CHECK-SAME: attributes {test.note}
  // CHECK-SAME: epilogue(%{{.*}}, %{{.*}} : tensor<64xf32>, tensor<f32>) maps = [#{{.*}}, #{{.*}}] {
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[BIAS:.*]]: f32, %[[SCALE:.*]]: f32):
  // CHECK: sparse24.yield %{{.*}} : f32
  // CHECK: } -> tensor<?x64xf32>
  %0 = sparse24.matmul rhs ins(%packed : tensor<9216xi8>) dense(%dense : tensor<96x?xbf16>)
         outs(%init : tensor<?x64xf32>) k = 96 acc = f32 accumulate transpose_dense
         layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
         schedule = #sparse24.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>
         attributes {test.note}
         epilogue(%bias, %scale : tensor<64xf32>, tensor<f32>)
           maps = [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> ()>] {
         ^bb0(%acc: f32, %b: f32, %s: f32):
           %1 = arith.mulf %acc, %s : f32
           %2 = arith.addf %1, %b : f32
           sparse24.yield %2 : f32
         } -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
