// What a compiled function holds on a device.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Context.h"

#include "sparse24/Support/WeightFile.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

namespace sparse24::runtime {

namespace {

std::string quoted(const std::string &name) { return "'" + name + "'"; }

std::string hexText(uint64_t value) {
  char text[19];
  std::snprintf(text, sizeof(text), "0x%016llx",
                static_cast<unsigned long long>(value));
  return text;
}

/// "sm_90".
std::string deviceName(const Driver &driver, DriverDevice device) {
  int major = 0, minor = 0;
  driver.cuDeviceGetAttribute(&major, kDeviceComputeCapabilityMajor, device);
  driver.cuDeviceGetAttribute(&minor, kDeviceComputeCapabilityMinor, device);
  return "sm_" + std::to_string(major) + std::to_string(minor);
}

} // namespace

//===----------------------------------------------------------------------===//
// DeviceContext
//===----------------------------------------------------------------------===//

Sparse24Status DeviceContext::acquire(const Driver &theDriver) {
  driver = &theDriver;
  if (int result = driver->cuCtxGetCurrent(&handle))
    return failDriver(*driver, result, "cuCtxGetCurrent");
  if (handle) {
    if (int result = driver->cuCtxGetDevice(&device))
      return failDriver(*driver, result, "cuCtxGetDevice");
    return SPARSE24_SUCCESS;
  }
  if (int result = driver->cuDeviceGet(&device, 0))
    return failDriver(*driver, result, "cuDeviceGet", SPARSE24_NO_DEVICE);
  if (int result = driver->cuDevicePrimaryCtxRetain(&handle, device))
    return failDriver(*driver, result, "cuDevicePrimaryCtxRetain");
  isRetained = true;
  return SPARSE24_SUCCESS;
}

DeviceContext::~DeviceContext() {
  if (isRetained)
    driver->cuDevicePrimaryCtxRelease(device);
}

//===----------------------------------------------------------------------===//
// LoadedImage
//===----------------------------------------------------------------------===//

namespace {

/// PTX is a C string to the driver; cubins and fat binaries know their size.
bool isUnterminatedPtx(const Sparse24Image &image) {
  static const unsigned char kElf[] = {0x7F, 'E', 'L', 'F'};
  static const unsigned char kFatBinary[] = {0x50, 0xED, 0x55, 0xBA};
  const auto *bytes = static_cast<const unsigned char *>(image.data);
  if (image.bytes >= 4 && (!std::memcmp(bytes, kElf, sizeof(kElf)) ||
                           !std::memcmp(bytes, kFatBinary, sizeof(kFatBinary))))
    return false;
  return image.bytes == 0 || bytes[image.bytes - 1] != 0;
}

Sparse24Status loadModule(const Driver &driver, const DeviceContext &context,
                          const Sparse24Image &image, DriverModule &module) {
  char log[8192] = "";
  int options[] = {kJitErrorLogBuffer, kJitErrorLogBufferSizeBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  int result =
      driver.cuModuleLoadDataEx(&module, image.data, 2, options, values);
  if (result == kDriverSuccess)
    return SPARSE24_SUCCESS;
  log[sizeof(log) - 1] = 0;

  std::string what = "loading the kernels on this device (" +
                     deviceName(driver, context.device) + ")";
  bool isUnsupported = result == kDriverNoBinaryForGpu ||
                       result == kDriverInvalidPtx ||
                       result == kDriverUnsupportedPtxVersion;
  Sparse24Status status = failDriver(driver, result, what,
                                     isUnsupported ? SPARSE24_UNSUPPORTED_DEVICE
                                                   : SPARSE24_DRIVER_ERROR);
  if (*log)
    return fail(status, std::string(sparse24LastError()) + "\n" + log);
  return status;
}

} // namespace

Sparse24Status LoadedImage::load(const Driver &driver,
                                 const DeviceContext &context,
                                 const Sparse24Image &image,
                                 std::shared_ptr<LoadedImage> &result) {
  // The functions of one object file point to the same image: the address of
  // its bytes says that it is the same. A slot's lock is held over the load, so
  // that threads don't compile one image twice, but compile different ones at a
  // time.
  struct Slot {
    std::mutex mutex;
    std::weak_ptr<LoadedImage> image;
  };
  using Key = std::pair<DriverContext, const void *>;
  static std::mutex mutex;
  static auto *slots = new std::map<Key, Slot>();
  std::unique_lock<std::mutex> lock(mutex);
  Slot &slot = (*slots)[{context.handle, image.data}];
  lock.unlock();

  std::lock_guard<std::mutex> slotLock(slot.mutex);
  result = slot.image.lock();
  if (result)
    return SPARSE24_SUCCESS;
  if (isUnterminatedPtx(image))
    return fail(SPARSE24_INVALID_ARGUMENT,
                "an image is neither a cubin, a fat binary nor PTX that ends "
                "in a NUL");
  DriverModule module = nullptr;
  if (Sparse24Status status = loadModule(driver, context, image, module))
    return status;
  result.reset(new LoadedImage(driver, module));
  slot.image = result;
  return SPARSE24_SUCCESS;
}

LoadedImage::~LoadedImage() { driver.cuModuleUnload(handle); }

//===----------------------------------------------------------------------===//
// Context
//===----------------------------------------------------------------------===//

Sparse24Status Context::initialize(const Sparse24Module &module,
                                   const char *weightsPath) {
  if (Sparse24Status status = device.acquire(driver))
    return status;
  ScopedContext scope(driver, device.handle);
  if (scope.result())
    return failDriver(driver, scope.result(), "cuCtxPushCurrent");
  if (Sparse24Status status = loadKernels(module))
    return status;
  if (Sparse24Status status = uploadWeights(module, weightsPath))
    return status;
  return module.hasTemporaries ? createPool() : SPARSE24_SUCCESS;
}

Sparse24Status Context::loadKernels(const Sparse24Module &module) {
  for (int32_t i = 0; i < module.numImages; ++i) {
    std::shared_ptr<LoadedImage> image;
    if (Sparse24Status status =
            LoadedImage::load(driver, device, module.images[i], image))
      return status;
    images.push_back(std::move(image));
  }
  for (int32_t i = 0; i < module.numKernels; ++i) {
    const Sparse24Kernel &kernel = module.kernels[i];
    if (kernel.image < 0 || kernel.image >= module.numImages)
      return fail(SPARSE24_INVALID_ARGUMENT,
                  "kernel " + quoted(kernel.name) + " is in no image");
    if (Sparse24Status status =
            loadKernel(kernel, images[kernel.image]->handle))
      return status;
  }
  return SPARSE24_SUCCESS;
}

Sparse24Status Context::loadKernel(const Sparse24Kernel &kernel,
                                   DriverModule module) {
  Kernel loaded;
  loaded.name = kernel.name;
  loaded.dynamicSharedMemoryBytes = kernel.dynamicSharedMemoryBytes;
  if (int result =
          driver.cuModuleGetFunction(&loaded.function, module, kernel.name))
    return failDriver(driver, result, "kernel " + quoted(loaded.name),
                      result == kDriverNotFound ? SPARSE24_KERNEL_NOT_FOUND
                                                : SPARSE24_DRIVER_ERROR);

  uint32_t bytes = kernel.dynamicSharedMemoryBytes;
  int limit = 0;
  if (int result = driver.cuDeviceGetAttribute(
          &limit, kDeviceMaxSharedMemoryPerBlockOptin, device.device))
    return failDriver(driver, result, "cuDeviceGetAttribute");
  if (bytes > static_cast<uint32_t>(limit))
    return fail(SPARSE24_UNSUPPORTED_DEVICE,
                "kernel " + quoted(loaded.name) + " needs " +
                    std::to_string(bytes) +
                    " bytes of shared memory, but this device (" +
                    deviceName(driver, device.device) + ") has " +
                    std::to_string(limit) + " for a block");
  // Also for 0 bytes: a driver that loads kernels lazily does so here, not at
  // the first launch, which may be in a capture.
  if (int result = driver.cuFuncSetAttribute(
          loaded.function, kFuncMaxDynamicSharedSize, static_cast<int>(bytes)))
    return failDriver(driver, result,
                      "allowing kernel " + quoted(loaded.name) + " " +
                          std::to_string(bytes) + " bytes of shared memory");
  if (kernel.cluster > 0)
    if (Sparse24Status status = countClusters(kernel, loaded))
      return status;
  kernels.push_back(std::move(loaded));
  return SPARSE24_SUCCESS;
}

Sparse24Status Context::countClusters(const Sparse24Kernel &kernel,
                                      Kernel &loaded) {
  if (driver.cuOccupancyMaxActiveClusters) {
    DriverClusterAttribute attribute;
    attribute.cluster[0] = static_cast<unsigned>(kernel.cluster);
    DriverLaunchConfig config = {};
    config.grid[0] = attribute.cluster[0];
    config.block[0] = static_cast<unsigned>(kernel.threads);
    config.grid[1] = config.grid[2] = config.block[1] = config.block[2] = 1;
    config.sharedMemoryBytes = kernel.dynamicSharedMemoryBytes;
    config.attributes = &attribute;
    config.numAttributes = 1;
    if (int result = driver.cuOccupancyMaxActiveClusters(
            &loaded.residentClusters, loaded.function, &config))
      return failDriver(driver, result,
                        "counting clusters of " +
                            std::to_string(kernel.cluster) +
                            " blocks of kernel " + quoted(loaded.name));
  } else {
    int multiprocessors = 0;
    if (int result = driver.cuDeviceGetAttribute(
            &multiprocessors, kDeviceMultiprocessorCount, device.device))
      return failDriver(driver, result, "cuDeviceGetAttribute");
    loaded.residentClusters = multiprocessors / kernel.cluster;
  }
  if (loaded.residentClusters == 0)
    return fail(SPARSE24_UNSUPPORTED_DEVICE,
                "kernel " + quoted(loaded.name) + " needs clusters of " +
                    std::to_string(kernel.cluster) +
                    " blocks, for which this device (" +
                    deviceName(driver, device.device) +
                    ") has no room; compile it with a smaller cluster");
  return SPARSE24_SUCCESS;
}

namespace {

/// Finds what the program wants in the file, and refuses anything else.
Sparse24Status findWeight(const WeightFile &file, const char *path,
                          const Sparse24WeightRef &wanted,
                          const WeightEntry *&entry) {
  entry = file.find(wanted.name);
  std::string where = "weight " + quoted(wanted.name) + " in '" + path + "'";
  if (!entry)
    return fail(SPARSE24_WEIGHT_NOT_FOUND, where + " is missing");
  if (entry->layoutHash != wanted.layoutHash)
    return fail(SPARSE24_WEIGHT_MISMATCH,
                where + " has the layout '" + entry->layout + "' (hash " +
                    hexText(entry->layoutHash) +
                    "), but the kernels were compiled for one with hash " +
                    hexText(wanted.layoutHash));
  if (entry->bytes != wanted.bytes)
    return fail(SPARSE24_WEIGHT_MISMATCH, where + " has " +
                                              std::to_string(entry->bytes) +
                                              " bytes, but the kernels read " +
                                              std::to_string(wanted.bytes));
  return SPARSE24_SUCCESS;
}

} // namespace

Sparse24Status Context::uploadWeights(const Sparse24Module &module,
                                      const char *weightsPath) {
  if (module.numWeights == 0)
    return SPARSE24_SUCCESS;
  if (!weightsPath || !*weightsPath)
    return fail(SPARSE24_INVALID_ARGUMENT,
                "the program reads " + std::to_string(module.numWeights) +
                    " weights, but no weight file was named");
  std::string error;
  std::unique_ptr<WeightFile> file = WeightFile::open(weightsPath, error);
  if (!file)
    return fail(SPARSE24_WEIGHT_FILE_ERROR, error);

  // Copies from pageable memory return before the device has the bytes. A
  // stream of our own, waited for at the end, makes them visible to all streams
  // without touching what the caller's streams do.
  DriverStream stream = nullptr;
  if (int result = driver.cuStreamCreate(&stream, kStreamNonBlocking))
    return failDriver(driver, result, "cuStreamCreate");
  auto upload = [&](const Sparse24WeightRef &wanted) -> Sparse24Status {
    const WeightEntry *entry;
    if (Sparse24Status status = findWeight(*file, weightsPath, wanted, entry))
      return status;
    weights.push_back(0);
    if (wanted.bytes == 0)
      return SPARSE24_SUCCESS;
    std::string what = "uploading weight " + quoted(wanted.name) + " of " +
                       std::to_string(wanted.bytes) + " bytes";
    if (int result = driver.cuMemAlloc(&weights.back(), wanted.bytes))
      return failDriver(driver, result, what);
    if (int result = driver.cuMemcpyHtoDAsync(
            weights.back(), file->data(*entry), wanted.bytes, stream))
      return failDriver(driver, result, what);
    return SPARSE24_SUCCESS;
  };
  Sparse24Status status = SPARSE24_SUCCESS;
  for (int32_t i = 0; i < module.numWeights && !status; ++i)
    status = upload(module.weights[i]);
  int result = driver.cuStreamSynchronize(stream);
  driver.cuStreamDestroy(stream);
  if (!status && result)
    status = failDriver(driver, result, "uploading the weights");
  return status;
}

Sparse24Status Context::createPool() {
  int supported = 0;
  driver.cuDeviceGetAttribute(&supported, kDeviceMemoryPoolsSupported,
                              device.device);
  if (!supported)
    return fail(SPARSE24_UNSUPPORTED_DEVICE,
                "the program needs temporaries in stream order, but this "
                "device has no memory pools");
  DriverMemPoolProps props;
  props.locationId = device.device;
  if (int result = driver.cuMemPoolCreate(&pool, &props))
    return failDriver(driver, result, "cuMemPoolCreate");
  // By default a pool gives its memory back at every synchronisation, and each
  // run after it would map it anew.
  uint64_t threshold = UINT64_MAX;
  if (int result = driver.cuMemPoolSetAttribute(pool, kMemPoolReleaseThreshold,
                                                &threshold))
    return failDriver(driver, result, "cuMemPoolSetAttribute");
  return SPARSE24_SUCCESS;
}

Context::~Context() {
  if (!device.handle)
    return;
  ScopedContext scope(driver, device.handle);
  for (DriverAddress address : weights)
    if (address)
      driver.cuMemFree(address);
  if (pool)
    driver.cuMemPoolDestroy(pool);
  // While the CUDA context is still current and retained.
  images.clear();
}

} // namespace sparse24::runtime
