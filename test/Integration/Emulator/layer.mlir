// A layer in the emulator gives bit for bit what it gives on the CPU: integers,
// so that no sum is rounded. 13 rows and N = 8 fill no tile; the bias and ReLU are
// the product's epilogue, the input and its conversion to bf16 are kernels of
// upstream's making.

// RUN: sparse24-opt %s --remarks-filter= --sparse24-pipeline="target=cpu prune=magnitude precision=bf16" -o %t.cpu.mlir
// RUN: sparse24-run %t.cpu.mlir --entry=input --output=%t.x.npy:13x16xf32
// RUN: sparse24-run %t.cpu.mlir --entry=layer --input=%t.x.npy --output=%t.y.npy:13x8xf32

// RUN: sparse24-opt %s --remarks-filter= --sparse24-pipeline="target=sm_80 prune=magnitude precision=bf16 format=llvm" -o %t.gpu.mlir
// RUN: sparse24-emulate %t.gpu.mlir --entry=input --output=%t.x2.npy:13x16xf32
// RUN: sparse24-emulate %t.gpu.mlir --entry=layer --input=%t.x.npy --output=%t.y2.npy:13x8xf32 --statistics | FileCheck %s
// RUN: cmp %t.x.npy %t.x2.npy
// RUN: cmp %t.y.npy %t.y2.npy

// Another order of the threads, and one host thread, change nothing.
// RUN: sparse24-emulate %t.gpu.mlir --entry=layer --input=%t.x.npy --output=%t.y2.npy:13x8xf32 --seed=24 --host-threads=1
// RUN: cmp %t.y.npy %t.y2.npy

// Weights in a file of their own; without it the program can't run.
// RUN: sparse24-opt %s --remarks-filter= --sparse24-pipeline="target=sm_80 prune=magnitude precision=bf16 format=llvm weights-file=%t.weights" -o %t.file.mlir
// RUN: sparse24-emulate %t.file.mlir --entry=layer --weights=%t.weights --input=%t.x.npy --output=%t.y3.npy:13x8xf32
// RUN: cmp %t.y.npy %t.y3.npy
// RUN: not sparse24-emulate %t.file.mlir --entry=layer --input=%t.x.npy --output=%t.y3.npy:13x8xf32 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// WEIGHTS: error: invalid-operand: the program reads the weight '{{.*}}', but there is no weight file

// CHECK: cp.async.cg.shared.global
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32

func.func @input() -> tensor<13x16xf32> {
  %empty = tensor.empty() : tensor<13x16xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      outs(%empty : tensor<13x16xf32>) {
    ^bb0(%out: f32):
      %i = linalg.index 0 : index
      %j = linalg.index 1 : index
      %c31 = arith.constant 31 : index
      %c17 = arith.constant 17 : index
      %c29 = arith.constant 29 : index
      %c14 = arith.constant 14 : i32
      %1 = arith.muli %i, %c31 : index
      %2 = arith.muli %j, %c17 : index
      %3 = arith.addi %1, %2 : index
      %4 = arith.remui %3, %c29 : index
      %5 = arith.index_cast %4 : index to i32
      %6 = arith.subi %5, %c14 : i32
      %7 = arith.sitofp %6 : i32 to f32
      linalg.yield %7 : f32
  } -> tensor<13x16xf32>
  return %0 : tensor<13x16xf32>
}

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
      %1 = arith.maximumf %0, %zero : f32
      linalg.yield %1 : f32
  } -> tensor<?x8xf32>
  return %sum : tensor<?x8xf32>
}
