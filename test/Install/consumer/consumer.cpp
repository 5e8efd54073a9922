// Parses, verifies and prints IR of the sparse24 dialect in another project.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/InitAll.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include "llvm/Support/raw_ostream.h"

static constexpr llvm::StringLiteral kProgram = R"mlir(
func.func @mask(%w: tensor<8x16xbf16>, %out: tensor<8x16xbf16>)
    -> tensor<8x16xbf16> {
  %r = sparse24.prune magnitude ins(%w : tensor<8x16xbf16>)
      outs(%out : tensor<8x16xbf16>) -> tensor<8x16xbf16>
  return %r : tensor<8x16xbf16>
}
)mlir";

int main() {
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect>();
  mlir::sparse24::registerAllDialects(registry);
  mlir::sparse24::registerAllPasses();
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kProgram, &context);
  if (!module)
    return EXIT_FAILURE;
  module->print(llvm::outs());
  return EXIT_SUCCESS;
}
