// Fills become calls, also in programs that launch nothing.
// RUN: sparse24-opt %s --sparse24-convert-to-emulator | FileCheck %s --implicit-check-not=gpu.

// CHECK-LABEL: func.func @flags(
// CHECK-SAME:    %[[BYTES:.*]]: index, %[[COUNT:.*]]: index, %[[VALUE:.*]]: i32)
func.func @flags(%bytes: index, %count: index, %value: i32) {
  %c16 = arith.constant 16 : index
  // CHECK: llvm.call @sparse24EmulatorAllocate(
  %temporary = memref.alloc(%bytes) : memref<?xi8>
  // CHECK: %[[FLAGS:.*]] = memref.view %{{.*}}[%{{.*}}][%[[COUNT]]]
  %flags = memref.view %temporary[%c16][%count] : memref<?xi8> to memref<?xi32>
  // CHECK: %[[FIELDS:.*]] = builtin.unrealized_conversion_cast %[[FLAGS]]
  // CHECK: %[[SIZE:.*]] = llvm.extractvalue %[[FIELDS]][3, 0]
  // CHECK: %[[WORDS:.*]] = arith.muli %{{.*}}, %[[SIZE]]
  // CHECK: %[[BEGIN:.*]] = llvm.extractvalue %[[FIELDS]][1]
  // CHECK: llvm.call @sparse24EmulatorMemset32(%[[BEGIN]], %[[VALUE]], %[[WORDS]])
  gpu.memset %flags, %value : memref<?xi32>, i32
  // CHECK: llvm.call @sparse24EmulatorFree
  memref.dealloc %temporary : memref<?xi8>
  return
}

// Like launches they have happened when they return.
// CHECK-LABEL: func.func @asynchronous(
// CHECK:         %[[BITS:.*]] = arith.bitcast %{{.*}} : f32 to i32
// CHECK:         llvm.call @sparse24EmulatorMemset32(%{{.*}}, %[[BITS]], %c32_i64)
func.func @asynchronous(%x: memref<4x8xf32>, %value: f32) {
  %0 = gpu.memset async %x, %value : memref<4x8xf32>, f32
  gpu.wait [%0]
  return
}
