// sparse24-emulate: runs programs and kernels in the emulator, on NumPy files.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Arguments.h"
#include "Common/RegisterUpstream.h"
#include "sparse24/EmulatorJit/EmulatedModule.h"
#include "sparse24/InitAll.h"
#include "sparse24/Support/WeightFile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace llvm;
using namespace sparse24::emulate;
namespace emulator = sparse24::emulator;

static constexpr StringLiteral kOverview =
    R"(Runs programs and kernels in the emulator, on NumPy files.

The module is what sparse24-opt makes with a GPU as target and format=llvm: its
functions run on the CPU, and each kernel that they launch in the emulator.

  sparse24-emulate m.mlir --entry=f --arg=a.npy --arg=c.npy:128x384xf32

With --kernel a single kernel is launched, of a module of gpu.func or llvm.func:

  sparse24-emulate k.mlir --kernel=k --grid=4 --block=128 --shared=4096 --arg=…

An argument is
  a.npy              an array that is read
  a.npy:4x8xf32      an array that is written: its shape and type; its bytes are
                     0xFF before
  i32:5, f32:0.5, …  a number
  map(8x64,128):…    one of these arrays as a tensor map: the box that a copy
                     moves, and the bytes that it swizzles (32, 64, 128, or none)
As in sparse24-run, --input and --output say the same of arrays.

With --batch=FILE every line of FILE is one run, with these options. Prints each
run with its time in milliseconds; findings are errors, at their operations'
locations, and the exit status is 1 if there are any.)";

static cl::OptionCategory category("sparse24-emulate options");
static cl::opt<std::string> inputFile(cl::Positional, cl::desc("<module>"),
                                      cl::Required, cl::cat(category));
static cl::opt<std::string> entryName("entry", cl::desc("The function to call"),
                                      cl::value_desc("name"),
                                      cl::cat(category));
static cl::opt<std::string> kernelName("kernel",
                                       cl::desc("The kernel to launch"),
                                       cl::value_desc("name"),
                                       cl::cat(category));
static cl::list<std::string> argumentTexts("arg",
                                           cl::desc("An argument, in order"),
                                           cl::value_desc("argument"),
                                           cl::cat(category));
static cl::alias inputAlias("input", cl::desc("The same"),
                            cl::aliasopt(argumentTexts), cl::cat(category));
static cl::alias outputAlias("output", cl::desc("The same"),
                             cl::aliasopt(argumentTexts), cl::cat(category));
static cl::opt<std::string> gridText("grid", cl::desc("CTAs of the launch"),
                                     cl::value_desc("x,y,z"), cl::init("1"),
                                     cl::cat(category));
static cl::opt<std::string> blockText("block", cl::desc("Threads of a CTA"),
                                      cl::value_desc("x,y,z"), cl::init("1"),
                                      cl::cat(category));
static cl::opt<std::string> clusterText("cluster",
                                        cl::desc("CTAs of a cluster"),
                                        cl::value_desc("x,y,z"), cl::init("1"),
                                        cl::cat(category));
static cl::opt<unsigned> sharedBytes("shared",
                                     cl::desc("Bytes of dynamic shared memory"),
                                     cl::init(0), cl::cat(category));
static cl::opt<std::string> weightsPath("weights",
                                        cl::desc("The program's weight file"),
                                        cl::value_desc("file"),
                                        cl::cat(category));
static cl::opt<std::string> batchFile("batch", cl::desc("Runs, one a line"),
                                      cl::value_desc("file"),
                                      cl::cat(category));
static cl::opt<unsigned> numThreads("host-threads",
                                    cl::desc("Host threads (default: all)"),
                                    cl::init(0), cl::cat(category));
static cl::opt<unsigned long long>
    seed("seed", cl::desc("The order in which threads run that nothing orders"),
         cl::init(0), cl::cat(category));
static cl::opt<bool> printStatistics("statistics",
                                     cl::desc("Print what each run did"),
                                     cl::cat(category));
static cl::opt<unsigned> optLevel("opt-level", cl::desc("0 to 3 (default 2)"),
                                  cl::init(2), cl::cat(category));

namespace {

/// One run: an entry, or a kernel and its launch.
struct Call {
  std::string entry, kernel;
  SmallVector<std::string, 4> arguments;
  emulator::Dim3 grid, block, cluster;
  uint32_t sharedBytes = 0;
};

} // namespace

static Error makeError(const Twine &message) {
  return createStringError(message);
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

static Error parseDim3(StringRef text, emulator::Dim3 &dim) {
  SmallVector<StringRef, 3> parts;
  text.split(parts, ',');
  uint32_t *extents[] = {&dim.x, &dim.y, &dim.z};
  if (parts.size() > 3)
    return makeError("bad size '" + text + "': write x, x,y or x,y,z");
  for (auto [part, extent] : zip(parts, extents))
    if (part.getAsInteger(10, *extent) || *extent == 0)
      return makeError("bad size '" + text + "': write x, x,y or x,y,z");
  return Error::success();
}

static Error setOption(Call &call, StringRef name, StringRef value) {
  if (name == "--entry")
    call.entry = value.str();
  else if (name == "--kernel")
    call.kernel = value.str();
  else if (name == "--arg" || name == "--input" || name == "--output")
    call.arguments.push_back(value.str());
  else if (name == "--grid")
    return parseDim3(value, call.grid);
  else if (name == "--block")
    return parseDim3(value, call.block);
  else if (name == "--cluster")
    return parseDim3(value, call.cluster);
  else if (name != "--shared" || value.getAsInteger(10, call.sharedBytes))
    return makeError("unknown option '" + name + "=" + value + "'");
  return Error::success();
}

/// Reads the calls of a batch file; blank lines and lines with '#' are skipped.
static Expected<SmallVector<Call>> readBatch(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return makeError("'" + path + "': " + buffer.getError().message());
  SmallVector<Call> calls;
  for (line_iterator line(**buffer, /*SkipBlanks=*/true, '#');
       !line.is_at_end(); ++line) {
    Call call;
    SmallVector<StringRef> words;
    line->split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
    for (StringRef word : words) {
      auto [name, value] = word.split('=');
      if (Error error = setOption(call, name, value))
        return makeError("'" + path + "' line " + Twine(line.line_number()) +
                         ": " + toString(std::move(error)));
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

static Expected<SmallVector<Call>> getCalls() {
  SmallVector<Call> calls;
  if (!batchFile.empty()) {
    auto batch = readBatch(batchFile);
    if (!batch)
      return batch.takeError();
    calls = std::move(*batch);
  }
  if (!entryName.empty() || !kernelName.empty()) {
    Call call;
    call.entry = entryName;
    call.kernel = kernelName;
    call.arguments.assign(argumentTexts.begin(), argumentTexts.end());
    call.sharedBytes = sharedBytes;
    for (auto [text, dim] :
         {std::pair(&gridText, &call.grid), std::pair(&blockText, &call.block),
          std::pair(&clusterText, &call.cluster)})
      if (Error error = parseDim3(*text, *dim))
        return error;
    calls.push_back(std::move(call));
  }
  if (calls.empty())
    return makeError("nothing to run: give --entry, --kernel or --batch");
  return calls;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// Prints a finding as an error at its operation.
static void print(const emulator::Finding &finding,
                  mlir::MLIRContext *context) {
  mlir::Location location = mlir::UnknownLoc::get(context);
  auto [rest, column] = StringRef(finding.site.location).rsplit(':');
  auto [file, line] = rest.rsplit(':');
  unsigned lineNumber, columnNumber;
  if (!line.getAsInteger(10, lineNumber) &&
      !column.getAsInteger(10, columnNumber))
    location =
        mlir::FileLineColLoc::get(context, file, lineNumber, columnNumber);
  auto diagnostic = mlir::emitError(location);
  diagnostic << emulator::text(finding.kind) << ": " << finding.message << " ["
             << finding.site.opcode << ", CTA (" << finding.block.x << ","
             << finding.block.y << "," << finding.block.z << "), thread ("
             << finding.thread.x << "," << finding.thread.y << ","
             << finding.thread.z << ")";
  if (finding.count > 1)
    diagnostic << ", and " << finding.count - 1 << " more";
  diagnostic << "]";
}

/// Whether there were no findings.
static Expected<bool> runCall(const Call &call, mlir::ModuleOp module,
                              const mlir::sparse24::EmulatedModule &compiled,
                              const sparse24::WeightFile *weights) {
  bool isKernel = !call.kernel.empty();
  std::string symbol = isKernel ? call.kernel : "_mlir_ciface_" + call.entry;
  auto function = module.lookupSymbol<mlir::LLVM::LLVMFuncOp>(symbol);
  if (!function || function.isExternal())
    return makeError(isKernel ? "the module has no kernel '" + call.kernel + "'"
                              : "the module has no function '" + call.entry +
                                    "' with a C interface");
  auto arguments = Arguments::parse(call.arguments);
  if (!arguments)
    return arguments.takeError();
  auto pointers =
      isKernel ? arguments->forKernel(function) : arguments->forEntry(function);
  if (!pointers)
    return pointers.takeError();

  emulator::HostProgram program(numThreads, seed);
  program.setWeights(weights);
  arguments->addTo(program);
  emulator::HostProgram::Scope scope(program);
  auto start = std::chrono::steady_clock::now();
  if (isKernel) {
    auto kernel = compiled.getKernel(call.kernel);
    if (!kernel)
      return kernel.takeError();
    program.launch(**kernel, call.grid, call.block, call.cluster,
                   call.sharedBytes, pointers->data());
  } else {
    auto entry = compiled.getEntry(call.entry);
    if (!entry)
      return entry.takeError();
    (*entry)(pointers->data());
  }
  std::chrono::duration<double, std::milli> time =
      std::chrono::steady_clock::now() - start;
  if (Error error = arguments->writeOutputs())
    return error;
  outs() << (isKernel ? call.kernel : call.entry) << '\t'
         << format("%.3f", time.count()) << '\n';
  if (printStatistics)
    outs() << program.report().statistics.text();
  outs().flush();
  for (const emulator::Finding &finding : program.report().findings)
    print(finding, module.getContext());
  return program.report().findings.empty();
}

/// Whether there were no findings.
static Expected<bool> run() {
  auto calls = getCalls();
  if (!calls)
    return calls.takeError();
  std::string message;
  auto file = mlir::openInputFile(inputFile, &message);
  if (!file)
    return makeError(message);
  mlir::DialectRegistry registry;
  mlir::sparse24::registerUpstream(registry);
  mlir::sparse24::registerAllDialects(registry);
  mlir::sparse24::registerEmulatorDialects(registry);
  mlir::MLIRContext context(registry);
  SourceMgr sourceMgr;
  sourceMgr.AddNewSourceBuffer(std::move(file), SMLoc());
  mlir::SourceMgrDiagnosticHandler diagnostics(sourceMgr, &context);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(sourceMgr, &context);
  if (!module)
    return makeError("'" + inputFile + "' is not an MLIR module");
  mlir::PassManager passes(&context);
  mlir::sparse24::buildEmulatorPipeline(passes);
  if (mlir::failed(passes.run(*module)))
    return makeError("'" + inputFile + "' can't be lowered for the emulator");
  auto compiled =
      mlir::sparse24::EmulatedModule::create(*module, optLevel.getValue());
  if (!compiled)
    return compiled.takeError();

  std::unique_ptr<sparse24::WeightFile> weights;
  if (!weightsPath.empty()) {
    weights = sparse24::WeightFile::open(weightsPath, message);
    if (!weights)
      return makeError(message);
  }

  bool isClean = true;
  for (const Call &call : *calls) {
    auto result = runCall(call, *module, *compiled, weights.get());
    if (!result)
      return result.takeError();
    isClean &= *result;
  }
  return isClean;
}

int main(int argc, char **argv) {
  InitLLVM initialize(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, kOverview);
  if (optLevel > 3) {
    WithColor::error() << "--opt-level must be 0 to 3\n";
    return EXIT_FAILURE;
  }
  auto isClean = run();
  if (!isClean) {
    WithColor::error() << toString(isClean.takeError()) << '\n';
    return EXIT_FAILURE;
  }
  return *isClean ? EXIT_SUCCESS : EXIT_FAILURE;
}
