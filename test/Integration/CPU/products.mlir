// Products whose weight is pruned at run time, in all four orientations, against
// dense f32 products of the same pruned weights. The data are small multiples of
// 1/8, so that every product and sum is exact and the errors must be 0. Sizes are
// no multiples of anything.

// RUN: sed 's/T16/bf16/g' %s | sparse24-opt --sparse24-pipeline="target=cpu" --remarks-filter=none | mlir-runner -O2 -e main -entry-point-result=void -shared-libs=%mlir_lib_dir/libmlir_c_runner_utils.so | FileCheck %s
// RUN: sed 's/T16/f16/g' %s | sparse24-opt --sparse24-pipeline="target=cpu" --remarks-filter=none | mlir-runner -O2 -e main -entry-point-result=void -shared-libs=%mlir_lib_dir/libmlir_c_runner_utils.so | FileCheck %s
// RUN: sed 's/T16/bf16/g' %s | sparse24-opt --sparse24-pipeline="target=cpu format=mlir" --remarks-filter=none | FileCheck %s --check-prefix=TAKEN

// All four products are sparse, and only the references are dense.
// TAKEN-COUNT-5: sparse24.matmul

func.func private @printF32(f32)
func.func private @printNewline()

#id = affine_map<(d0, d1) -> (d0, d1)>
#none = affine_map<(d0, d1) -> ()>

// ((31 i + 17 j + seed) mod 29 − 14) / 8
func.func private @data(%init: tensor<?x?xf32>, %seed: index) -> tensor<?x?xf32> {
  %0 = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%init : tensor<?x?xf32>) {
  ^bb0(%out: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %c31 = arith.constant 31 : index
    %c17 = arith.constant 17 : index
    %c29 = arith.constant 29 : index
    %c14 = arith.constant 14.0 : f32
    %eighth = arith.constant 0.125 : f32
    %1 = arith.muli %i, %c31 : index
    %2 = arith.muli %j, %c17 : index
    %3 = arith.addi %1, %2 : index
    %4 = arith.addi %3, %seed : index
    %5 = arith.remui %4, %c29 : index
    %6 = arith.index_cast %5 : index to i32
    %7 = arith.sitofp %6 : i32 to f32
    %8 = arith.subf %7, %c14 : f32
    %9 = arith.mulf %8, %eighth : f32
    linalg.yield %9 : f32
  } -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// Prints the largest difference.
func.func private @report(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #none], iterator_types = ["reduction", "reduction"]}
      ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%z : tensor<f32>) {
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

// W: 7 × 13, pruned; X: 13 × 9; start: 7 × 9.
func.func private @weight() -> tensor<7x13xT16> {
  %seed = arith.constant 3 : index
  %e = tensor.empty() : tensor<7x13xf32>
  %c = tensor.cast %e : tensor<7x13xf32> to tensor<?x?xf32>
  %d = func.call @data(%c, %seed) : (tensor<?x?xf32>, index) -> tensor<?x?xf32>
  %w = tensor.cast %d : tensor<?x?xf32> to tensor<7x13xf32>
  %n = arith.truncf %w : tensor<7x13xf32> to tensor<7x13xT16>
  %en = tensor.empty() : tensor<7x13xT16>
  %p = sparse24.prune magnitude ins(%n : tensor<7x13xT16>) outs(%en : tensor<7x13xT16>) -> tensor<7x13xT16>
  return %p : tensor<7x13xT16>
}

func.func private @start() -> tensor<7x9xf32> {
  %seed = arith.constant 11 : index
  %e = tensor.empty() : tensor<7x9xf32>
  %c = tensor.cast %e : tensor<7x9xf32> to tensor<?x?xf32>
  %d = func.call @data(%c, %seed) : (tensor<?x?xf32>, index) -> tensor<?x?xf32>
  %w = tensor.cast %d : tensor<?x?xf32> to tensor<7x9xf32>
  return %w : tensor<7x9xf32>
}

func.func private @dense() -> tensor<13x9xT16> {
  %seed = arith.constant 5 : index
  %e = tensor.empty() : tensor<13x9xf32>
  %c = tensor.cast %e : tensor<13x9xf32> to tensor<?x?xf32>
  %d = func.call @data(%c, %seed) : (tensor<?x?xf32>, index) -> tensor<?x?xf32>
  %w = tensor.cast %d : tensor<?x?xf32> to tensor<13x9xf32>
  %n = arith.truncf %w : tensor<13x9xf32> to tensor<13x9xT16>
  return %n : tensor<13x9xT16>
}

func.func private @reference(%w: tensor<7x13xT16>, %x: tensor<13x9xT16>, %start: tensor<7x9xf32>) -> tensor<?x?xf32> {
  %w32 = arith.extf %w : tensor<7x13xT16> to tensor<7x13xf32>
  %x32 = arith.extf %x : tensor<13x9xT16> to tensor<13x9xf32>
  %0 = linalg.matmul ins(%w32, %x32 : tensor<7x13xf32>, tensor<13x9xf32>) outs(%start : tensor<7x9xf32>) -> tensor<7x9xf32>
  %1 = tensor.cast %0 : tensor<7x9xf32> to tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

#mk = affine_map<(m, n, k) -> (m, k)>
#km = affine_map<(m, n, k) -> (k, m)>
#kn = affine_map<(m, n, k) -> (k, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

func.func @main() {
  %w0 = func.call @weight() : () -> tensor<7x13xT16>
  %x = func.call @dense() : () -> tensor<13x9xT16>
  %start = func.call @start() : () -> tensor<7x9xf32>
  %e = tensor.empty() : tensor<9x13xT16>
  %xt = linalg.transpose ins(%x : tensor<13x9xT16>) outs(%e : tensor<9x13xT16>) permutation = [1, 0]
  %et = tensor.empty() : tensor<9x7xf32>
  %startt = linalg.transpose ins(%start : tensor<7x9xf32>) outs(%et : tensor<9x7xf32>) permutation = [1, 0]
  %expected = func.call @reference(%w0, %x, %start) : (tensor<7x13xT16>, tensor<13x9xT16>, tensor<7x9xf32>) -> tensor<?x?xf32>

  // What is multiplied below: pruning what is pruned changes nothing.
  %ew = tensor.empty() : tensor<7x13xT16>
  %w = sparse24.prune magnitude ins(%w0 : tensor<7x13xT16>) outs(%ew : tensor<7x13xT16>) -> tensor<7x13xT16>

  // W·X, X as K × N.
  %0 = linalg.matmul ins(%w, %x : tensor<7x13xT16>, tensor<13x9xT16>) outs(%start : tensor<7x9xf32>) -> tensor<7x9xf32>
  %r0 = tensor.cast %0 : tensor<7x9xf32> to tensor<?x?xf32>
  // CHECK: {{^}}0{{$}}
  func.call @report(%r0, %expected) : (tensor<?x?xf32>, tensor<?x?xf32>) -> ()

  // W·X, X as N × K.
  %1 = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%w, %xt : tensor<7x13xT16>, tensor<9x13xT16>) outs(%start : tensor<7x9xf32>) -> tensor<7x9xf32>
  %r1 = tensor.cast %1 : tensor<7x9xf32> to tensor<?x?xf32>
  // CHECK-NEXT: {{^}}0{{$}}
  func.call @report(%r1, %expected) : (tensor<?x?xf32>, tensor<?x?xf32>) -> ()

  // X·Wᵀ, X as M × K: the transposed result.
  %2 = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%xt, %w : tensor<9x13xT16>, tensor<7x13xT16>) outs(%startt : tensor<9x7xf32>) -> tensor<9x7xf32>
  %e2 = tensor.empty() : tensor<7x9xf32>
  %t2 = linalg.transpose ins(%2 : tensor<9x7xf32>) outs(%e2 : tensor<7x9xf32>) permutation = [1, 0]
  %r2 = tensor.cast %t2 : tensor<7x9xf32> to tensor<?x?xf32>
  // CHECK-NEXT: {{^}}0{{$}}
  func.call @report(%r2, %expected) : (tensor<?x?xf32>, tensor<?x?xf32>) -> ()

  // X·Wᵀ, X as K × M.
  %3 = linalg.matmul indexing_maps = [#km, #nk, #mn] ins(%x, %w : tensor<13x9xT16>, tensor<7x13xT16>) outs(%startt : tensor<9x7xf32>) -> tensor<9x7xf32>
  %e3 = tensor.empty() : tensor<7x9xf32>
  %t3 = linalg.transpose ins(%3 : tensor<9x7xf32>) outs(%e3 : tensor<7x9xf32>) permutation = [1, 0]
  %r3 = tensor.cast %t3 : tensor<7x9xf32> to tensor<?x?xf32>
  // CHECK-NEXT: {{^}}0{{$}}
  func.call @report(%r3, %expected) : (tensor<?x?xf32>, tensor<?x?xf32>) -> ()

  // Overwriting, with an epilogue: |W·X| + start.
  %zero = arith.constant 0.0 : f32
  %e4 = tensor.empty() : tensor<7x9xf32>
  %z4 = linalg.fill ins(%zero : f32) outs(%e4 : tensor<7x9xf32>) -> tensor<7x9xf32>
  %4 = linalg.matmul ins(%w, %x : tensor<7x13xT16>, tensor<13x9xT16>) outs(%z4 : tensor<7x9xf32>) -> tensor<7x9xf32>
  %a4 = math.absf %4 : tensor<7x9xf32>
  %s4 = arith.addf %a4, %start : tensor<7x9xf32>
  %r4 = tensor.cast %s4 : tensor<7x9xf32> to tensor<?x?xf32>
  %d4 = func.call @reference(%w0, %x, %z4) : (tensor<7x13xT16>, tensor<13x9xT16>, tensor<7x9xf32>) -> tensor<?x?xf32>
  %da4 = math.absf %d4 : tensor<?x?xf32>
  %start4 = tensor.cast %start : tensor<7x9xf32> to tensor<?x?xf32>
  %ds4 = arith.addf %da4, %start4 : tensor<?x?xf32>
  // CHECK-NEXT: {{^}}0{{$}}
  func.call @report(%r4, %ds4) : (tensor<?x?xf32>, tensor<?x?xf32>) -> ()
  return
}
