// The runtime's C interface.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Runtime/Runtime.h"

#include "Context.h"

#include <cstdio>
#include <limits>
#include <memory>
#include <string>

using namespace sparse24::runtime;

namespace {

DriverAddress toAddress(const void *pointer) {
  return reinterpret_cast<DriverAddress>(pointer);
}

/// A grid or block as the driver takes it.
bool toUnsigned(int64_t value, unsigned &result) {
  if (value < 0 || value > std::numeric_limits<unsigned>::max())
    return false;
  result = static_cast<unsigned>(value);
  return true;
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

int32_t sparse24Launch(void *context, int32_t kernel, int64_t gridX,
                       int64_t gridY, int64_t gridZ, int64_t blockX,
                       int64_t blockY, int64_t blockZ,
                       int64_t dynamicSharedMemoryBytes, void *stream,
                       void **params) {
  auto *self = static_cast<Context *>(context);
  if (!self || kernel < 0 ||
      static_cast<size_t>(kernel) >= self->kernels.size())
    return fail(SPARSE24_INVALID_ARGUMENT,
                self ? "sparse24Launch: the context has no kernel number " +
                           std::to_string(kernel)
                     : "sparse24Launch: the context is null");
  const Context::Kernel &launched = self->kernels[kernel];
  auto describe = [&] {
    auto triple = [](int64_t x, int64_t y, int64_t z) {
      return "(" + std::to_string(x) + ", " + std::to_string(y) + ", " +
             std::to_string(z) + ")";
    };
    return "launching kernel '" + launched.name + "' with grid " +
           triple(gridX, gridY, gridZ) + ", block " +
           triple(blockX, blockY, blockZ) + " and " +
           std::to_string(dynamicSharedMemoryBytes) +
           " bytes of dynamic shared memory";
  };

  unsigned grid[3], block[3];
  if (!toUnsigned(gridX, grid[0]) || !toUnsigned(gridY, grid[1]) ||
      !toUnsigned(gridZ, grid[2]) || !toUnsigned(blockX, block[0]) ||
      !toUnsigned(blockY, block[1]) || !toUnsigned(blockZ, block[2]))
    return fail(SPARSE24_INVALID_ARGUMENT,
                describe() + ": an extent is negative or too large");
  if (dynamicSharedMemoryBytes < 0 ||
      dynamicSharedMemoryBytes > launched.dynamicSharedMemoryBytes)
    return fail(SPARSE24_INVALID_ARGUMENT,
                describe() + ": the kernel was given " +
                    std::to_string(launched.dynamicSharedMemoryBytes));
  // The driver calls a zero extent an error; to us it is an empty result.
  for (unsigned extent :
       {grid[0], grid[1], grid[2], block[0], block[1], block[2]})
    if (extent == 0)
      return SPARSE24_SUCCESS;

  ScopedContext scope(self->driver, self->device.handle);
  if (scope.result())
    return failDriver(self->driver, scope.result(), "cuCtxPushCurrent");
  if (int result = self->driver.cuLaunchKernel(
          launched.function, grid[0], grid[1], grid[2], block[0], block[1],
          block[2], static_cast<unsigned>(dynamicSharedMemoryBytes),
          static_cast<DriverStream>(stream), params, nullptr))
    return failDriver(self->driver, result, describe(), SPARSE24_LAUNCH_FAILED);
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
