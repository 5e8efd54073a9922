//===- HostProgram.h - What compiled code and emulator share ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The pass sparse24-convert-to-emulator makes a description of each kernel, and
// calls of the functions at the end of this file out of launches and
// allocations. So a whole program runs on the CPU, its kernels in the emulator.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_EMULATOR_HOSTPROGRAM_H
#define SPARSE24_EMULATOR_HOSTPROGRAM_H

#include "sparse24/Emulator/Emulator.h"
#include "sparse24/Emulator/TensorMap.h"

#include <set>

namespace sparse24 {
class WeightFile;
}

namespace sparse24::emulator {

/// A constant of the compiled module. The pass writes these fields in this
/// order.
struct CompiledKernel {
  const char *name;
  /// Takes an array of pointers to the arguments.
  void (*entry)(void **arguments);
  /// Opcodes and locations, and for each site where its two begin there.
  const char *siteText;
  const int32_t *siteOffsets;
  int32_t numSites;
  int32_t staticSharedBytes;
  /// The cluster size that the kernel asks for; zeros where it leaves it open.
  int32_t cluster[3];
};

Program makeProgram(const CompiledKernel &kernel, void **arguments);

/// Runs launches on the memory that was made known to it, and keeps what they
/// reported.
class HostProgram {
public:
  explicit HostProgram(unsigned threads = 0, uint64_t seed = 0)
      : threads(threads), seed(seed) {}
  ~HostProgram();
  HostProgram(const HostProgram &) = delete;
  HostProgram &operator=(const HostProgram &) = delete;

  /// Until its end, compiled code on this host thread belongs to the program.
  class Scope {
  public:
    explicit Scope(HostProgram &program);
    ~Scope();

  private:
    HostProgram *outer;
  };

  void add(std::string name, void *begin, uint64_t bytes);
  void *allocate(uint64_t bytes, uint64_t alignment);
  void free(void *begin);
  /// Fills memory with words; a finding if the program hasn't made it known.
  void fill(void *begin, int32_t value, uint64_t count);
  /// The file that compiled code gets its weights from; it has to outlive this.
  void setWeights(const WeightFile *file) { weights = file; }
  /// An entry's payload; a finding if there is none of that size and layout.
  void *weight(const char *name, uint64_t bytes, uint64_t layoutHash);

  /// Makes a tensor map of a memref (TensorMapParameters::set); a finding if
  /// there can't be one.
  void encodeTensorMap(TensorMap *map, TensorMapType type, uint32_t rank,
                       const void *memref, const int64_t *box,
                       TensorMapSwizzle swizzle, TensorMapFill fill);

  /// Runs the kernel, unless a launch before had findings: what would run on
  /// its results tells nothing new.
  void launch(const CompiledKernel &kernel, Dim3 grid, Dim3 block, Dim3 cluster,
              uint32_t dynamicSharedBytes, void **arguments);

  /// All findings, and the statistics' sum.
  const Report &report() const { return total; }
  uint64_t numLaunches() const { return launches; }

private:
  void report(FindingKind kind, std::string message);

  unsigned threads;
  uint64_t seed;
  std::vector<Allocation> allocations;
  std::set<void *> owned;
  const WeightFile *weights = nullptr;
  Report total;
  uint64_t launches = 0;
};

} // namespace sparse24::emulator

extern "C" {
void sparse24EmulatorLaunch(const sparse24::emulator::CompiledKernel *kernel,
                            int64_t gridX, int64_t gridY, int64_t gridZ,
                            int64_t blockX, int64_t blockY, int64_t blockZ,
                            int64_t clusterX, int64_t clusterY,
                            int64_t clusterZ, int32_t dynamicSharedBytes,
                            void **arguments);
/// Memory that kernels may access. Its bytes are 0xFF, a NaN in every
/// floating-point type.
void *sparse24EmulatorAllocate(int64_t bytes, int64_t alignment);
void sparse24EmulatorFree(void *begin);
/// The arguments are those of sparse24Memset32() (Runtime/Runtime.h).
void sparse24EmulatorMemset32(void *begin, int32_t value, int64_t count);
/// A constant of the program; may be told more than once.
void sparse24EmulatorConstant(void *begin, int64_t bytes);
/// An entry of the weight file.
void *sparse24EmulatorWeight(const char *name, int64_t bytes,
                             uint64_t layoutHash);
/// The arguments are those of sparse24EncodeTensorMap() (Runtime/Runtime.h).
void sparse24EmulatorEncodeTensorMap(void *map, int32_t type, int32_t rank,
                                     const void *memref, const int64_t *box,
                                     int32_t swizzle, int32_t promotion,
                                     int32_t fill);
}

#endif // SPARSE24_EMULATOR_HOSTPROGRAM_H
