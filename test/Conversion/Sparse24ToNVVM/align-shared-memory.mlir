// Shared memory of a size that the launch says, and no other, is aligned for swizzled operands.
// RUN: sparse24-opt %s "--pass-pipeline=builtin.module(gpu.module(sparse24-align-shared-memory))" | FileCheck %s

gpu.module @kernels {
  // CHECK: @dynamic() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  llvm.mlir.global internal @dynamic() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>
  // CHECK: @static() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<64 x i8>
  llvm.mlir.global internal @static() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<64 x i8>
  // CHECK: @elsewhere() {addr_space = 1 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>
  llvm.mlir.global internal @elsewhere() {addr_space = 1 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>
}
