// Rules of matmul; each function breaks the rule that it is named for.
// RUN: sparse24-opt %s -split-input-file -verify-diagnostics

func.func @matmul_c1(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %s2: tensor<64xi8>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c1: operand 'sparse' must be one packed buffer, or values and metadata, but there are 3}}
  %0 = sparse24.matmul lhs ins(%s0, %s1, %s2 : tensor<64x48xbf16>, tensor<64x6xi16>, tensor<64xi8>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c2(%s0: tensor<64x48xbf16>, %s1: memref<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c2: operand 'sparse' must be a tensor, as 'dense' is, but is of type 'memref<64x6xi16>'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, memref<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c3(%s0: tensor<9216xi8>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c3: operand 'sparse' is packed, which needs attribute 'layout'}}
  %0 = sparse24.matmul lhs ins(%s0 : tensor<9216xi8>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c3_unpacked(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c3: operand 'sparse' is not packed, but there is attribute 'layout'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96> -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c4(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xf64>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c4: operand 'dense' must have element type f16, bf16, f32, i8, ui8, f8E4M3FN or f8E5M2, but has 'f64'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xf64>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c5(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c5: operand 'values' must have element type 'f16', but has 'bf16'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c5_packed(%s0: tensor<9216xi8>, %x: tensor<96x32xf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c5: attribute 'layout' must have the element type of operand 'dense', 'f16', but has 'bf16'}}
  %0 = sparse24.matmul lhs ins(%s0 : tensor<9216xi8>)
      dense(%x : tensor<96x32xf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96> -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c6(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi32>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c6: operand 'metadata' must have element type 'i16', but has 'i32'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi32>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c7(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c7: attribute 'k' must be positive}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 0 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c8(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c8: the accumulator type must be 'f32' where operand 'dense' has element type 'bf16', but is 'f64'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f64 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c8_integer(%s0: tensor<64x48xi8>, %s1: tensor<64x6xi16>, %x: tensor<96x32xi8>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c8: the accumulator type must be 'i32' where operand 'dense' has element type 'i8', but is 'f32'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xi8>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xi8>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c9(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<95x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c9: operand 'dense' must have shape 96x32, but has 95x32}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<95x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c9_transposed(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c9: operand 'dense' must have shape 32x96, but has 96x32}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 transpose_dense -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c9_rhs(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<32x64xbf16>) {
  // expected-error @below {{matmul_c9: operand 'dense' must have shape 32x96, but has 96x32}}
  %0 = sparse24.matmul rhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<32x64xbf16>)
      k = 96 acc = f32 -> tensor<32x64xbf16>
  return
}

// -----

func.func @matmul_c9_rhs_transposed(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<32x96xbf16>, %init: tensor<32x64xbf16>) {
  // expected-error @below {{matmul_c9: operand 'dense' must have shape 96x32, but has 32x96}}
  %0 = sparse24.matmul rhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<32x96xbf16>) outs(%init : tensor<32x64xbf16>)
      k = 96 acc = f32 transpose_dense -> tensor<32x64xbf16>
  return
}

// -----

func.func @matmul_c10(%s0: tensor<32x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c10: operand 'values' must have shape 64x48, but has 32x48}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<32x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c10_rank(%s0: tensor<3072xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c10: operand 'values' must have rank 2, but is of type 'tensor<3072xbf16>'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<3072xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c11(%s0: tensor<64x48xbf16>, %s1: tensor<64x12xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c11: operand 'metadata' must have shape 64x6, but has 64x12}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x12xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c12_k(%s0: tensor<9216xi8>, %x: tensor<90x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c12: attribute 'layout' must have k = 90, but has k = 96}}
  %0 = sparse24.matmul lhs ins(%s0 : tensor<9216xi8>)
      dense(%x : tensor<90x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 90 acc = f32 layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96> -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c12_rows(%s0: tensor<9216xi8>, %x: tensor<96x32xbf16>, %init: tensor<32x32xbf16>) {
  // expected-error @below {{matmul_c12: attribute 'layout' must have as many rows as operand 'init' has on the sparse side, 32, but has 64}}
  %0 = sparse24.matmul lhs ins(%s0 : tensor<9216xi8>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<32x32xbf16>)
      k = 96 acc = f32 layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96> -> tensor<32x32xbf16>
  return
}

// -----

func.func @matmul_c13(%s0: tensor<9000xi8>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c13: operand 'packed' must be 1-D, of i8, and of the 9216 bytes of #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>, but is of type 'tensor<9000xi8>'}}
  %0 = sparse24.matmul lhs ins(%s0 : tensor<9000xi8>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32 layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96> -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c14(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xf64>) {
  // expected-error @below {{matmul_c14: operand 'init' can't start an accumulation in 'f32', its element type is 'f64'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xf64>)
      k = 96 acc = f32 accumulate -> tensor<64x32xf64>
  return
}

// -----

func.func @matmul_c15(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>, %e0: tensor<64xf32>) {
  // expected-error @below {{matmul_c15: there must be one map for each of the 1 of operand 'epilogueOperands', but there are 2}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue(%e0 : tensor<64xf32>)
      maps = [affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m)>] {
      ^bb0(%acc: f32, %b: f32):
        %s = arith.addf %acc, %b : f32
        %t = arith.truncf %s : f32 to bf16
        sparse24.yield %t : bf16
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c16_dims(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>, %e0: tensor<64xf32>) {
  // expected-error @below {{matmul_c16: the map of operand 'epilogueOperands' 0 must be a projected permutation of (m, n) with 1 results, but is affine_map<(d0) -> (d0)>}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue(%e0 : tensor<64xf32>)
      maps = [affine_map<(m) -> (m)>] {
      ^bb0(%acc: f32, %b: f32):
        %s = arith.addf %acc, %b : f32
        %t = arith.truncf %s : f32 to bf16
        sparse24.yield %t : bf16
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c16_rank(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>, %e0: tensor<64xf32>) {
  // expected-error @below {{matmul_c16: the map of operand 'epilogueOperands' 0 must be a projected permutation of (m, n) with 1 results, but is affine_map<(d0, d1) -> (d0, d1)>}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue(%e0 : tensor<64xf32>)
      maps = [affine_map<(m, n) -> (m, n)>] {
      ^bb0(%acc: f32, %b: f32):
        %s = arith.addf %acc, %b : f32
        %t = arith.truncf %s : f32 to bf16
        sparse24.yield %t : bf16
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c16_expression(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>, %e0: tensor<64xf32>) {
  // expected-error @below {{matmul_c16: the map of operand 'epilogueOperands' 0 must be a projected permutation of (m, n) with 1 results, but is affine_map<(d0, d1) -> (d0 + d1)>}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue(%e0 : tensor<64xf32>)
      maps = [affine_map<(m, n) -> (m + n)>] {
      ^bb0(%acc: f32, %b: f32):
        %s = arith.addf %acc, %b : f32
        %t = arith.truncf %s : f32 to bf16
        sparse24.yield %t : bf16
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c17(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>, %e0: tensor<64xf32>) {
  // expected-error @below {{matmul_c17: operand 'epilogueOperands' must have shape 32, but has 64}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue(%e0 : tensor<64xf32>)
      maps = [affine_map<(m, n) -> (n)>] {
      ^bb0(%acc: f32, %b: f32):
        %s = arith.addf %acc, %b : f32
        %t = arith.truncf %s : f32 to bf16
        sparse24.yield %t : bf16
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c18(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>, %e0: tensor<64xindex>) {
  // expected-error @below {{matmul_c18: operand 'epilogueOperands' 0 must have integer or float elements, but has 'index'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue(%e0 : tensor<64xindex>)
      maps = [affine_map<(m, n) -> (m)>] {
      ^bb0(%acc: f32, %b: index):
        %s = arith.addf %acc, %acc : f32
        %t = arith.truncf %s : f32 to bf16
        sparse24.yield %t : bf16
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c19(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xi8>) {
  // expected-error @below {{matmul_c19: without an epilogue, operand 'init' can't have element type 'i8' where the accumulator is 'f32'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xi8>)
      k = 96 acc = f32 -> tensor<64x32xi8>
  return
}

// -----

func.func @matmul_c19_integer(%s0: tensor<64x48xi8>, %s1: tensor<64x6xi16>, %x: tensor<96x32xi8>, %init: tensor<64x32xi8>) {
  // expected-error @below {{matmul_c19: without an epilogue, operand 'init' can't have element type 'i8' where the accumulator is 'i32'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xi8>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xi8>) outs(%init : tensor<64x32xi8>)
      k = 96 acc = i32 -> tensor<64x32xi8>
  return
}

// -----

func.func @matmul_c20(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c20: the epilogue's arguments must be of types 'f32', but are of types 'bf16'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue {
      ^bb0(%acc: bf16):
        sparse24.yield %acc : bf16
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c20_operands(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>, %e0: tensor<64xf32>) {
  // expected-error @below {{matmul_c20: the epilogue's arguments must be of types 'f32', 'f32', but are of types 'f32'}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue(%e0 : tensor<64xf32>)
      maps = [affine_map<(m, n) -> (m)>] {
      ^bb0(%acc: f32):
        %t = arith.truncf %acc : f32 to bf16
        sparse24.yield %t : bf16
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c21(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue {
      ^bb0(%acc: f32):
  // expected-error @below {{matmul_c21: must yield the element type of operand 'init', 'bf16', but yields 'f32'}}
        sparse24.yield %acc : f32
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c21_no_yield(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c21: the epilogue must end with sparse24.yield}}
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue {
      ^bb0(%acc: f32):
        llvm.unreachable
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c22(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue {
      ^bb0(%acc: f32):
  // expected-error @below {{matmul_c22: only pure scalar operations without regions may stand in an epilogue}}
        %a = memref.alloc() : memref<f32>
        %t = arith.truncf %acc : f32 to bf16
        sparse24.yield %t : bf16
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c22_vector(%s0: tensor<64x48xbf16>, %s1: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  %0 = sparse24.matmul lhs ins(%s0, %s1 : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xbf16>)
      k = 96 acc = f32
      epilogue {
      ^bb0(%acc: f32):
  // expected-error @below {{matmul_c22: only pure scalar operations without regions may stand in an epilogue}}
        %a = vector.broadcast %acc : f32 to vector<4xf32>
        %t = arith.truncf %acc : f32 to bf16
        sparse24.yield %t : bf16
      } -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_c23(%packed: tensor<9216xi8>, %x: tensor<96x32xbf16>, %init: tensor<64x32xbf16>) {
  // expected-error @below {{matmul_c23: attribute 'schedule' is for wgmma_sp, but attribute 'layout' for mma_sp}}
  %0 = sparse24.matmul lhs ins(%packed : tensor<9216xi8>) dense(%x : tensor<96x32xbf16>)
      outs(%init : tensor<64x32xbf16>) k = 96 acc = f32
      layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
      schedule = #sparse24.schedule<wgmma_sp, tile = [128, 32, 64], warps = [8, 1], stages = 4> -> tensor<64x32xbf16>
  return
}

// -----

func.func @matmul_isolated(%v: tensor<64x48xbf16>, %m: tensor<64x6xi16>, %x: tensor<96x32xbf16>, %init: tensor<64x32xf32>, %scale: f32) {
  // expected-note @below {{required by region isolation constraints}}
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xbf16>, tensor<64x6xi16>)
      dense(%x : tensor<96x32xbf16>) outs(%init : tensor<64x32xf32>) k = 96 acc = f32
      epilogue {
      ^bb0(%acc: f32):
  // expected-error @below {{using value defined outside the region}}
        %r = arith.mulf %acc, %scale : f32
        sparse24.yield %r : f32
      } -> tensor<64x32xf32>
  return
}

// -----

func.func @matmul_side(%v: tensor<64x48xbf16>) {
  // expected-error @below {{expected 'lhs' or 'rhs', the side of the sparse operand}}
  sparse24.matmul left ins(%v : tensor<64x48xbf16>)
  return
}

// -----

func.func @yield_parent(%x: f32) {
  // expected-error @below {{'sparse24.yield' op expects parent op 'sparse24.matmul'}}
  sparse24.yield %x : f32
  return
}
