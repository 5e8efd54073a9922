// Products of a warpgroup to inline PTX.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_CONVERSION_SPARSE24TONVVM_WARPGROUPTONVVM_H
#define SPARSE24_LIB_CONVERSION_SPARSE24TONVVM_WARPGROUPTONVVM_H

namespace mlir {
class RewritePatternSet;

namespace sparse24 {
/// `sparse24.warpgroup.mma_sp` and `sparse24.warpgroup.wait`, for which NVVM has
/// no operations.
void populateWarpgroupPatterns(RewritePatternSet &patterns);
} // namespace sparse24
} // namespace mlir

#endif // SPARSE24_LIB_CONVERSION_SPARSE24TONVVM_WARPGROUPTONVVM_H
