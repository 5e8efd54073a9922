// A libcuda that records its calls.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FakeCuda.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

namespace {

FakeCuda &state() {
  static FakeCuda fake;
  return fake;
}

/// Records a call; true if it is to fail, with its result in `result`.
bool fails(const char *name, int &result) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  state().calls.push_back(name);
  auto failure = state().failures.find(name);
  result = failure == state().failures.end() ? 0 : failure->second;
  return result != 0;
}

void *allocate(size_t bytes) {
  void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(memory, 0, bytes);
  state().memory.insert(memory);
  return memory;
}

void release(void *memory) {
  if (state().memory.erase(memory))
    std::free(memory);
}

void launch(FakeCuda::Launch launch, void **params) {
  for (size_t i = 0; i < state().paramWords; ++i) {
    uint64_t word;
    std::memcpy(&word, params[i], sizeof(word));
    launch.params.push_back(word);
  }
  state().launches.push_back(std::move(launch));
}

char primaryContext, somePool, someStream;

} // namespace

extern "C" {

FakeCuda *fakeCudaState() { return &state(); }

int cuInit(unsigned) {
  int result;
  if (fails("cuInit", result))
    return result;
  return state().numDevices ? 0 : 100;
}

int cuGetErrorString(int result, const char **text) {
  *text = result == 2 ? "out of memory" : "a made-up error";
  return 0;
}

int cuDeviceGet(int *device, int ordinal) {
  int result;
  *device = ordinal;
  return fails("cuDeviceGet", result) ? result : 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int) {
  switch (attribute) {
  case 16:
    *value = state().multiprocessorCount;
    return 0;
  case 75:
    *value = 9;
    return 0;
  case 76:
    *value = 0;
    return 0;
  case 97:
    *value = state().sharedMemoryLimit;
    return 0;
  case 115:
    *value = state().hasMemoryPools;
    return 0;
  }
  return 1;
}

int cuDevicePrimaryCtxRetain(void **context, int) {
  int result;
  if (fails("cuDevicePrimaryCtxRetain", result))
    return result;
  ++state().primaryRetains;
  *context = &primaryContext;
  return 0;
}

int cuDevicePrimaryCtxRelease_v2(int) {
  int result;
  if (fails("cuDevicePrimaryCtxRelease", result))
    return result;
  --state().primaryRetains;
  return 0;
}

int cuCtxGetCurrent(void **context) {
  *context = state().current;
  return 0;
}

int cuCtxGetDevice(int *device) {
  *device = 0;
  return 0;
}

int cuCtxPushCurrent_v2(void *context) {
  int result;
  if (fails("cuCtxPushCurrent", result))
    return result;
  state().current = context;
  return 0;
}

int cuCtxPopCurrent_v2(void **context) {
  int result;
  if (fails("cuCtxPopCurrent", result))
    return result;
  *context = state().current;
  // The tests push over an empty stack only.
  state().current = nullptr;
  return 0;
}

int cuModuleLoadDataEx(void **module, const void *image, unsigned numOptions,
                       int *options, void **values) {
  int result;
  if (fails("cuModuleLoadDataEx", result)) {
    for (unsigned i = 0; i < numOptions; ++i)
      if (options[i] == 5)
        std::strcpy(static_cast<char *>(values[i]), state().jitLog.c_str());
    return result;
  }
  (void)image;
  *module = std::malloc(1);
  state().modules.insert(*module);
  return 0;
}

int cuModuleUnload(void *module) {
  int result;
  if (fails("cuModuleUnload", result))
    return result;
  state().modules.erase(module);
  std::free(module);
  return 0;
}

int cuModuleGetFunction(void **function, void *, const char *name) {
  int result;
  if (fails("cuModuleGetFunction", result))
    return result;
  if (state().hasAllKernels)
    state().kernels.insert(name);
  auto kernel = state().kernels.find(name);
  if (kernel == state().kernels.end())
    return 500;
  *function = const_cast<std::string *>(&*kernel);
  return 0;
}

int cuFuncSetAttribute(void *function, int attribute, int value) {
  int result;
  if (fails("cuFuncSetAttribute", result))
    return result;
  if (attribute == 8)
    state().sharedMemoryAttribute[*static_cast<std::string *>(function)] =
        value;
  return 0;
}

int cuLaunchKernel(void *function, unsigned gridX, unsigned gridY,
                   unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned sharedMemoryBytes, void *stream,
                   void **params, void **) {
  int result;
  if (fails("cuLaunchKernel", result))
    return result;
  launch({*static_cast<std::string *>(function),
          {gridX, gridY, gridZ},
          {blockX, blockY, blockZ},
          {1, 1, 1},
          sharedMemoryBytes,
          stream,
          state().current,
          {}},
         params);
  return 0;
}

#ifndef SPARSE24_OLD_DRIVER

struct LaunchAttribute {
  int id;
  int padding;
  unsigned value[16];
};

struct LaunchConfig {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedMemoryBytes;
  void *stream;
  LaunchAttribute *attributes;
  unsigned numAttributes;
};

static FakeCuda::Launch describe(const LaunchConfig *config, void *function) {
  FakeCuda::Launch launched{*static_cast<std::string *>(function),
                            {config->gridX, config->gridY, config->gridZ},
                            {config->blockX, config->blockY, config->blockZ},
                            {1, 1, 1},
                            config->sharedMemoryBytes,
                            config->stream,
                            state().current,
                            {}};
  for (unsigned i = 0; i < config->numAttributes; ++i)
    if (config->attributes[i].id == 4)
      std::copy_n(config->attributes[i].value, 3, launched.cluster);
  return launched;
}

int cuLaunchKernelEx(const LaunchConfig *config, void *function, void **params,
                     void **) {
  int result;
  if (fails("cuLaunchKernelEx", result))
    return result;
  launch(describe(config, function), params);
  return 0;
}

int cuOccupancyMaxActiveClusters(int *clusters, void *function,
                                 const LaunchConfig *config) {
  int result;
  if (fails("cuOccupancyMaxActiveClusters", result))
    return result;
  state().counted.push_back(describe(config, function));
  int blocks = static_cast<int>(state().counted.back().cluster[0]);
  *clusters = state().residentClusters < 0
                  ? state().multiprocessorCount / blocks
                  : state().residentClusters;
  return 0;
}

int cuTensorMapEncodeTiled(void *map, int type, unsigned rank, void *address,
                           const uint64_t *sizes, const uint64_t *strides,
                           const uint32_t *box, const uint32_t *elementStrides,
                           int interleave, int swizzle, int promotion,
                           int fill) {
  int result;
  if (fails("cuTensorMapEncodeTiled", result))
    return result;
  state().tensorMaps.push_back({type,
                                address,
                                {sizes, sizes + rank},
                                {strides, strides + rank - 1},
                                {box, box + rank},
                                {elementStrides, elementStrides + rank},
                                interleave,
                                swizzle,
                                promotion,
                                fill});
  uint64_t number = state().tensorMaps.size();
  std::memcpy(map, &number, sizeof(number));
  return 0;
}

#endif // SPARSE24_OLD_DRIVER

int cuMemAlloc_v2(unsigned long long *address, size_t bytes) {
  int result;
  if (fails("cuMemAlloc", result))
    return result;
  *address = reinterpret_cast<unsigned long long>(allocate(bytes));
  return 0;
}

int cuMemFree_v2(unsigned long long address) {
  int result;
  if (fails("cuMemFree", result))
    return result;
  release(reinterpret_cast<void *>(address));
  return 0;
}

int cuMemPoolCreate(void **pool, const void *) {
  int result;
  *pool = &somePool;
  return fails("cuMemPoolCreate", result) ? result : 0;
}

int cuMemPoolDestroy(void *) {
  int result;
  return fails("cuMemPoolDestroy", result) ? result : 0;
}

int cuMemPoolSetAttribute(void *, int, void *) {
  int result;
  return fails("cuMemPoolSetAttribute", result) ? result : 0;
}

int cuMemAllocFromPoolAsync(unsigned long long *address, size_t bytes, void *,
                            void *) {
  int result;
  if (fails("cuMemAllocFromPoolAsync", result))
    return result;
  *address = reinterpret_cast<unsigned long long>(allocate(bytes));
  return 0;
}

int cuMemFreeAsync(unsigned long long address, void *) {
  int result;
  if (fails("cuMemFreeAsync", result))
    return result;
  release(reinterpret_cast<void *>(address));
  return 0;
}

int cuMemcpyHtoDAsync_v2(unsigned long long destination, const void *source,
                         size_t bytes, void *) {
  int result;
  if (fails("cuMemcpyHtoDAsync", result))
    return result;
  state().pendingCopies.push_back([=] {
    std::memcpy(reinterpret_cast<void *>(destination), source, bytes);
  });
  return 0;
}

int cuMemcpyDtoDAsync_v2(unsigned long long destination,
                         unsigned long long source, size_t bytes, void *) {
  int result;
  if (fails("cuMemcpyDtoDAsync", result))
    return result;
  std::memcpy(reinterpret_cast<void *>(destination),
              reinterpret_cast<const void *>(source), bytes);
  return 0;
}

int cuMemsetD32Async(unsigned long long address, unsigned word, size_t count,
                     void *) {
  int result;
  if (fails("cuMemsetD32Async", result))
    return result;
  std::fill_n(reinterpret_cast<uint32_t *>(address), count, word);
  return 0;
}

int cuDeviceGetName(char *name, int, int) {
  std::strcpy(name, "fake device");
  return 0;
}

int cuMemAllocHost_v2(void **memory, size_t bytes) {
  *memory = allocate(bytes);
  return 0;
}

int cuMemFreeHost(void *memory) {
  release(memory);
  return 0;
}

int cuMemsetD8Async(unsigned long long address, unsigned char byte,
                    size_t bytes, void *) {
  std::memset(reinterpret_cast<void *>(address), byte, bytes);
  return 0;
}

int cuMemcpyDtoHAsync_v2(void *destination, unsigned long long source,
                         size_t bytes, void *) {
  std::memcpy(destination, reinterpret_cast<const void *>(source), bytes);
  return 0;
}

int cuStreamCreate(void **stream, unsigned) {
  int result;
  *stream = &someStream;
  return fails("cuStreamCreate", result) ? result : 0;
}

int cuStreamSynchronize(void *) {
  int result;
  if (fails("cuStreamSynchronize", result))
    return result;
  for (auto &copy : state().pendingCopies)
    copy();
  state().pendingCopies.clear();
  return 0;
}

int cuStreamDestroy_v2(void *) {
  int result;
  return fails("cuStreamDestroy", result) ? result : 0;
}

} // extern "C"
