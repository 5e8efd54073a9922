// Dynamic shared memory begins where swizzled operands may.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "sparse24/Conversion/Passes.h"
#include "sparse24/Support/WgmmaSp.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24ALIGNSHAREDMEMORYPASS
#include "sparse24/Conversion/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;

namespace {
struct AlignSharedMemory
    : public mlir::sparse24::impl::Sparse24AlignSharedMemoryPassBase<
          AlignSharedMemory> {
  using Sparse24AlignSharedMemoryPassBase::Sparse24AlignSharedMemoryPassBase;
  void runOnOperation() override;
};
} // namespace

void AlignSharedMemory::runOnOperation() {
  constexpr auto space = static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared);
  for (auto global : getOperation().getOps<LLVM::GlobalOp>()) {
    auto type = dyn_cast<LLVM::LLVMArrayType>(global.getType());
    // Of a size that the launch says.
    if (global.getAddrSpace() == space && type && type.getNumElements() == 0)
      global.setAlignment(::sparse24::wgmma_sp::kSwizzleAlignment);
  }
}
