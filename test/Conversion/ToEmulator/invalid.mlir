// RUN: sparse24-opt %s --sparse24-convert-to-emulator -split-input-file -verify-diagnostics

gpu.module @not_lowered {
  // expected-error @+1 {{must be lowered to the LLVM dialect first}}
  gpu.func @kernel() kernel {
    gpu.return
  }
}

// -----

gpu.module @unknown {
  llvm.func @kernel(%a: vector<4xi8>, %b: i32) attributes {nvvm.kernel} {
    // expected-error @+1 {{isn't known to the emulator}}
    %0 = nvvm.dot.accumulate.4way %a <signed>, %a <signed>, %b : vector<4xi8>, vector<4xi8>
    llvm.return
  }
}

// -----

gpu.module @branches {
  llvm.func @kernel(%a: i32) attributes {nvvm.kernel} {
    // expected-error @+1 {{isn't known to the emulator: it branches}}
    llvm.inline_asm has_side_effects asm_dialect = att "bra.uni done;", "" : () -> ()
    llvm.return
  }
}

// -----

gpu.module @malformed {
  llvm.func @kernel(%a: i32) attributes {nvvm.kernel} {
    // expected-error @+1 {{expected ']' before ''}}
    llvm.inline_asm has_side_effects asm_dialect = att "st.shared.b32 [$0, $0;", "r" %a : (i32) -> ()
    llvm.return
  }
}

// -----

gpu.module @aggregate {
  llvm.func @kernel(%p: !llvm.ptr<1>) attributes {nvvm.kernel} {
    // expected-error @+1 {{accesses an aggregate}}
    %0 = llvm.load %p : !llvm.ptr<1> -> !llvm.array<2 x i32>
    llvm.return
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.binary @kernels [#gpu.object<#nvvm.target, assembly = "">]
  func.func @launches(%n: index) {
    // expected-error @+1 {{which isn't a kernel in a 'gpu.module' of this module}}
    gpu.launch_func @kernels::@kernel blocks in (%n, %n, %n) threads in (%n, %n, %n)
    return
  }
}

// -----

!map = !nvgpu.tensormap.descriptor<tensor = memref<8x64xbf16, 3>, swizzle = none, l2promo = none, oob = zero, interleave = none>
module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @kernel(%map: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
      llvm.return
    }
  }
  func.func @unranked(%x: memref<*xbf16>) {
    %c8 = arith.constant 8 : index
    // expected-error @+1 {{needs a cast of a ranked memref, whose sizes and strides it takes}}
    %0 = nvgpu.tma.create.descriptor %x box[%c8, %c8] : memref<*xbf16> -> !map
    gpu.launch_func @kernels::@kernel blocks in (%c8, %c8, %c8) threads in (%c8, %c8, %c8) args(%0 : !map)
    return
  }
}

// -----

!map = !nvgpu.tensormap.descriptor<tensor = memref<8x64xbf16, 3>, swizzle = none, l2promo = none, oob = zero, interleave = none>
module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @kernel(%map: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
      llvm.return
    }
  }
  func.func @rank(%x: memref<8x?xbf16>) {
    %c8 = arith.constant 8 : index
    %0 = memref.cast %x : memref<8x?xbf16> to memref<*xbf16>
    // expected-error @+1 {{has a box of 1 dimensions for a memref of 2}}
    %1 = nvgpu.tma.create.descriptor %0 box[%c8] : memref<*xbf16> -> !map
    gpu.launch_func @kernels::@kernel blocks in (%c8, %c8, %c8) threads in (%c8, %c8, %c8) args(%1 : !map)
    return
  }
}

// -----

!map = !nvgpu.tensormap.descriptor<tensor = memref<8x64xi4, 3>, swizzle = none, l2promo = none, oob = zero, interleave = none>
module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @kernel(%map: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
      llvm.return
    }
  }
  func.func @element(%x: memref<8x?xi4>) {
    %c8 = arith.constant 8 : index
    %0 = memref.cast %x : memref<8x?xi4> to memref<*xi4>
    // expected-error @+1 {{makes no tensor maps of 'i4'}}
    %1 = nvgpu.tma.create.descriptor %0 box[%c8, %c8] : memref<*xi4> -> !map
    gpu.launch_func @kernels::@kernel blocks in (%c8, %c8, %c8) threads in (%c8, %c8, %c8) args(%1 : !map)
    return
  }
}

// -----

func.func @halves(%x: memref<4xf16>, %value: f16) {
  // expected-error @+1 {{can't fill memory with 'f16', only with i32 and f32}}
  gpu.memset %x, %value : memref<4xf16>, f16
  return
}

// -----

func.func @strided_memset(%x: memref<4xi32, strided<[8]>>, %value: i32) {
  // expected-error @+1 {{of 'memref<4xi32, strided<[8]>>' isn't contiguous; make a kernel of it}}
  gpu.memset %x, %value : memref<4xi32, strided<[8]>>, i32
  return
}

// -----

func.func @waiting_alloc(%x: memref<4xi32>, %value: i32) {
  %0 = gpu.memset async %x, %value : memref<4xi32>, i32
  // expected-error @+1 {{waits for a launch or a memset, which the emulator can't do}}
  %1, %2 = gpu.alloc async [%0] () : memref<4xi32>
  return
}
