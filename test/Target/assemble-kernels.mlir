// PTX is assembled; what its report says of a kernel's defects is an error.
// REQUIRES: ptxas
// RUN: split-file %s %t
// RUN: sparse24-opt %t/good.mlir --sparse24-assemble-kernels --sparse24-write-kernels=path=%t/good.cubin -o %t/good.out.mlir
// RUN: FileCheck %s --input-file=%t/good.out.mlir
// RUN: not sparse24-opt %t/broken.mlir --sparse24-assemble-kernels 2>&1 | FileCheck %s --check-prefix=BROKEN
// RUN: not sparse24-opt %t/spills.mlir --sparse24-assemble-kernels 2>&1 | FileCheck %s --check-prefix=SPILLS
// RUN: sparse24-opt %t/spills.mlir --sparse24-assemble-kernels=allow-spills -o /dev/null 2>&1 | FileCheck %s --check-prefix=WARNS

// A cubin is an ELF file.
// CHECK: gpu.binary @kernels [#gpu.object<{{.*}}bin = "\7FELF

// BROKEN: error: ptxas failed

// SPILLS: error: kernel 'spills' spills registers: {{.*}} bytes spill stores
// SPILLS-SAME: choose a smaller tile
// WARNS: warning: kernel 'spills' spills registers

//--- good.mlir
gpu.binary @kernels [#gpu.object<#nvvm.target<chip = "sm_80">, assembly = ".version 7.0\0A.target sm_80\0A.address_size 64\0A.visible .entry nothing()\0A{\0A\09ret;\0A}\0A\00">]

//--- broken.mlir
gpu.binary @kernels [#gpu.object<#nvvm.target<chip = "sm_80">, assembly = ".version 7.0\0A.target sm_80\0Anot ptx\0A\00">]

//--- spills.mlir
gpu.binary @kernels [#gpu.object<#nvvm.target<chip = "sm_80">, assembly = ".version 7.0\0A.target sm_80\0A.address_size 64\0A.visible .entry spills(.param .u64 p)\0A.maxnreg 16\0A{\0A\09.reg .b64 %rd<2>;\0A\09.reg .b32 %r<40>;\0A\09ld.param.u64 %rd1, [p];\0A\09ld.volatile.global.u32 %r1, [%rd1];\0A\09ld.volatile.global.u32 %r2, [%rd1+4];\0A\09ld.volatile.global.u32 %r3, [%rd1+8];\0A\09ld.volatile.global.u32 %r4, [%rd1+12];\0A\09ld.volatile.global.u32 %r5, [%rd1+16];\0A\09ld.volatile.global.u32 %r6, [%rd1+20];\0A\09ld.volatile.global.u32 %r7, [%rd1+24];\0A\09ld.volatile.global.u32 %r8, [%rd1+28];\0A\09ld.volatile.global.u32 %r9, [%rd1+32];\0A\09ld.volatile.global.u32 %r10, [%rd1+36];\0A\09ld.volatile.global.u32 %r11, [%rd1+40];\0A\09ld.volatile.global.u32 %r12, [%rd1+44];\0A\09ld.volatile.global.u32 %r13, [%rd1+48];\0A\09ld.volatile.global.u32 %r14, [%rd1+52];\0A\09ld.volatile.global.u32 %r15, [%rd1+56];\0A\09ld.volatile.global.u32 %r16, [%rd1+60];\0A\09ld.volatile.global.u32 %r17, [%rd1+64];\0A\09ld.volatile.global.u32 %r18, [%rd1+68];\0A\09ld.volatile.global.u32 %r19, [%rd1+72];\0A\09ld.volatile.global.u32 %r20, [%rd1+76];\0A\09st.volatile.global.u32 [%rd1], %r20;\0A\09st.volatile.global.u32 [%rd1], %r19;\0A\09st.volatile.global.u32 [%rd1], %r18;\0A\09st.volatile.global.u32 [%rd1], %r17;\0A\09st.volatile.global.u32 [%rd1], %r16;\0A\09st.volatile.global.u32 [%rd1], %r15;\0A\09st.volatile.global.u32 [%rd1], %r14;\0A\09st.volatile.global.u32 [%rd1], %r13;\0A\09st.volatile.global.u32 [%rd1], %r12;\0A\09st.volatile.global.u32 [%rd1], %r11;\0A\09st.volatile.global.u32 [%rd1], %r10;\0A\09st.volatile.global.u32 [%rd1], %r9;\0A\09st.volatile.global.u32 [%rd1], %r8;\0A\09st.volatile.global.u32 [%rd1], %r7;\0A\09st.volatile.global.u32 [%rd1], %r6;\0A\09st.volatile.global.u32 [%rd1], %r5;\0A\09st.volatile.global.u32 [%rd1], %r4;\0A\09st.volatile.global.u32 [%rd1], %r3;\0A\09st.volatile.global.u32 [%rd1], %r2;\0A\09st.volatile.global.u32 [%rd1], %r1;\0A\09ret;\0A}\0A\00">]
