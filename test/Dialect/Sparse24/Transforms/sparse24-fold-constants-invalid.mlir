// RUN: sparse24-opt %s -split-input-file -verify-diagnostics --sparse24-fold-constants

func.func @violates() -> (tensor<2x4xbf16>, tensor<2x1xi16>) {
  %w = arith.constant dense<[[1.0, 0.0, 2.0, 0.0, 1.0, 1.0, 0.0, 0.0],
                             [1.0, 0.0, 2.0, 0.0, 1.0, 1.0, 1.0, 0.0]]> : tensor<2x8xbf16>
  %e0 = tensor.empty() : tensor<2x4xbf16>
  %e1 = tensor.empty() : tensor<2x1xi16>
  // expected-error @below {{'sparse24.compress' op input isn't 2:4: 1 of 4 groups have more nonzeros than the pattern keeps, the first is group 1 of row 1; prune it first (sparse24.prune)}}
  %v, %m = sparse24.compress ins(%w : tensor<2x8xbf16>) outs(%e0, %e1 : tensor<2x4xbf16>, tensor<2x1xi16>) -> tensor<2x4xbf16>, tensor<2x1xi16>
  return %v, %m : tensor<2x4xbf16>, tensor<2x1xi16>
}

// -----

func.func @malformed() -> tensor<1x4xbf16> {
  %v = arith.constant dense<[[5.0, 6.0]]> : tensor<1x2xbf16>
  %m = arith.constant dense<0x4445> : tensor<1x1xi16>
  %e = tensor.empty() : tensor<1x4xbf16>
  // expected-error @below {{'sparse24.decompress' op metadata is malformed}}
  %d = sparse24.decompress ins(%v, %m : tensor<1x2xbf16>, tensor<1x1xi16>) outs(%e : tensor<1x4xbf16>) -> tensor<1x4xbf16>
  return %d : tensor<1x4xbf16>
}

// -----

func.func @missing() -> tensor<1x4xbf16> {
  // expected-error @below {{the constant's data isn't there (an elided or missing resource)}}
  %w = arith.constant dense_resource<__elided__> : tensor<1x4xbf16>
  %e = tensor.empty() : tensor<1x4xbf16>
  %p = sparse24.prune magnitude ins(%w : tensor<1x4xbf16>) outs(%e : tensor<1x4xbf16>) -> tensor<1x4xbf16>
  return %p : tensor<1x4xbf16>
}
