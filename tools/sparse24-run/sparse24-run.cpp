// sparse24-run: runs functions of an LLVM-dialect module on NumPy files.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Common/Arrays.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"

#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace llvm;
using namespace sparse24::run;

static constexpr StringLiteral kOverview =
    R"(Runs functions of an LLVM-dialect module on NumPy files.

The module is what sparse24-opt makes with target=cpu format=llvm: each function
has a C interface whose arguments are memref descriptors, first the inputs, then
the outputs. An output says its shape and type; its bytes are 0xFF before the
call.

  sparse24-run m.mlir --entry=f --input=a.npy --output=c.npy:128x384xf32

With --batch=FILE every line of FILE is one call, with the same three options.
Prints each entry with its time in milliseconds.)";

static cl::OptionCategory category("sparse24-run options");
static cl::opt<std::string> inputFile(cl::Positional, cl::desc("<module>"),
                                      cl::Required, cl::cat(category));
static cl::opt<std::string> entryName("entry", cl::desc("The function to call"),
                                      cl::value_desc("name"),
                                      cl::cat(category));
static cl::list<std::string> inputFiles("input",
                                        cl::desc("An input, in order"),
                                        cl::value_desc("file.npy"),
                                        cl::cat(category));
static cl::list<std::string>
    outputFiles("output", cl::desc("An output with its shape and type"),
                cl::value_desc("file.npy:4x8xf32"), cl::cat(category));
static cl::opt<std::string> batchFile("batch", cl::desc("Calls, one a line"),
                                      cl::value_desc("file"),
                                      cl::cat(category));
static cl::list<std::string>
    sharedLibraries("shared-lib", cl::desc("A library to resolve symbols in"),
                    cl::value_desc("path"), cl::cat(category));
static cl::opt<unsigned> optLevel("opt-level", cl::desc("0 to 3 (default 3)"),
                                  cl::init(3), cl::cat(category));

namespace {

/// One call: a function and the files that it reads and writes.
struct Call {
  std::string entry;
  SmallVector<std::string, 4> inputs;
  SmallVector<std::string, 2> outputs;
};

} // namespace

static Error makeError(const Twine &message) {
  return createStringError(message);
}

/// Reads the calls of a batch file; blank lines and lines with '#' are skipped.
static Expected<SmallVector<Call>> readBatch(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return makeError("'" + path + "': " + buffer.getError().message());
  SmallVector<Call> calls;
  for (line_iterator line(**buffer, /*SkipBlanks=*/true, '#'); !line.is_at_end();
       ++line) {
    Call call;
    SmallVector<StringRef> words;
    line->split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
    for (StringRef word : words) {
      if (word.consume_front("--entry="))
        call.entry = word.str();
      else if (word.consume_front("--input="))
        call.inputs.push_back(word.str());
      else if (word.consume_front("--output="))
        call.outputs.push_back(word.str());
      else
        return makeError("'" + path + "' line " + Twine(line.line_number()) +
                         ": unknown option '" + word + "'");
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

static Error runCall(const Call &call, mlir::ModuleOp module,
                     mlir::ExecutionEngine &engine) {
  std::string symbol = "_mlir_ciface_" + call.entry;
  auto function = module.lookupSymbol<mlir::LLVM::LLVMFuncOp>(symbol);
  if (!function || function.isExternal())
    return makeError("the module has no function '" + call.entry +
                     "' with a C interface");
  size_t numArguments = call.inputs.size() + call.outputs.size();
  if (function.getNumArguments() != numArguments)
    return makeError("'" + call.entry + "' takes " +
                     Twine(function.getNumArguments()) +
                     " arrays (inputs, then outputs), but " +
                     Twine(numArguments) + " were given");

  SmallVector<NpyArray, 4> arrays;
  for (StringRef path : call.inputs) {
    Expected<NpyArray> array = NpyArray::read(path);
    if (!array)
      return array.takeError();
    arrays.push_back(std::move(*array));
  }
  SmallVector<StringRef, 2> outputPaths;
  for (StringRef text : call.outputs) {
    auto output = makeOutput(text);
    if (!output)
      return output.takeError();
    outputPaths.push_back(output->first);
    arrays.push_back(std::move(output->second));
  }

  SmallVector<SmallVector<int64_t>> descriptors;
  for (NpyArray &array : arrays)
    descriptors.push_back(makeDescriptor(array));
  SmallVector<void *> pointers;
  for (SmallVector<int64_t> &descriptor : descriptors)
    pointers.push_back(descriptor.data());
  SmallVector<void *> arguments;
  for (void *&pointer : pointers)
    arguments.push_back(&pointer);

  Expected<void (*)(void **)> entry = engine.lookupPacked(symbol);
  if (!entry)
    return entry.takeError();
  auto start = std::chrono::steady_clock::now();
  (*entry)(arguments.data());
  std::chrono::duration<double, std::milli> time =
      std::chrono::steady_clock::now() - start;

  for (auto [path, array] : zip_equal(
           outputPaths, MutableArrayRef(arrays).drop_front(call.inputs.size())))
    if (Error error = array.write(path))
      return error;
  outs() << call.entry << '\t' << format("%.3f", time.count()) << '\n';
  outs().flush();
  return Error::success();
}

static Error run() {
  SmallVector<Call> calls;
  if (!batchFile.empty()) {
    auto batch = readBatch(batchFile);
    if (!batch)
      return batch.takeError();
    calls = std::move(*batch);
  }
  if (!entryName.empty()) {
    Call call;
    call.entry = entryName;
    call.inputs.assign(inputFiles.begin(), inputFiles.end());
    call.outputs.assign(outputFiles.begin(), outputFiles.end());
    calls.push_back(std::move(call));
  }
  if (calls.empty())
    return makeError("nothing to run: give --entry or --batch");

  std::string message;
  auto file = mlir::openInputFile(inputFile, &message);
  if (!file)
    return makeError(message);
  mlir::DialectRegistry registry;
  registry.insert<mlir::LLVM::LLVMDialect, mlir::DLTIDialect>();
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  mlir::MLIRContext context(registry);
  SourceMgr sourceMgr;
  sourceMgr.AddNewSourceBuffer(std::move(file), SMLoc());
  mlir::SourceMgrDiagnosticHandler diagnostics(sourceMgr, &context);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(sourceMgr, &context);
  if (!module)
    return makeError("'" + inputFile + "' is not an LLVM-dialect module");

  auto targetBuilder = orc::JITTargetMachineBuilder::detectHost();
  if (!targetBuilder)
    return targetBuilder.takeError();
  auto machine = targetBuilder->createTargetMachine();
  if (!machine)
    return machine.takeError();
  auto transformer =
      mlir::makeOptimizingTransformer(optLevel, /*sizeLevel=*/0, machine->get());
  SmallVector<StringRef> libraries(sharedLibraries.begin(),
                                   sharedLibraries.end());
  mlir::ExecutionEngineOptions options;
  options.transformer = transformer;
  options.sharedLibPaths = libraries;
  options.jitCodeGenOptLevel = static_cast<CodeGenOptLevel>(optLevel.getValue());
  auto engine = mlir::ExecutionEngine::create(*module, options);
  if (!engine)
    return engine.takeError();
  (*engine)->initialize();

  for (const Call &call : calls)
    if (Error error = runCall(call, *module, **engine))
      return error;
  return Error::success();
}

int main(int argc, char **argv) {
  InitLLVM initialize(argc, argv);
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, kOverview);
  if (optLevel > 3) {
    WithColor::error() << "--opt-level must be 0 to 3\n";
    return EXIT_FAILURE;
  }
  if (Error error = run()) {
    WithColor::error() << toString(std::move(error)) << '\n';
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
