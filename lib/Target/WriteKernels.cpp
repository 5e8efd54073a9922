// Writes a program's kernels to a file.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Support/FileUtilities.h"
#include "sparse24/Target/Passes.h"
#include "llvm/Support/ToolOutputFile.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24WRITEKERNELSPASS
#include "sparse24/Target/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {
struct WriteKernels
    : public mlir::sparse24::impl::Sparse24WriteKernelsPassBase<WriteKernels> {
  using Sparse24WriteKernelsPassBase::Sparse24WriteKernelsPassBase;
  void runOnOperation() override;
};
} // namespace

void WriteKernels::runOnOperation() {
  SmallVector<gpu::BinaryOp> binaries(getOperation().getOps<gpu::BinaryOp>());
  if (binaries.size() != 1) {
    getOperation().emitError("has ")
        << binaries.size() << " gpu.binary operations; one is needed to write "
        << "kernels to a file";
    return signalPassFailure();
  }
  auto object = cast<gpu::ObjectAttr>(binaries.front().getObjects()[0]);
  std::string error;
  std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(path, &error);
  if (!file) {
    binaries.front().emitError(error);
    return signalPassFailure();
  }
  // Text is stored with the NUL that loaders want.
  StringRef bytes = object.getObject().getValue();
  if (object.getFormat() == gpu::CompilationTarget::Assembly)
    bytes = bytes.rtrim('\0');
  file->os() << bytes;
  file->keep();
}
