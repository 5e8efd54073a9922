// Rules of the attributes; each function breaks the rule that it is named for.
// RUN: sparse24-opt %s -allow-unregistered-dialect -split-input-file -verify-diagnostics

func.func @layout_c1() {
  // expected-error @below {{layout_c1: element type 'f64' has no packed layout}}
  "test.op"() {a = #sparse24.layout<mma_sp, f64, rows = 4, k = 32>} : () -> ()
  return
}

// -----

func.func @layout_c2() {
  // expected-error @below {{layout_c2: rows and k must be from 1 to 2^30, got rows = 0, k = 32}}
  "test.op"() {a = #sparse24.layout<mma_sp, bf16, rows = 0, k = 32>} : () -> ()
  return
}

// -----

func.func @layout_c2_large() {
  // expected-error @below {{layout_c2: rows and k must be from 1 to 2^30, got rows = 9223372036854775807, k = 32}}
  "test.op"() {a = #sparse24.layout<mma_sp, bf16, rows = 9223372036854775807, k = 32>} : () -> ()
  return
}

// -----

func.func @layout_family() {
  // expected-error @below {{failed to parse Sparse24_LayoutAttr parameter 'family'}}
  // expected-error @below {{expected ::mlir::sparse24::LayoutFamily to be one of: mma_sp}}
  "test.op"() {a = #sparse24.layout<wmma, bf16, rows = 4, k = 32>} : () -> ()
  return
}

// -----

func.func @schedule_c1() {
  // expected-error @below {{schedule_c1: all numbers must be positive, and stages at least 3}}
  "test.op"() {a = #sparse24.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 0>} : () -> ()
  return
}

// -----

func.func @schedule_c2() {
  // expected-error @below {{schedule_c2: warps [3, 2] don't divide the tile [64, 64]}}
  "test.op"() {a = #sparse24.schedule<tile = [64, 64, 64], warps = [3, 2], stages = 3>} : () -> ()
  return
}

// -----

func.func @schedule_c3() {
  // expected-error @below {{schedule_c3: 64 warps, but a CTA holds at most 32}}
  "test.op"() {a = #sparse24.schedule<tile = [64, 64, 64], warps = [8, 8], stages = 3>} : () -> ()
  return
}

// -----

func.func @target_c1() {
  // expected-error @below {{target_c1: unknown target 'sm_70', known are cpu, sm_80, sm_86, sm_89, sm_90, sm_90a, sm_100a, sm_120a}}
  "test.op"() {a = #sparse24.target<"sm_70">} : () -> ()
  return
}

// -----

func.func @allow_prune_c1() {
  // expected-error @below {{allow_prune_c1: attribute 'sparse24.allow_prune' must be "magnitude" or "none", but is "random"}}
  "test.op"() {sparse24.allow_prune = "random"} : () -> ()
  return
}

// -----

func.func @allow_prune_c1_type() {
  // expected-error @below {{allow_prune_c1: attribute 'sparse24.allow_prune' must be "magnitude" or "none", but is unit}}
  "test.op"() {sparse24.allow_prune} : () -> ()
  return
}

// -----

func.func @allow_precision_c1() {
  // expected-error @below {{allow_precision_c1: attribute 'sparse24.allow_precision' must be "bf16" or "f16" or "tf32" or "none", but is "f8E5M2"}}
  "test.op"() {sparse24.allow_precision = "f8E5M2"} : () -> ()
  return
}
