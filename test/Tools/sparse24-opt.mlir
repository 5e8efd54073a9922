// RUN: sparse24-opt --version | FileCheck %s --check-prefix=VERSION
// RUN: sparse24-opt --help | FileCheck %s --check-prefix=HELP
// RUN: sparse24-opt %s --sparse24-detect 2>&1 >/dev/null | FileCheck %s --check-prefix=SHOWN
// RUN: sparse24-opt %s --sparse24-detect --remarks-filter=other 2>&1 >/dev/null | count 0
// RUN: sparse24-opt %s --sparse24-detect --remarks-filter-passed=sparse24 2>&1 >/dev/null | count 0

// VERSION: sparse24 {{[0-9]+\.[0-9]+\.[0-9]+}} (LLVM 22

// HELP: sparse24-opt model.mlir --sparse24-pipeline="target=cpu format=llvm"
// HELP: --sparse24-detect
// HELP: --sparse24-pipeline

// SHOWN: remark: [Missed] sparse24-detect

func.func @product(%a: tensor<4x4xbf16>, %b: tensor<4x4xbf16>, %c: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<4x4xbf16>, tensor<4x4xbf16>) outs(%c : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
