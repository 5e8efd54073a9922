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
  // expected-error @below {{expected ::mlir::sparse24::InstructionFamily to be one of: mma_sp, wgmma_sp}}
  "test.op"() {a = #sparse24.layout<wmma, bf16, rows = 4, k = 32>} : () -> ()
  return
}

// -----

func.func @schedule_c1() {
  // expected-error @below {{schedule_c1: all numbers must be from 1 to 2^16, and stages at least 3}}
  "test.op"() {a = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [2, 2], stages = 0>} : () -> ()
  return
}

// -----

func.func @schedule_c2() {
  // expected-error @below {{schedule_c2: warps [3, 2] don't divide the tile [64, 64]}}
  "test.op"() {a = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [3, 2], stages = 3>} : () -> ()
  return
}

// -----

func.func @schedule_c3() {
  // expected-error @below {{schedule_c3: 64 warps, but a CTA holds at most 32}}
  "test.op"() {a = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [8, 8], stages = 3>} : () -> ()
  return
}

// -----

func.func @schedule_c1_wgmma_sp() {
  // expected-error @below {{schedule_c1: all numbers must be from 1 to 2^16, and stages at least 2}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [8, 1], stages = 1>} : () -> ()
  return
}

// -----

func.func @schedule_c1_limit() {
  // expected-error @below {{schedule_c1: all numbers must be from 1 to 2^16, and stages at least 2}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [64, 64, 64], warps = [4, 1], stages = 1152921504606846976>} : () -> ()
  return
}

// -----

func.func @schedule_c3_wgmma_sp() {
  // expected-error @below {{schedule_c3: 36 warps, but a CTA holds at most 32}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [512, 64, 64], warps = [32, 1], stages = 2>} : () -> ()
  return
}

// -----

func.func @schedule_c4() {
  // expected-error @below {{schedule_c4: cluster, split_k, ping_pong and split_tail are for wgmma_sp only}}
  "test.op"() {a = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [2, 2], stages = 3, split_k = 2>} : () -> ()
  return
}

// -----

func.func @schedule_c5() {
  // expected-error @below {{schedule_c5: warps of wgmma_sp must be warpgroups of four along the rows, but are [4, 2]}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [4, 2], stages = 4>} : () -> ()
  return
}

// -----

func.func @schedule_c6() {
  // expected-error @below {{schedule_c6: a warpgroup of wgmma_sp must have a multiple of 64 rows, but has 96}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [192, 64, 64], warps = [8, 1], stages = 4>} : () -> ()
  return
}

// -----

func.func @schedule_c7() {
  // expected-error @below {{schedule_c7: a tile of wgmma_sp must have a multiple of 8 columns, at most 256, but has 264}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [128, 264, 64], warps = [8, 1], stages = 4>} : () -> ()
  return
}

// -----

func.func @schedule_c8() {
  // expected-error @below {{schedule_c8: cluster must be 1, 2, 4 or 8, but is 3}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [8, 1], stages = 4, cluster = 3>} : () -> ()
  return
}

// -----

func.func @schedule_c9_rows() {
  // expected-error @below {{schedule_c9: with split_tail a warpgroup must have a multiple of 128 rows, but has 64}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [8, 1], stages = 4, split_tail = true>} : () -> ()
  return
}

// -----

func.func @schedule_c10_warps() {
  // expected-error @below {{schedule_c10: with ping_pong a warpgroup has whole tiles: warps must be [4, 1], split_k 1 and split_tail false}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [8, 1], stages = 4, ping_pong = true>} : () -> ()
  return
}

// -----

func.func @schedule_c10_split_k() {
  // expected-error @below {{schedule_c10: with ping_pong a warpgroup has whole tiles: warps must be [4, 1], split_k 1 and split_tail false}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [4, 1], stages = 4, cluster = 2, split_k = 2, ping_pong = true>} : () -> ()
  return
}

// -----

func.func @schedule_c10_split_tail() {
  // expected-error @below {{schedule_c10: with ping_pong a warpgroup has whole tiles: warps must be [4, 1], split_k 1 and split_tail false}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [4, 1], stages = 4, ping_pong = true, split_tail = true>} : () -> ()
  return
}

// -----

func.func @schedule_c9_split_k() {
  // expected-error @below {{schedule_c9: split_tail and split_k are two ways to divide tiles; choose one}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [256, 64, 64], warps = [8, 1], stages = 4, cluster = 2, split_k = 2, split_tail = true>} : () -> ()
  return
}

// -----

func.func @schedule_c11() {
  // expected-error @below {{schedule_c11: parts of a tile are in one cluster; split_k must divide cluster, but is 4}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [64, 64, 64], warps = [4, 1], stages = 4, cluster = 2, split_k = 4>} : () -> ()
  return
}

// -----

func.func @schedule_options() {
  // expected-error @below {{expected 'cluster', 'split_k', 'ping_pong' or 'split_tail'}}
  "test.op"() {a = #sparse24.schedule<wgmma_sp, tile = [128, 64, 64], warps = [8, 1], stages = 4, clusters = 2>} : () -> ()
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
  // expected-error @below {{allow_prune_c1: attribute 'sparse24.allow_prune' must be "magnitude" or "transposable" or "importance" or "wanda" or "none", but is "random"}}
  "test.op"() {sparse24.allow_prune = "random"} : () -> ()
  return
}

// -----

func.func @allow_prune_c1_type() {
  // expected-error @below {{allow_prune_c1: attribute 'sparse24.allow_prune' must be "magnitude" or "transposable" or "importance" or "wanda" or "none", but is unit}}
  "test.op"() {sparse24.allow_prune} : () -> ()
  return
}

// -----

func.func @scores_c1() {
  // expected-error @below {{scores_c1: attribute 'sparse24.scores' must be a tensor of f32}}
  "test.op"() {sparse24.scores = dense<1.0> : tensor<4xf64>} : () -> ()
  return
}

// -----

func.func @allow_precision_c1() {
  // expected-error @below {{allow_precision_c1: attribute 'sparse24.allow_precision' must be "bf16" or "f16" or "tf32" or "none", but is "f8E5M2"}}
  "test.op"() {sparse24.allow_precision = "f8E5M2"} : () -> ()
  return
}
