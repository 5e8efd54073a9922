// Of a dense operand whose columns fill no tile nothing is copied from beyond it,
// which would be slow on a card: neither by a CTA that has a part of a tile's share,
// nor by one that has none of it. (The sparse operand and K do fill tiles.)

// RUN: sparse24-opt %s --remarks-filter= --sparse24-pipeline="target=sm_90a format=llvm" -o %t.mlir
// RUN: sparse24-emulate %t.mlir --entry=weight --output=%t.w.npy:18432xi8
// RUN: sparse24-emulate %t.mlir --entry=ones_by_rows --output=%t.x72.npy:72x128xbf16
// RUN: sparse24-emulate %t.mlir --entry=by_rows --input=%t.w.npy --input=%t.x72.npy --output=%t.y.npy:72x128xf32 --statistics | FileCheck %s --check-prefixes=MULTI,CHECK
// RUN: sparse24-emulate %t.mlir --entry=ones_by_columns --output=%t.x.npy:128x40xbf16
// RUN: sparse24-emulate %t.mlir --entry=by_columns --input=%t.w.npy --input=%t.x.npy --output=%t.y.npy:128x40xf32 --statistics | FileCheck %s --check-prefixes=MULTI,CHECK
// RUN: sparse24-emulate %t.mlir --entry=by_parts --input=%t.w.npy --input=%t.x72.npy --output=%t.y.npy:72x128xf32 --statistics | FileCheck %s --check-prefixes=ALONE,CHECK
// MULTI: cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster
// ALONE-NOT: multicast
// CHECK: tensor copies: {{[1-9][0-9]*}} rows of boxes, 0 of them beyond the tensor

func.func @weight() -> tensor<18432xi8> {
  %ones = arith.constant dense<1.0> : tensor<128x128xbf16>
  %pruned_init = tensor.empty() : tensor<128x128xbf16>
  %pruned = sparse24.prune magnitude ins(%ones : tensor<128x128xbf16>) outs(%pruned_init : tensor<128x128xbf16>) -> tensor<128x128xbf16>
  %values_init = tensor.empty() : tensor<128x64xbf16>
  %metadata_init = tensor.empty() : tensor<128x8xi16>
  %values, %metadata = sparse24.compress ins(%pruned : tensor<128x128xbf16>)
    outs(%values_init, %metadata_init : tensor<128x64xbf16>, tensor<128x8xi16>) -> tensor<128x64xbf16>, tensor<128x8xi16>
  %w_init = tensor.empty() : tensor<18432xi8>
  %w = sparse24.pack #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    ins(%values, %metadata : tensor<128x64xbf16>, tensor<128x8xi16>) outs(%w_init : tensor<18432xi8>) -> tensor<18432xi8>
  return %w : tensor<18432xi8>
}

func.func @ones_by_rows() -> tensor<72x128xbf16> {
  %one = arith.constant 1.0 : bf16
  %empty = tensor.empty() : tensor<72x128xbf16>
  %0 = linalg.fill ins(%one : bf16) outs(%empty : tensor<72x128xbf16>) -> tensor<72x128xbf16>
  return %0 : tensor<72x128xbf16>
}

func.func @ones_by_columns() -> tensor<128x40xbf16> {
  %one = arith.constant 1.0 : bf16
  %empty = tensor.empty() : tensor<128x40xbf16>
  %0 = linalg.fill ins(%one : bf16) outs(%empty : tensor<128x40xbf16>) -> tensor<128x40xbf16>
  return %0 : tensor<128x40xbf16>
}

// Of the second tile's 64 columns there are 8, all of the first CTA's share.
func.func @by_rows(%w: tensor<18432xi8>, %x: tensor<72x128xbf16>) -> tensor<72x128xf32> {
  %empty = tensor.empty() : tensor<72x128xf32>
  %0 = sparse24.matmul rhs ins(%w : tensor<18432xi8>) dense(%x : tensor<72x128xbf16>) outs(%empty : tensor<72x128xf32>)
    k = 128 acc = f32 layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 64, 64], warps = [4, 1], stages = 3, cluster = 2>
    -> tensor<72x128xf32>
  return %0 : tensor<72x128xf32>
}

// CTAs with parts of K share nothing.
func.func @by_parts(%w: tensor<18432xi8>, %x: tensor<72x128xbf16>) -> tensor<72x128xf32> {
  %empty = tensor.empty() : tensor<72x128xf32>
  %0 = sparse24.matmul rhs ins(%w : tensor<18432xi8>) dense(%x : tensor<72x128xbf16>) outs(%empty : tensor<72x128xf32>)
    k = 128 acc = f32 layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 64, 64], warps = [4, 1], stages = 3, cluster = 2, split_k = 2>
    -> tensor<72x128xf32>
  return %0 : tensor<72x128xf32>
}

// A tile has two chunks of 64 columns, of which the matrix doesn't reach the second.
func.func @by_columns(%w: tensor<18432xi8>, %x: tensor<128x40xbf16>) -> tensor<128x40xf32> {
  %empty = tensor.empty() : tensor<128x40xf32>
  %0 = sparse24.matmul lhs ins(%w : tensor<18432xi8>) dense(%x : tensor<128x40xbf16>) outs(%empty : tensor<128x40xf32>)
    k = 128 acc = f32 layout = #sparse24.layout<wgmma_sp, bf16, rows = 128, k = 128>
    schedule = #sparse24.schedule<wgmma_sp, tile = [64, 128, 64], warps = [4, 1], stages = 3, cluster = 2>
    -> tensor<128x40xf32>
  return %0 : tensor<128x40xf32>
}
