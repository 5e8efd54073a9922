// A libcuda that records its calls.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stands in for libcuda.so.1 (by SPARSE24_LIBCUDA) so that the runtime is
// tested on machines without a GPU. Device memory is host memory. Copies are
// done when their stream is synchronised, no earlier: who reads a weight
// without waiting for its upload reads zeros.

#ifndef SPARSE24_TEST_FAKECUDA_FAKECUDA_H
#define SPARSE24_TEST_FAKECUDA_FAKECUDA_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

struct FakeCuda {
  struct Launch {
    std::string kernel;
    unsigned grid[3];
    unsigned block[3];
    unsigned cluster[3];
    unsigned sharedMemoryBytes;
    void *stream;
    void *context;
    /// The first `paramWords` parameters, as 64-bit words.
    std::vector<uint64_t> params;
  };

  /// What a tensor map was made of; the map itself holds its number from 1 on.
  struct TensorMap {
    int type;
    void *address;
    std::vector<uint64_t> sizes, strides;
    std::vector<uint32_t> box, elementStrides;
    int interleave, swizzle, promotion, fill;
  };

  /// Names of the functions called, in order, but for cuCtxGetCurrent,
  /// cuGetErrorString and cuDeviceGetAttribute.
  std::vector<std::string> calls;
  std::vector<Launch> launches;
  /// Of which clusters were counted.
  std::vector<Launch> counted;
  std::vector<TensorMap> tensorMaps;

  /// Results that functions return instead of working.
  std::map<std::string, int> failures;
  /// Kernels that modules have.
  std::set<std::string> kernels;
  /// Whether they have any kernel that is asked for.
  bool hasAllKernels = false;
  /// What the JIT compiler writes into its error log when loading fails.
  std::string jitLog;
  int numDevices = 1;
  int multiprocessorCount = 132;
  /// Clusters that run at a time; if negative, as many as there are
  /// multiprocessors for.
  int residentClusters = -1;
  int sharedMemoryLimit = 232448;
  bool hasMemoryPools = true;
  size_t paramWords = 0;
  /// The largest value of the dynamic shared memory attribute by kernel.
  std::map<std::string, int> sharedMemoryAttribute;

  /// The calling thread's current context.
  void *current = nullptr;
  int primaryRetains = 0;
  std::set<void *> modules;
  std::set<void *> memory;
  std::vector<std::function<void()>> pendingCopies;

  size_t count(const std::string &name) const {
    size_t result = 0;
    for (const std::string &call : calls)
      result += call == name;
    return result;
  }
};

/// The state of the library, exported by it under this name.
extern "C" FakeCuda *fakeCudaState();

#endif // SPARSE24_TEST_FAKECUDA_FAKECUDA_H
