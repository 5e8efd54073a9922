// Lowers the sparse24 dialect to loops: the meaning of its operations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_CONVERSION_SPARSE24TOLINALG_H
#define SPARSE24_CONVERSION_SPARSE24TOLINALG_H

namespace mlir {
class RewritePatternSet;

namespace sparse24 {

/// Adds the patterns that lower the memref forms of `prune`, `compress`,
/// `decompress`, `pack` and `matmul` to scf, arith and memref operations.
void populateSparse24ToLinalgPatterns(RewritePatternSet &patterns);

} // namespace sparse24
} // namespace mlir

#endif // SPARSE24_CONVERSION_SPARSE24TOLINALG_H
