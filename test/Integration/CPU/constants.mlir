// Constant weights, pruned and compressed at compile time, against dense f32
// products of the weights that must remain. The values are exact in bf16, so the
// errors must be 0.

// RUN: sparse24-opt %s --sparse24-pipeline="target=cpu" --remarks-filter=none \
// RUN:   | mlir-runner -O2 -e main -entry-point-result=void -shared-libs=%mlir_lib_dir/libmlir_c_runner_utils.so \
// RUN:   | FileCheck %s
// RUN: sparse24-opt %s --sparse24-pipeline="target=cpu format=mlir" --remarks-filter=none | FileCheck %s --check-prefix=TENSORS

// Nothing is left to compress at run time.
// TENSORS-NOT: sparse24.compress
// TENSORS-NOT: sparse24.prune

func.func private @printF32(f32)
func.func private @printNewline()

#id = affine_map<(d0, d1) -> (d0, d1)>
#none = affine_map<(d0, d1) -> ()>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

func.func private @report(%a: tensor<3x2xf32>, %b: tensor<3x2xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #none], iterator_types = ["reduction", "reduction"]}
      ins(%a, %b : tensor<3x2xf32>, tensor<3x2xf32>) outs(%z : tensor<f32>) {
  ^bb0(%x: f32, %y: f32, %max: f32):
    %1 = arith.subf %x, %y : f32
    %2 = math.absf %1 : f32
    %3 = arith.maximumf %2, %max : f32
    linalg.yield %3 : f32
  } -> tensor<f32>
  %m = tensor.extract %0[] : tensor<f32>
  func.call @printF32(%m) : (f32) -> ()
  func.call @printNewline() : () -> ()
  return
}

func.func @dense_as_bf16(%x: tensor<3x6xf32>) -> tensor<3x2xf32>
    attributes {sparse24.allow_prune = "magnitude", sparse24.allow_precision = "bf16"} {
  // Stored K × N. Column 0: (1, -3, 2, 0.5 | 4, 5) keeps -3, 2, 4 and 5; column 1:
  // (1, 1, 1, 1 | 0, 7) keeps the first two ones.
  %w = arith.constant dense<[[1.0, 1.0], [-3.0, 1.0], [2.0, 1.0], [0.5, 1.0], [4.0, 0.0], [5.0, 7.0]]> : tensor<6x2xf32>
  %bias = arith.constant dense<[0.25, -0.5]> : tensor<2xf32>
  %e = tensor.empty() : tensor<3x2xf32>
  %b = linalg.broadcast ins(%bias : tensor<2xf32>) outs(%e : tensor<3x2xf32>) dimensions = [0]
  %0 = linalg.matmul ins(%x, %w : tensor<3x6xf32>, tensor<6x2xf32>) outs(%b : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

func.func @resource_as_f16(%x: tensor<3x6xf32>) -> tensor<3x2xf32>
    attributes {sparse24.allow_precision = "f16"} {
  // Stored N × K, 2:4 already: (0, 1, 0, 2 | 3, 0) and (1, 0, 2, 0 | 0, 0).
  %w = arith.constant dense_resource<weight> : tensor<2x6xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x2xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<3x2xf32>) -> tensor<3x2xf32>
  %0 = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : tensor<3x6xf32>, tensor<2x6xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

func.func @as_tf32(%x: tensor<3x6xf32>) -> tensor<3x2xf32>
    attributes {sparse24.allow_prune = "magnitude", sparse24.allow_precision = "tf32"} {
  // 1:2: pairs (1, -3 | 2, 0.5 | 4, 5) keep -3, 2 and 5.
  %w = arith.constant dense<[[1.0, -3.0, 2.0, 0.5, 4.0, 5.0], [0.0, 1.0, 0.0, 0.0, -2.0, 2.0]]> : tensor<2x6xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x2xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<3x2xf32>) -> tensor<3x2xf32>
  %0 = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : tensor<3x6xf32>, tensor<2x6xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

func.func @as_e5m2() -> tensor<3x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0, 0.5, -1.0, 1.0, 3.0], [0.0, 1.0, 2.0, 4.0, -2.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]]> : tensor<3x6xf8E5M2>
  %w = arith.constant dense<[[0.0, 1.0, 0.0, 2.0, 3.0, 0.0], [1.0, 0.0, 2.0, 0.0, 0.0, 0.0]]> : tensor<2x6xf8E5M2>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x2xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<3x2xf32>) -> tensor<3x2xf32>
  %0 = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : tensor<3x6xf8E5M2>, tensor<2x6xf8E5M2>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

func.func @as_e4m3() -> tensor<3x2xf32> {
  // 0.001953125 is the type's smallest subnormal.
  %x = arith.constant dense<[[1.0, 2.0, 0.5, -1.0, 1.0, 3.0], [0.0, 1.0, 2.0, 4.0, -2.0, 1.0], [1.0, 1.0, 1.0, 1.0, 0.001953125, 1.0]]> : tensor<3x6xf8E4M3FN>
  %w = arith.constant dense<[[0.0, 1.0, 0.0, 2.0, 3.0, 0.0], [1.0, 0.0, 2.0, 0.0, 0.0, 0.0]]> : tensor<2x6xf8E4M3FN>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x2xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<3x2xf32>) -> tensor<3x2xf32>
  %0 = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : tensor<3x6xf8E4M3FN>, tensor<2x6xf8E4M3FN>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// The dense f32 product, which nothing allows to change.
func.func private @reference(%x: tensor<3x6xf32>, %w: tensor<2x6xf32>, %init: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %0 = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : tensor<3x6xf32>, tensor<2x6xf32>) outs(%init : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

func.func @main() {
  %x = arith.constant dense<[[1.0, 2.0, 0.5, -1.0, 1.0, 3.0], [0.0, 1.0, 2.0, 4.0, -2.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]]> : tensor<3x6xf32>
  %z = arith.constant dense<0.0> : tensor<3x2xf32>
  %bias = arith.constant dense<[[0.25, -0.5], [0.25, -0.5], [0.25, -0.5]]> : tensor<3x2xf32>

  %0 = func.call @dense_as_bf16(%x) : (tensor<3x6xf32>) -> tensor<3x2xf32>
  %w0 = arith.constant dense<[[0.0, -3.0, 2.0, 0.0, 4.0, 5.0], [1.0, 1.0, 0.0, 0.0, 0.0, 7.0]]> : tensor<2x6xf32>
  %r0 = func.call @reference(%x, %w0, %bias) : (tensor<3x6xf32>, tensor<2x6xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  // CHECK: {{^}}0{{$}}
  func.call @report(%0, %r0) : (tensor<3x2xf32>, tensor<3x2xf32>) -> ()

  %1 = func.call @resource_as_f16(%x) : (tensor<3x6xf32>) -> tensor<3x2xf32>
  %w1 = arith.constant dense<[[0.0, 1.0, 0.0, 2.0, 3.0, 0.0], [1.0, 0.0, 2.0, 0.0, 0.0, 0.0]]> : tensor<2x6xf32>
  %r1 = func.call @reference(%x, %w1, %z) : (tensor<3x6xf32>, tensor<2x6xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  // CHECK-NEXT: {{^}}0{{$}}
  func.call @report(%1, %r1) : (tensor<3x2xf32>, tensor<3x2xf32>) -> ()

  %2 = func.call @as_tf32(%x) : (tensor<3x6xf32>) -> tensor<3x2xf32>
  %w2 = arith.constant dense<[[0.0, -3.0, 2.0, 0.0, 0.0, 5.0], [0.0, 1.0, 0.0, 0.0, -2.0, 0.0]]> : tensor<2x6xf32>
  %r2 = func.call @reference(%x, %w2, %z) : (tensor<3x6xf32>, tensor<2x6xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  // CHECK-NEXT: {{^}}0{{$}}
  func.call @report(%2, %r2) : (tensor<3x2xf32>, tensor<3x2xf32>) -> ()

  %3 = func.call @as_e5m2() : () -> tensor<3x2xf32>
  // CHECK-NEXT: {{^}}0{{$}}
  func.call @report(%3, %r1) : (tensor<3x2xf32>, tensor<3x2xf32>) -> ()

  %4 = func.call @as_e4m3() : () -> tensor<3x2xf32>
  %x4 = arith.constant dense<[[1.0, 2.0, 0.5, -1.0, 1.0, 3.0], [0.0, 1.0, 2.0, 4.0, -2.0, 1.0], [1.0, 1.0, 1.0, 1.0, 0.001953125, 1.0]]> : tensor<3x6xf32>
  %r4 = func.call @reference(%x4, %w1, %z) : (tensor<3x6xf32>, tensor<2x6xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  // CHECK-NEXT: {{^}}0{{$}}
  func.call @report(%4, %r4) : (tensor<3x2xf32>, tensor<3x2xf32>) -> ()
  return
}

{-#
  dialect_resources: {
    builtin: {
      weight: "0x04000000000000000000803F000000000000004000004040000000000000803F0000000000000040000000000000000000000000"
    }
  }
#-}
