// The runtime's C interface.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Runtime/Runtime.h"

#include "Context.h"
#include "sparse24/Support/TensorMapParameters.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

using namespace sparse24;
using namespace sparse24::runtime;

namespace {

DriverAddress toAddress(const void *pointer) {
  return reinterpret_cast<DriverAddress>(pointer);
}

/// The extents of a grid, block or cluster as the driver takes them.
bool toUnsigned(int64_t x, int64_t y, int64_t z, unsigned (&result)[3]) {
  const int64_t extents[] = {x, y, z};
  for (int i = 0; i < 3; ++i) {
    if (extents[i] < 0 || extents[i] > std::numeric_limits<unsigned>::max())
      return false;
    result[i] = static_cast<unsigned>(extents[i]);
  }
  return true;
}

Sparse24Status failOldDriver(const std::string &what, const char *function) {
  return fail(SPARSE24_UNSUPPORTED_DEVICE,
              what + ": the CUDA driver has no function '" + function +
                  "'; one of CUDA 12 or newer is needed");
}

/// "2 dimensions, sizes 384 1024, strides 768, box 64 128", the contiguous
/// dimension first.
std::string describe(const TensorMapParameters &tensor) {
  auto list = [](const auto *numbers, uint32_t size) {
    std::string text;
    for (uint32_t i = 0; i < size; ++i)
      text += " " + std::to_string(numbers[i]);
    return text;
  };
  return std::to_string(tensor.rank) + " dimensions, sizes" +
         list(tensor.sizes, tensor.rank) + ", strides" +
         list(tensor.strides, tensor.rank - 1) + " bytes, box" +
         list(tensor.box, tensor.rank);
}

} // namespace

int32_t sparse24ContextCreate(const Sparse24Module *module,
                              const char *weightsPath, void **context) {
  if (!module || !context)
    return fail(SPARSE24_INVALID_ARGUMENT,
                "sparse24ContextCreate: a null argument");
  *context = nullptr;
  if (module->abiVersion != SPARSE24_RUNTIME_ABI_VERSION)
    return fail(SPARSE24_VERSION_MISMATCH,
                "the program was compiled for version " +
                    std::to_string(module->abiVersion) +
                    " of the runtime's interface; this is version " +
                    std::to_string(SPARSE24_RUNTIME_ABI_VERSION));
  const Driver *driver = nullptr;
  if (Sparse24Status status = Driver::get(driver))
    return status;
  auto candidate = std::make_unique<Context>(*driver);
  if (Sparse24Status status = candidate->initialize(*module, weightsPath))
    return status;
  *context = candidate.release();
  return SPARSE24_SUCCESS;
}

int32_t sparse24ContextDestroy(void *context) {
  delete static_cast<Context *>(context);
  return SPARSE24_SUCCESS;
}

void *sparse24ContextWeight(void *context, int32_t index) {
  auto *self = static_cast<Context *>(context);
  if (!self || index < 0 || static_cast<size_t>(index) >= self->weights.size())
    return nullptr;
  return reinterpret_cast<void *>(self->weights[index]);
}

int64_t sparse24ResidentClusters(void *context, int32_t kernel) {
  auto *self = static_cast<Context *>(context);
  return self && self->hasKernel(kernel)
             ? self->kernels[kernel].residentClusters
             : 0;
}

int32_t sparse24Launch(void *context, int32_t kernel, int64_t gridX,
                       int64_t gridY, int64_t gridZ, int64_t blockX,
                       int64_t blockY, int64_t blockZ, int64_t clusterX,
                       int64_t clusterY, int64_t clusterZ,
                       int64_t dynamicSharedMemoryBytes, void *stream,
                       void **params) {
  auto *self = static_cast<Context *>(context);
  if (!self || !self->hasKernel(kernel))
    return fail(SPARSE24_INVALID_ARGUMENT,
                self ? "sparse24Launch: the context has no kernel number " +
                           std::to_string(kernel)
                     : "sparse24Launch: the context is null");
  const Context::Kernel &launched = self->kernels[kernel];
  const Driver &driver = self->driver;
  auto describe = [&] {
    auto triple = [](int64_t x, int64_t y, int64_t z) {
      return "(" + std::to_string(x) + ", " + std::to_string(y) + ", " +
             std::to_string(z) + ")";
    };
    return "launching kernel '" + launched.name + "' with grid " +
           triple(gridX, gridY, gridZ) + ", block " +
           triple(blockX, blockY, blockZ) + ", cluster " +
           triple(clusterX, clusterY, clusterZ) + " and " +
           std::to_string(dynamicSharedMemoryBytes) +
           " bytes of dynamic shared memory";
  };

  DriverLaunchConfig config = {};
  DriverClusterAttribute attribute;
  if (!toUnsigned(gridX, gridY, gridZ, config.grid) ||
      !toUnsigned(blockX, blockY, blockZ, config.block) ||
      !toUnsigned(clusterX, clusterY, clusterZ, attribute.cluster))
    return fail(SPARSE24_INVALID_ARGUMENT,
                describe() + ": an extent is negative or too large");
  if (dynamicSharedMemoryBytes < 0 ||
      dynamicSharedMemoryBytes > launched.dynamicSharedMemoryBytes)
    return fail(SPARSE24_INVALID_ARGUMENT,
                describe() + ": the kernel was given " +
                    std::to_string(launched.dynamicSharedMemoryBytes));
  // The driver calls a zero extent an error; to us it is an empty result.
  for (const unsigned *extents : {config.grid, config.block})
    if (std::find(extents, extents + 3, 0u) != extents + 3)
      return SPARSE24_SUCCESS;

  config.sharedMemoryBytes = static_cast<unsigned>(dynamicSharedMemoryBytes);
  config.stream = static_cast<DriverStream>(stream);
  config.attributes = &attribute;
  config.numAttributes = 1;
  bool hasClusters = clusterX != 1 || clusterY != 1 || clusterZ != 1;
  if (hasClusters && !driver.cuLaunchKernelEx)
    return failOldDriver(describe(), "cuLaunchKernelEx");

  ScopedContext scope(driver, self->device.handle);
  if (scope.result())
    return failDriver(driver, scope.result(), "cuCtxPushCurrent");
  const unsigned *grid = config.grid, *block = config.block;
  int result =
      hasClusters
          ? driver.cuLaunchKernelEx(&config, launched.function, params, nullptr)
          : driver.cuLaunchKernel(launched.function, grid[0], grid[1], grid[2],
                                  block[0], block[1], block[2],
                                  config.sharedMemoryBytes, config.stream,
                                  params, nullptr);
  if (result)
    return failDriver(driver, result, describe(), SPARSE24_LAUNCH_FAILED);
  return SPARSE24_SUCCESS;
}

int32_t sparse24EncodeTensorMap(void *context, void *map, int32_t type,
                                int32_t rank, const void *memref,
                                const int64_t *box, int32_t swizzle,
                                int32_t promotion, int32_t fill) {
  auto *self = static_cast<Context *>(context);
  if (!self || !map || !memref || !box)
    return fail(SPARSE24_INVALID_ARGUMENT,
                "sparse24EncodeTensorMap: a null argument");
  const Driver &driver = self->driver;
  TensorMapParameters tensor;
  const std::string what = "making a tensor map";
  if (const char *wrong = tensor.set(static_cast<TensorMapType>(type),
                                     static_cast<uint32_t>(rank), memref, box))
    return fail(SPARSE24_INVALID_ARGUMENT, what + ": " + wrong);
  std::memset(map, 0, kTensorMapBytes);
  if (tensor.isEmpty())
    return SPARSE24_SUCCESS;
  if (int32_t status = sparse24CheckAligned(tensor.address, 16))
    return status;
  for (uint32_t i = 0; i + 1 < tensor.rank; ++i)
    if (tensor.strides[i] % 16)
      return fail(SPARSE24_MISALIGNED, what + ": a stride of " +
                                           std::to_string(tensor.strides[i]) +
                                           " bytes isn't a multiple of 16");
  if (!driver.cuTensorMapEncodeTiled)
    return failOldDriver(what, "cuTensorMapEncodeTiled");
  ScopedContext scope(driver, self->device.handle);
  if (scope.result())
    return failDriver(driver, scope.result(), "cuCtxPushCurrent");
  if (int result = driver.cuTensorMapEncodeTiled(
          map, type, tensor.rank, tensor.address, tensor.sizes, tensor.strides,
          tensor.box, tensor.elementStrides, /*interleave=*/0, swizzle,
          promotion, fill))
    return failDriver(driver, result, what + " of " + describe(tensor),
                      SPARSE24_INVALID_ARGUMENT);
  return SPARSE24_SUCCESS;
}

int32_t sparse24Alloc(void *context, int64_t bytes, void *stream, void **ptr) {
  auto *self = static_cast<Context *>(context);
  if (!self || !ptr || bytes < 0)
    return fail(SPARSE24_INVALID_ARGUMENT,
                "sparse24Alloc: a null argument or a negative size");
  *ptr = nullptr;
  if (bytes == 0)
    return SPARSE24_SUCCESS;
  if (!self->pool)
    return fail(SPARSE24_INVALID_ARGUMENT,
                "sparse24Alloc: the module has no temporaries");
  ScopedContext scope(self->driver, self->device.handle);
  if (scope.result())
    return failDriver(self->driver, scope.result(), "cuCtxPushCurrent");
  DriverAddress address = 0;
  if (int result = self->driver.cuMemAllocFromPoolAsync(
          &address, static_cast<size_t>(bytes), self->pool,
          static_cast<DriverStream>(stream)))
    return failDriver(self->driver, result,
                      "allocating " + std::to_string(bytes) +
                          " bytes of device memory");
  *ptr = reinterpret_cast<void *>(address);
  return SPARSE24_SUCCESS;
}

int32_t sparse24Free(void *context, void *ptr, void *stream) {
  auto *self = static_cast<Context *>(context);
  if (!self)
    return fail(SPARSE24_INVALID_ARGUMENT, "sparse24Free: the context is null");
  if (!ptr)
    return SPARSE24_SUCCESS;
  ScopedContext scope(self->driver, self->device.handle);
  if (scope.result())
    return failDriver(self->driver, scope.result(), "cuCtxPushCurrent");
  if (int result = self->driver.cuMemFreeAsync(
          toAddress(ptr), static_cast<DriverStream>(stream)))
    return failDriver(self->driver, result, "freeing device memory");
  return SPARSE24_SUCCESS;
}

int32_t sparse24Memcpy(void *context, void *destination, const void *source,
                       int64_t bytes, void *stream) {
  auto *self = static_cast<Context *>(context);
  if (!self || bytes < 0 || (bytes > 0 && (!destination || !source)))
    return fail(SPARSE24_INVALID_ARGUMENT,
                "sparse24Memcpy: a null argument or a negative size");
  if (bytes == 0)
    return SPARSE24_SUCCESS;
  ScopedContext scope(self->driver, self->device.handle);
  if (scope.result())
    return failDriver(self->driver, scope.result(), "cuCtxPushCurrent");
  if (int result = self->driver.cuMemcpyDtoDAsync(
          toAddress(destination), toAddress(source), static_cast<size_t>(bytes),
          static_cast<DriverStream>(stream)))
    return failDriver(self->driver, result,
                      "copying " + std::to_string(bytes) +
                          " bytes of device memory");
  return SPARSE24_SUCCESS;
}

int32_t sparse24Memset32(void *context, void *destination, int32_t value,
                         int64_t count, void *stream) {
  auto *self = static_cast<Context *>(context);
  if (!self || count < 0 || (count > 0 && !destination))
    return fail(SPARSE24_INVALID_ARGUMENT,
                "sparse24Memset32: a null argument or a negative size");
  if (count == 0)
    return SPARSE24_SUCCESS;
  // The driver would only say that some argument is wrong.
  if (int32_t status = sparse24CheckAligned(destination, sizeof(value)))
    return status;
  ScopedContext scope(self->driver, self->device.handle);
  if (scope.result())
    return failDriver(self->driver, scope.result(), "cuCtxPushCurrent");
  if (int result = self->driver.cuMemsetD32Async(
          toAddress(destination), static_cast<unsigned>(value),
          static_cast<size_t>(count), static_cast<DriverStream>(stream)))
    return failDriver(self->driver, result,
                      "filling " + std::to_string(count) +
                          " words of device memory");
  return SPARSE24_SUCCESS;
}

int32_t sparse24CheckAligned(const void *ptr, int64_t alignment) {
  if (alignment <= 0)
    return fail(SPARSE24_INVALID_ARGUMENT,
                "sparse24CheckAligned: the alignment must be positive");
  if (reinterpret_cast<uintptr_t>(ptr) % static_cast<uint64_t>(alignment) == 0)
    return SPARSE24_SUCCESS;
  char text[2 * sizeof(void *) + 3];
  std::snprintf(text, sizeof(text), "%p", ptr);
  return fail(SPARSE24_MISALIGNED, std::string("the address ") + text +
                                       " of an argument isn't a multiple of " +
                                       std::to_string(alignment) + " bytes");
}
