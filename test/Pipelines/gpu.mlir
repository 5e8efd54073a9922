// From linalg to PTX and host functions: a layer with bias and activation is one
// kernel, its weight goes to the weight file, and PTX of the target comes out.
// RUN: sparse24-opt %s --remarks-filter= --sparse24-pipeline="target=sm_80 prune=magnitude precision=bf16 format=isa weights-file=%t.weights kernels-file=%t.ptx" -o %t.mlir
// RUN: FileCheck %s --input-file=%t.ptx --check-prefix=PTX
// RUN: FileCheck %s --input-file=%t.mlir --implicit-check-not=mgpu
// RUN: mlir-translate --mlir-to-llvmir %t.mlir -o %t.ll

// The activations are converted by a kernel of their own, the rest is one.
// PTX: .target sm_80
// PTX: .entry matmul_mma_sp_bf16_f32
// PTX: cp.async.cg.shared.global
// PTX: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// PTX: mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32

// CHECK-DAG: llvm.func @layer_create
// CHECK-DAG: llvm.func @layer_run
// CHECK-DAG: llvm.func @_mlir_ciface_layer_run
// CHECK-DAG: llvm.func @layer_destroy

func.func @layer(%x: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %w = arith.constant dense<[
      [-15.0, -8.0, -1.0, 6.0, 13.0, -11.0, -4.0, 3.0, 10.0, -14.0, -7.0, 0.0, 7.0, 14.0, -10.0, -3.0],
      [4.0, 11.0, -13.0, -6.0, 1.0, 8.0, 15.0, -9.0, -2.0, 5.0, 12.0, -12.0, -5.0, 2.0, 9.0, -15.0],
      [-8.0, -1.0, 6.0, 13.0, -11.0, -4.0, 3.0, 10.0, -14.0, -7.0, 0.0, 7.0, 14.0, -10.0, -3.0, 4.0],
      [11.0, -13.0, -6.0, 1.0, 8.0, 15.0, -9.0, -2.0, 5.0, 12.0, -12.0, -5.0, 2.0, 9.0, -15.0, -8.0],
      [-1.0, 6.0, 13.0, -11.0, -4.0, 3.0, 10.0, -14.0, -7.0, 0.0, 7.0, 14.0, -10.0, -3.0, 4.0, 11.0],
      [-13.0, -6.0, 1.0, 8.0, 15.0, -9.0, -2.0, 5.0, 12.0, -12.0, -5.0, 2.0, 9.0, -15.0, -8.0, -1.0],
      [6.0, 13.0, -11.0, -4.0, 3.0, 10.0, -14.0, -7.0, 0.0, 7.0, 14.0, -10.0, -3.0, 4.0, 11.0, -13.0],
      [-6.0, 1.0, 8.0, 15.0, -9.0, -2.0, 5.0, 12.0, -12.0, -5.0, 2.0, 9.0, -15.0, -8.0, -1.0, 6.0]]> : tensor<8x16xf32>
  %bias = arith.constant dense<[1., 2., 3., 4., 5., 6., 7., 8.]> : tensor<8xf32>
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x16xf32>
  %empty = tensor.empty(%n) : tensor<?x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x8xf32>) -> tensor<?x8xf32>
  %product = linalg.matmul
    indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %w : tensor<?x16xf32>, tensor<8x16xf32>) outs(%init : tensor<?x8xf32>) -> tensor<?x8xf32>
  %sum = linalg.generic {
      indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%product, %bias : tensor<?x8xf32>, tensor<8xf32>) outs(%empty : tensor<?x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %0 = arith.addf %a, %b : f32
      %1 = math.tanh %0 : f32
      linalg.yield %1 : f32
  } -> tensor<?x8xf32>
  return %sum : tensor<?x8xf32>
}
