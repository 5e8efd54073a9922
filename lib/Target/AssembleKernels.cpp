// Assembles PTX with ptxas and reads its report.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "sparse24/Target/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24ASSEMBLEKERNELSPASS
#include "sparse24/Target/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;

namespace {

struct AssembleKernels
    : public mlir::sparse24::impl::Sparse24AssembleKernelsPassBase<
          AssembleKernels> {
  using Sparse24AssembleKernelsPassBase::Sparse24AssembleKernelsPassBase;
  void runOnOperation() override;

private:
  LogicalResult assemble(gpu::BinaryOp binary, StringRef ptxas);
  LogicalResult readReport(gpu::BinaryOp binary, StringRef report);
};

/// What ptxas reports as information and is a defect of the kernel. Known by
/// their texts: each of the many reasons to serialize has a code of its own.
struct Defect {
  StringLiteral text, meaning;
};
constexpr Defect kDefects[] = {
    {"instructions are serialized", "wgmma instructions are serialized"},
    {"warpgroup.wait is injected", "a wait is injected between wgmma "
                                   "instructions"},
    {"'setmaxnreg' ignored", "setmaxnreg is ignored"},
};

/// A file that is removed when it goes out of scope.
struct TemporaryFile {
  explicit TemporaryFile(StringRef suffix)
      : error(llvm::sys::fs::createTemporaryFile("sparse24", suffix, path)),
        remover(path) {}

  // In the order of their initialization.
  SmallString<128> path;
  std::error_code error;
  llvm::FileRemover remover;
};

} // namespace

static std::optional<std::string> findPtxas() {
  if (llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName("ptxas"))
    return *path;
  SmallVector<std::string> roots;
  if (auto home = llvm::sys::Process::GetEnv("CUDA_HOME"))
    roots.push_back(*home);
  roots.push_back("/usr/local/cuda");
  for (StringRef root : roots) {
    SmallString<128> bin(root);
    llvm::sys::path::append(bin, "bin");
    if (llvm::ErrorOr<std::string> path =
            llvm::sys::findProgramByName("ptxas", {bin.str()}))
      return *path;
  }
  return std::nullopt;
}

// Diagnostics here are at the location rather than on the operation, which
// would print all of the PTX as a note.

LogicalResult AssembleKernels::readReport(gpu::BinaryOp binary,
                                          StringRef report) {
  LogicalResult result = success();
  StringRef kernel;
  llvm::Regex nameRegex("function '([^']*)'");
  llvm::Regex spillRegex("([0-9]+) bytes spill stores");
  SmallVector<StringRef> lines, match;
  report.split(lines, '\n');
  for (StringRef line : lines) {
    bool hasName = nameRegex.match(line, &match);
    if (hasName)
      kernel = match[1];
    if (spillRegex.match(line, &match) && match[1] != "0") {
      InFlightDiagnostic diagnostic = allowSpills ? emitWarning(binary.getLoc())
                                                  : emitError(binary.getLoc());
      diagnostic << "kernel '" << kernel
                 << "' spills registers: " << line.trim()
                 << "; choose a smaller tile for its schedule";
      if (!allowSpills)
        result = failure();
    }
    for (const Defect &defect : kDefects) {
      if (!line.contains(defect.text))
        continue;
      InFlightDiagnostic diagnostic = emitError(binary.getLoc(), "in ");
      if (hasName)
        diagnostic << "kernel '" << kernel << "'";
      else
        diagnostic << "a kernel of '" << binary.getSymName() << "'";
      diagnostic << ", " << defect.meaning << ": " << line.trim();
      result = failure();
    }
  }
  return result;
}

LogicalResult AssembleKernels::assemble(gpu::BinaryOp binary, StringRef ptxas) {
  auto object = cast<gpu::ObjectAttr>(binary.getObjects()[0]);
  if (object.getFormat() != gpu::CompilationTarget::Assembly)
    return emitError(binary.getLoc(), "has no PTX to assemble");
  std::string arch = chip;
  if (arch.empty())
    arch = cast<NVVM::NVVMTargetAttr>(object.getTarget()).getChip().str();

  TemporaryFile ptx("ptx"), cubin("cubin"), log("log");
  for (TemporaryFile *file : {&ptx, &cubin, &log})
    if (file->error)
      return emitError(binary.getLoc(), "can't create a temporary file: ")
             << file->error.message();
  {
    std::error_code error;
    llvm::raw_fd_ostream stream(ptx.path, error);
    stream << object.getObject().getValue().rtrim('\0');
  }
  SmallVector<StringRef> arguments = {ptxas,    "-v", "--gpu-name", arch, "-O3",
                                      ptx.path, "-o", cubin.path};
  std::string message;
  std::optional<StringRef> redirects[] = {std::nullopt, log.path.str(),
                                          log.path.str()};
  int status = llvm::sys::ExecuteAndWait(ptxas, arguments, std::nullopt,
                                         redirects, 0, 0, &message);
  auto report = llvm::MemoryBuffer::getFile(log.path);
  StringRef reportText = report ? (*report)->getBuffer() : StringRef();
  if (status != 0)
    return emitError(binary.getLoc(), "ptxas failed: ")
           << message << reportText;
  if (failed(readReport(binary, reportText)))
    return failure();

  auto assembled = llvm::MemoryBuffer::getFile(cubin.path);
  if (!assembled)
    return emitError(binary.getLoc(), "ptxas wrote no cubin");
  Builder b(binary.getContext());
  auto newObject = gpu::ObjectAttr::get(
      b.getContext(), object.getTarget(), gpu::CompilationTarget::Binary,
      b.getStringAttr((*assembled)->getBuffer()), object.getProperties(),
      object.getKernels());
  binary.setObjectsAttr(b.getArrayAttr({newObject}));
  return success();
}

void AssembleKernels::runOnOperation() {
  SmallVector<gpu::BinaryOp> binaries(getOperation().getOps<gpu::BinaryOp>());
  if (binaries.empty())
    return;
  std::optional<std::string> ptxas = findPtxas();
  if (!ptxas) {
    getOperation().emitError(
        "ptxas was not found on the PATH, in $CUDA_HOME/bin or in "
        "/usr/local/cuda/bin; install the CUDA Toolkit, or compile to PTX "
        "(format=isa), which the driver assembles when it is loaded");
    return signalPassFailure();
  }
  for (gpu::BinaryOp binary : binaries)
    if (failed(assemble(binary, *ptxas)))
      return signalPassFailure();
}
