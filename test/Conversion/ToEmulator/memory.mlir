// Addresses and accesses.
// RUN: sparse24-opt %s --sparse24-convert-to-emulator | FileCheck %s

// CHECK: llvm.mlir.global internal constant @kernels_sites("
// CHECK-SAME: ld.global.v4.b32\00
// CHECK-SAME: st.shared.v2.b32\00
// CHECK-SAME: ld.b16\00
// CHECK-SAME: st.b64\00
// CHECK-SAME: ld.volatile.shared.b32\00
// CHECK-SAME: atom.relaxed.gpu.global.add.u32\00
// CHECK-SAME: atom.relaxed.cta.shared.cas.b32\00
gpu.module @kernels {
  // Static variables are at the window's start, each aligned; the dynamic one
  // follows at a multiple of 16.
  llvm.mlir.global internal @dynamic() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>
  llvm.mlir.global internal @bytes() {addr_space = 3 : i32} : !llvm.array<6 x i8>
  llvm.mlir.global internal @words() {addr_space = 3 : i32} : !llvm.array<3 x i32>
  llvm.mlir.global internal constant @table(dense<[1, 2]> : tensor<2xi32>) : !llvm.array<2 x i32>

  // CHECK-LABEL: llvm.func @spaces
  llvm.func @spaces(%generic: !llvm.ptr, %out: !llvm.ptr) attributes {nvvm.kernel} {
    // CHECK: %[[WORDS_AT:.*]] = llvm.mlir.constant(8 : i64)
    // CHECK: %[[WORDS:.*]] = llvm.inttoptr %[[WORDS_AT]] : i64 to !llvm.ptr<3>
    %words = llvm.mlir.addressof @words : !llvm.ptr<3>
    // CHECK: %[[DYNAMIC_AT:.*]] = llvm.mlir.constant(32 : i64)
    // CHECK: llvm.inttoptr %[[DYNAMIC_AT]] : i64 to !llvm.ptr<3>
    %dynamic = llvm.mlir.addressof @dynamic : !llvm.ptr<3>
    // CHECK: %[[OFFSET:.*]] = llvm.ptrtoint %[[WORDS]]
    // CHECK: %[[BIT:.*]] = llvm.mlir.constant(4611686018427387904 : i64)
    // CHECK: %[[SET:.*]] = llvm.or %[[OFFSET]], %[[BIT]]
    // CHECK: llvm.inttoptr %[[SET]] : i64 to !llvm.ptr
    %0 = llvm.addrspacecast %words : !llvm.ptr<3> to !llvm.ptr
    // CHECK: %[[ADDRESS:.*]] = llvm.ptrtoint %arg0
    // CHECK: %[[OTHERS:.*]] = llvm.mlir.constant(-4611686018427387905 : i64)
    // CHECK: %[[CLEARED:.*]] = llvm.and %[[ADDRESS]], %[[OTHERS]]
    // CHECK: llvm.inttoptr %[[CLEARED]] : i64 to !llvm.ptr<3>
    %1 = llvm.addrspacecast %generic : !llvm.ptr to !llvm.ptr<3>
    // CHECK: %[[SAME:.*]] = llvm.ptrtoint %arg0
    // CHECK: llvm.inttoptr %[[SAME]] : i64 to !llvm.ptr<1>
    %2 = llvm.addrspacecast %generic : !llvm.ptr to !llvm.ptr<1>
    %3 = llvm.load %2 {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xbf16>
    %4 = llvm.mlir.constant(dense<1.0> : vector<2xf32>) : vector<2xf32>
    llvm.store %4, %dynamic : vector<2xf32>, !llvm.ptr<3>
    %5 = llvm.load %0 : !llvm.ptr -> f16
    llvm.store %out, %out : !llvm.ptr, !llvm.ptr
    %6 = llvm.load volatile %1 : !llvm.ptr<3> -> i32
    %7 = llvm.atomicrmw add %2, %6 syncscope("device") monotonic : !llvm.ptr<1>, i32
    %8 = llvm.cmpxchg %1, %6, %7 syncscope("block") monotonic monotonic : !llvm.ptr<3>, i32
    llvm.return
  }

  // The thread's own memory, constants of the module and what is passed by value
  // are host memory.
  // CHECK-LABEL: llvm.func @own
  // CHECK-NOT: sparse24EmulatorExecute
  // CHECK: llvm.return
  llvm.func @own(%i: i64, %map: !llvm.ptr {llvm.byval = !llvm.array<16 x i64>}) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(4 : i32) : i32
    %slot = llvm.alloca %one x i32 : (i32) -> !llvm.ptr
    %element = llvm.getelementptr %slot[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i32
    %table = llvm.mlir.addressof @table : !llvm.ptr
    %0 = llvm.load %table : !llvm.ptr -> i32
    llvm.store %0, %element : i32, !llvm.ptr
    %1 = llvm.load %map : !llvm.ptr -> i64
    llvm.return
  }

  // An access with less alignment than its width is several.
  // CHECK-LABEL: llvm.func @unaligned
  // CHECK-COUNT-3: llvm.call @sparse24EmulatorExecute
  // CHECK-NOT: llvm.call @sparse24EmulatorExecute
  // CHECK: llvm.return
  llvm.func @unaligned(%p: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %0 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr<1> -> i64
    llvm.store %0, %p : i64, !llvm.ptr<1>
    llvm.return
  }

  // Functions of libdevice have those of libm instead.
  // CHECK: llvm.func @fmaf(f32, f32, f32) -> f32
  llvm.func @__nv_fmaf(f32, f32, f32) -> f32
  // CHECK-LABEL: llvm.func @math
  // CHECK: llvm.call @fmaf
  llvm.func @math(%a: f32) attributes {nvvm.kernel} {
    %0 = llvm.call @__nv_fmaf(%a, %a, %a) : (f32, f32, f32) -> f32
    llvm.return
  }
}
