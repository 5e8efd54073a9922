// RUN: sparse24-opt %s --sparse24-expand-fp8 | FileCheck %s

// CHECK-LABEL: @e5m2
// CHECK: arith.bitcast %{{.*}} : f8E5M2 to i8
// CHECK: arith.shli
// CHECK: arith.bitcast %{{.*}} : i16 to f16
// CHECK: arith.extf %{{.*}} : f16 to f32
func.func @e5m2(%x: f8E5M2) -> f32 {
  %0 = arith.extf %x : f8E5M2 to f32
  return %0 : f32
}

// CHECK-LABEL: @e4m3
// CHECK: arith.bitcast %{{.*}} : f8E4M3FN to i8
// CHECK: %[[H:.*]] = arith.select
// CHECK: return %[[H]] : f16
func.func @e4m3(%x: f8E4M3FN) -> f16 {
  %0 = arith.extf %x : f8E4M3FN to f16
  return %0 : f16
}

// CHECK-LABEL: @others
// CHECK: arith.extf %{{.*}} : f16 to f32
func.func @others(%x: f16) -> f32 {
  %0 = arith.extf %x : f16 to f32
  return %0 : f32
}
