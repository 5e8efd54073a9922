// Operations of the sparse24 dialect.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

using namespace mlir;
using namespace mlir::sparse24;

#define GET_OP_CLASSES
#include "sparse24/Dialect/Sparse24/IR/Sparse24Ops.cpp.inc"

LogicalResult PruneOp::verify() { return success(); }
void PruneOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {}

LogicalResult CompressOp::verify() { return success(); }
void CompressOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {}

LogicalResult DecompressOp::verify() { return success(); }
void DecompressOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {}

LogicalResult PackOp::verify() { return success(); }
void PackOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {}

LogicalResult MatmulOp::verify() { return success(); }
void MatmulOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {}

void PruneOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {}

void CompressOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {}

void DecompressOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {}

LogicalResult WeightOp::verify() { return success(); }
LogicalResult MatmulOp::verifyRegions() { return success(); }
ParseResult MatmulOp::parse(OpAsmParser &parser, OperationState &result) {
  return failure();
}
void MatmulOp::print(OpAsmPrinter &printer) {}
