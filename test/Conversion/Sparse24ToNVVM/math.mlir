// Functions of math become arithmetic, so that kernels need no libdevice.
// RUN: sparse24-opt %s --sparse24-convert-to-nvvm | FileCheck %s --implicit-check-not=math.tanh --implicit-check-not=math.erf --implicit-check-not=math.exp --implicit-check-not=math.rsqrt

// CHECK-LABEL: func @gelu_tanh
func.func @gelu_tanh(%x: f32) -> f32 {
  // CHECK: math.fma
  %0 = math.tanh %x : f32
  return %0 : f32
}

// CHECK-LABEL: func @gelu_erf
func.func @gelu_erf(%x: f16) -> f16 {
  // f16 is computed in f32.
  // CHECK: arith.extf %{{.*}} : f16 to f32
  // CHECK: arith.truncf %{{.*}} : f32 to f16
  %0 = math.erf %x : f16
  return %0 : f16
}

// CHECK-LABEL: func @silu
func.func @silu(%x: f32) -> f32 {
  // CHECK: arith.mulf
  %0 = math.exp %x : f32
  return %0 : f32
}

// CHECK-LABEL: func @rsqrt
func.func @rsqrt(%x: f32) -> f32 {
  // CHECK: math.sqrt
  // CHECK: arith.divf
  %0 = math.rsqrt %x : f32
  return %0 : f32
}

// GELU's factor: two instructions of the special function unit instead of tanh.
// CHECK-LABEL: func @one_plus_tanh
// CHECK-SAME: (%[[X:.*]]: f32)
func.func @one_plus_tanh(%x: f32) -> f32 {
  // CHECK-DAG: %[[SCALE:.*]] = arith.constant -2.885390e+00 : f32
  // CHECK-DAG: %[[HALF:.*]] = arith.constant 5.000000e-01 : f32
  // CHECK: %[[SCALED:.*]] = arith.mulf %[[X]], %[[SCALE]] : f32
  // CHECK: %[[POWER:.*]] = llvm.inline_asm asm_dialect = att "ex2.approx.ftz.f32 $0, $1;", "=f,f" %[[SCALED]]
  // CHECK: %[[DIVISOR:.*]] = math.fma %[[POWER]], %[[HALF]], %[[HALF]] : f32
  // CHECK: %[[FACTOR:.*]] = llvm.inline_asm asm_dialect = att "rcp.approx.ftz.f32 $0, $1;", "=f,f" %[[DIVISOR]]
  // CHECK: return %[[FACTOR]]
  %one = arith.constant 1.0 : f32
  %0 = math.tanh %x : f32
  %1 = arith.addf %one, %0 : f32
  return %1 : f32
}
