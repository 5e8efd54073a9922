// RUN: sparse24-opt %s -sparse24-convert-launch-to-runtime -split-input-file -verify-diagnostics

// expected-error @below {{'func.func' op has results; turn them into arguments first}}
func.func @result(%x: memref<4xf32>) -> memref<4xf32> {
  return %x : memref<4xf32>
}

// -----

// expected-error @below {{argument #0 of type 'memref<4xf32, strided<[2]>>' is neither a scalar nor a memref with identity layout}}
func.func @layout(%x: memref<4xf32, strided<[2]>>) {
  return
}

// -----

// expected-error @below {{'func.func' op is called by another function; inline calls first}}
func.func @callee() {
  return
}
func.func @caller() {
  call @callee() : () -> ()
  return
}

// -----

func.func private @elsewhere()
func.func @caller() {
  // expected-error @below {{'func.call' op can't be part of an entry of the runtime}}
  call @elsewhere() : () -> ()
  return
}

// -----

func.func private @f_run()
// expected-error @below {{'func.func' op needs the name 'f_run', which is taken}}
func.func @f() {
  return
}

// -----

func.func @load(%x: memref<4xf32>, %i: index) -> () {
  // expected-error @below {{'memref.load' op has effects that host code can't have: all memrefs here are device memory}}
  %0 = memref.load %x[%i] : memref<4xf32>
  return
}

// -----

memref.global "private" constant @bias : memref<4xf32> = dense<1.0>
func.func @constant(%x: memref<4xf32>) {
  // expected-error @below {{'memref.get_global' op refers to a constant in host memory}}
  %0 = memref.get_global @bias : memref<4xf32>
  memref.copy %0, %x : memref<4xf32> to memref<4xf32>
  return
}

// -----

func.func @strided(%x: memref<4x8xf32>, %y: memref<4xf32>) {
  %column = memref.subview %x[0, 0] [4, 1] [1, 1] : memref<4x8xf32> to memref<4xf32, strided<[8]>>
  // expected-error @below {{'memref.copy' op of 'memref<4xf32, strided<[8]>>' isn't contiguous; make a kernel of it}}
  memref.copy %column, %y : memref<4xf32, strided<[8]>> to memref<4xf32>
  return
}

// -----

func.func @strided_memset(%x: memref<4x8xf32>, %value: f32) {
  %column = memref.subview %x[0, 0] [4, 1] [1, 1] : memref<4x8xf32> to memref<4xf32, strided<[8]>>
  // expected-error @below {{'gpu.memset' op of 'memref<4xf32, strided<[8]>>' isn't contiguous; make a kernel of it}}
  gpu.memset %column, %value : memref<4xf32, strided<[8]>>, f32
  return
}

// -----

func.func @memset_of_halves(%x: memref<4xf16>, %value: f16) {
  // expected-error @below {{'gpu.memset' op can't fill memory with 'f16', only with i32 and f32}}
  gpu.memset %x, %value : memref<4xf16>, f16
  return
}

// -----

func.func @asynchronous_memset(%x: memref<4xi32>, %value: i32) {
  // expected-error @below {{'gpu.memset' op is asynchronous; the runtime fills memory on the stream that its caller gives}}
  %t = gpu.memset async %x, %value : memref<4xi32>, i32
  return
}

// -----

module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @k() kernel {
      gpu.return
    }
  }
  func.func @unserialized() {
    %c1 = arith.constant 1 : index
    // expected-error @below {{'gpu.launch_func' op refers to a kernel of 'kernels', which isn't a 'gpu.binary'; serialize kernels first}}
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
    return
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.binary @kernels [#gpu.object<#nvvm.target, assembly = "PTX">]
  func.func @other_clusters() {
    %0 = sparse24.resident_clusters @kernels::@k cluster = 2, threads = 128, shared_memory = 0 : index
    // expected-error @below {{'sparse24.resident_clusters' op asks for other clusters of @kernels::@k than another operation of this function}}
    %1 = sparse24.resident_clusters @kernels::@k cluster = 4, threads = 128, shared_memory = 0 : index
    return
  }
}

// -----

module attributes {gpu.container_module} {
  // expected-error @below {{'gpu.binary' op holds LLVM bitcode, which the driver can't load}}
  gpu.binary @kernels [#gpu.object<#nvvm.target, offload = "BC">]
  func.func @bitcode() {
    %c1 = arith.constant 1 : index
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
    return
  }
}

// -----

module attributes {gpu.container_module} {
  // expected-error @below {{'gpu.binary' op has no object that its handler selects}}
  gpu.binary @kernels <#gpu.select_object<1>> [#gpu.object<#nvvm.target, bin = "B">]
  func.func @selection() {
    %c1 = arith.constant 1 : index
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
    return
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.binary @kernels [#gpu.object<#nvvm.target, bin = "B">]
  func.func @shared(%bytes: i32) {
    %c1 = arith.constant 1 : index
    // expected-error @below {{'gpu.launch_func' op needs a constant size of dynamic shared memory}}
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
      dynamic_shared_memory_size %bytes
    return
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.binary @kernels [#gpu.object<#nvvm.target, bin = "B">]
  func.func @asynchronous() {
    %c1 = arith.constant 1 : index
    // expected-error @below {{'gpu.wait' op has effects that host code can't have}}
    %t = gpu.wait async
    %u = gpu.launch_func async [%t] @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
    return
  }
}

// -----

!map = !nvgpu.tensormap.descriptor<tensor = memref<8x64xbf16, 3>, swizzle = none, l2promo = none, oob = zero, interleave = none>
func.func @map_of_scalar_rows(%x: memref<8xbf16>) {
  %c8 = arith.constant 8 : index
  %0 = memref.cast %x : memref<8xbf16> to memref<*xbf16>
  // expected-error @below {{has a box of 2 dimensions for a memref of 1}}
  %1 = nvgpu.tma.create.descriptor %0 box[%c8, %c8] : memref<*xbf16> -> !map
  return
}

// -----

!map = !nvgpu.tensormap.descriptor<tensor = memref<8x64xbf16, 3>, swizzle = none, l2promo = none, oob = zero, interleave = none>
// expected-error @below {{is neither a scalar nor a memref with identity layout}}
func.func @map_of_the_caller(%x: !map) {
  return
}
