// The CUDA driver, opened at run time.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares the few functions of libcuda that the runtime calls, so that no CUDA
// header is needed to build it. Each member is named as the driver documents
// the function; the `_v2` symbols are what CUDA's header maps the plain names
// to.

#ifndef SPARSE24_LIB_RUNTIME_DRIVER_H
#define SPARSE24_LIB_RUNTIME_DRIVER_H

#include "Status.h"

#include <cstddef>
#include <cstdint>

namespace sparse24::runtime {

/// CUresult: the values that the runtime tells apart.
enum DriverResult : int {
  kDriverSuccess = 0,
  kDriverInvalidValue = 1,
  kDriverOutOfMemory = 2,
  kDriverDeinitialized = 4,
  kDriverNoDevice = 100,
  kDriverNoBinaryForGpu = 209,
  kDriverInvalidPtx = 218,
  kDriverUnsupportedPtxVersion = 222,
  kDriverNotFound = 500,
};

/// Driver handles are opaque pointers; devices are numbers, device addresses
/// 64-bit integers.
using DriverDevice = int;
using DriverContext = struct DriverContextTag *;
using DriverModule = struct DriverModuleTag *;
using DriverFunction = struct DriverFunctionTag *;
using DriverStream = struct DriverStreamTag *;
using DriverMemPool = struct DriverMemPoolTag *;
using DriverAddress = unsigned long long;

/// CU_STREAM_NON_BLOCKING: no implicit ordering with the default stream.
inline constexpr unsigned kStreamNonBlocking = 1;
/// CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.
inline constexpr int kFuncMaxDynamicSharedSize = 8;
/// CUdevice_attribute.
inline constexpr int kDeviceMultiprocessorCount = 16;
inline constexpr int kDeviceComputeCapabilityMajor = 75;
inline constexpr int kDeviceComputeCapabilityMinor = 76;
inline constexpr int kDeviceMaxSharedMemoryPerBlockOptin = 97;
inline constexpr int kDeviceMemoryPoolsSupported = 115;
/// CUjit_option.
inline constexpr int kJitErrorLogBuffer = 5;
inline constexpr int kJitErrorLogBufferSizeBytes = 6;
/// CU_MEMPOOL_ATTR_RELEASE_THRESHOLD.
inline constexpr int kMemPoolReleaseThreshold = 4;

/// CUmemPoolProps.
struct DriverMemPoolProps {
  int allocType = 1;    ///< CU_MEM_ALLOCATION_TYPE_PINNED
  int handleTypes = 0;  ///< none: not shared with other processes
  int locationType = 1; ///< CU_MEM_LOCATION_TYPE_DEVICE
  int locationId = 0;   ///< the device
  void *win32SecurityAttributes = nullptr;
  size_t maxSize = 0;
  unsigned short usage = 0;
  unsigned char reserved[54] = {};
};
static_assert(sizeof(DriverMemPoolProps) == 88, "the driver's own size");

/// CUlaunchAttribute, as the one of clusters.
struct DriverClusterAttribute {
  int id = 4; ///< CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION
  unsigned padding = 0;
  unsigned cluster[3] = {1, 1, 1};
  unsigned char reserved[52] = {};
};
static_assert(sizeof(DriverClusterAttribute) == 72, "the driver's own size");

/// CUlaunchConfig.
struct DriverLaunchConfig {
  unsigned grid[3];
  unsigned block[3];
  unsigned sharedMemoryBytes;
  DriverStream stream;
  DriverClusterAttribute *attributes;
  unsigned numAttributes;
};
static_assert(sizeof(DriverLaunchConfig) == 56, "the driver's own size");

/// Bytes of a CUtensorMap.
inline constexpr size_t kTensorMapBytes = 128;

/// The functions that the runtime uses: (member, symbol, parameters).
#define SPARSE24_DRIVER_FUNCTIONS(F)                                           \
  F(cuInit, "cuInit", (unsigned flags))                                        \
  F(cuGetErrorString, "cuGetErrorString", (int result, const char **text))     \
  F(cuDeviceGet, "cuDeviceGet", (DriverDevice * device, int ordinal))          \
  F(cuDeviceGetAttribute, "cuDeviceGetAttribute",                              \
    (int *value, int attribute, DriverDevice device))                          \
  F(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain",                      \
    (DriverContext * context, DriverDevice device))                            \
  F(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2",                 \
    (DriverDevice device))                                                     \
  F(cuCtxGetCurrent, "cuCtxGetCurrent", (DriverContext * context))             \
  F(cuCtxGetDevice, "cuCtxGetDevice", (DriverDevice * device))                 \
  F(cuCtxPushCurrent, "cuCtxPushCurrent_v2", (DriverContext context))          \
  F(cuCtxPopCurrent, "cuCtxPopCurrent_v2", (DriverContext * context))          \
  F(cuModuleLoadDataEx, "cuModuleLoadDataEx",                                  \
    (DriverModule * module, const void *image, unsigned numOptions,            \
     int *options, void **optionValues))                                       \
  F(cuModuleUnload, "cuModuleUnload", (DriverModule module))                   \
  F(cuModuleGetFunction, "cuModuleGetFunction",                                \
    (DriverFunction * function, DriverModule module, const char *name))        \
  F(cuFuncSetAttribute, "cuFuncSetAttribute",                                  \
    (DriverFunction function, int attribute, int value))                       \
  F(cuLaunchKernel, "cuLaunchKernel",                                          \
    (DriverFunction function, unsigned gridX, unsigned gridY, unsigned gridZ,  \
     unsigned blockX, unsigned blockY, unsigned blockZ,                        \
     unsigned sharedMemoryBytes, DriverStream stream, void **params,           \
     void **extra))                                                            \
  F(cuMemAlloc, "cuMemAlloc_v2", (DriverAddress * address, size_t bytes))      \
  F(cuMemFree, "cuMemFree_v2", (DriverAddress address))                        \
  F(cuMemPoolCreate, "cuMemPoolCreate",                                        \
    (DriverMemPool * pool, const DriverMemPoolProps *props))                   \
  F(cuMemPoolDestroy, "cuMemPoolDestroy", (DriverMemPool pool))                \
  F(cuMemPoolSetAttribute, "cuMemPoolSetAttribute",                            \
    (DriverMemPool pool, int attribute, void *value))                          \
  F(cuMemAllocFromPoolAsync, "cuMemAllocFromPoolAsync",                        \
    (DriverAddress * address, size_t bytes, DriverMemPool pool,                \
     DriverStream stream))                                                     \
  F(cuMemFreeAsync, "cuMemFreeAsync",                                          \
    (DriverAddress address, DriverStream stream))                              \
  F(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2",                                 \
    (DriverAddress destination, const void *source, size_t bytes,              \
     DriverStream stream))                                                     \
  F(cuMemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2",                                 \
    (DriverAddress destination, DriverAddress source, size_t bytes,            \
     DriverStream stream))                                                     \
  F(cuMemsetD32Async, "cuMemsetD32Async",                                      \
    (DriverAddress destination, unsigned value, size_t count,                  \
     DriverStream stream))                                                     \
  F(cuStreamCreate, "cuStreamCreate", (DriverStream * stream, unsigned flags)) \
  F(cuStreamSynchronize, "cuStreamSynchronize", (DriverStream stream))         \
  F(cuStreamDestroy, "cuStreamDestroy_v2", (DriverStream stream))

/// Those that only some programs need; drivers older than CUDA 12 lack them.
#define SPARSE24_OPTIONAL_DRIVER_FUNCTIONS(F)                                  \
  F(cuLaunchKernelEx, "cuLaunchKernelEx",                                      \
    (const DriverLaunchConfig *config, DriverFunction function, void **params, \
     void **extra))                                                            \
  F(cuOccupancyMaxActiveClusters, "cuOccupancyMaxActiveClusters",              \
    (int *clusters, DriverFunction function,                                   \
     const DriverLaunchConfig *config))                                        \
  F(cuTensorMapEncodeTiled, "cuTensorMapEncodeTiled",                          \
    (void *map, int type, unsigned rank, void *address, const uint64_t *sizes, \
     const uint64_t *strides, const uint32_t *box,                             \
     const uint32_t *elementStrides, int interleave, int swizzle,              \
     int promotion, int fill))

/// The driver's entry points.
struct Driver {
#define SPARSE24_DECLARE(member, symbol, parameters)                           \
  int(*member) parameters = nullptr;
  SPARSE24_DRIVER_FUNCTIONS(SPARSE24_DECLARE)
  SPARSE24_OPTIONAL_DRIVER_FUNCTIONS(SPARSE24_DECLARE)
#undef SPARSE24_DECLARE

  /// The driver's own text for a result, with its number.
  std::string describe(int result) const;

  /// Opens and initialises the driver at the first call. After a failure the
  /// next call tries again.
  static Sparse24Status get(const Driver *&driver);
};

/// Fails with "<what>: <the driver's text>"; running out of memory always is
/// SPARSE24_OUT_OF_MEMORY.
Sparse24Status failDriver(const Driver &driver, int result,
                          const std::string &what,
                          Sparse24Status status = SPARSE24_DRIVER_ERROR);

/// Makes a CUDA context current in this thread for the time of a scope.
class ScopedContext {
public:
  ScopedContext(const Driver &driver, DriverContext context);
  ~ScopedContext();
  ScopedContext(const ScopedContext &) = delete;
  ScopedContext &operator=(const ScopedContext &) = delete;

  /// What went wrong, kDriverSuccess if nothing did.
  int result() const { return status; }

private:
  const Driver &driver;
  int status;
  bool isPushed = false;
};

} // namespace sparse24::runtime

#endif // SPARSE24_LIB_RUNTIME_DRIVER_H
