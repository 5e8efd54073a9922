// Rules of the warpgroup's operations; each function breaks the rule that it is named for.
// RUN: sparse24-opt %s -split-input-file -verify-diagnostics

func.func @mma_sp_c1(%d: vector<8xf32>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c1: A and B are of types 'f16' and 'bf16', which no instruction multiplies}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16, 32>, a_type = f16, b_type = bf16} : (vector<8xf32>, i64, i64, i32) -> vector<8xf32>
  return
}

// -----

func.func @mma_sp_c1_f64(%d: vector<8xf32>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c1: A and B are of types 'f64' and 'f64', which no instruction multiplies}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16, 32>, a_type = f64, b_type = f64} : (vector<8xf32>, i64, i64, i32) -> vector<8xf32>
  return
}

// -----

func.func @mma_sp_c2(%d: vector<8xf32>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c2: the shape is [64, 16, 16], but for 'bf16' it must be [64, n, 32] with n a multiple of 8 up to 256}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16, 16>, a_type = bf16, b_type = bf16} : (vector<8xf32>, i64, i64, i32) -> vector<8xf32>
  return
}

// -----

func.func @mma_sp_c2_rank(%d: vector<8xf32>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c2: the shape must be [64, n, k]}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16>, a_type = bf16, b_type = bf16} : (vector<8xf32>, i64, i64, i32) -> vector<8xf32>
  return
}

// -----

func.func @mma_sp_c2_n(%d: vector<20xi32>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c2: the shape is [64, 40, 64], but for 'i8' it must be [64, n, 64] with n a multiple of 8 up to 32, of 16 beyond, up to 256}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 40, 64>, a_type = i8, b_type = i8} : (vector<20xi32>, i64, i64, i32) -> vector<20xi32>
  return
}

// -----

func.func @mma_sp_c3(%d: vector<4xf32>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c3: the operand 'accumulators' has 4 elements, but a thread has 8 of a result with 16 columns}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16, 32>, a_type = bf16, b_type = bf16} : (vector<4xf32>, i64, i64, i32) -> vector<4xf32>
  return
}

// -----

func.func @mma_sp_c3_type(%d: vector<8xf16>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c3: the operand 'accumulators' is of 'f16', which products of 'bf16' aren't added up in}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16, 32>, a_type = bf16, b_type = bf16} : (vector<8xf16>, i64, i64, i32) -> vector<8xf16>
  return
}

// -----

func.func @mma_sp_c4(%d: vector<8xf32>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c4: the selector is 2, but must be 0 or 1}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16, 32>, a_type = bf16, b_type = bf16, selector = 2 : i32} : (vector<8xf32>, i64, i64, i32) -> vector<8xf32>
  return
}

// -----

func.func @mma_sp_c4_8_bits(%d: vector<8xf32>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c4: the selector is 1, but must be 0 for 8-bit types}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16, 64>, a_type = f8E4M3FN, b_type = f8E5M2, selector = 1 : i32} : (vector<8xf32>, i64, i64, i32) -> vector<8xf32>
  return
}

// -----

func.func @mma_sp_c5(%d: vector<8xf32>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c5: only 16-bit operands are transposed, not 'f32'}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16, 16>, a_type = f32, b_type = f32, transpose_b} : (vector<8xf32>, i64, i64, i32) -> vector<8xf32>
  return
}

// -----

func.func @mma_sp_c5_registers(%d: vector<8xf16>, %a: vector<4xi32>, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c5: the operand 'a' is in registers, where it can't be transposed}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16, 32>, a_type = f16, b_type = f16, transpose_a} : (vector<8xf16>, vector<4xi32>, i64, i32) -> vector<8xf16>
  return
}

// -----

func.func @mma_sp_c6(%d: vector<8xi32>, %a: i64, %b: i64, %e: i32) {
  // expected-error @below {{mma_sp_c6: integers can't be negated}}
  %0 = sparse24.warpgroup.mma_sp %d, %a, %b, %e {shape = array<i64: 64, 16, 64>, a_type = i8, b_type = i8, negate_a} : (vector<8xi32>, i64, i64, i32) -> vector<8xi32>
  return
}

// -----

func.func @wait_c1(%d: vector<8xf32>) {
  // expected-error @below {{wait_c1: 'pending' is -1, but groups in flight can't be fewer than 0}}
  %0 = sparse24.warpgroup.wait -1 %d : vector<8xf32>
  return
}
