// RUN: sparse24-opt %s --sparse24-fold-constants | FileCheck %s
// RUN: sparse24-opt %s --sparse24-fold-constants="weights-file=%t.weights threads=1" | FileCheck %s --check-prefix=FILE
// RUN: od -An -c -N8 %t.weights | FileCheck %s --check-prefix=MAGIC
// RUN: not sparse24-opt %s --sparse24-fold-constants="weights-file=%t.missing/weights" 2>&1 | FileCheck %s --check-prefix=UNWRITABLE

// UNWRITABLE: error: {{.*}}can't write the weight file: {{.*}}.missing/weights

// Truncation, transposition, pruning and compression, all at once. The column
// (1, 0.5, 2, 0 | 0, 0, 3, 0) keeps 1 and 2 (nibble 0x8), then 3 and the filler at
// index 0 (nibble 0x8).

// CHECK-LABEL: @compress
// CHECK-DAG: arith.constant dense_resource<compress.layer.values> : tensor<1x4xbf16>
// CHECK-DAG: arith.constant dense_resource<compress.layer.metadata> : tensor<1x1xi16>
// CHECK-NOT: sparse24.
// FILE-LABEL: @compress
// FILE-DAG: sparse24.weight "compress.layer.values" : tensor<1x4xbf16>
// FILE-DAG: sparse24.weight "compress.layer.metadata" : tensor<1x1xi16>
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @compress() -> (tensor<1x4xbf16>, tensor<1x1xi16>) {
  %w = arith.constant dense<[[1.0], [0.5], [2.0], [0.0], [0.0], [0.0], [3.0], [0.0]]> : tensor<8x1xf32>
  %e0 = tensor.empty() : tensor<1x8xf32>
  %e1 = tensor.empty() : tensor<1x8xbf16>
  %e2 = tensor.empty() : tensor<1x4xbf16>
  %e3 = tensor.empty() : tensor<1x1xi16>
  %t = linalg.transpose ins(%w : tensor<8x1xf32>) outs(%e0 : tensor<1x8xf32>) permutation = [1, 0]
  %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%t : tensor<1x8xf32>) outs(%e1 : tensor<1x8xbf16>) {
  ^bb0(%in: f32, %out: bf16):
    %narrow = arith.truncf %in : f32 to bf16
    linalg.yield %narrow : bf16
  } -> tensor<1x8xbf16>
  %p = sparse24.prune magnitude ins(%n : tensor<1x8xbf16>) outs(%e1 : tensor<1x8xbf16>) -> tensor<1x8xbf16>
  %v, %m = sparse24.compress ins(%p : tensor<1x8xbf16>) outs(%e2, %e3 : tensor<1x4xbf16>, tensor<1x1xi16>) -> tensor<1x4xbf16>, tensor<1x1xi16> loc("layer")
  return %v, %m : tensor<1x4xbf16>, tensor<1x1xi16>
}

// From dense_resource to the packed layout; a packed weight says its layout.

// CHECK-LABEL: @pack
// CHECK: arith.constant dense_resource<pack> : tensor<1152xi8>
// CHECK-NOT: sparse24.
// FILE-LABEL: @pack
// FILE: sparse24.weight "pack" : tensor<1152xi8> layout = #sparse24.layout<mma_sp, f16, rows = 1, k = 4>
func.func @pack() -> tensor<1152xi8> {
  %w = arith.constant dense_resource<weight> : tensor<1x4xf16>
  %e0 = tensor.empty() : tensor<1x2xf16>
  %e1 = tensor.empty() : tensor<1x1xi16>
  %e2 = tensor.empty() : tensor<1152xi8>
  %v, %m = sparse24.compress ins(%w : tensor<1x4xf16>) outs(%e0, %e1 : tensor<1x2xf16>, tensor<1x1xi16>) -> tensor<1x2xf16>, tensor<1x1xi16>
  %p = sparse24.pack #sparse24.layout<mma_sp, f16, rows = 1, k = 4>
      ins(%v, %m : tensor<1x2xf16>, tensor<1x1xi16>) outs(%e2 : tensor<1152xi8>) -> tensor<1152xi8>
  return %p : tensor<1152xi8>
}

// The same for warpgroups: a block of 64 rows.

// CHECK-LABEL: @pack_wgmma_sp
// CHECK: arith.constant dense_resource<pack_wgmma_sp> : tensor<4608xi8>
// FILE-LABEL: @pack_wgmma_sp
// FILE: sparse24.weight "pack_wgmma_sp" : tensor<4608xi8> layout = #sparse24.layout<wgmma_sp, f16, rows = 3, k = 4>
func.func @pack_wgmma_sp() -> tensor<4608xi8> {
  %w = arith.constant dense<[[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 2.0, 0.0]]> : tensor<3x4xf16>
  %e0 = tensor.empty() : tensor<3x2xf16>
  %e1 = tensor.empty() : tensor<3x1xi16>
  %e2 = tensor.empty() : tensor<4608xi8>
  %v, %m = sparse24.compress ins(%w : tensor<3x4xf16>) outs(%e0, %e1 : tensor<3x2xf16>, tensor<3x1xi16>) -> tensor<3x2xf16>, tensor<3x1xi16>
  %p = sparse24.pack #sparse24.layout<wgmma_sp, f16, rows = 3, k = 4>
      ins(%v, %m : tensor<3x2xf16>, tensor<3x1xi16>) outs(%e2 : tensor<4608xi8>) -> tensor<4608xi8>
  return %p : tensor<4608xi8>
}

// Pruning and decompression alone; what isn't constant stays.

// CHECK-LABEL: @others
// CHECK-DAG: dense_resource<others> : tensor<1x4xf32>
// CHECK-DAG: dense_resource<others.0> : tensor<1x4xbf16>
// CHECK-DAG: sparse24.prune
func.func @others(%x: tensor<1x4xbf16>) -> (tensor<1x4xf32>, tensor<1x4xbf16>, tensor<1x4xbf16>) {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %v = arith.constant dense<[[5.0, 6.0]]> : tensor<1x2xbf16>
  %m = arith.constant dense<0x444D> : tensor<1x1xi16>
  %e0 = tensor.empty() : tensor<1x4xf32>
  %e1 = tensor.empty() : tensor<1x4xbf16>
  %p = sparse24.prune magnitude ins(%w : tensor<1x4xf32>) outs(%e0 : tensor<1x4xf32>) -> tensor<1x4xf32>
  %d = sparse24.decompress ins(%v, %m : tensor<1x2xbf16>, tensor<1x1xi16>) outs(%e1 : tensor<1x4xbf16>) -> tensor<1x4xbf16>
  %q = sparse24.prune magnitude ins(%x : tensor<1x4xbf16>) outs(%e1 : tensor<1x4xbf16>) -> tensor<1x4xbf16>
  return %p, %d, %q : tensor<1x4xf32>, tensor<1x4xbf16>, tensor<1x4xbf16>
}

// With a file other constants go there too, but for splats, which are filled in.

// CHECK-LABEL: @plain
// CHECK-DAG: arith.constant dense<[1.000000e+00, 2.000000e+00]>
// FILE-LABEL: @plain
// FILE-DAG: sparse24.weight "plain.bias" : tensor<2xf32>
// FILE-DAG: %[[SPLAT:.*]] = arith.constant 3.000000e+00 : f32
// FILE-DAG: linalg.fill ins(%[[SPLAT]] : f32)
func.func @plain() -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32> loc("bias")
  %1 = arith.constant dense<3.0> : tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// CHECK: dialect_resources
// CHECK-DAG: compress.layer.values: "0x10000000803F004000004040"
// CHECK-DAG: compress.layer.metadata: "0x100000008844"
// The nibble 0x8 in row 0's half of lane 0's word; 0x4 everywhere else.
// CHECK-DAG: pack: "0x10000000003C0040{{0+(4844){1}(44)+}}"
// Row 2's first chunk stands second: byte 2 * 64 + 16; lane 8 is its first.
// CHECK-DAG: pack_wgmma_sp: "0x10000000{{(00){144}003C0040(00)+(44){32}4844(44)+}}"
// CHECK-DAG: others: "0x1000000000000000000000400000000000008040"
// CHECK-DAG: others.0: "0x100000000000A0400000C040"

// MAGIC: S P 2 4 W G T 1

{-#
  dialect_resources: {
    builtin: {
      weight: "0x02000000003C000000400000"
    }
  }
#-}
