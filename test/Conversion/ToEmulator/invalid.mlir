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
