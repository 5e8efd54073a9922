// sparse24-opt: mlir-opt with this project's dialect, passes and pipelines.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Common/RegisterUpstream.h"
#include "sparse24/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

static constexpr llvm::StringLiteral overview =
    R"(sparse24 optimizer driver: mlir-opt with 2:4 structured sparsity

Compiles a program whose matrix products have 2:4 sparse weights:

  sparse24-opt model.mlir --sparse24-pipeline="target=cpu format=llvm"
  sparse24-opt model.mlir -o model.out.mlir \
    --sparse24-pipeline="target=sm_80 prune=magnitude precision=bf16 format=isa weights-file=model.weights"

Each step is a pass of its own (sparse24-detect, sparse24-sparsify, ...); all of
upstream's passes are here too. Remarks say, for each product, whether it becomes
sparse and why; --remarks-filter= silences them, and --remark-format=yaml
--remarks-output-file=remarks.yaml writes them to a file.
)";

static void printVersion(llvm::raw_ostream &os) {
  os << "sparse24 " << SPARSE24_VERSION << " (LLVM " << LLVM_VERSION_STRING
     << ")\n";
}

/// Remarks print nothing unless a filter asks for them: ask for ours unless the
/// command line has a filter.
static bool hasRemarkFilter(ArrayRef<char *> arguments) {
  return llvm::any_of(arguments, [](const char *argument) {
    return StringRef(argument).ltrim('-').starts_with("remarks-filter");
  });
}

int main(int argc, char **argv) {
  DialectRegistry registry;
  mlir::sparse24::registerUpstream(registry);
  mlir::sparse24::registerAllDialects(registry);
  mlir::sparse24::registerAllPasses();

  llvm::setBugReportMsg("This is a bug of sparse24: please report it with the "
                        "input, the command line and the backtrace.\n");
  llvm::cl::SetVersionPrinter(printVersion);
  SmallVector<char *> arguments(argv, argv + argc);
  std::string defaultFilter = "--remarks-filter=^sparse24";
  if (!hasRemarkFilter(arguments))
    arguments.insert(arguments.begin() + 1, defaultFilter.data());
  return asMainReturnCode(MlirOptMain(arguments.size(), arguments.data(),
                                      overview, registry));
}
