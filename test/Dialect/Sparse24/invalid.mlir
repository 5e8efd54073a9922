// Rules of prune, compress, decompress, verify, pack and weight; each function breaks the rule that it is named for.
// RUN: sparse24-opt %s -split-input-file -verify-diagnostics

func.func @prune_c1(%w: tensor<4x8xf16>, %init: memref<4x8xf16>) {
  // expected-error @below {{prune_c1: operand 'init' must be a tensor, as 'input' is, but is of type 'memref<4x8xf16>'}}
  sparse24.prune magnitude ins(%w : tensor<4x8xf16>) outs(%init : memref<4x8xf16>)
  return
}

// -----

func.func @prune_c1_encoding(%w: tensor<4x8xf16, "some">, %init: tensor<4x8xf16>) {
  // expected-error @below {{prune_c1: operand 'input' must be a plain tensor, but has encoding "some"}}
  %0 = sparse24.prune magnitude ins(%w : tensor<4x8xf16, "some">) outs(%init : tensor<4x8xf16>) -> tensor<4x8xf16>
  return
}

// -----

func.func @prune_c2(%w: tensor<4x8xf64>, %init: tensor<4x8xf64>) {
  // expected-error @below {{prune_c2: operand 'input' must have element type f16, bf16, f32, i8, ui8, f8E4M3FN or f8E5M2, but has 'f64'}}
  %0 = sparse24.prune magnitude ins(%w : tensor<4x8xf64>) outs(%init : tensor<4x8xf64>) -> tensor<4x8xf64>
  return
}

// -----

func.func @prune_c2_si8(%w: tensor<4x8xsi8>, %init: tensor<4x8xsi8>) {
  // expected-error @below {{prune_c2: operand 'input' must have element type f16, bf16, f32, i8, ui8, f8E4M3FN or f8E5M2, but has 'si8'}}
  %0 = sparse24.prune magnitude ins(%w : tensor<4x8xsi8>) outs(%init : tensor<4x8xsi8>) -> tensor<4x8xsi8>
  return
}

// -----

func.func @prune_c3(%w: tensor<4x8xf16>, %init: tensor<4x8xbf16>) {
  // expected-error @below {{prune_c3: operand 'init' must have element type 'f16', but has 'bf16'}}
  %0 = sparse24.prune magnitude ins(%w : tensor<4x8xf16>) outs(%init : tensor<4x8xbf16>) -> tensor<4x8xbf16>
  return
}

// -----

func.func @prune_c4(%w: tensor<4x8xf16>, %init: tensor<4x12xf16>) {
  // expected-error @below {{prune_c4: operand 'init' must have shape 4x8, but has 4x12}}
  %0 = sparse24.prune magnitude ins(%w : tensor<4x8xf16>) outs(%init : tensor<4x12xf16>) -> tensor<4x12xf16>
  return
}

// -----

func.func @prune_c5(%w: tensor<4x8xf16>, %init: tensor<4x8xf16>) {
  // expected-error @below {{prune_c5: operand 'scores' must be there with criterion wanda}}
  %0 = sparse24.prune wanda ins(%w : tensor<4x8xf16>) outs(%init : tensor<4x8xf16>) -> tensor<4x8xf16>
  return
}

// -----

func.func @prune_c5_superfluous(%w: tensor<4x8xf16>, %s: tensor<8xf32>, %init: tensor<4x8xf16>) {
  // expected-error @below {{prune_c5: operand 'scores' must not be there without criterion importance or wanda}}
  %0 = sparse24.prune magnitude ins(%w, %s : tensor<4x8xf16>, tensor<8xf32>) outs(%init : tensor<4x8xf16>) -> tensor<4x8xf16>
  return
}

// -----

func.func @prune_c6(%w: tensor<4x8xf16>, %s: tensor<8xf16>, %init: tensor<4x8xf16>) {
  // expected-error @below {{prune_c6: operand 'scores' must have element type 'f32', but has 'f16'}}
  %0 = sparse24.prune wanda ins(%w, %s : tensor<4x8xf16>, tensor<8xf16>) outs(%init : tensor<4x8xf16>) -> tensor<4x8xf16>
  return
}

// -----

func.func @prune_c7(%w: tensor<4x8xf16>, %s: tensor<4xf32>, %init: tensor<4x8xf16>) {
  // expected-error @below {{prune_c7: operand 'scores' must have shape 8, but has 4}}
  %0 = sparse24.prune wanda ins(%w, %s : tensor<4x8xf16>, tensor<4xf32>) outs(%init : tensor<4x8xf16>) -> tensor<4x8xf16>
  return
}

// -----

func.func @prune_c7_importance(%w: tensor<4x8xf16>, %s: tensor<8xf32>, %init: tensor<4x8xf16>) {
  // expected-error @below {{prune_c7: operand 'scores' must have shape 4x8, but has 8}}
  %0 = sparse24.prune importance ins(%w, %s : tensor<4x8xf16>, tensor<8xf32>) outs(%init : tensor<4x8xf16>) -> tensor<4x8xf16>
  return
}

// -----

func.func @prune_rank(%w: tensor<8xf16>, %init: tensor<8xf16>) {
  // expected-error @below {{operand #0 must be 2-D tensor or memref}}
  %0 = sparse24.prune magnitude ins(%w : tensor<8xf16>) outs(%init : tensor<8xf16>) -> tensor<8xf16>
  return
}

// -----

func.func @prune_result(%w: tensor<4x8xf16>, %init: tensor<4x8xf16>) {
  // expected-error @below {{expected the number of tensor results (0) to be equal to the number of output tensors (1)}}
  sparse24.prune magnitude ins(%w : tensor<4x8xf16>) outs(%init : tensor<4x8xf16>)
  return
}

// -----

func.func @compress_c1(%w: tensor<4x32xbf16>, %i0: memref<4x16xbf16>, %i1: memref<4x2xi16>) {
  // expected-error @below {{compress_c1: operand 'values' must be a tensor, as 'input' is, but is of type 'memref<4x16xbf16>'}}
  sparse24.compress ins(%w : tensor<4x32xbf16>)
      outs(%i0, %i1 : memref<4x16xbf16>, memref<4x2xi16>)
  return
}

// -----

func.func @compress_c2(%w: tensor<4x32xbf16>, %i0: tensor<4x16xbf16>) {
  // expected-error @below {{compress_c2: operand 'inits' must be values and metadata, but there are 1}}
  %0:1 = sparse24.compress ins(%w : tensor<4x32xbf16>)
      outs(%i0 : tensor<4x16xbf16>) -> tensor<4x16xbf16>
  return
}

// -----

func.func @compress_c2_both_ways(%w: tensor<4x32xbf16>, %i0: tensor<4x16xbf16>, %i1: tensor<4x2xi16>, %i2: tensor<32x2xbf16>,
                                 %i3: tensor<32x1xi16>) {
  // expected-error @below {{compress_c2: operand 'inits' may be four only with prune = transposable}}
  %0:4 = sparse24.compress ins(%w : tensor<4x32xbf16>) outs(%i0, %i1, %i2, %i3 : tensor<4x16xbf16>, tensor<4x2xi16>, tensor<32x2xbf16>, tensor<32x1xi16>) prune = magnitude
    -> tensor<4x16xbf16>, tensor<4x2xi16>, tensor<32x2xbf16>, tensor<32x1xi16>
  return
}

// -----

func.func @compress_c6_transposed(%w: tensor<4x32xbf16>, %i0: tensor<4x16xbf16>, %i1: tensor<4x2xi16>, %i2: tensor<32x4xbf16>,
                                  %i3: tensor<32x1xi16>) {
  // expected-error @below {{compress_c6: operand 'transposed values' must have shape 32x2, but has 32x4}}
  %0:4 = sparse24.compress ins(%w : tensor<4x32xbf16>) outs(%i0, %i1, %i2, %i3 : tensor<4x16xbf16>, tensor<4x2xi16>, tensor<32x4xbf16>, tensor<32x1xi16>) prune = transposable
    -> tensor<4x16xbf16>, tensor<4x2xi16>, tensor<32x4xbf16>, tensor<32x1xi16>
  return
}

// -----

func.func @compress_c3(%w: tensor<4x32xi4>, %i0: tensor<4x16xi4>, %i1: tensor<4x2xi16>) {
  // expected-error @below {{compress_c3: operand 'input' must have element type f16, bf16, f32, i8, ui8, f8E4M3FN or f8E5M2, but has 'i4'}}
  %0:2 = sparse24.compress ins(%w : tensor<4x32xi4>)
      outs(%i0, %i1 : tensor<4x16xi4>, tensor<4x2xi16>) -> tensor<4x16xi4>, tensor<4x2xi16>
  return
}

// -----

func.func @compress_c4(%w: tensor<4x32xbf16>, %i0: tensor<4x16xf16>, %i1: tensor<4x2xi16>) {
  // expected-error @below {{compress_c4: operand 'values' must have element type 'bf16', but has 'f16'}}
  %0:2 = sparse24.compress ins(%w : tensor<4x32xbf16>)
      outs(%i0, %i1 : tensor<4x16xf16>, tensor<4x2xi16>) -> tensor<4x16xf16>, tensor<4x2xi16>
  return
}

// -----

func.func @compress_c5(%w: tensor<4x32xbf16>, %i0: tensor<4x16xbf16>, %i1: tensor<4x2xi32>) {
  // expected-error @below {{compress_c5: operand 'metadata' must have element type 'i16', but has 'i32'}}
  %0:2 = sparse24.compress ins(%w : tensor<4x32xbf16>)
      outs(%i0, %i1 : tensor<4x16xbf16>, tensor<4x2xi32>) -> tensor<4x16xbf16>, tensor<4x2xi32>
  return
}

// -----

func.func @compress_c6(%w: tensor<4x32xbf16>, %i0: tensor<4x18xbf16>, %i1: tensor<4x2xi16>) {
  // expected-error @below {{compress_c6: operand 'values' must have shape 4x16, but has 4x18}}
  %0:2 = sparse24.compress ins(%w : tensor<4x32xbf16>)
      outs(%i0, %i1 : tensor<4x18xbf16>, tensor<4x2xi16>) -> tensor<4x18xbf16>, tensor<4x2xi16>
  return
}

// -----

func.func @compress_c6_short_group(%w: tensor<4x30xbf16>, %i0: tensor<4x15xbf16>, %i1: tensor<4x2xi16>) {
  // expected-error @below {{compress_c6: operand 'values' must have shape 4x16, but has 4x15}}
  %0:2 = sparse24.compress ins(%w : tensor<4x30xbf16>)
      outs(%i0, %i1 : tensor<4x15xbf16>, tensor<4x2xi16>) -> tensor<4x15xbf16>, tensor<4x2xi16>
  return
}

// -----

func.func @compress_c6_tf32(%w: tensor<4x31xf32>, %i0: tensor<4x15xf32>, %i1: tensor<4x4xi16>) {
  // expected-error @below {{compress_c6: operand 'values' must have shape 4x16, but has 4x15}}
  %0:2 = sparse24.compress ins(%w : tensor<4x31xf32>)
      outs(%i0, %i1 : tensor<4x15xf32>, tensor<4x4xi16>) -> tensor<4x15xf32>, tensor<4x4xi16>
  return
}

// -----

func.func @compress_c6_dynamic_k(%w: tensor<4x?xbf16>, %i0: tensor<5x?xbf16>, %i1: tensor<4x?xi16>) {
  // expected-error @below {{compress_c6: operand 'values' must have shape 4x?, but has 5x?}}
  %0:2 = sparse24.compress ins(%w : tensor<4x?xbf16>)
      outs(%i0, %i1 : tensor<5x?xbf16>, tensor<4x?xi16>) -> tensor<5x?xbf16>, tensor<4x?xi16>
  return
}

// -----

func.func @compress_c7(%w: tensor<4x32xbf16>, %i0: tensor<4x16xbf16>, %i1: tensor<4x3xi16>) {
  // expected-error @below {{compress_c7: operand 'metadata' must have shape 4x2, but has 4x3}}
  %0:2 = sparse24.compress ins(%w : tensor<4x32xbf16>)
      outs(%i0, %i1 : tensor<4x16xbf16>, tensor<4x3xi16>) -> tensor<4x16xbf16>, tensor<4x3xi16>
  return
}

// -----

func.func @compress_c7_tf32(%w: tensor<4x32xf32>, %i0: tensor<4x16xf32>, %i1: tensor<4x2xi16>) {
  // expected-error @below {{compress_c7: operand 'metadata' must have shape 4x4, but has 4x2}}
  %0:2 = sparse24.compress ins(%w : tensor<4x32xf32>)
      outs(%i0, %i1 : tensor<4x16xf32>, tensor<4x2xi16>) -> tensor<4x16xf32>, tensor<4x2xi16>
  return
}

// -----

func.func @compress_c8(%w: tensor<4x32xbf16>, %s: tensor<32xf32>, %i0: tensor<4x16xbf16>, %i1: tensor<4x2xi16>) {
  // expected-error @below {{compress_c8: operand 'scores' must be there with criterion importance}}
  %0:2 = sparse24.compress ins(%w : tensor<4x32xbf16>)
      outs(%i0, %i1 : tensor<4x16xbf16>, tensor<4x2xi16>) prune = importance -> tensor<4x16xbf16>, tensor<4x2xi16>
  return
}

// -----

func.func @compress_c8_superfluous(%w: tensor<4x32xbf16>, %s: tensor<32xf32>, %i0: tensor<4x16xbf16>, %i1: tensor<4x2xi16>) {
  // expected-error @below {{compress_c8: operand 'scores' must not be there without criterion importance or wanda}}
  %0:2 = sparse24.compress ins(%w, %s : tensor<4x32xbf16>, tensor<32xf32>)
      outs(%i0, %i1 : tensor<4x16xbf16>, tensor<4x2xi16>) -> tensor<4x16xbf16>, tensor<4x2xi16>
  return
}

// -----

func.func @compress_c9(%w: tensor<4x32xbf16>, %s: tensor<32xbf16>, %i0: tensor<4x16xbf16>, %i1: tensor<4x2xi16>) {
  // expected-error @below {{compress_c9: operand 'scores' must have element type 'f32', but has 'bf16'}}
  %0:2 = sparse24.compress ins(%w, %s : tensor<4x32xbf16>, tensor<32xbf16>)
      outs(%i0, %i1 : tensor<4x16xbf16>, tensor<4x2xi16>) prune = wanda -> tensor<4x16xbf16>, tensor<4x2xi16>
  return
}

// -----

func.func @compress_c10(%w: tensor<4x32xbf16>, %s: tensor<4x32xf32>, %i0: tensor<4x16xbf16>, %i1: tensor<4x2xi16>) {
  // expected-error @below {{compress_c10: operand 'scores' must have shape 32, but has 4x32}}
  %0:2 = sparse24.compress ins(%w, %s : tensor<4x32xbf16>, tensor<4x32xf32>)
      outs(%i0, %i1 : tensor<4x16xbf16>, tensor<4x2xi16>) prune = wanda -> tensor<4x16xbf16>, tensor<4x2xi16>
  return
}

// -----

func.func @decompress_c1(%v: tensor<4x16xbf16>, %m: memref<4x2xi16>, %init: tensor<4x32xbf16>) {
  // expected-error @below {{decompress_c1: operand 'metadata' must be a tensor, as 'values' is, but is of type 'memref<4x2xi16>'}}
  %0 = sparse24.decompress ins(%v, %m : tensor<4x16xbf16>, memref<4x2xi16>)
      outs(%init : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  return
}

// -----

func.func @decompress_c2(%v: tensor<4x16xi16>, %m: tensor<4x2xi16>, %init: tensor<4x32xi16>) {
  // expected-error @below {{decompress_c2: operand 'values' must have element type f16, bf16, f32, i8, ui8, f8E4M3FN or f8E5M2, but has 'i16'}}
  %0 = sparse24.decompress ins(%v, %m : tensor<4x16xi16>, tensor<4x2xi16>)
      outs(%init : tensor<4x32xi16>) -> tensor<4x32xi16>
  return
}

// -----

func.func @decompress_c3(%v: tensor<4x16xbf16>, %m: tensor<4x2xi8>, %init: tensor<4x32xbf16>) {
  // expected-error @below {{decompress_c3: operand 'metadata' must have element type 'i16', but has 'i8'}}
  %0 = sparse24.decompress ins(%v, %m : tensor<4x16xbf16>, tensor<4x2xi8>)
      outs(%init : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  return
}

// -----

func.func @decompress_c4(%v: tensor<4x16xbf16>, %m: tensor<4x2xi16>, %init: tensor<4x32xf32>) {
  // expected-error @below {{decompress_c4: operand 'init' must have element type 'bf16', but has 'f32'}}
  %0 = sparse24.decompress ins(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>)
      outs(%init : tensor<4x32xf32>) -> tensor<4x32xf32>
  return
}

// -----

func.func @decompress_c5(%v: tensor<4x16xbf16>, %m: tensor<4x2xi16>, %init: tensor<4x28xbf16>) {
  // expected-error @below {{decompress_c5: operand 'values' must have shape 4x14, but has 4x16}}
  %0 = sparse24.decompress ins(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>)
      outs(%init : tensor<4x28xbf16>) -> tensor<4x28xbf16>
  return
}

// -----

func.func @decompress_c6(%v: tensor<4x16xbf16>, %m: tensor<4x1xi16>, %init: tensor<4x32xbf16>) {
  // expected-error @below {{decompress_c6: operand 'metadata' must have shape 4x2, but has 4x1}}
  %0 = sparse24.decompress ins(%v, %m : tensor<4x16xbf16>, tensor<4x1xi16>)
      outs(%init : tensor<4x32xbf16>) -> tensor<4x32xbf16>
  return
}

// -----

func.func @verify_c1(%w: memref<4x32xbf16>, %r: tensor<3xi64>) {
  // expected-error @below {{verify_c1: operand 'init' must be a memref, as 'inputs' is, but is of type 'tensor<3xi64>'}}
  %0 = sparse24.verify ins(%w : memref<4x32xbf16>) outs(%r : tensor<3xi64>) -> tensor<3xi64>
  return
}

// -----

func.func @verify_c2(%w: tensor<4x32xbf16>, %r: tensor<3xi64>) {
  // expected-error @below {{verify_c2: operand 'inputs' must be a matrix, or values and metadata, but there are 3}}
  %0 = sparse24.verify ins(%w, %w, %w : tensor<4x32xbf16>, tensor<4x32xbf16>, tensor<4x32xbf16>) outs(%r : tensor<3xi64>) -> tensor<3xi64>
  return
}

// -----

func.func @verify_c3(%w: tensor<4x32xf64>, %r: tensor<3xi64>) {
  // expected-error @below {{verify_c3: operand 'inputs' must have element type f16, bf16, f32, i8, ui8, f8E4M3FN or f8E5M2, but has 'f64'}}
  %0 = sparse24.verify ins(%w : tensor<4x32xf64>) outs(%r : tensor<3xi64>) -> tensor<3xi64>
  return
}

// -----

func.func @verify_c4(%w: tensor<4x16xbf16>, %m: tensor<4x2xi32>, %r: tensor<3xi64>) {
  // expected-error @below {{verify_c4: operand 'metadata' must have element type 'i16', but has 'i32'}}
  %0 = sparse24.verify ins(%w, %m : tensor<4x16xbf16>, tensor<4x2xi32>) outs(%r : tensor<3xi64>) -> tensor<3xi64>
  return
}

// -----

func.func @verify_c5(%w: tensor<4x16xf32>, %m: tensor<4x2xi16>, %r: tensor<3xi64>) {
  // expected-error @below {{verify_c5: operand 'metadata' must have shape 4x4, but has 4x2}}
  %0 = sparse24.verify ins(%w, %m : tensor<4x16xf32>, tensor<4x2xi16>) outs(%r : tensor<3xi64>) -> tensor<3xi64>
  return
}

// -----

func.func @verify_c6(%w: tensor<4x32xbf16>, %r: tensor<3xi32>) {
  // expected-error @below {{verify_c6: operand 'init' must have element type 'i64', but has 'i32'}}
  %0 = sparse24.verify ins(%w : tensor<4x32xbf16>) outs(%r : tensor<3xi32>) -> tensor<3xi32>
  return
}

// -----

func.func @verify_c7(%w: tensor<4x32xbf16>, %r: tensor<2xi64>) {
  // expected-error @below {{verify_c7: operand 'init' must have shape 3, but has 2}}
  %0 = sparse24.verify ins(%w : tensor<4x32xbf16>) outs(%r : tensor<2xi64>) -> tensor<2xi64>
  return
}

// -----

func.func @pack_c1(%v: tensor<4x16xbf16>, %m: tensor<4x2xi16>, %init: memref<1152xi8>) {
  // expected-error @below {{pack_c1: operand 'init' must be a tensor, as 'values' is, but is of type 'memref<1152xi8>'}}
  sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>
      ins(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) outs(%init : memref<1152xi8>)
  return
}

// -----

func.func @pack_c2(%v: tensor<4x16xf16>, %m: tensor<4x2xi16>, %init: tensor<1152xi8>) {
  // expected-error @below {{pack_c2: operand 'values' must have element type 'bf16', but has 'f16'}}
  %0 = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>
      ins(%v, %m : tensor<4x16xf16>, tensor<4x2xi16>) outs(%init : tensor<1152xi8>) -> tensor<1152xi8>
  return
}

// -----

func.func @pack_c3(%v: tensor<4x16xbf16>, %m: tensor<4x2xi32>, %init: tensor<1152xi8>) {
  // expected-error @below {{pack_c3: operand 'metadata' must have element type 'i16', but has 'i32'}}
  %0 = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>
      ins(%v, %m : tensor<4x16xbf16>, tensor<4x2xi32>) outs(%init : tensor<1152xi8>) -> tensor<1152xi8>
  return
}

// -----

func.func @pack_c4(%v: tensor<8x16xbf16>, %m: tensor<4x2xi16>, %init: tensor<1152xi8>) {
  // expected-error @below {{pack_c4: operand 'values' must have shape 4x16, but has 8x16}}
  %0 = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>
      ins(%v, %m : tensor<8x16xbf16>, tensor<4x2xi16>) outs(%init : tensor<1152xi8>) -> tensor<1152xi8>
  return
}

// -----

func.func @pack_c5(%v: tensor<4x16xbf16>, %m: tensor<4x4xi16>, %init: tensor<1152xi8>) {
  // expected-error @below {{pack_c5: operand 'metadata' must have shape 4x2, but has 4x4}}
  %0 = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>
      ins(%v, %m : tensor<4x16xbf16>, tensor<4x4xi16>) outs(%init : tensor<1152xi8>) -> tensor<1152xi8>
  return
}

// -----

func.func @pack_c6(%v: tensor<4x16xbf16>, %m: tensor<4x2xi16>, %init: tensor<1024xi8>) {
  // expected-error @below {{pack_c6: operand 'init' must be 1-D, of i8, and of the 1152 bytes of #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>, but is of type 'tensor<1024xi8>'}}
  %0 = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>
      ins(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>) outs(%init : tensor<1024xi8>) -> tensor<1024xi8>
  return
}

// -----

func.func @weight_c1() {
  // expected-error @below {{weight_c1: attribute 'name' must not be empty}}
  %0 = sparse24.weight "" : tensor<4xf32>
  return
}

// -----

func.func @weight_c2() {
  // expected-error @below {{weight_c2: result must have a static shape and the identity layout, but is of type 'tensor<?xf32>'}}
  %0 = sparse24.weight "bias" : tensor<?xf32>
  return
}

// -----

func.func @weight_c2_strided() {
  // expected-error @below {{weight_c2: result must have a static shape and the identity layout, but is of type 'memref<4xf32, strided<[2]>>'}}
  %0 = sparse24.weight "bias" : memref<4xf32, strided<[2]>>
  return
}

// -----

func.func @weight_c3() {
  // expected-error @below {{weight_c3: result must be 1-D, of i8, and of the 1152 bytes of #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>, but is of type 'tensor<1024xi8>'}}
  %0 = sparse24.weight "w" : tensor<1024xi8>
      layout = #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>
  return
}
