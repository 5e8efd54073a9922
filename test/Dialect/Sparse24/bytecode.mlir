// Bytecode holds all that the text does.
// RUN: sparse24-opt %S/ops.mlir -o %t.mlir
// RUN: sparse24-opt %S/ops.mlir --emit-bytecode -o %t.mlirbc
// RUN: sparse24-opt %t.mlirbc -o %t.read.mlir
// RUN: diff %t.mlir %t.read.mlir
