// Two linear layers, x . weight^T: the weight of the first is 2:4 sparse, that
// of the second isn't, so it stays dense unless pruning is permitted.
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

func.func @already_sparse(%x: tensor<?x8xbf16>) -> tensor<?x4xf32> {
  %weight = arith.constant dense<[
    [ 1.0,  0.0, -2.0,  0.0,  0.0,  0.5,  3.0,  0.0],
    [ 0.0,  4.0,  0.0,  1.0,  2.0,  0.0,  0.0, -1.0],
    [-0.5,  0.0,  0.0,  2.0,  0.0,  0.0,  1.0,  1.0],
    [ 0.0,  0.0,  0.0,  1.5,  0.0,  0.0,  0.0,  0.0]]> : tensor<4x8xbf16>
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %tokens = tensor.dim %x, %c0 : tensor<?x8xbf16>
  %empty = tensor.empty(%tokens) : tensor<?x4xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn]
      ins(%x, %weight : tensor<?x8xbf16>, tensor<4x8xbf16>)
      outs(%init : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

func.func @needs_permission(%x: tensor<?x8xbf16>) -> tensor<?x2xf32> {
  %weight = arith.constant dense<[
    [1.0, 0.25, -2.0,  0.5, 0.0, 0.5, 3.0, -4.0],
    [8.0, 4.0,   0.0, -1.0, 2.0, 2.0, 2.0,  2.0]]> : tensor<2x8xbf16>
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %tokens = tensor.dim %x, %c0 : tensor<?x8xbf16>
  %empty = tensor.empty(%tokens) : tensor<?x2xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn]
      ins(%x, %weight : tensor<?x8xbf16>, tensor<2x8xbf16>)
      outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
