// Arguments of an emulated run.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TOOLS_SPARSE24_EMULATE_ARGUMENTS_H
#define SPARSE24_TOOLS_SPARSE24_EMULATE_ARGUMENTS_H

#include "Common/Arrays.h"
#include "sparse24/Emulator/HostProgram.h"
#include "sparse24/Emulator/TensorMap.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <deque>

namespace sparse24::emulate {

class Arguments {
public:
  /// Of each text, what the tool's --help says.
  static llvm::Expected<Arguments> parse(llvm::ArrayRef<std::string> texts);

  /// Pointers to the arguments of an entry's C interface: a pointer to a
  /// descriptor for each array. They live as long as this does.
  llvm::Expected<std::vector<void *>> forEntry(mlir::LLVM::LLVMFuncOp function);
  /// Pointers to those of a kernel: for each array the fields of its
  /// descriptor, or the pointer alone, whichever the kernel's signature fits.
  llvm::Expected<std::vector<void *>>
  forKernel(mlir::LLVM::LLVMFuncOp function);

  /// Makes the arrays known as what kernels may access.
  void addTo(emulator::HostProgram &program);
  llvm::Error writeOutputs();

private:
  struct Argument {
    std::string text;
    /// Of an array.
    std::unique_ptr<run::NpyArray> array;
    std::string outputPath;
    /// Of a number, its bits.
    uint64_t bits = 0;
    /// Descriptor of an array, and a pointer to that.
    llvm::SmallVector<int64_t> descriptor;
    void *pointer = nullptr;
    /// Of an array that is passed as a tensor map.
    std::unique_ptr<emulator::TensorMap> map;
  };
  llvm::Error parse(llvm::StringRef text, Argument &argument);
  static llvm::Error makeMap(llvm::StringRef parameters, Argument &argument);

  std::deque<Argument> arguments;
};

} // namespace sparse24::emulate

#endif // SPARSE24_TOOLS_SPARSE24_EMULATE_ARGUMENTS_H
