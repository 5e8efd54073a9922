// From bufferized host functions with kernel launches to LLVM.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_CONVERSION_LAUNCHTORUNTIME_H
#define SPARSE24_CONVERSION_LAUNCHTORUNTIME_H

namespace mlir {
class OpPassManager;

namespace sparse24 {

/// Adds the passes that take a module with serialized kernels (`gpu.binary`) to
/// the LLVM dialect: `sparse24-convert-launch-to-runtime`, then upstream's
/// conversions of memref, affine, scf, cf, arith, math, index and func. The
/// result translates with a stock `mlir-translate --mlir-to-llvmir`.
void buildHostToLLVMPipeline(OpPassManager &pm);

/// The same without the first: for host code that has no launches any more.
void buildHostLoweringPipeline(OpPassManager &pm);

/// Registers the first as `sparse24-host-to-llvm`.
void registerHostToLLVMPipeline();

} // namespace sparse24
} // namespace mlir

#endif // SPARSE24_CONVERSION_LAUNCHTORUNTIME_H
