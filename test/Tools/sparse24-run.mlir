// RUN: not sparse24-run %s 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not sparse24-run %s --entry=absent 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not sparse24-run %s --entry=no_interface 2>&1 | FileCheck %s --check-prefix=NO-INTERFACE
// RUN: not sparse24-run %s --entry=fill 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: not sparse24-run %s --entry=fill --output=%t.npy 2>&1 | FileCheck %s --check-prefix=OUTPUT
// RUN: not sparse24-run %s --entry=fill --output=%t.npy:4xf7 2>&1 | FileCheck %s --check-prefix=OUTPUT
// RUN: not sparse24-run %s --entry=fill --input=%s 2>&1 | FileCheck %s --check-prefix=INPUT
// RUN: echo "--entry=fill --wrong=1" > %t.txt
// RUN: not sparse24-run %s --batch=%t.txt 2>&1 | FileCheck %s --check-prefix=BATCH
// RUN: sparse24-run %s --entry=fill --output=%t.npy:2xf32 | FileCheck %s --check-prefix=RESULT
// RUN: od -A n -t x1 -j 128 %t.npy | FileCheck %s --check-prefix=DATA

// NOTHING: error: nothing to run: give --entry or --batch
// ABSENT: error: the module has no function 'absent' with a C interface
// NO-INTERFACE: error: the module has no function 'no_interface' with a C interface
// COUNT: error: 'fill' takes 1 arrays (inputs, then outputs), but 0 were given
// OUTPUT: error: bad output {{.*}}: write file.npy:<shape>x<element type>
// INPUT: error: {{.*}}: not an .npy file
// BATCH: error: {{.*}} line 1: unknown option '--wrong=1'
// RESULT: {{^fill[[:space:]][0-9.]+$}}

// Only the first of two elements is written: the other keeps its poison.
// DATA: 00 00 80 3f ff ff ff ff

llvm.func @no_interface() {
  llvm.return
}

llvm.func @_mlir_ciface_fill(%descriptor: !llvm.ptr) {
  %one = llvm.mlir.constant(1.0 : f32) : f32
  %slot = llvm.getelementptr %descriptor[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, i64)>
  %data = llvm.load %slot : !llvm.ptr -> !llvm.ptr
  llvm.store %one, %data : f32, !llvm.ptr
  llvm.return
}
