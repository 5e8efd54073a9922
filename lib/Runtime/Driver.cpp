// The CUDA driver, opened at run time.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Driver.h"

#include <atomic>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <mutex>
#include <type_traits>

namespace sparse24::runtime {

std::string Driver::describe(int result) const {
  const char *text = nullptr;
  if (cuGetErrorString(result, &text) != kDriverSuccess || !text)
    text = "unknown error";
  return std::string(text) + " (CUresult " + std::to_string(result) + ")";
}

Sparse24Status failDriver(const Driver &driver, int result,
                          const std::string &what, Sparse24Status status) {
  if (result == kDriverOutOfMemory)
    status = SPARSE24_OUT_OF_MEMORY;
  return fail(status, what + ": " + driver.describe(result));
}

namespace {

Sparse24Status open(Driver &driver) {
  const char *override = std::getenv("SPARSE24_LIBCUDA");
  const char *path = override && *override ? override : "libcuda.so.1";
  // Never closed: the driver doesn't survive being unloaded.
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fail(SPARSE24_DRIVER_NOT_FOUND,
                std::string("can't open the CUDA driver library: ") +
                    dlerror() +
                    "; install NVIDIA's driver, or name the library in the "
                    "environment variable SPARSE24_LIBCUDA");

  auto resolve = [&](auto &function, const char *symbol) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(
        dlsym(library, symbol));
    return function != nullptr;
  };
  const char *missing = nullptr;
#define SPARSE24_REQUIRE(member, symbol, parameters)                           \
  if (!resolve(driver.member, symbol) && !missing)                             \
    missing = symbol;
  SPARSE24_DRIVER_FUNCTIONS(SPARSE24_REQUIRE)
#undef SPARSE24_REQUIRE
#define SPARSE24_RESOLVE(member, symbol, parameters)                           \
  resolve(driver.member, symbol);
  SPARSE24_OPTIONAL_DRIVER_FUNCTIONS(SPARSE24_RESOLVE)
#undef SPARSE24_RESOLVE
  if (missing)
    return fail(SPARSE24_DRIVER_NOT_FOUND,
                std::string("the CUDA driver library '") + path +
                    "' has no function '" + missing +
                    "': a driver of CUDA 11.3 or newer is needed");

  if (int result = driver.cuInit(0))
    return failDriver(driver, result, "cuInit",
                      result == kDriverNoDevice ? SPARSE24_NO_DEVICE
                                                : SPARSE24_DRIVER_ERROR);
  return SPARSE24_SUCCESS;
}

} // namespace

Sparse24Status Driver::get(const Driver *&driver) {
  static std::atomic<const Driver *> opened{nullptr};
  driver = opened.load(std::memory_order_acquire);
  if (driver)
    return SPARSE24_SUCCESS;

  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  driver = opened.load(std::memory_order_acquire);
  if (driver)
    return SPARSE24_SUCCESS;
  auto candidate = std::make_unique<Driver>();
  if (Sparse24Status status = open(*candidate))
    return status;
  driver = candidate.release();
  opened.store(driver, std::memory_order_release);
  return SPARSE24_SUCCESS;
}

ScopedContext::ScopedContext(const Driver &driver, DriverContext context)
    : driver(driver) {
  DriverContext current = nullptr;
  status = driver.cuCtxGetCurrent(&current);
  if (status != kDriverSuccess || current == context)
    return;
  status = driver.cuCtxPushCurrent(context);
  isPushed = status == kDriverSuccess;
}

ScopedContext::~ScopedContext() {
  DriverContext popped;
  if (isPushed)
    driver.cuCtxPopCurrent(&popped);
}

} // namespace sparse24::runtime
