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
