// What a compiled function holds on a device.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_RUNTIME_CONTEXT_H
#define SPARSE24_LIB_RUNTIME_CONTEXT_H

#include "Driver.h"

#include <memory>
#include <string>
#include <vector>

namespace sparse24::runtime {

/// The CUDA context that a Context lives in.
class DeviceContext {
public:
  DeviceContext() = default;
  ~DeviceContext();
  DeviceContext(const DeviceContext &) = delete;
  DeviceContext &operator=(const DeviceContext &) = delete;

  /// Takes the thread's current context, else retains device 0's primary one.
  Sparse24Status acquire(const Driver &driver);

  DriverContext handle = nullptr;
  DriverDevice device = 0;

private:
  const Driver *driver = nullptr;
  bool isRetained = false;
};

/// An image loaded into a CUDA context; contexts share it.
class LoadedImage {
public:
  /// Loads the image, or finds it loaded already. Runs with `context` current.
  static Sparse24Status load(const Driver &driver, const DeviceContext &context,
                             const Sparse24Image &image,
                             std::shared_ptr<LoadedImage> &result);
  ~LoadedImage();
  LoadedImage(const LoadedImage &) = delete;
  LoadedImage &operator=(const LoadedImage &) = delete;

  const DriverModule handle;

private:
  LoadedImage(const Driver &driver, DriverModule handle)
      : handle(handle), driver(driver) {}

  const Driver &driver;
};

/// What sparse24ContextCreate() makes. Only read after initialize(), so that
/// threads may share it.
class Context {
public:
  explicit Context(const Driver &driver) : driver(driver) {}
  ~Context();
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  Sparse24Status initialize(const Sparse24Module &module,
                            const char *weightsPath);

  struct Kernel {
    std::string name;
    DriverFunction function = nullptr;
    uint32_t dynamicSharedMemoryBytes = 0;
    /// 0 if the program doesn't ask.
    int residentClusters = 0;
  };
  bool hasKernel(int32_t number) const {
    return number >= 0 && static_cast<size_t>(number) < kernels.size();
  }

  const Driver &driver;
  DeviceContext device;
  std::vector<Kernel> kernels;
  std::vector<DriverAddress> weights;
  /// Where temporaries come from; null if the module has none.
  DriverMemPool pool = nullptr;

private:
  Sparse24Status loadKernels(const Sparse24Module &module);
  Sparse24Status loadKernel(const Sparse24Kernel &kernel, DriverModule module);
  Sparse24Status countClusters(const Sparse24Kernel &kernel, Kernel &loaded);
  Sparse24Status uploadWeights(const Sparse24Module &module,
                               const char *weightsPath);
  Sparse24Status createPool();

  std::vector<std::shared_ptr<LoadedImage>> images;
};

} // namespace sparse24::runtime

#endif // SPARSE24_LIB_RUNTIME_CONTEXT_H
