// The pipelines that compile a program from linalg to what runs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_PIPELINES_PIPELINES_H
#define SPARSE24_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::sparse24 {

/// How far `sparse24-pipeline` compiles.
enum class OutputFormat {
  /// Tensors: what the program computes, with sparse24 operations.
  MLIR,
  /// The LLVM dialect (for GPUs with kernels in the NVVM dialect).
  LLVM,
  /// Kernels as PTX.
  ISA,
  /// Kernels as a cubin.
  Bin,
  /// Kernels as a fatbin.
  Fatbin,
};

/// Options of `sparse24-pipeline`.
struct PipelineOptions : public PassPipelineOptions<PipelineOptions> {
  Option<std::string> target{
      *this, "target",
      llvm::cl::desc("what to compile for: cpu, sm_80, sm_86, sm_89, sm_90, "
                     "sm_90a, sm_100a or sm_120a"),
      llvm::cl::init("cpu")};
  Option<std::string> prune{
      *this, "prune",
      llvm::cl::desc("prune weights that aren't 2:4 by: none, magnitude, "
                     "transposable, importance or wanda; "
                     "sparse24.allow_prune overrides it"),
      llvm::cl::init("none")};
  Option<std::string> precision{
      *this, "precision",
      llvm::cl::desc("multiply f32 operands as none (leave them dense), bf16, "
                     "f16 or tf32; sparse24.allow_precision overrides it"),
      llvm::cl::init("none")};
  Option<bool> slide{
      *this, "slide",
      llvm::cl::desc(
          "make weights of 4:6, 6:8, 8:10 or 10:12 2:4 without loss, "
          "by repeating what they multiply: 1.5 to 1.2 times as fast "
          "as dense at best, and only for large products"),
      llvm::cl::init(false)};
  Option<std::string> permute{
      *this, "permute",
      llvm::cl::desc(
          "order channels so that pruning keeps more: none, producers "
          "(where the order can be folded into the product before, "
          "for free) or all (else by a gather at run time)"),
      llvm::cl::init("none")};
  Option<int> permuteSweeps{
      *this, "permute-sweeps",
      llvm::cl::desc("the effort of that search: how often at most every two "
                     "groups of channels meet"),
      llvm::cl::init(4)};
  Option<OutputFormat> format{
      *this, "format",
      llvm::cl::desc("how far to compile; llvm goes with cpu, any with a GPU"),
      llvm::cl::init(OutputFormat::LLVM),
      llvm::cl::values(
          clEnumValN(OutputFormat::MLIR, "mlir", "sparse24 on tensors"),
          clEnumValN(OutputFormat::LLVM, "llvm", "the LLVM dialect"),
          clEnumValN(OutputFormat::ISA, "isa", "kernels as PTX"),
          clEnumValN(OutputFormat::Bin, "bin", "kernels as a cubin"),
          clEnumValN(OutputFormat::Fatbin, "fatbin", "kernels as a fatbin"))};
  ListOption<std::string> checkpoints{
      *this, "checkpoints",
      llvm::cl::desc("safetensors files that sparse24.weight names tensors "
                     "of")};
  Option<std::string> weightsFile{
      *this, "weights-file",
      llvm::cl::desc("write the weights there instead of into the module (GPU "
                     "targets)"),
      llvm::cl::init("")};
  Option<std::string> kernelsFile{
      *this, "kernels-file",
      llvm::cl::desc("also write the kernels (PTX, cubin or fatbin) there"),
      llvm::cl::init("")};
  Option<int64_t> expectedN{
      *this, "expected-n",
      llvm::cl::desc("the size to choose schedules for where the dense "
                     "operand's is dynamic"),
      llvm::cl::init(1024)};

  bool isCpu() const { return target == "cpu"; }
};

/// All of `sparse24-pipeline`. The parts below are its steps.
void buildPipeline(OpPassManager &manager, const PipelineOptions &options);

/// linalg on tensors to sparse24 on tensors, with weights compressed (for GPUs,
/// packed) and schedules chosen.
void buildTensorPipeline(OpPassManager &manager,
                         const PipelineOptions &options);

/// Tensors to buffers; results become parameters that are appended to the
/// arguments, and buffers are freed.
void buildBufferizationPipeline(OpPassManager &manager);

/// Buffers to the LLVM dialect, for the CPU.
void buildCpuPipeline(OpPassManager &manager);

/// Buffers to kernels and the host functions that launch them.
void buildGpuPipeline(OpPassManager &manager, const PipelineOptions &options);

/// What buildGpuPipeline gives for the format `llvm` (or gpu.func kernels and
/// their host functions) to the LLVM dialect, with kernels that run in the
/// emulator.
void buildEmulatorPipeline(OpPassManager &manager);

/// Makes `sparse24-pipeline`, `sparse24-gpu-pipeline` and
/// `sparse24-emulator-pipeline` known to the parser of pipelines.
void registerPipelines();

} // namespace mlir::sparse24

#endif // SPARSE24_PIPELINES_PIPELINES_H
