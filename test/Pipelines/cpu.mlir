// RUN: sparse24-opt %s --sparse24-pipeline="target=cpu prune=magnitude precision=bf16 format=mlir" --remarks-filter=none | FileCheck %s --check-prefix=TENSORS
// RUN: sparse24-opt %s --sparse24-pipeline="target=cpu prune=magnitude precision=bf16 format=llvm" --remarks-filter=none | FileCheck %s --check-prefix=LLVM
// RUN: sparse24-opt %s --sparse24-pipeline="target=cpu" --remarks-filter=none | FileCheck %s --check-prefix=DENSE
// RUN: sparse24-opt %s --sparse24-pipeline="target=cpu prune=magnitude precision=bf16" 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: not sparse24-opt %s --sparse24-pipeline="target=cpu format=elf" 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not sparse24-opt %s --sparse24-pipeline="target=sm_70 format=mlir" 2>&1 | FileCheck %s --check-prefix=TARGET

// The bias and the activation are in the epilogue; nothing is left to compress.

// TENSORS-LABEL: func.func @layer
// TENSORS-DAG: %[[V:.*]] = arith.constant dense_resource<layer.encoder.values> : tensor<4x4xbf16>
// TENSORS-DAG: %[[M:.*]] = arith.constant dense_resource<layer.encoder.metadata> : tensor<4x1xi16>
// TENSORS-DAG: %[[B:.*]] = arith.constant dense<{{.*}}> : tensor<4xf32>
// TENSORS: arith.truncf
// TENSORS: %[[D:.*]] = sparse24.matmul rhs ins(%[[V]], %[[M]] :
// TENSORS-SAME: epilogue(%[[B]] : tensor<4xf32>)
// TENSORS: arith.maximumf
// TENSORS: return %[[D]]

// The result is a parameter after the arguments, by a C interface.

// LLVM: llvm.func @layer(
// LLVM-NOT: unrealized_conversion_cast
// LLVM: llvm.func @_mlir_ciface_layer(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) attributes {llvm.emit_c_interface}

// DENSE-NOT: sparse24
// DENSE: llvm.func @layer(

// REMARK: remark: {{.*}}[Passed] sparse24-detect | Category:sparse24 | Function=layer
// FORMAT: Cannot find option named 'elf'
// TARGET: error: sparse24-detect: unknown target 'sm_70'

#id = affine_map<(d0, d1) -> (d0, d1)>
#col = affine_map<(d0, d1) -> (d1)>
func.func @layer(%x: tensor<?x8xf32>) -> tensor<?x4xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 4.0], [3.0, 2.0, 1.0, 4.0], [1.0, 2.0, 3.0, 4.0],
                             [0.0, 2.0, 3.0, 4.0], [2.0, 0.0, 3.0, 4.0], [3.0, 2.0, 0.0, 4.0], [1.0, 2.0, 3.0, 0.0]]> : tensor<8x4xf32>
  %bias = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x4xf32>) outs(%z : tensor<?x4xf32>) -> tensor<?x4xf32> loc("encoder")
  %1 = linalg.generic {indexing_maps = [#id, #col, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0, %bias : tensor<?x4xf32>, tensor<4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%p: f32, %q: f32, %out: f32):
    %s = arith.addf %p, %q : f32
    %r = arith.maximumf %s, %zero : f32
    linalg.yield %r : f32
  } -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
