// From a constant weight to a launch: the compiler packs the weight into the
// weight file, and the compiled function, run on a driver that records what it is
// asked, accepts the file and launches a kernel on the packed bytes.

// RUN: sparse24-opt %s "--sparse24-pipeline=target=sm_80 format=isa weights-file=%t.weights" -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: mlir-translate --mlir-to-llvmir %t.mlir -o %t.ll
// RUN: llc -O2 -relocation-model=pic -filetype=obj %t.ll -o %t.o
// RUN: %cxx -std=c++17 -I%sparse24_include_dir -I%S/../FakeCuda %S/Inputs/gpu-artifact.cpp %t.o \
// RUN:   %sparse24_support_archive -L%sparse24_runtime_dir -lsparse24_runtime \
// RUN:   -Wl,-rpath,%sparse24_runtime_dir -ldl -lpthread -o %t.exe
// RUN: env SPARSE24_LIBCUDA=%sparse24_fake_cuda %t.exe %t.weights

// The PTX, once, and neither the weight nor upstream's GPU runtime.
// CHECK: llvm.mlir.global internal constant @{{.*}}_image("{{.*}}.target sm_80{{.*}}mma.sp::ordered_metadata
// CHECK-NOT: _image(
// CHECK-NOT: mgpu

func.func @layer(%x: tensor<?x64xbf16>) -> tensor<?x32xbf16> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x64xbf16>
  %dense = arith.constant dense<1.5> : tensor<32x64xbf16>
  %we = tensor.empty() : tensor<32x64xbf16>
  %w = sparse24.prune magnitude ins(%dense : tensor<32x64xbf16>) outs(%we : tensor<32x64xbf16>) -> tensor<32x64xbf16>
  %ve = tensor.empty() : tensor<32x32xbf16>
  %me = tensor.empty() : tensor<32x4xi16>
  %v, %m = sparse24.compress ins(%w : tensor<32x64xbf16>)
    outs(%ve, %me : tensor<32x32xbf16>, tensor<32x4xi16>) -> tensor<32x32xbf16>, tensor<32x4xi16>
  %pe = tensor.empty() : tensor<2304xi8>
  %packed = sparse24.pack #sparse24.layout<mma_sp, bf16, rows = 32, k = 64> ins(%v, %m : tensor<32x32xbf16>, tensor<32x4xi16>)
    outs(%pe : tensor<2304xi8>) -> tensor<2304xi8>
  %init = tensor.empty(%n) : tensor<?x32xbf16>
  %d = sparse24.matmul rhs ins(%packed : tensor<2304xi8>)
    dense(%x : tensor<?x64xbf16>) outs(%init : tensor<?x32xbf16>) k = 64 acc = f32
    layout = #sparse24.layout<mma_sp, bf16, rows = 32, k = 64>
    schedule = #sparse24.schedule<mma_sp, tile = [64, 32, 64], warps = [2, 2], stages = 4> -> tensor<?x32xbf16>
  return %d : tensor<?x32xbf16>
}
