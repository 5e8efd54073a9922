// Every operation in tensor and memref form: custom and generic round trip.
// RUN: sparse24-opt %s | sparse24-opt | FileCheck %s
// RUN: sparse24-opt %s --mlir-print-op-generic | sparse24-opt | FileCheck %s

// CHECK-LABEL: func @prune
func.func @prune(%w: tensor<4x30xbf16>, %init: tensor<4x30xbf16>, %a: memref<?x?xf8E5M2>, %b: memref<?x?xf8E5M2>) -> tensor<4x30xbf16> {
  // CHECK: sparse24.prune magnitude ins(%{{.*}} : tensor<4x30xbf16>) outs(%{{.*}} : tensor<4x30xbf16>) -> tensor<4x30xbf16>
  %0 = sparse24.prune magnitude ins(%w : tensor<4x30xbf16>) outs(%init : tensor<4x30xbf16>) -> tensor<4x30xbf16>
  // CHECK: sparse24.prune magnitude ins(%{{.*}} : memref<?x?xf8E5M2>) outs(%{{.*}} : memref<?x?xf8E5M2>){{$}}
  sparse24.prune magnitude ins(%a : memref<?x?xf8E5M2>) outs(%b : memref<?x?xf8E5M2>)
  return %0 : tensor<4x30xbf16>
}

// K = 30: a short last group. tf32 has pairs, so twice the metadata.
// CHECK-LABEL: func @compress
func.func @compress(%w: tensor<4x30xui8>, %v: tensor<4x16xui8>, %m: tensor<4x2xi16>,
                    %a: memref<4x30xf32, strided<[64, 1]>>, %b: memref<4x15xf32>, %c: memref<4x4xi16>)
    -> (tensor<4x16xui8>, tensor<4x2xi16>) {
  // CHECK: sparse24.compress ins(%{{.*}} : tensor<4x30xui8>) outs(%{{.*}}, %{{.*}} : tensor<4x16xui8>, tensor<4x2xi16>) -> tensor<4x16xui8>, tensor<4x2xi16>
  %0:2 = sparse24.compress ins(%w : tensor<4x30xui8>) outs(%v, %m : tensor<4x16xui8>, tensor<4x2xi16>) -> tensor<4x16xui8>, tensor<4x2xi16>
  // CHECK: sparse24.compress ins(%{{.*}} : memref<4x30xf32, strided<[64, 1]>>) outs(%{{.*}}, %{{.*}} : memref<4x15xf32>, memref<4x4xi16>){{$}}
  sparse24.compress ins(%a : memref<4x30xf32, strided<[64, 1]>>) outs(%b, %c : memref<4x15xf32>, memref<4x4xi16>)
  return %0#0, %0#1 : tensor<4x16xui8>, tensor<4x2xi16>
}

// CHECK-LABEL: func @scores
func.func @scores(%w: tensor<4x30xbf16>, %s: tensor<30xf32>, %init: tensor<4x30xbf16>, %v: tensor<4x16xbf16>,
                  %m: tensor<4x2xi16>, %a: memref<4x30xf32>, %b: memref<4x30xf32>)
    -> (tensor<4x30xbf16>, tensor<4x16xbf16>, tensor<4x2xi16>) {
  // CHECK: sparse24.prune wanda ins(%{{.*}}, %{{.*}} : tensor<4x30xbf16>, tensor<30xf32>) outs(%{{.*}} : tensor<4x30xbf16>) -> tensor<4x30xbf16>
  %0 = sparse24.prune wanda ins(%w, %s : tensor<4x30xbf16>, tensor<30xf32>) outs(%init : tensor<4x30xbf16>) -> tensor<4x30xbf16>
  // CHECK: sparse24.prune importance ins(%{{.*}}, %{{.*}} : memref<4x30xf32>, memref<4x30xf32>) outs(%{{.*}} : memref<4x30xf32>){{$}}
  sparse24.prune importance ins(%a, %a : memref<4x30xf32>, memref<4x30xf32>) outs(%b : memref<4x30xf32>)
  // CHECK: sparse24.compress ins(%{{.*}}, %{{.*}} : tensor<4x30xbf16>, tensor<30xf32>) outs(%{{.*}}, %{{.*}} : tensor<4x16xbf16>, tensor<4x2xi16>) prune = wanda -> tensor<4x16xbf16>, tensor<4x2xi16>
  %1:2 = sparse24.compress ins(%w, %s : tensor<4x30xbf16>, tensor<30xf32>) outs(%v, %m : tensor<4x16xbf16>, tensor<4x2xi16>)
           prune = wanda -> tensor<4x16xbf16>, tensor<4x2xi16>
  return %0, %1#0, %1#1 : tensor<4x30xbf16>, tensor<4x16xbf16>, tensor<4x2xi16>
}

// CHECK-LABEL: func @verify
func.func @verify(%w: tensor<4x30xf16>, %report: tensor<3xi64>, %v: memref<?x?xf32>, %m: memref<?x?xi16>, %r: memref<3xi64>)
    -> tensor<3xi64> {
  // CHECK: sparse24.verify ins(%{{.*}} : tensor<4x30xf16>) outs(%{{.*}} : tensor<3xi64>) -> tensor<3xi64>
  %0 = sparse24.verify ins(%w : tensor<4x30xf16>) outs(%report : tensor<3xi64>) -> tensor<3xi64>
  // CHECK: sparse24.verify ins(%{{.*}}, %{{.*}} : memref<?x?xf32>, memref<?x?xi16>) outs(%{{.*}} : memref<3xi64>){{$}}
  sparse24.verify ins(%v, %m : memref<?x?xf32>, memref<?x?xi16>) outs(%r : memref<3xi64>)
  return %0 : tensor<3xi64>
}

// CHECK-LABEL: func @decompress
func.func @decompress(%v: tensor<4x16xi8>, %m: tensor<4x2xi16>, %init: tensor<4x30xi8>,
                      %a: memref<?x?xf16>, %b: memref<?x?xi16>, %c: memref<?x?xf16>) -> tensor<4x30xi8> {
  // CHECK: sparse24.decompress ins(%{{.*}}, %{{.*}} : tensor<4x16xi8>, tensor<4x2xi16>) outs(%{{.*}} : tensor<4x30xi8>) -> tensor<4x30xi8>
  %0 = sparse24.decompress ins(%v, %m : tensor<4x16xi8>, tensor<4x2xi16>) outs(%init : tensor<4x30xi8>) -> tensor<4x30xi8>
  // CHECK: sparse24.decompress ins(%{{.*}}, %{{.*}} : memref<?x?xf16>, memref<?x?xi16>) outs(%{{.*}} : memref<?x?xf16>){{$}}
  sparse24.decompress ins(%a, %b : memref<?x?xf16>, memref<?x?xi16>) outs(%c : memref<?x?xf16>)
  return %0 : tensor<4x30xi8>
}

// CHECK-LABEL: func @pack
func.func @pack(%v: tensor<4x16xf8E4M3FN>, %m: tensor<4x2xi16>, %init: tensor<1280xi8>,
                %a: memref<4x16xf32>, %b: memref<4x4xi16>, %c: memref<?xi8>) -> tensor<1280xi8> {
  // CHECK: sparse24.pack #sparse24.layout<mma_sp, f8E4M3FN, rows = 4, k = 30> ins(%{{.*}}, %{{.*}} : tensor<4x16xf8E4M3FN>, tensor<4x2xi16>) outs(%{{.*}} : tensor<1280xi8>) -> tensor<1280xi8>
  %0 = sparse24.pack #sparse24.layout<mma_sp, f8E4M3FN, rows = 4, k = 30>
         ins(%v, %m : tensor<4x16xf8E4M3FN>, tensor<4x2xi16>) outs(%init : tensor<1280xi8>) -> tensor<1280xi8>
  // CHECK: sparse24.pack #sparse24.layout<mma_sp, f32, rows = 4, k = 32> ins(%{{.*}}, %{{.*}} : memref<4x16xf32>, memref<4x4xi16>) outs(%{{.*}} : memref<?xi8>){{$}}
  sparse24.pack #sparse24.layout<mma_sp, f32, rows = 4, k = 32>
    ins(%a, %b : memref<4x16xf32>, memref<4x4xi16>) outs(%c : memref<?xi8>)
  return %0 : tensor<1280xi8>
}

// CHECK-LABEL: func @resident_clusters
func.func @resident_clusters() -> index {
  // CHECK: sparse24.resident_clusters @kernels::@gemm cluster = 2, threads = 384, shared_memory = 1024 {test.note} : index
  %0 = sparse24.resident_clusters @kernels::@gemm cluster = 2, threads = 384, shared_memory = 1024 {test.note} : index
  return %0 : index
}

// CHECK-LABEL: func @weight
func.func @weight() {
  // CHECK: sparse24.weight "w" : tensor<1152xi8> layout = #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>
  %0 = sparse24.weight "w" : tensor<1152xi8> layout = #sparse24.layout<mma_sp, bf16, rows = 4, k = 32>
  // CHECK: sparse24.weight "b" {test.note} : memref<4x2xf64>{{$}}
  %1 = sparse24.weight "b" {test.note} : memref<4x2xf64>
  return
}

// CHECK-LABEL: func @attributes
// CHECK-SAME: test.target = #sparse24.target<"sm_90a">
func.func @attributes() attributes {test.target = #sparse24.target<"sm_90a">, sparse24.allow_prune = "magnitude",
                                    sparse24.allow_precision = "tf32"} {
  return
}

// CHECK-LABEL: func @matmul
func.func @matmul(%values: tensor<64x48xbf16>, %metadata: tensor<64x6xi16>,
                  %dense: tensor<96x?xbf16>, %init: tensor<64x?xbf16>) -> tensor<64x?xbf16> {
  // CHECK: sparse24.matmul lhs ins(%{{.*}}, %{{.*}} : tensor<64x48xbf16>, tensor<64x6xi16>) dense(%{{.*}} : tensor<96x?xbf16>)
  // CHECK-SAME: outs(%{{.*}} : tensor<64x?xbf16>) k = 96 acc = f32 -> tensor<64x?xbf16>
  %0 = sparse24.matmul lhs ins(%values, %metadata : tensor<64x48xbf16>, tensor<64x6xi16>)
         dense(%dense : tensor<96x?xbf16>) outs(%init : tensor<64x?xbf16>) k = 96 acc = f32 -> tensor<64x?xbf16>
  return %0 : tensor<64x?xbf16>
}

// CHECK-LABEL: func @matmul_everything
func.func @matmul_everything(%packed: tensor<9216xi8>, %dense: tensor<96x?xbf16>,
                             %init: tensor<?x64xf32>, %bias: tensor<64xf32>,
                             %scale: tensor<f32>) -> tensor<?x64xf32> {
  // CHECK: sparse24.matmul rhs ins(%{{.*}} : tensor<9216xi8>) dense(%{{.*}} : tensor<96x?xbf16>)
  // CHECK-SAME: outs(%{{.*}} : tensor<?x64xf32>) k = 96 acc = f32 accumulate transpose_dense
  // CHECK-SAME: layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
  // CHECK-SAME: schedule = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [2, 2], stages = 3>
  // CHECK-SAME: attributes {test.note}
  // CHECK-SAME: epilogue(%{{.*}}, %{{.*}} : tensor<64xf32>, tensor<f32>) maps = [#{{.*}}, #{{.*}}] {
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[BIAS:.*]]: f32, %[[SCALE:.*]]: f32):
  // CHECK: sparse24.yield %{{.*}} : f32
  // CHECK: } -> tensor<?x64xf32>
  %0 = sparse24.matmul rhs ins(%packed : tensor<9216xi8>) dense(%dense : tensor<96x?xbf16>)
         outs(%init : tensor<?x64xf32>) k = 96 acc = f32 accumulate transpose_dense
         layout = #sparse24.layout<mma_sp, bf16, rows = 64, k = 96>
         schedule = #sparse24.schedule<mma_sp, tile = [64, 64, 64], warps = [2, 2], stages = 3>
         attributes {test.note}
         epilogue(%bias, %scale : tensor<64xf32>, tensor<f32>)
           maps = [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> ()>] {
         ^bb0(%acc: f32, %b: f32, %s: f32):
           %1 = arith.mulf %acc, %s : f32
           %2 = arith.addf %1, %b : f32
           sparse24.yield %2 : f32
         } -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// CHECK-LABEL: func @matmul_wgmma_sp
func.func @matmul_wgmma_sp(%packed: tensor<9216xi8>, %dense: tensor<96x?xbf16>, %init: tensor<64x?xbf16>)
    -> (tensor<64x?xbf16>, tensor<64x?xbf16>, tensor<64x?xbf16>) {
  // CHECK: layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 96>
  // CHECK-SAME: schedule = #sparse24.schedule<wgmma_sp, tile = [256, 192, 64], warps = [8, 1], stages = 4, cluster = 4, split_k = 2>
  %0 = sparse24.matmul lhs ins(%packed : tensor<9216xi8>) dense(%dense : tensor<96x?xbf16>)
         outs(%init : tensor<64x?xbf16>) k = 96 acc = f32
         layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 96>
         schedule = #sparse24.schedule<wgmma_sp, tile = [256, 192, 64], warps = [8, 1], stages = 4, ping_pong = false,
                                       split_k = 2, cluster = 4> -> tensor<64x?xbf16>
  // CHECK: schedule = #sparse24.schedule<wgmma_sp, tile = [128, 8, 64], warps = [4, 1], stages = 2, split_tail = true>
  %1 = sparse24.matmul lhs ins(%packed : tensor<9216xi8>) dense(%dense : tensor<96x?xbf16>)
         outs(%init : tensor<64x?xbf16>) k = 96 acc = f32
         layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 96>
         schedule = #sparse24.schedule<wgmma_sp, tile = [128, 8, 64], warps = [4, 1], stages = 2, cluster = 1,
                                       split_tail = true> -> tensor<64x?xbf16>
  // CHECK: schedule = #sparse24.schedule<wgmma_sp, tile = [128, 8, 64], warps = [4, 1], stages = 2, ping_pong = true>
  %2 = sparse24.matmul lhs ins(%packed : tensor<9216xi8>) dense(%dense : tensor<96x?xbf16>)
         outs(%init : tensor<64x?xbf16>) k = 96 acc = f32
         layout = #sparse24.layout<wgmma_sp, bf16, rows = 64, k = 96>
         schedule = #sparse24.schedule<wgmma_sp, tile = [128, 8, 64], warps = [4, 1], stages = 2, ping_pong = true> -> tensor<64x?xbf16>
  return %0, %1, %2 : tensor<64x?xbf16>, tensor<64x?xbf16>, tensor<64x?xbf16>
}

// CHECK-LABEL: func @matmul_integer
func.func @matmul_integer(%v: tensor<64x48xui8>, %m: tensor<64x6xi16>, %x: tensor<32x96xui8>, %init: tensor<64x32xi32>,
                          %zeros: tensor<32xi8>) -> (tensor<64x32xi32>, tensor<64x32xi32>) {
  // CHECK: sparse24.matmul lhs {{.*}} k = 96 acc = i32 accumulate transpose_dense -> tensor<64x32xi32>
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xui8>, tensor<64x6xi16>) dense(%x : tensor<32x96xui8>)
    outs(%init : tensor<64x32xi32>) k = 96 acc = i32 accumulate transpose_dense -> tensor<64x32xi32>
  // CHECK: maps = [#{{.*}}] {
  // CHECK: ^bb0(%{{.*}}: i32, %{{.*}}: i8):
  %1 = sparse24.matmul lhs ins(%v, %m : tensor<64x48xui8>, tensor<64x6xi16>) dense(%x : tensor<32x96xui8>)
    outs(%init : tensor<64x32xi32>) k = 96 acc = i32 transpose_dense
    epilogue(%zeros : tensor<32xi8>) maps = [affine_map<(m, n) -> (n)>] {
    ^bb0(%acc: i32, %z: i8):
      %2 = arith.extsi %z : i8 to i32
      %3 = arith.subi %acc, %2 : i32
      sparse24.yield %3 : i32
    } -> tensor<64x32xi32>
  return %0, %1 : tensor<64x32xi32>, tensor<64x32xi32>
}

// As memrefs; the operand of the epilogue is read transposed.
// CHECK-LABEL: func @matmul_memref
func.func @matmul_memref(%v: memref<?x?xf16>, %m: memref<?x?xi16>, %x: memref<?x96xf16>, %d: memref<?x?xf16>,
                         %residual: memref<?x?xf16, strided<[?, ?]>>) {
  // CHECK: sparse24.matmul rhs ins(%{{.*}}, %{{.*}} : memref<?x?xf16>, memref<?x?xi16>) dense(%{{.*}} : memref<?x96xf16>)
  // CHECK-SAME: outs(%{{.*}} : memref<?x?xf16>) k = 96 acc = f32 epilogue(%{{.*}} : memref<?x?xf16, strided<[?, ?]>>)
  // CHECK: }{{$}}
  sparse24.matmul rhs ins(%v, %m : memref<?x?xf16>, memref<?x?xi16>) dense(%x : memref<?x96xf16>)
    outs(%d : memref<?x?xf16>) k = 96 acc = f32
    epilogue(%residual : memref<?x?xf16, strided<[?, ?]>>) maps = [affine_map<(m, n) -> (n, m)>] {
    ^bb0(%acc: f32, %r: f16):
      %0 = arith.truncf %acc : f32 to f16
      %1 = arith.addf %0, %r : f16
      sparse24.yield %1 : f16
    }
  return
}
