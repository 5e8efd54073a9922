// Gathers all kernels in one gpu.module.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/SymbolTable.h"
#include "sparse24/Target/Passes.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24MERGEKERNELSPASS
#include "sparse24/Target/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {

/// Finds a kernel that equals another but for its name.
class KernelSet {
public:
  /// An equal kernel that was seen before, or `kernel` itself.
  gpu::GPUFuncOp insert(gpu::GPUFuncOp kernel) {
    SmallVector<gpu::GPUFuncOp> &candidates = kernels[hash(kernel)];
    for (gpu::GPUFuncOp candidate : candidates)
      if (areEqual(candidate, kernel))
        return candidate;
    candidates.push_back(kernel);
    return kernel;
  }

private:
  static llvm::hash_code hash(gpu::GPUFuncOp kernel) {
    llvm::hash_code code = hash_value(kernel.getFunctionType());
    kernel.walk([&](Operation *op) {
      code = llvm::hash_combine(code, op->getName(), op->getResultTypes());
    });
    return code;
  }

  static bool areEqual(gpu::GPUFuncOp a, gpu::GPUFuncOp b) {
    NamedAttrList attrsA(a->getAttrDictionary()),
        attrsB(b->getAttrDictionary());
    for (NamedAttrList *attrs : {&attrsA, &attrsB})
      attrs->erase(SymbolTable::getSymbolAttrName());
    return attrsA.getDictionary(a.getContext()) ==
               attrsB.getDictionary(b.getContext()) &&
           OperationEquivalence::isRegionEquivalentTo(
               &a.getBody(), &b.getBody(),
               OperationEquivalence::IgnoreLocations);
  }

  llvm::DenseMap<size_t, SmallVector<gpu::GPUFuncOp>> kernels;
};

struct MergeKernels
    : public mlir::sparse24::impl::Sparse24MergeKernelsPassBase<MergeKernels> {
  using Sparse24MergeKernelsPassBase::Sparse24MergeKernelsPassBase;
  void runOnOperation() override;
};

} // namespace

void MergeKernels::runOnOperation() {
  SmallVector<gpu::GPUModuleOp> modules(
      getOperation().getOps<gpu::GPUModuleOp>());
  if (modules.empty())
    return;
  SymbolTable merged(modules.front());
  KernelSet kernels;
  llvm::DenseMap<Attribute, SymbolRefAttr> renamed;
  for (gpu::GPUModuleOp module : modules) {
    for (auto kernel :
         llvm::make_early_inc_range(module.getOps<gpu::GPUFuncOp>())) {
      auto oldName =
          SymbolRefAttr::get(module.getSymNameAttr(),
                             {FlatSymbolRefAttr::get(kernel.getNameAttr())});
      gpu::GPUFuncOp shared = kernels.insert(kernel);
      if (shared != kernel) {
        ++numShared;
        kernel.erase();
      } else if (module != modules.front()) {
        kernel->remove();
        merged.insert(kernel);
      }
      renamed[oldName] =
          SymbolRefAttr::get(modules.front().getSymNameAttr(),
                             {FlatSymbolRefAttr::get(shared.getNameAttr())});
    }
  }
  AttrTypeReplacer users;
  users.addReplacement([&](SymbolRefAttr name) -> std::optional<Attribute> {
    auto newName = renamed.find(name);
    if (newName == renamed.end())
      return std::nullopt;
    return newName->second;
  });
  users.recursivelyReplaceElementsIn(getOperation());
  for (gpu::GPUModuleOp module : llvm::drop_begin(modules))
    module.erase();
}
