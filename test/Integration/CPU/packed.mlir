// Packing at run time and products of packed operands, against products of values
// and metadata. Both sum in the same order, so that results are equal. 18 rows and
// K = 140 fill no block.

// RUN: sed -e 's/FAMILY/mma_sp/g; s/TYPE/bf16/g; s/WORDS/9/g; s/BYTES/6912/g; s/ACC/f32/g; s/ZERO/0.0/; s/CONVERT/arith.sitofp/; s/CMP/arith.cmpf une/' %s | sparse24-opt --sparse24-pipeline="target=cpu" | mlir-runner -O2 -e main -entry-point-result=void -shared-libs=%mlir_lib_dir/libmlir_c_runner_utils.so | FileCheck %s
// RUN: sed -e 's/FAMILY/mma_sp/g; s/TYPE/f32/g; s/WORDS/18/g; s/BYTES/11520/g; s/ACC/f32/g; s/ZERO/0.0/; s/CONVERT/arith.sitofp/; s/CMP/arith.cmpf une/' %s | sparse24-opt --sparse24-pipeline="target=cpu" | mlir-runner -O2 -e main -entry-point-result=void -shared-libs=%mlir_lib_dir/libmlir_c_runner_utils.so | FileCheck %s
// RUN: sed -e 's/FAMILY/mma_sp/g; s/TYPE/i8/g; s/WORDS/9/g; s/BYTES/5120/g; s/ACC/i32/g; s/ZERO/0/; s/CONVERT/arith.trunci/; s/CMP/arith.cmpi ne/' %s | sparse24-opt --sparse24-pipeline="target=cpu" | mlir-runner -O2 -e main -entry-point-result=void -shared-libs=%mlir_lib_dir/libmlir_c_runner_utils.so | FileCheck %s
// RUN: sed -e 's/FAMILY/wgmma_sp/g; s/TYPE/bf16/g; s/WORDS/9/g; s/BYTES/13824/g; s/ACC/f32/g; s/ZERO/0.0/; s/CONVERT/arith.sitofp/; s/CMP/arith.cmpf une/' %s | sparse24-opt --sparse24-pipeline="target=cpu" | mlir-runner -O2 -e main -entry-point-result=void -shared-libs=%mlir_lib_dir/libmlir_c_runner_utils.so | FileCheck %s
// RUN: sed -e 's/FAMILY/wgmma_sp/g; s/TYPE/f32/g; s/WORDS/18/g; s/BYTES/23040/g; s/ACC/f32/g; s/ZERO/0.0/; s/CONVERT/arith.sitofp/; s/CMP/arith.cmpf une/' %s | sparse24-opt --sparse24-pipeline="target=cpu" | mlir-runner -O2 -e main -entry-point-result=void -shared-libs=%mlir_lib_dir/libmlir_c_runner_utils.so | FileCheck %s
// RUN: sed -e 's/FAMILY/wgmma_sp/g; s/TYPE/i8/g; s/WORDS/9/g; s/BYTES/10240/g; s/ACC/i32/g; s/ZERO/0/; s/CONVERT/arith.trunci/; s/CMP/arith.cmpi ne/' %s | sparse24-opt --sparse24-pipeline="target=cpu" | mlir-runner -O2 -e main -entry-point-result=void -shared-libs=%mlir_lib_dir/libmlir_c_runner_utils.so | FileCheck %s

func.func private @printI64(i64)
func.func private @printNewline()

#id = affine_map<(d0, d1) -> (d0, d1)>
#none = affine_map<(d0, d1) -> ()>

// (31 i + 17 j + seed) mod 29 − 14
func.func private @data(%init: tensor<?x?xTYPE>, %seed: index) -> tensor<?x?xTYPE> {
  %0 = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%init : tensor<?x?xTYPE>) {
  ^bb0(%out: TYPE):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %c31 = arith.constant 31 : index
    %c17 = arith.constant 17 : index
    %c29 = arith.constant 29 : index
    %c14 = arith.constant 14 : i32
    %1 = arith.muli %i, %c31 : index
    %2 = arith.muli %j, %c17 : index
    %3 = arith.addi %1, %2 : index
    %4 = arith.addi %3, %seed : index
    %5 = arith.remui %4, %c29 : index
    %6 = arith.index_cast %5 : index to i32
    %7 = arith.subi %6, %c14 : i32
    %8 = CONVERT %7 : i32 to TYPE
    linalg.yield %8 : TYPE
  } -> tensor<?x?xTYPE>
  return %0 : tensor<?x?xTYPE>
}

// Prints how many elements differ, and how many are not zero.
func.func private @report(%a: tensor<18x5xACC>, %b: tensor<18x5xACC>) {
  %init = arith.constant dense<0> : tensor<i64>
  %0 = linalg.generic {indexing_maps = [#id, #id, #none], iterator_types = ["reduction", "reduction"]}
      ins(%a, %b : tensor<18x5xACC>, tensor<18x5xACC>) outs(%init : tensor<i64>) {
  ^bb0(%x: ACC, %y: ACC, %count: i64):
    %1 = CMP, %x, %y : ACC
    %2 = arith.extui %1 : i1 to i64
    %3 = arith.addi %2, %count : i64
    linalg.yield %3 : i64
  } -> tensor<i64>
  %n = tensor.extract %0[] : tensor<i64>
  func.call @printI64(%n) : (i64) -> ()
  func.call @printNewline() : () -> ()
  return
}

func.func @main() {
  %c3 = arith.constant 3 : index
  %c5 = arith.constant 5 : index
  %c18 = arith.constant 18 : index
  %c140 = arith.constant 140 : index
  %ew = tensor.empty(%c18, %c140) : tensor<?x?xTYPE>
  %w0 = func.call @data(%ew, %c3) : (tensor<?x?xTYPE>, index) -> tensor<?x?xTYPE>
  %w1 = tensor.cast %w0 : tensor<?x?xTYPE> to tensor<18x140xTYPE>
  %ex = tensor.empty(%c140, %c5) : tensor<?x?xTYPE>
  %x0 = func.call @data(%ex, %c5) : (tensor<?x?xTYPE>, index) -> tensor<?x?xTYPE>
  %x = tensor.cast %x0 : tensor<?x?xTYPE> to tensor<140x5xTYPE>

  %ep = tensor.empty() : tensor<18x140xTYPE>
  %w = sparse24.prune magnitude ins(%w1 : tensor<18x140xTYPE>) outs(%ep : tensor<18x140xTYPE>) -> tensor<18x140xTYPE>
  %ev = tensor.empty() : tensor<18x70xTYPE>
  %em = tensor.empty() : tensor<18xWORDSxi16>
  %v, %m = sparse24.compress ins(%w : tensor<18x140xTYPE>) outs(%ev, %em : tensor<18x70xTYPE>, tensor<18xWORDSxi16>)
      -> tensor<18x70xTYPE>, tensor<18xWORDSxi16>
  %eb = tensor.empty() : tensor<BYTESxi8>
  %p = sparse24.pack #sparse24.layout<FAMILY, TYPE, rows = 18, k = 140>
      ins(%v, %m : tensor<18x70xTYPE>, tensor<18xWORDSxi16>) outs(%eb : tensor<BYTESxi8>) -> tensor<BYTESxi8>

  %ed = tensor.empty() : tensor<18x5xACC>
  %0 = sparse24.matmul lhs ins(%v, %m : tensor<18x70xTYPE>, tensor<18xWORDSxi16>) dense(%x : tensor<140x5xTYPE>)
      outs(%ed : tensor<18x5xACC>) k = 140 acc = ACC -> tensor<18x5xACC>
  %1 = sparse24.matmul lhs ins(%p : tensor<BYTESxi8>) dense(%x : tensor<140x5xTYPE>)
      outs(%ed : tensor<18x5xACC>) k = 140 acc = ACC layout = #sparse24.layout<FAMILY, TYPE, rows = 18, k = 140> -> tensor<18x5xACC>
  // CHECK: {{^}}0{{$}}
  func.call @report(%0, %1) : (tensor<18x5xACC>, tensor<18x5xACC>) -> ()

  // Decompressing gives the pruned weight: a dense product of it is the same.
  %ez = tensor.empty() : tensor<18x140xTYPE>
  %d = sparse24.decompress ins(%v, %m : tensor<18x70xTYPE>, tensor<18xWORDSxi16>) outs(%ez : tensor<18x140xTYPE>) -> tensor<18x140xTYPE>
  %v2, %m2 = sparse24.compress ins(%d : tensor<18x140xTYPE>) outs(%ev, %em : tensor<18x70xTYPE>, tensor<18xWORDSxi16>)
      -> tensor<18x70xTYPE>, tensor<18xWORDSxi16>
  %2 = sparse24.matmul lhs ins(%v2, %m2 : tensor<18x70xTYPE>, tensor<18xWORDSxi16>) dense(%x : tensor<140x5xTYPE>)
      outs(%ed : tensor<18x5xACC>) k = 140 acc = ACC -> tensor<18x5xACC>
  // CHECK-NEXT: {{^}}0{{$}}
  func.call @report(%0, %2) : (tensor<18x5xACC>, tensor<18x5xACC>) -> ()

  // Something was computed: against zeros, most elements differ.
  %zeros = arith.constant dense<ZERO> : tensor<18x5xACC>
  // CHECK-NEXT: {{^[1-9][0-9]?$}}
  func.call @report(%0, %zeros) : (tensor<18x5xACC>, tensor<18x5xACC>) -> ()
  return
}
